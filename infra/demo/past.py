"""Past months of a demo house: charges by the same commands that stations use, and the bills of all but the last month."""

from datetime import date, datetime, timedelta
from uuid import UUID

import asyncpg

from app.billing.commands import charge_session, run_month
from app.charging.model import StartReport, Station, StopReport
from app.charging.transactions import end_session, start_session
from app.database.transaction import as_owner, fetch, fetchval, in_account
from app.kernel.calendar import local_midnight, month_of, months_before, next_month
from app.kernel.settings import Settings
from infra.demo.houses import HousePlan, badge_uid

ZONE = "Europe/Zurich"
FIRST_REGISTER_WH = 1_000_000
MOST_PER_STATION = 28  # of four days, seven slots of three hours: nobody charges where another one does


async def past_months(settings: Settings, plan: HousePlan, account_id: UUID, site_id: UUID, house_no: int, now: datetime,
                      months: int) -> None:  # fmt: skip
    """Make the charges of the months before this one, in a house that has none. Safe to repeat."""
    async with as_owner():
        stations = await fetch("SELECT * FROM station WHERE site_id = $1 ORDER BY identity", site_id)
        if await fetchval(
            "SELECT 1 FROM charging_session WHERE account_id = $1 AND station_id = ANY($2::uuid[]) LIMIT 1",
            account_id, [row["id"] for row in stations],
        ):  # fmt: skip
            return
        uids = await _drivers(plan, account_id, site_id, house_no)
    registers = [FIRST_REGISTER_WH] * len(stations)
    for back in range(months, 0, -1):
        period = months_before(month_of(now.date()), back)
        for place, station in enumerate(stations):
            drivers = uids[place :: len(stations)][:MOST_PER_STATION]
            registers[place] = await _station_month(settings, account_id, _station(station), period, drivers, registers[place])
        if back > 1:
            await run_month(account_id, site_id, period, local_midnight(next_month(period), ZONE) + timedelta(hours=4))


async def _drivers(plan: HousePlan, account_id: UUID, site_id: UUID, house_no: int) -> list[str]:
    """The badges of those who live there: all but the one who has moved out."""
    points = await fetchval("SELECT count(*) FROM billing_point WHERE account_id = $1 AND site_id = $2", account_id, site_id)
    return [badge_uid(plan, house_no, index) for index in range(points) if index != 1]


def _station(row: asyncpg.Record) -> Station:
    return Station(**{name: row[name] for name in Station.__struct_fields__})


async def _station_month(settings: Settings, account_id: UUID, station: Station, period: date, drivers: list[str], register: int) -> int:
    for begin, energy_wh, uid in sorted(visit for rank, driver in enumerate(drivers) for visit in _visits(period, rank, driver)):
        end = begin + timedelta(seconds=energy_wh * 3600 // 10_500)
        start = StartReport(connector_no=1, id_tag=uid, meter_start_wh=register, started_at=begin, started_raw=begin.isoformat(), body="{}")
        answer, _ = await start_session(station, start, "demo", settings.secret_key, begin)
        register += energy_wh
        stop = StopReport(transaction_no=answer.transaction_no, id_tag=None, meter_stop_wh=register, stopped_at=end,
                          reason="EVDisconnected", body="{}")  # fmt: skip
        await end_session(station, stop, "demo", [], end)
        async with in_account(account_id):
            session_id = await fetchval("SELECT id FROM charging_session WHERE transaction_no = $1", answer.transaction_no)
        await charge_session(account_id, session_id, end)
    return register


def _visits(period: date, rank: int, uid: str) -> list[tuple[datetime, int, str]]:
    """(begin, energy in Wh, badge): the first driver of a station comes six times a month, the others twice."""
    day, slot = rank // 7, rank % 7
    visits = []
    for visit in range(6 if rank == 0 else 2):
        midnight = local_midnight(period + timedelta(days=2 + visit * 4 + day), ZONE)
        begin = midnight + timedelta(hours=(18 + 3 * slot) % 24, minutes=7 * visit)
        visits.append((begin, 9_300 + 2_170 * visit + 131 * period.month, uid))
    return visits
