"""What a person decides about doubtful sessions: once, audited, beside the original, and through to the bill."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from app.billing.commands import charge_session, run_month, settle_session
from app.charging import decisions
from app.charging.decisions import Decision
from app.charging.model import StartReport, Station, StopReport
from app.charging.transactions import end_session, start_session
from app.database.transaction import as_owner, execute, fetch, fetchrow, fetchval, in_account
from app.kernel.errors import Refused
from app.tariffs.commands import enter_tariff
from app.tariffs.model import Component
from tests.charging.house import BADGE_ANNA, BADGE_BEN, COMMISSIONED, SECRET, House, make_house

AT = datetime(2026, 10, 10, 18, tzinfo=UTC)
NOW = datetime(2026, 10, 11, 10, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 2, 10, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 2, 10, tzinfo=UTC)
OCTOBER = date(2026, 10, 1)


@pytest.fixture
async def house(database: str) -> House:
    made = await make_house()
    async with as_owner():
        price = Component(dimension="kwh", unit_price=Decimal("0.30"))
        await enter_tariff(made.account_id, made.site_id, "t", "CHF", Decimal("0.081"), date(2026, 1, 1), (price,))
    return made


def why(reason: str = "Seen on the meter") -> Decision:
    return Decision(key=uuid4(), reason=reason, login_id=None, name="Support")


def place(house: House, identity: str = "CP-1") -> Station:
    return Station(
        account_id=house.account_id, id=house.stations[identity], identity=identity, site_id=house.site_id, name="Place 1",
        max_power_w=11_000, commissioned_at=COMMISSIONED,
    )  # fmt: skip


async def session_of(house: House, start: int, stop: int | None, at: datetime = AT, tag: str = BADGE_ANNA, minutes: int = 60) -> UUID:
    """A session of Anna's at CP-1 by the commands that stations use; without `stop` it is open."""
    begun = StartReport(connector_no=1, id_tag=tag, meter_start_wh=start, started_at=at, started_raw=at.isoformat(), body="{}")
    received = max(at, AT)
    answer, _ = await start_session(place(house), begun, "m", SECRET, received)
    if stop is not None:
        over = StopReport(transaction_no=answer.transaction_no, id_tag=None, meter_stop_wh=stop,
                          stopped_at=at + timedelta(minutes=minutes), reason=None, body="{}")  # fmt: skip
        await end_session(place(house), over, "m", [], received + timedelta(minutes=minutes))
    async with as_owner():
        return await fetchval("SELECT id FROM charging_session WHERE transaction_no = $1", answer.transaction_no)


async def row_of(session_id: UUID) -> dict:
    async with as_owner():
        return dict(await fetchrow("SELECT * FROM charging_session WHERE id = $1", session_id))


async def all_of(sql: str, *args) -> list[dict]:
    async with as_owner():
        return [dict(row) for row in await fetch(sql, *args)]


async def accepted() -> list[tuple]:
    found = await all_of("SELECT billed_wh, charges FROM accept_sessions ORDER BY start_ts")
    return [(row["billed_wh"], row["charges"]) for row in found]


ORIGINAL = ("meter_start_wh", "meter_stop_wh", "energy_wh", "started_at", "stopped_at", "started_raw", "start_received_at",
            "stop_received_at", "held_reason", "tag_hash", "tag_status", "class", "estimated")  # fmt: skip


async def owed(house: House, person: UUID) -> int:
    async with in_account(house.account_id):
        return int(await fetchval("SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_posting WHERE ledger_account = $1",
                                  f"receivable:{person}"))  # fmt: skip


async def bills(person: UUID) -> list[tuple]:
    found = await all_of("SELECT period_start, gross_minor, energy_wh FROM invoice WHERE person_id = $1 ORDER BY period_start", person)
    return [(row["period_start"], row["gross_minor"], row["energy_wh"]) for row in found]


