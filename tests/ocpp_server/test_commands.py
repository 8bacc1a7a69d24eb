"""Commands to stations: asked on a page, sent once, answered, refused, lost, late; nothing is left hanging."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from app.charging import nodes, requests, station_commands
from app.charging.intents import V16, V201
from app.charging.rules import COMMAND_SECONDS
from app.database.transaction import as_machine, execute
from app.kernel.errors import Refused
from app.kernel.identifiers import new_id
from app.outbox.wake import COMMANDS, publish
from ocpp_server import connection as connection_module
from ocpp_server import main as main_module
from tests.charging.house import SECRET
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.raw_station import stop_payload
from tests.ocpp_server.speaking import Charge


def utc():
    return datetime.now(UTC)


async def ask(site, identity="CP-1", connector=1, person=None, key=None):
    house = site.house
    code = house.codes[identity, connector]
    request, changed = await requests.request_start(
        house.account_id, person or house.anna, house.login, code, key or new_id(), SECRET, utc()
    )
    await site.wake(identity)
    return request, changed


async def state_of(request):
    (row,) = await rows("SELECT state, reason, session_id FROM charge_request WHERE id = $1", request.id)
    return row


async def reaches(request, state):
    async def there():
        row = await state_of(request)
        return row if row["state"] == state else None

    return await eventually(there)


async def commands():
    return await rows("SELECT * FROM station_command ORDER BY created_at")


async def test_tc_010_csms_tc_011_1_csms_a_start_reaches_the_station_and_its_session_is_the_residents(site):
    station = await site.connected()
    request, changed = await ask(site)
    assert {one.kind for one in changed} == {"request", "connector"}
    _, message_id, action, payload = await station.next_call()
    assert (action, payload["connectorId"], len(payload["idTag"])) == ("RemoteStartTransaction", 1, 20)
    await reaches(request, "plug_in")
    number = await station.start(utc(), tag=payload["idTag"])
    row = await state_of(request)
    assert row["state"] == "started"
    (session,) = await rows("SELECT * FROM charging_session")
    assert (session["transaction_no"], session["id"], session["person_id"]) == (number, row["session_id"], site.house.anna)
    assert (session["source"], session["tag_tail"], session["billing_point_id"]) == ("app", "", site.house.flat_anna)
    (command,) = await commands()
    assert (str(command["id"]), command["state"]) == (message_id, "answered")


async def test_the_same_key_asks_once(site):
    station = await site.connected()
    key = new_id()
    first, _ = await ask(site, key=key)
    again, _ = await ask(site, key=key)
    assert first.id == again.id
    await station.next_call()
    assert len(await commands()) == 1


async def test_two_taps_at_once_ask_once(site):
    await site.connected()
    key = new_id()
    (one, _), (other, _) = await asyncio.gather(ask(site, key=key), ask(site, key=key))
    assert one.id == other.id
    results = await asyncio.gather(*(ask(site, connector=2, person=site.house.ben) for _ in range(3)), return_exceptions=True)
    assert sorted(getattr(one, "code", "asked") for one in results) == ["already_charging", "already_charging", "asked"]


async def test_tc_026_csms_a_rejected_start_is_refused_and_charges_nothing(site):
    station = await site.connected()
    station.answers["RemoteStartTransaction"] = {"status": "Rejected"}
    request, _ = await ask(site)
    row = await reaches(request, "refused")
    assert row["reason"] == "rejected_by_station"
    again, _ = await ask(site)
    assert again.id != request.id
    assert await rows("SELECT 1 FROM charging_session") == []


async def test_st38_an_error_answer_fails_the_command_with_the_stations_words(site):
    station = await site.connected()
    station.answers["RemoteStartTransaction"] = ["InternalError", "relay stuck", {}]
    request, _ = await ask(site)
    row = await reaches(request, "failed")
    assert row["reason"] == "station_error"
    (command,) = await commands()
    assert command["state"] == "failed"
    assert "InternalError" in command["error"]
    await asyncio.sleep(1.2)
    assert len(await commands()) == 1
    assert station.calls.qsize() == 1


async def test_st39_a_late_accepted_shows_the_true_state(site):
    station = await site.connected()
    station.answers["RemoteStartTransaction"] = None
    request, _ = await ask(site)
    _, message_id, *_ = await station.next_call()
    async with as_machine():
        await execute("UPDATE station_command SET state = 'timed_out', error = 'no_answer'")
        await execute("UPDATE charge_request SET state = 'no_answer', reason = 'no_answer'")
    site.node.connections[site.house.stations["CP-1"]].commands._in_flight = None
    await station.text(json.dumps([3, message_id, {"status": "Accepted"}]))
    await reaches(request, "plug_in")


async def test_st39_an_answer_to_nothing_is_ignored(site, version):
    station = await site.connected("CP-1", version)
    await station.text('[3,"never-asked",{"status":"Accepted"}]')
    await station.text(f'[3,"{new_id()}",{{"status":"Accepted"}}]')
    await station.text('[4,"never-asked","InternalError","",{}]')
    assert (await station.said("Heartbeat", {}))["currentTime"]


@pytest.mark.parametrize("version", [V16, V201])
async def test_st18_tc_004_2_csms_tc_011_2_csms_tc_f_04_csms_accepted_but_never_plugged_in_ends_and_frees_the_place(site, version):
    station = await site.connected("CP-1", version)
    request, _ = await ask(site)
    _, _, action, payload = await station.next_call()
    assert action == ("RemoteStartTransaction" if version == V16 else "RequestStartTransaction")
    tag = payload["idTag"] if version == V16 else payload["idToken"]["idToken"]
    await reaches(request, "plug_in")
    account = site.house.account_id
    assert await requests.expire_request(account, request.id, utc()) == []
    changed = await requests.expire_request(account, request.id, utc() + timedelta(minutes=5))
    assert {(one.kind, one.person_id) for one in changed} >= {("request", site.house.anna)}  # the resident's page is told
    row = await state_of(request)
    assert (row["state"], row["reason"]) == ("not_plugged_in", "not_plugged_in")
    await ask(site)
    # The car was plugged in after all: the station did deliver, so it is this resident's session.
    assert await Charge(station, tag=tag).begin(utc(), 1000) == "Accepted"
    assert (await state_of(request))["state"] == "started"
    (session,) = await rows("SELECT person_id FROM charging_session")
    assert session["person_id"] == site.house.anna


async def test_st40_two_commands_for_one_station_go_one_after_the_other(site):
    station = await site.connected()
    station.answers["RemoteStartTransaction"] = None
    await ask(site, connector=1)
    await ask(site, connector=2, person=site.house.ben)
    _, first, _, one = await station.next_call()
    await asyncio.sleep(1.5)
    assert station.calls.empty()
    await station.text(json.dumps([3, first, {"status": "Accepted"}]))
    _, _, _, two = await station.next_call()
    assert {one["connectorId"], two["connectorId"]} == {1, 2}


async def test_st40_a_command_in_flight_fails_visibly_when_the_socket_closes(site):
    station = await site.connected()
    station.answers["RemoteStartTransaction"] = None
    request, _ = await ask(site)
    await station.next_call()
    station.cut()
    row = await reaches(request, "failed")
    assert row["reason"] == "connection_lost"
    back = await site.connected()
    await asyncio.sleep(1.2)
    assert back.calls.empty()


async def test_a_lost_wake_up_costs_a_second_and_no_command(site):
    station = await site.connected()
    await requests.request_start(
        site.house.account_id, site.house.anna, site.house.login, site.house.codes["CP-1", 1], new_id(), SECRET, utc()
    )
    assert (await station.next_call())[2] == "RemoteStartTransaction"


async def test_a_wake_up_over_redis_reaches_the_node_without_a_poll(site, redis_url, monkeypatch):
    station = await site.connected()
    monkeypatch.setattr(main_module, "POLL_SECONDS", 60)
    await asyncio.sleep(1.1)  # the poll that is under way ends; the next one is a minute off
    house = site.house
    await requests.request_start(house.account_id, house.anna, house.login, house.codes["CP-1", 1], new_id(), SECRET, utc())
    redis = Redis.from_url(redis_url)
    await publish(redis, COMMANDS, {"station_id": house.stations["CP-1"]})
    assert (await station.next_call())[2] == "RemoteStartTransaction"
    await redis.aclose()


async def test_a_command_that_no_node_works_is_given_up_at_its_deadline(site):
    request, _ = await asking_while_offline(site)
    late = utc() + timedelta(seconds=COMMAND_SECONDS + 6)
    assert await station_commands.give_up_overdue(utc()) == []
    changed = await station_commands.give_up_overdue(late)
    assert {one.kind for one in changed} == {"command", "request", "connector"}
    assert await station_commands.give_up_overdue(late) == []
    assert (await state_of(request))["state"] == "no_answer"
    assert (await commands())[0]["state"] == "timed_out"


async def asking_while_offline(site):
    """A station that is shown online by a node that is dying."""
    async with as_machine():
        await execute("INSERT INTO ocpp_node (node, seen_at) VALUES ('dying', now())")
        await execute("UPDATE station SET online = true, node = 'dying' WHERE identity = 'CP-3'")
        await execute("UPDATE connector SET status = 'Available'")
    return await ask(site, "CP-3")


async def test_the_presence_of_a_dead_node_is_cleared_and_a_living_one_repairs_its_own(site):
    await site.connected("CP-1")
    async with as_machine():
        await execute("UPDATE station SET online = true, node = 'dead' WHERE identity = 'CP-3'")
        await execute("UPDATE station SET online = false, node = NULL WHERE identity = 'CP-1'")
    held = [(one.station.id, one.station.connection_no) for one in site.node.connections.values()]
    await nodes.node_lives(site.node.name, held, utc())
    found = await rows("SELECT identity FROM station WHERE online")
    assert [one["identity"] for one in found] == ["CP-1"]


async def test_tc_012_csms_a_stop_reaches_the_station_of_that_resident_only(site):
    station = await site.connected()
    number = await station.start(utc())
    (session,) = await rows("SELECT id FROM charging_session")
    house = site.house
    with pytest.raises(Refused, match="no such session"):
        await requests.request_stop(house.account_id, house.ben, house.login, session["id"], utc())
    await requests.request_stop(house.account_id, house.anna, house.login, session["id"], utc())
    call = await station.next_call()
    assert call[2:] == ["RemoteStopTransaction", {"transactionId": number}]
    await station.said("StopTransaction", stop_payload(number, utc(), 1000, reason="Remote"))
    with pytest.raises(Refused, match="ended already"):
        await requests.request_stop(house.account_id, house.anna, house.login, session["id"], utc())


@pytest.mark.parametrize("version", [V16, V201])
async def test_st42_a_reconnect_without_a_boot_is_asked_for_its_state(site, monkeypatch, version):
    monkeypatch.setattr(connection_module, "ASK_STATE_SECONDS", 0.1)
    station = await site.station().open(protocols=(version,))
    assert (await station.said("Heartbeat", {}))["currentTime"]
    assert (await station.next_call())[2:] == ["TriggerMessage", {"requestedMessage": "StatusNotification"}]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE connector SET status = 'Faulted', error_code = 'GroundFailure' WHERE public_code = $1", "station_faulted"),
        ("UPDATE connector SET status = 'Unavailable' WHERE public_code = $1", "connector_unavailable"),
        ("UPDATE station SET online = false WHERE id = (SELECT station_id FROM connector WHERE public_code = $1)",
         "station_offline"),
    ],
)  # fmt: skip
async def test_a_place_that_cannot_charge_refuses_with_its_reason(site, change, code):
    await site.connected()
    async with as_machine():
        await execute(change, site.house.codes["CP-1", 1])
    with pytest.raises(Refused) as caught:
        await ask(site)
    assert caught.value.code == code
    assert await rows("SELECT 1 FROM charge_request") == []


async def test_who_does_not_live_here_or_not_in_the_places_flat_may_not_start(site):
    await site.connected("CP-1")
    await site.connected("CP-2")
    for person, identity in ((site.house.stranger, "CP-1"), (site.house.left, "CP-1"), (site.house.ben, "CP-2")):
        with pytest.raises(Refused) as caught:
            await ask(site, identity, person=person)
        assert caught.value.code == "not_allowed"


async def test_an_occupied_place_says_whose_it_is(site):
    station = await site.connected()
    await station.start(utc())
    for person, code in ((site.house.anna, "already_charging"), (site.house.ben, "connector_occupied")):
        with pytest.raises(Refused) as caught:
            await ask(site, person=person)
        assert caught.value.code == code


async def test_an_unknown_code_is_not_found(site):
    with pytest.raises(Refused) as caught:
        await requests.request_start(site.house.account_id, site.house.anna, site.house.login, "XXXXXXXX", new_id(), SECRET, utc())
    assert (caught.value.code, caught.value.status) == ("unknown_code", 404)
