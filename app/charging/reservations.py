"""Places kept for a resident: asked of the station, kept free from everybody else, used, cancelled or over."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from app.charging import asking, queries
from app.charging.authorisation import group_of
from app.charging.intents import CancelReservation, Intent, Reserve
from app.charging.model import Changed, Command, Station
from app.database.transaction import as_machine, execute, fetch, fetchrow, fetchval, in_account
from app.kernel.calendar import local_date
from app.kernel.errors import Refused, not_found

LONGEST_HOURS = 24

INSERT = """
INSERT INTO reservation (account_id, number, station_id, connector_no, person_id, until, command_id, asked_by, created_at, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
"""
LIVE = "state IN ('asked', 'reserved') AND until > $2"


async def reserve(
    account_id: UUID, login_id: UUID, station_id: UUID, connector: int | None, person_id: UUID, until: datetime, key: UUID,
    secret: bytes, now: datetime, ticket: str | None,
) -> list[Changed]:  # fmt: skip
    """Keep a place for a resident who may charge there. Raises Refused: not_found, not_allowed, place_reserved and what a
    command is refused for."""
    if not 0 < (until - now).total_seconds() <= LONGEST_HOURS * 3600:
        raise Refused("invalid_input", 422, f"A place is kept for at most {LONGEST_HOURS} hours.", fields=["until"])
    async with in_account(account_id):
        if await fetchval("SELECT 1 FROM station_command WHERE idempotency_key = $1", key):
            return []
        await _may(station_id, connector, person_id, now)
    number = secrets.randbelow(2**30) + 1
    group = group_of(person_id)
    intent = Reserve(reservation_no=number, tag=group, group=group, until=until, connector=connector)

    async def keep(command_id: UUID) -> None:
        await execute(INSERT, account_id, number, station_id, connector, person_id, until, command_id, login_id, now)

    _, changed = await asking.ask(account_id, login_id, station_id, intent, key, secret, now, ticket, first=keep)
    return changed


async def _may(station_id: UUID, connector: int | None, person_id: UUID, now: datetime) -> None:
    site = await fetchrow("SELECT s.id, s.time_zone FROM station st JOIN site s ON s.account_id = st.account_id AND s.id = st.site_id"
                          " WHERE st.id = $1", station_id)  # fmt: skip
    if site is None or not await fetchval("SELECT 1 FROM person WHERE id = $1", person_id):
        raise not_found("station" if site is None else "resident")
    home = await queries.billing_point_of(person_id, site["id"], local_date(now, site["time_zone"]))
    owners = await fetch("SELECT billing_point_id AS owner FROM connector WHERE station_id = $1 AND ($2::int IS NULL OR number = $2)",
                         station_id, connector)  # fmt: skip
    allowed = home is not None and any(row["owner"] in (None, home) for row in owners)
    if not allowed or not await queries.charging_allowed(person_id):
        raise Refused("not_allowed", 409, "This resident may not charge at this place.")
    if await fetchval(f"SELECT 1 FROM reservation WHERE station_id = $1 AND {LIVE} AND connector_no IS NOT DISTINCT FROM $3",
                      station_id, now, connector):  # fmt: skip
        raise Refused("place_reserved", 409, "This place is kept for somebody already. Choose another place or wait.")


async def cancel(
    account_id: UUID, login_id: UUID, station_id: UUID, reservation_id: UUID, key: UUID, secret: bytes, now: datetime, ticket: str | None
) -> list[Changed]:  # fmt: skip
    """Give a place free again. Raises Refused: not_found and what a command is refused for."""
    async with in_account(account_id):
        number = await fetchval("SELECT number FROM reservation WHERE id = $1 AND station_id = $2", reservation_id, station_id)
    if number is None:
        raise not_found("reservation")
    intent = CancelReservation(reservation_no=number)
    return (await asking.ask(account_id, login_id, station_id, intent, key, secret, now, ticket))[1]


async def used(station: Station, connector: int, person_id: UUID | None, now: datetime) -> None:
    """A charge has begun: its holder's reservation has served (inside the caller's transaction)."""
    await execute(
        f"UPDATE reservation SET state = 'used', changed_at = $2 WHERE station_id = $1 AND {LIVE} AND person_id = $3"
        " AND (connector_no = $4 OR connector_no IS NULL)", station.id, now, person_id, connector,
    )  # fmt: skip


async def step(command: Command, intent: Intent, accepted: bool, said: str, now: datetime) -> list[Changed]:
    """The station answered, or never will (inside the caller's transaction). A cancelled reservation that it does not know
    is over all the same."""
    if isinstance(intent, CancelReservation):
        await execute("UPDATE reservation SET state = 'cancelled', changed_at = $3 WHERE station_id = $1 AND number = $2"
                      " AND state IN ('asked', 'reserved')", command.station_id, intent.reservation_no, now)  # fmt: skip
    else:
        state, reason = ("reserved", None) if accepted else ("refused", said[:100])
        await execute("UPDATE reservation SET state = $2, reason = $3, changed_at = $4 WHERE command_id = $1"
                      " AND state IN ('asked', 'refused')", command.id, state, reason, now)  # fmt: skip
    return await _places(command.account_id, command.station_id)


async def not_asked(command: Command, reason: str, now: datetime) -> None:
    """The station never answered (inside the caller's transaction): nothing is kept."""
    await execute("UPDATE reservation SET state = 'refused', reason = $2, changed_at = $3 WHERE command_id = $1 AND state = 'asked'",
                  command.id, reason, now)  # fmt: skip


async def told(station: Station, statuses: Mapping[int, str], now: datetime) -> list[Changed]:
    """The station says that a reservation is over (2.0.1: Expired or Removed)."""
    async with as_machine():
        for number, status in statuses.items():
            await execute("UPDATE reservation SET state = $3, changed_at = $4 WHERE station_id = $1 AND number = $2"
                          " AND state IN ('asked', 'reserved')", station.id, number,
                          "expired" if status == "Expired" else "cancelled", now)  # fmt: skip
        return await _places(station.account_id, station.id)


async def expire(now: datetime) -> list[Changed]:
    """End what is over by time. Safe to repeat; for the timetable."""
    async with as_machine():
        rows = await fetch("UPDATE reservation SET state = 'expired', changed_at = $1 WHERE state IN ('asked', 'reserved') AND until <= $1"
                           " RETURNING account_id, station_id", now)  # fmt: skip
        return [change for row in rows for change in await _places(row["account_id"], row["station_id"])]


async def _places(account_id: UUID, station_id: UUID) -> list[Changed]:
    numbers = await fetch("SELECT number FROM connector WHERE station_id = $1", station_id)
    return [Changed(account_id=account_id, kind="connector", station_id=station_id, connector=row["number"]) for row in numbers]


async def of_station(station_id: UUID, now: datetime) -> list[dict[str, Any]]:
    """What is kept at a station, and what became of the last ones (inside the caller's transaction)."""
    rows = await fetch(
        "SELECT r.id, r.connector_no AS connector, r.person_id, concat_ws(' ', nullif(p.given_name, ''), p.family_name) AS person, r.until,"
        " r.state, r.reason FROM reservation r JOIN person p ON p.account_id = r.account_id AND p.id = r.person_id"
        " WHERE r.station_id = $1 AND (r.state IN ('asked', 'reserved') OR r.changed_at > $2::timestamptz - interval '1 day')"
        " ORDER BY r.created_at DESC LIMIT 10", station_id, now,
    )  # fmt: skip
    return [dict(row) for row in rows]