async def test_a_released_session_is_charged_as_measured_and_only_once(house: House):
    session_id = await session_of(house, 1000, 31_000)  # 30 kWh in an hour at 11 kW
    before = await row_of(session_id)
    assert (before["state"], before["held_reason"]) == ("held", "more_than_possible")
    decision = why()
    for _ in range(2):
        await decisions.release(house.account_id, session_id, decision, NOW)
        await settle_session(house.account_id, session_id, NOW)
    after = await row_of(session_id)
    assert (after["state"], after["settled_wh"]) == ("ended", 30_000)
    assert {name: after[name] for name in ORIGINAL} == {name: before[name] for name in ORIGINAL}
    assert await accepted() == [(30_000, 1)]
    assert await owed(house, house.anna) == 900
    (noted,) = await all_of("SELECT * FROM review_action")
    assert (noted["action"], noted["reason"], noted["by_name"], noted["at"]) == ("release", "Seen on the meter", "Support", NOW)
    assert (msgspec.json.decode(noted["before"])["state"], msgspec.json.decode(noted["after"])["energy_wh"]) == ("held", 30_000)


async def test_a_second_release_with_another_key_is_refused(house: House):
    session_id = await session_of(house, 1000, 31_000)
    await decisions.release(house.account_id, session_id, why(), NOW)
    with pytest.raises(Refused, match="not held"):
        await decisions.release(house.account_id, session_id, why(), NOW)


async def test_a_fallen_register_cannot_be_released_only_corrected(house: House):
    session_id = await session_of(house, 5000, 100)
    with pytest.raises(Refused, match="registers give no energy"):
        await decisions.release(house.account_id, session_id, why(), NOW)
    await decisions.correct(house.account_id, session_id, 4200, None, None, why(), NOW)
    await settle_session(house.account_id, session_id, NOW)
    assert await accepted() == [(4200, 1)]
    assert await owed(house, house.anna) == 126


async def test_a_session_by_an_impossible_clock_is_charged_by_the_times_of_receipt(house: House):
    session_id = await session_of(house, 1000, 6000, at=datetime(1970, 1, 1, tzinfo=UTC))
    await decisions.release(house.account_id, session_id, why(), NOW)
    await settle_session(house.account_id, session_id, NOW)
    (charge,) = await all_of("SELECT * FROM charge")
    assert (charge["period"], charge["occurred_at"], charge["energy_wh"]) == (OCTOBER, AT + timedelta(hours=1), 5000)
    assert (await row_of(session_id))["started_at"].year == 1970


@pytest.mark.row("S24")
async def test_a_billed_session_is_corrected_by_counter_entries_and_on_the_next_bill(house: House):
    session_id = await session_of(house, 1000, 11_000)
    await charge_session(house.account_id, session_id, NOW)
    before = await row_of(session_id)
    assert (await run_month(house.account_id, house.site_id, OCTOBER, NOVEMBER)).bills == 1
    decision = why("The resident's own meter shows 6 kWh")
    for _ in range(2):
        await decisions.correct(house.account_id, session_id, 6000, None, None, decision, NOVEMBER)
        await settle_session(house.account_id, session_id, NOVEMBER)
    after = await row_of(session_id)
    assert {name: after[name] for name in ORIGINAL} == {name: before[name] for name in ORIGINAL}
    assert await accepted() == [(6000, 1)]
    assert await owed(house, house.anna) == 180
    keys = {row["source_key"] for row in await all_of("SELECT source_key FROM ledger_entry WHERE source_kind = 'session'")}
    assert keys == {f"session:{session_id}", f"reversal:session:{session_id}", f"session:{session_id}:3"}
    await charge_session(house.account_id, await session_of(house, 20_000, 30_000, at=NOVEMBER), NOVEMBER + timedelta(hours=2))
    assert (await run_month(house.account_id, house.site_id, date(2026, 11, 1), DECEMBER)).bills == 1
    assert await bills(house.anna) == [(OCTOBER, 300, 10_000), (date(2026, 11, 1), 180, 6000)]
    orphan = await session_of(house, 40_000, 44_000, at=NOVEMBER + timedelta(days=1), tag="04FFFFFFFFFFFF")
    assert (await row_of(orphan))["person_id"] is None
    await decisions.assign_resident(house.account_id, orphan, house.ben, why("Ben forgot his badge"), DECEMBER)
    await settle_session(house.account_id, orphan, DECEMBER)
    assert await owed(house, house.ben) == 120
    assert (await row_of(orphan))["tag_status"] == "Invalid"


