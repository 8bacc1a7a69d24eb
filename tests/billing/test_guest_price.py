"""A guest pays the prices that were shown before paying, whatever holds when the charge begins; a resident those of the day."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from app.audit.model import Actor
from app.billing.commands import charge_session
from app.billing.queries import charges_of_sessions
from app.database.transaction import as_owner, execute, in_account
from app.kernel.identifiers import new_id
from app.tariffs.commands import change_prices
from app.tariffs.model import Component
from app.tariffs.queries import tariff_in_force
from tests.charging.house import House, make_house

SHOWN = datetime(2026, 3, 31, 21, 58, tzinfo=UTC)  # two minutes before midnight in Zürich
BEGUN = datetime(2026, 3, 31, 22, 3, tzinfo=UTC)  # on the first of April there
NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)


async def charged(house: House, station: str, request: UUID | None) -> UUID:
    """Ten kWh from five past midnight on: a guest's by the request, else Anna's."""
    session = new_id()
    async with as_owner():
        await execute(
            "INSERT INTO charging_session (account_id, id, station_id, connector_no, tag_hash, tag_status, source, class, person_id,"
            " billing_point_id, request_id, started_at, started_raw, start_received_at, meter_start_wh, stopped_at, meter_stop_wh, energy_wh,"
            " state) VALUES ($1, $2, $3, 1, decode('00', 'hex'), 'Accepted', 'app', $4, $5, $6, $7, $8, '', $8, 0, $9, 10000, 10000,"
            " 'ended')", house.account_id, session, house.stations[station], "external" if request else "internal",
            None if request else house.anna, None if request else house.flat_anna, request, BEGUN, BEGUN + timedelta(hours=1),
        )  # fmt: skip
    return session


async def test_a_guest_pays_the_price_that_was_shown_also_where_another_begins_before_the_charge(database: str) -> None:
    house = await make_house()
    actor = Actor(account_id=house.account_id, name="Olga")
    for day, price in ((date(2026, 1, 1), "0.30"), (date(2026, 4, 1), "0.90")):
        await change_prices(actor, house.site_id, day, (Component(dimension="kwh", unit_price=Decimal(price)),), SHOWN)
    async with in_account(house.account_id):
        shown = await tariff_in_force(house.site_id, date(2026, 3, 31))
    assert shown is not None
    guest, request = new_id(), new_id()
    async with as_owner():
        await execute("INSERT INTO charge_request (account_id, id, station_id, connector_no, guest_id, class, idempotency_key, tag_hash, state,"
                      " deadline, created_at, changed_at) VALUES ($1, $2, $3, 1, $4, 'external', $4, sha256('g'), 'started', $5, $5, $5)",
                      house.account_id, request, house.stations["CP-1"], guest, SHOWN)  # fmt: skip
        await execute("INSERT INTO guest_charge (account_id, id, token_hash, idempotency_key, public_code, station_id, connector_no, tariff_id,"
                      " hold_minor, currency, locale, shown, state, request_id, created_at, changed_at) VALUES ($1, $2, sha256('t'), $2, 'X',"
                      " $3, 1, $4, 5000, 'CHF', 'de', '{}', 'starting', $5, $6, $6)",
                      house.account_id, guest, house.stations["CP-1"], shown.id, request, SHOWN)  # fmt: skip
    sessions = [await charged(house, "CP-1", request), await charged(house, "CP-3", None)]
    for session in sessions:
        await charge_session(house.account_id, session, NOW)
    async with in_account(house.account_id):
        charges = await charges_of_sessions(sessions)
    assert [charges[session].gross_minor for session in sessions] == [300, 900]
