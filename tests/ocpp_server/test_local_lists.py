"""Local lists in step with badges, on both versions: full at first, differences after, never more than the station can take."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from app.charging import local_lists
from app.charging.intents import V16, V201, ListEntry, Setting, SettingValue
from app.charging.list_rules import fitting, limits, next_entries, offline_setting
from app.database.transaction import as_owner, execute
from app.kernel.clock import utc_now
from app.kernel.identifiers import keyed_hash, new_id
from app.residents.badge_uid import sealed_uid
from app.residents.commands import report_badge_lost
from tests.charging.house import BADGE_ANNA, BADGE_BEN, BADGE_BLOCKED, SECRET
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.list_station import BOOT, ListStation, obeying
from tests.ocpp_server.speaking import Charge

NEW_BADGE = "04C0FFEE000001"


@pytest.fixture(params=[V16, V201])
def version(request):
    return request.param


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(local_lists, "SETTLE", timedelta(0))


async def online(site, memory, identity="CP-1"):
    raw = obeying(site.station(identity), memory)
    await raw.open(protocols=(memory.version,))
    await raw.said("BootNotification", BOOT[memory.version])
    return raw


async def listed(memory, wanted, seconds=10):
    async def there():
        return memory.entries == wanted

    await eventually(there, seconds)


async def settled(identity="CP-1"):
    async def there():
        return await rows(
            "SELECT l.* FROM local_list l JOIN station s ON s.id = l.station_id JOIN local_list_epoch e ON e.account_id = l.account_id"
            " WHERE s.identity = $1 AND l.epoch = e.epoch AND l.checked_connection = s.connection_no AND l.pending IS NULL", identity,
        )  # fmt: skip

    (row,) = await eventually(there)
    return row


async def lose(site, uid):
    (badge,) = await rows("SELECT id, person_id FROM badge WHERE uid_hash = $1", keyed_hash(SECRET, uid))
    await report_badge_lost(site.house.account_id, badge["person_id"], badge["id"])


async def enter(site, uid, person):
    badge_id = new_id()
    async with as_owner():
        await execute(
            "INSERT INTO badge (account_id, id, person_id, uid_hash, uid_tail, uid_sealed, valid_from) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            site.house.account_id, badge_id, person, keyed_hash(SECRET, uid), uid[-4:], sealed_uid(SECRET, badge_id, uid),
            date(2026, 1, 1),
        )  # fmt: skip


START = {BADGE_ANNA: "Accepted", BADGE_BEN: "Accepted", BADGE_BLOCKED: "Blocked"}


async def test_tc_043_4_csms_tc_043_5_csms_tc_d_01_csms_tc_d_02_csms_tc_d_03_csms_the_list_is_sent_in_full_and_then_follows_every_badge_within_five_seconds(
    site, version
):
    memory = ListStation(version)
    await online(site, memory)
    await listed(memory, START)
    row = await settled()
    assert memory.sent == [("Full", 2), ("Differential", 1)]
    assert (row["version"], row["max_per_message"], row["left_out"]) == (memory.number, 2, 0)
    await lose(site, BADGE_ANNA)
    await listed(memory, {**START, BADGE_ANNA: "Blocked"}, seconds=5)
    await enter(site, NEW_BADGE, site.house.ben)
    await listed(memory, {**START, BADGE_ANNA: "Blocked", NEW_BADGE: "Accepted"}, seconds=5)
    async with as_owner():
        await execute("UPDATE occupancy SET period = daterange(lower(period), '2026-02-01') WHERE person_id = $1", site.house.ben)
    await listed(memory, {BADGE_ANNA: "Blocked", BADGE_BLOCKED: "Blocked"}, seconds=5)
    assert {kind for kind, _ in memory.sent[1:]} == {"Differential"}


@pytest.mark.row("M09")
async def test_only_badges_on_the_list_charge_at_a_station_that_is_cut_off(site, version):
    memory = ListStation(version)
    await online(site, memory)
    await listed(memory, START)
    await settled()
    unknown = {"ocpp1.6": "AllowOfflineTxForUnknownId", "ocpp2.0.1": "AuthCtrlr.OfflineTxForUnknownIdEnabled"}[version]
    assert memory.settings[unknown] == "false"
    local = {"ocpp1.6": "LocalAuthorizeOffline", "ocpp2.0.1": "AuthCtrlr.LocalAuthorizeOffline"}[version]
    assert memory.settings.get(local, "true") == "true"
    # What an unknown badge has charged all the same, at a station that does not obey, is told so and charged to nobody.
    charge = Charge(site.opened[-1], tag="04FFFFFFFFFF01")
    assert await charge.begin(datetime.now(UTC) - timedelta(hours=2), 1000) == "Invalid"
    await charge.end(datetime.now(UTC) - timedelta(hours=1), 2000)
    assert await rows("SELECT person_id, state FROM charging_session") == [{"person_id": None, "state": "ended"}]


async def test_tc_042_2_csms_tc_d_08_csms_a_list_that_is_still_right_is_not_sent_again(site, version):
    memory = ListStation(version)
    raw = await online(site, memory)
    await settled()
    sent = list(memory.sent)
    raw.cut()
    await online(site, memory)
    row = await settled()
    assert (memory.sent, row["full_needed"]) == (sent, False)
    assert memory.actions[-1] == "GetLocalListVersion"


async def test_a_badge_blocked_while_the_station_was_away_is_off_its_list_within_five_seconds_of_its_return(site, version, monkeypatch):
    memory = ListStation(version)
    raw = await online(site, memory)
    await settled()
    raw.cut()
    monkeypatch.setattr(local_lists, "SETTLE", timedelta(seconds=10))
    await lose(site, BADGE_ANNA)
    await online(site, memory)
    await listed(memory, {**START, BADGE_ANNA: "Blocked"}, seconds=5)


async def test_a_station_with_another_list_gets_all_of_it_anew(site, version):
    memory = ListStation(version)
    raw = await online(site, memory)
    await settled()
    raw.cut()
    memory.number, memory.entries, memory.sent = 41, {"STRANGER": "Accepted"}, []
    await online(site, memory)
    await listed(memory, START)
    assert memory.sent[0][0] == "Full"
    assert memory.number > 41


async def test_a_version_mismatch_is_mended_by_the_whole_list(site, version):
    memory = ListStation(version)
    await online(site, memory)
    await settled()
    memory.refuse = ["VersionMismatch"]
    await lose(site, BADGE_ANNA)
    await listed(memory, {**START, BADGE_ANNA: "Blocked"}, seconds=5)
    assert ("Full", 2) in memory.sent[2:]


async def test_tc_042_1_csms_tc_043_1_csms_tc_d_09_csms_a_station_without_a_list_is_left_alone_and_says_why(site, version):
    memory = ListStation(version)
    memory.settings = {}
    await online(site, memory)

    async def told():
        return await rows("SELECT supported, reason FROM local_list WHERE supported IS FALSE")

    (row,) = await eventually(told)
    assert (row["supported"], row["reason"]) == (False, "not_known")
    await lose(site, BADGE_ANNA)
    assert await local_lists.plan_due(site.node.name, utc_now()) == []


async def test_a_private_place_lists_its_own_residents_only(site, version):
    async with as_owner():
        await execute("UPDATE connector SET billing_point_id = $1 WHERE station_id = $2", site.house.flat_anna, site.house.stations["CP-2"])
    memory = ListStation(version)
    await online(site, memory, "CP-2")
    await listed(memory, {BADGE_ANNA: "Accepted", BADGE_BLOCKED: "Blocked"})


async def test_no_uid_stands_in_the_log_or_the_rows(site, version):
    memory = ListStation(version)
    await online(site, memory)
    await settled()
    sent = await rows("SELECT payload, wire_payload, answer FROM station_command WHERE action = 'SendLocalList' ORDER BY created_at")
    assert f"…{BADGE_ANNA[-4:]}" in "".join(one["wire_payload"] for one in sent)
    kept = json.dumps(sent) + str(await rows("SELECT * FROM badge")) + str(await rows("SELECT * FROM station_message"))
    for uid in START:
        assert uid not in kept
        assert uid.encode() not in b"".join(one["uid_sealed"] for one in await rows("SELECT uid_sealed FROM badge"))


def told(**settings):
    return limits([SettingValue(name=name, value=value) for name, value in settings.items()])


def test_the_limits_of_a_station_are_read_with_care():
    assert told() == told(LocalAuthListMaxLength="9")
    assert (told().supported, told().reason) == (False, "not_known")
    assert told(LocalAuthListEnabled="false").reason == "switched_off"
    assert told(LocalAuthListEnabled="TRUE", LocalAuthListMaxLength="9", SendLocalListMaxLength="3").max_entries == 9
    odd = told(LocalAuthListEnabled="true", LocalAuthListMaxLength="-1", SendLocalListMaxLength="many")
    assert (odd.max_entries, odd.max_per_message) == (None, 20)
    assert told(LocalAuthListEnabled="true", SendLocalListMaxLength="90000").max_per_message == 500
    small = limits([SettingValue(name="LocalAuthListCtrlr.Enabled", value="true"),
                    SettingValue(name="LocalAuthListCtrlr.BytesPerMessage", value="500")])  # fmt: skip
    assert small.max_per_message == 2


def test_who_may_no_longer_charge_is_taken_off_first():
    old, gone, new = new_id(), new_id(), new_id()
    wanted, left_out = fitting([(new, "Accepted"), (old, "Blocked"), (new_id(), "Blocked")], 2)
    assert left_out == 1
    first = next_entries({old: "Accepted", gone: "Accepted"}, wanted, 2)
    assert first == (ListEntry(badge_id=old, status="Blocked"), ListEntry(badge_id=gone, status=None))
    assert next_entries({old: "Blocked"}, wanted, 2) == (ListEntry(badge_id=new, status="Accepted"),)
    assert next_entries(wanted, wanted, 2) == ()


def test_only_what_is_wrong_is_changed_and_asked_once():
    told = {"AllowOfflineTxForUnknownId": "True", "LocalAuthorizeOffline": "true"}
    assert offline_setting(told, []) == Setting(name="AllowOfflineTxForUnknownId", value="false")
    assert offline_setting(told, ["AllowOfflineTxForUnknownId"]) is None
    assert offline_setting({}, []) is None