async def test_a_credit_larger_than_a_months_charges_waits_for_the_next_bill(house: House):
    session_id = await session_of(house, 1000, 11_000)
    await charge_session(house.account_id, session_id, NOW)
    await run_month(house.account_id, house.site_id, OCTOBER, NOVEMBER)
    await decisions.discard(house.account_id, session_id, why(), NOVEMBER)
    await settle_session(house.account_id, session_id, NOVEMBER)
    assert await owed(house, house.anna) == 0
    assert await accepted() == [(10_000, 0)]
    small = await session_of(house, 20_000, 24_000, at=NOVEMBER)
    await charge_session(house.account_id, small, NOVEMBER + timedelta(hours=2))
    assert (await run_month(house.account_id, house.site_id, date(2026, 11, 1), DECEMBER)).bills == 0
    large = await session_of(house, 30_000, 40_000, at=DECEMBER)
    await charge_session(house.account_id, large, DECEMBER + timedelta(hours=2))
    january = datetime(2027, 1, 2, tzinfo=UTC)
    assert (await run_month(house.account_id, house.site_id, date(2026, 12, 1), january)).failed == ()
    assert await bills(house.anna) == [(OCTOBER, 300, 10_000), (date(2026, 12, 1), 120, 4000)]


async def test_a_correction_before_the_bill_makes_one_line_of_the_session(house: House):
    session_id = await session_of(house, 1000, 11_000)
    await charge_session(house.account_id, session_id, NOW)
    await decisions.correct(house.account_id, session_id, 9000, None, None, why(), NOW)
    await settle_session(house.account_id, session_id, NOW)
    await run_month(house.account_id, house.site_id, OCTOBER, NOVEMBER)
    (bill,) = await all_of("SELECT document FROM invoice")
    (line,) = msgspec.json.decode(bill["document"])["sessions"]
    assert (line["energy_wh"], line["gross_minor"], line["corrected"]) == (9000, 270, True)


@pytest.mark.row("B24")
async def test_a_session_is_billed_once_in_the_month_in_which_it_ends(house: House):
    over_midnight = datetime(2026, 10, 31, 22, 30, tzinfo=UTC)  # 23:30 to 00:30 in Zurich
    session_id = await session_of(house, 1000, 9000, at=over_midnight)
    later = NOVEMBER + timedelta(days=30)
    for _ in range(2):
        await charge_session(house.account_id, session_id, NOVEMBER)
    assert (await run_month(house.account_id, house.site_id, OCTOBER, later)).bills == 0
    assert (await run_month(house.account_id, house.site_id, date(2026, 11, 1), later)).bills == 1
    (bill,) = await all_of("SELECT document, period_start FROM invoice")
    assert bill["period_start"] == date(2026, 11, 1)
    (line,) = msgspec.json.decode(bill["document"])["sessions"]
    assert (line["energy_wh"], line["gross_minor"]) == (8000, 240)


async def test_a_session_that_comes_after_its_months_bills_goes_on_the_next_one(house: House):
    await charge_session(house.account_id, await session_of(house, 1000, 11_000), NOW)
    await run_month(house.account_id, house.site_id, OCTOBER, NOVEMBER)
    late = await session_of(house, 20_000, 24_000, at=AT + timedelta(days=2))
    await charge_session(house.account_id, late, NOVEMBER)
    await run_month(house.account_id, house.site_id, date(2026, 11, 1), DECEMBER)
    assert await bills(house.anna) == [(OCTOBER, 300, 10_000), (date(2026, 11, 1), 120, 4000)]


async def test_an_unbilled_session_moves_from_one_resident_to_another(house: House):
    session_id = await session_of(house, 1000, 11_000)
    await charge_session(house.account_id, session_id, NOW)
    await decisions.assign_resident(house.account_id, session_id, house.ben, why(), NOW)
    await settle_session(house.account_id, session_id, NOW)
    assert (await owed(house, house.anna), await owed(house, house.ben)) == (0, 300)
    assert await accepted() == [(10_000, 1)]
    with pytest.raises(Refused, match="lived in no flat"):
        await decisions.assign_resident(house.account_id, session_id, house.stranger, why(), NOW)


