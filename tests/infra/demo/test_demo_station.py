"""The demo stations against a real listener."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from uuid import uuid4

import pytest

from app.charging import intents
from app.charging.asking import ask
from app.kernel.clock import utc_now
from infra.demo import station_control, station_network
from infra.demo.passwords import station_password
from infra.demo.stations import run_station
from ocpp_server.main import running_node
from tests.charging.house import BADGE_ANNA, BADGE_BLOCKED, SECRET, House, make_house
from tests.ocpp_server.conftest import eventually, rows


async def told(data, command, **args):
    return await asyncio.to_thread(station_control.send, data, "CP-1", command, **args)


async def one_session():
    found = await rows("SELECT * FROM charging_session")
    return found[0] if found else None


@pytest.fixture(params=["1.6", "2.0.1"])
async def demo(database, settings_for, tmp_path, request) -> AsyncIterator[House]:
    house = await make_house(stations=1)
    async with running_node(settings_for(), utc_now, port=0) as (_, port):
        url = f"ws://127.0.0.1:{port}/ocpp"
        task = asyncio.create_task(run_station("CP-1", url, house.passwords["CP-1"], tmp_path, request.param))
        try:
            await eventually(lambda: rows("SELECT 1 FROM connector WHERE status = 'Preparing'"))
            yield house
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_badge_starts_and_the_same_badge_stops(demo, tmp_path):
    assert (await told(tmp_path, "badge", uid=BADGE_ANNA))["action"] == "started"
    await eventually(lambda: rows("SELECT 1 FROM charging_session WHERE last_power_w > 0"))
    assert (await told(tmp_path, "badge", uid=BADGE_ANNA))["action"] == "stopped"
    ended = await eventually(lambda: rows("SELECT * FROM charging_session WHERE state = 'ended'"))
    assert ended[0]["person_id"] == demo.anna
    assert ended[0]["energy_wh"] == ended[0]["meter_stop_wh"] - ended[0]["meter_start_wh"] > 0


async def test_a_blocked_badge_is_refused_at_the_station(demo, tmp_path):
    assert await told(tmp_path, "badge", uid=BADGE_BLOCKED) == {"ok": False, "status": "Blocked", "action": "refused"}
    assert await one_session() is None


async def test_what_happens_offline_is_delivered_later(demo, tmp_path):
    await told(tmp_path, "offline")
    await eventually(lambda: rows("SELECT 1 FROM station WHERE NOT online"))
    assert (await told(tmp_path, "badge", uid=BADGE_ANNA))["status"] == "Offline"
    await told(tmp_path, "unplug")
    assert (await told(tmp_path, "status"))["queued"] >= 2
    assert await one_session() is None
    await told(tmp_path, "online")
    ended = await eventually(lambda: rows("SELECT * FROM charging_session WHERE state = 'ended'"))
    assert ended[0]["person_id"] == demo.anna
    assert ended[0]["stop_reason"] == "EVDisconnected"


async def profile_set(house, limit_a):
    profile = intents.Profile(id=1, stack_level=1, purpose="default", periods=(intents.Period(start_s=0, limit_a=Decimal(limit_a)),))
    intent = intents.SetProfile(connector=1, profile=profile)
    await ask(house.account_id, house.login, house.stations["CP-1"], intent, uuid4(), SECRET, utc_now())


async def test_a_limit_of_the_server_is_obeyed_and_measured(demo, tmp_path):
    await told(tmp_path, "badge", uid=BADGE_ANNA)
    await profile_set(demo, 8)

    async def limited():
        return (await told(tmp_path, "status"))["limit_w"] == 8 * 230 * 3

    await eventually(limited)
    await eventually(lambda: rows("SELECT 1 FROM charging_session WHERE last_power_w = 5520"), seconds=30)
    await profile_set(demo, 5)
    await eventually(lambda: rows("SELECT 1 FROM connector WHERE status = 'SuspendedEVSE'"))
    await eventually(lambda: rows("SELECT 1 FROM charging_session WHERE last_power_w = 0"), seconds=30)


async def asked(house, intent):
    await ask(house.account_id, house.login, house.stations["CP-1"], intent, uuid4(), SECRET, utc_now())


async def verdicts():
    """What the station answered to being put in or out of service."""
    found = await rows("SELECT verdict FROM station_command WHERE action = 'ChangeAvailability' AND state = 'answered' ORDER BY created_at")
    return [row["verdict"] for row in found]


async def test_a_place_out_of_service_says_so_and_charges_nobody_until_it_is_put_back(demo, tmp_path):
    await asked(demo, intents.ChangeAvailability(operative=False))
    await eventually(lambda: rows("SELECT 1 FROM connector WHERE number = 1 AND status = 'Unavailable'"))
    assert await told(tmp_path, "badge", uid=BADGE_ANNA) == {"ok": False, "status": "Unavailable", "action": "refused"}
    await asked(demo, intents.ChangeAvailability(operative=True, connector=1))
    await eventually(lambda: rows("SELECT 1 FROM connector WHERE status = 'Preparing'"))
    assert (await told(tmp_path, "badge", uid=BADGE_ANNA))["action"] == "started"
    await eventually(lambda: rows("SELECT 1 FROM connector WHERE status = 'Charging'"))
    # A charge that runs is let end first; a restart changes nothing.
    await asked(demo, intents.ChangeAvailability(operative=False, connector=1))

    async def answered():
        return (found := await verdicts())[2:] and found

    assert await eventually(answered) == ["accepted", "accepted", "scheduled"]
    assert (await told(tmp_path, "status"))["status"] == "Charging"
    before = (await rows("SELECT last_boot_at FROM station WHERE identity = 'CP-1'"))[0]["last_boot_at"]
    await asked(demo, intents.Reset(hard=True))
    await eventually(lambda: rows("SELECT 1 FROM connector WHERE number = 1 AND status = 'Unavailable'"), 30)
    await eventually(lambda: rows("SELECT 1 FROM charging_session WHERE state = 'ended'"), 30)
    await eventually(lambda: rows("SELECT 1 FROM station WHERE identity = 'CP-1' AND online AND last_boot_at > $1", before), 30)
    assert (await told(tmp_path, "status"))["status"] == "Unavailable"


async def test_the_limit_of_a_remote_start_holds_for_that_charge_alone(demo, tmp_path):
    whole = (await told(tmp_path, "status"))["limit_w"]
    profile = intents.Profile(id=9, stack_level=2, purpose="transaction", periods=(intents.Period(start_s=0, limit_a=Decimal(8)),))
    await asked(demo, intents.RemoteStart(connector=1, tag=BADGE_ANNA, profile=profile))
    await eventually(lambda: rows("SELECT 1 FROM charging_session WHERE state = 'open'"))
    assert (await told(tmp_path, "status"))["limit_w"] == 8 * 230 * 3 < whole
    assert (await told(tmp_path, "badge", uid=BADGE_ANNA))["action"] == "stopped"
    assert (await told(tmp_path, "status"))["limit_w"] == whole


async def test_a_full_battery_takes_nothing_and_the_place_says_so(demo, tmp_path):
    await told(tmp_path, "badge", uid=BADGE_ANNA)
    assert (await told(tmp_path, "battery", value="100"))["battery_percent"] == 100
    await eventually(lambda: rows("SELECT 1 FROM connector WHERE status = 'SuspendedEV'"))
    await eventually(lambda: rows("SELECT 1 FROM charging_session WHERE last_power_w = 0"), seconds=30)


async def test_a_link_that_comes_and_goes_loses_nothing(demo, tmp_path, monkeypatch):
    monkeypatch.setattr(station_network, "HOLDS_S", (0.2, 0.4))
    monkeypatch.setattr(station_network, "LOST_S", (0.2, 0.4))
    await told(tmp_path, "badge", uid=BADGE_ANNA)
    await told(tmp_path, "flaky")
    first = (await rows("SELECT connection_no FROM station WHERE identity = 'CP-1'"))[0]["connection_no"]
    await eventually(lambda: rows("SELECT 1 FROM station WHERE identity = 'CP-1' AND connection_no >= $1", first + 2), seconds=60)
    await told(tmp_path, "unplug")
    await told(tmp_path, "steady")
    ended = await eventually(lambda: rows("SELECT * FROM charging_session WHERE state = 'ended'"), seconds=30)

    async def all_told():
        return (await told(tmp_path, "status"))["queued"] == 0

    await eventually(all_told)
    said = await told(tmp_path, "status")
    assert ended[0]["meter_stop_wh"] == said["register_wh"]
    assert len(await rows("SELECT 1 FROM charging_session")) == 1
    assert not await rows("SELECT 1 FROM quarantine")


async def test_a_remote_start_with_a_tag_of_nobody_is_begun_and_ended_by_the_station(demo, tmp_path):
    intent = intents.RemoteStart(connector=1, tag="NOBODYS")
    await ask(demo.account_id, demo.login, demo.stations["CP-1"], intent, uuid4(), SECRET, utc_now())
    session = (await eventually(lambda: rows("SELECT * FROM charging_session")))[0]
    # Nobody's tag: what was begun is ended again by the station, and charged to nobody.
    ended = await eventually(lambda: rows("SELECT * FROM charging_session WHERE state = 'ended'"))
    assert (ended[0]["id"], ended[0]["person_id"], ended[0]["stop_reason"]) == (session["id"], None, "DeAuthorized")


async def test_the_register_survives_a_restart(database, tmp_path):
    async def once():
        task = asyncio.create_task(run_station("CP-1", "ws://127.0.0.1:9/ocpp", "x", tmp_path))
        handle = station_control.folder(tmp_path) / "CP-1.sock"
        port = station_control.folder(tmp_path) / "CP-1.port"

        async def listening():
            return handle.exists() or port.exists()

        await eventually(listening)
        if (await told(tmp_path, "status"))["charging"] is False:
            await told(tmp_path, "badge", uid=BADGE_ANNA)
        await asyncio.sleep(1.5)
        said = await told(tmp_path, "status")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not handle.exists()
        return said

    first = await once()
    second = await once()
    assert second["charging"]
    assert second["register_wh"] >= first["register_wh"] >= 2_418_000


def test_a_folder_with_a_long_path_is_reached_over_loopback(tmp_path):
    deep = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 5)

    async def scene():
        async def answer(message):
            return {"heard": message["command"]}

        server = await station_control.listen(deep, "CP-1", answer)
        try:
            return await asyncio.to_thread(station_control.send, deep, "CP-1", "status")
        finally:
            server.close()

    assert asyncio.run(scene()) == {"heard": "status"}


def test_a_station_that_does_not_run_is_named(tmp_path):
    with pytest.raises(station_control.StationNotRunning, match="DEMO-1"):
        station_control.send(tmp_path, "DEMO-1", "badge", uid="04")


def test_a_password_depends_on_the_secret_and_the_identity():
    first = station_password(b"a" * 32, "DEMO-1")
    assert len(first) == 20
    assert first == station_password(b"a" * 32, "DEMO-1")
    assert len({first, station_password(b"b" * 32, "DEMO-1"), station_password(b"a" * 32, "DEMO-2")}) == 3