async def test_an_orphan_stop_ends_the_session_that_a_person_names(house: House):
    session_id = await session_of(house, 1000, None)
    body = {"transactionId": -1, "meterStop": 5000, "timestamp": (AT + timedelta(minutes=50)).isoformat()}
    stop = StopReport(transaction_no=0, id_tag=None, meter_stop_wh=5000, stopped_at=AT + timedelta(minutes=50), reason=None,
                      body=msgspec.json.encode(body).decode())  # fmt: skip
    await end_session(place(house), stop, "m", [], NOW)
    (message,) = await all_of("SELECT id FROM quarantine")
    decision = why()
    for _ in range(2):
        await decisions.assign_stop(house.account_id, message["id"], session_id, decision, NOW)
    after = await row_of(session_id)
    assert (after["state"], after["energy_wh"], after["stopped_at"]) == ("ended", 4000, AT + timedelta(minutes=50))
    with pytest.raises(Refused, match="settled already"):
        await decisions.assign_stop(house.account_id, message["id"], session_id, why(), NOW)
    (noted,) = await all_of("SELECT * FROM review_action")
    assert (noted["session_id"], noted["quarantine_id"]) == (session_id, message["id"])


async def test_a_later_stop_corrects_an_ended_session_where_a_person_says_so(house: House):
    session_id = await session_of(house, 1000, 4000)
    await charge_session(house.account_id, session_id, NOW)
    number = (await row_of(session_id))["transaction_no"]
    body = {"transactionId": number, "meterStop": 4600, "timestamp": (AT + timedelta(minutes=60)).isoformat()}
    stop = StopReport(transaction_no=number, id_tag=None, meter_stop_wh=4600, stopped_at=AT + timedelta(minutes=60), reason=None,
                      body=msgspec.json.encode(body).decode())  # fmt: skip
    await end_session(place(house), stop, "m2", [], NOW)
    (message,) = await all_of("SELECT id FROM quarantine WHERE kind = 'later_stop'")
    await decisions.assign_stop(house.account_id, message["id"], session_id, why(), NOW)
    await settle_session(house.account_id, session_id, NOW)
    assert await accepted() == [(3600, 1)]
    after = await row_of(session_id)
    assert (after["energy_wh"], after["meter_stop_wh"]) == (3000, 4000)


async def test_a_message_is_laid_aside_once_and_its_text_stays(house: House):
    stop = StopReport(transaction_no=0, id_tag=None, meter_stop_wh=5, stopped_at=AT, reason=None, body='{"meterStop":5}')
    await end_session(place(house), stop, "m", [], NOW)
    (message,) = await all_of("SELECT * FROM quarantine")
    decision = why()
    for _ in range(2):
        await decisions.discard_message(house.account_id, message["id"], decision, NOW)
    (after,) = await all_of("SELECT * FROM quarantine")
    assert after == {**message, "settled_at": NOW}


async def test_a_running_session_is_not_decided_about(house: House):
    session_id = await session_of(house, 1000, None)
    for call in (decisions.discard, decisions.release):
        with pytest.raises(Refused):
            await call(house.account_id, session_id, why(), NOW)


async def test_a_key_for_another_decision_or_no_reason_is_refused(house: House):
    session_id, decision = await session_of(house, 1000, 31_000), why()
    await decisions.release(house.account_id, session_id, decision, NOW)
    with pytest.raises(Refused, match="sent before"):
        await decisions.discard(house.account_id, session_id, decision, NOW)
    with pytest.raises(Refused, match="few words"):
        await decisions.discard(house.account_id, session_id, why("  "), NOW)


async def test_a_neighbours_session_is_not_found(house: House):
    other = await make_house("NB")
    session_id = await session_of(house, 1000, 31_000, tag=BADGE_BEN)
    with pytest.raises(Refused, match="no such session"):
        await decisions.release(other.account_id, session_id, why(), NOW)


@pytest.mark.parametrize("column", ["meter_start_wh", "meter_stop_wh", "energy_wh", "started_at", "started_raw", "class", "held_reason"])
async def test_the_application_cannot_change_what_a_station_reported(house: House, column: str):
    await session_of(house, 1000, 31_000)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with in_account(house.account_id):
            await execute(f"UPDATE charging_session SET {column} = {column}")


@pytest.mark.parametrize("statement", ["UPDATE review_action SET reason = 'x'", "DELETE FROM review_action"])
async def test_what_was_decided_cannot_be_changed_afterwards(house: House, statement: str):
    session_id = await session_of(house, 1000, 31_000)
    await decisions.release(house.account_id, session_id, why(), NOW)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with in_account(house.account_id):
            await execute(statement)
    with pytest.raises(asyncpg.RestrictViolationError):
        async with as_owner():
            await execute(statement)
