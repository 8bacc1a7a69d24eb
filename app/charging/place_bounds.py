"""Limits that an operator sets by hand at a place: where load is balanced they are further bounds, which the loop keeps and tells
the charger itself. Sent as they are they would stand before the loop's own, or be overwritten by it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.charging import limits
from app.charging.intents import ClearProfile, Period, Profile, SetProfile, decode, encode
from app.charging.limit_rules import bound_of
from app.database.transaction import execute, fetch, fetchrow, fetchval, in_account

BY_HAND = 0  # the number of the limit of a place; profiles have those that they were given
KEEP = """
INSERT INTO place_bound (account_id, station_id, connector_no, profile_id, session_id, intent, set_at, set_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (account_id, station_id, connector_no, profile_id) DO UPDATE
SET session_id = excluded.session_id, intent = excluded.intent, set_at = excluded.set_at, set_by = excluded.set_by
"""
PLACES = """
SELECT k.number AS connector_no, w.fail_safe_ma, x.started_at, l.wanted_a,
    (SELECT array_agg(o.intent) FROM place_bound o WHERE o.account_id = k.account_id AND o.station_id = k.station_id
     AND o.connector_no IN (0, k.number) AND (o.session_id IS NULL OR o.session_id = x.id)) AS bounds
FROM connector k JOIN station_wiring w ON w.account_id = k.account_id AND w.station_id = k.station_id
LEFT JOIN charging_limit l ON l.account_id = k.account_id AND l.station_id = k.station_id AND l.connector_no = k.number
LEFT JOIN charging_session x ON x.account_id = k.account_id AND x.station_id = k.station_id AND x.connector_no = k.number
    AND x.state = 'open'
WHERE k.station_id = $1 AND k.number > 0 AND $2 IN (0, k.number) ORDER BY k.number
"""


def bound_a(row: Mapping[str, Any], now: datetime) -> Decimal | None:
    """The least of the limits set by hand that hold at a place now. `row`: with bounds and started_at."""
    found = [bound_of(decode(one).profile, row["started_at"], now) for one in row["bounds"] or ()]
    return min((one for one in found if one is not None), default=None)


def is_bound(intent: Any) -> bool:
    """Whether an intent would stand beside the loop's own profiles in a charger, or take them away."""
    return isinstance(intent, ClearProfile) or (isinstance(intent, SetProfile) and intent.profile.purpose != "station")


async def is_balanced(station_id: UUID) -> bool:
    """Whether the load of a station is balanced (inside the caller's transaction)."""
    return await fetchval("SELECT 1 FROM station_wiring WHERE station_id = $1", station_id) is not None


async def keep_limit(account_id: UUID, station_id: UUID, connector: int, limit_a: Decimal | None, now: datetime, by: UUID) -> None:
    """Keep the limit of a place, or forget it (None); inside the caller's transaction."""
    if limit_a is None:
        await _forget(station_id, connector, BY_HAND)
        return
    profile = Profile(id=BY_HAND, stack_level=0, purpose="default", periods=(Period(start_s=0, limit_a=limit_a),))
    await execute(KEEP, account_id, station_id, connector, BY_HAND, None, encode(SetProfile(connector=connector, profile=profile)), now, by)


async def keep(account_id: UUID, station_id: UUID, intent: SetProfile | ClearProfile, now: datetime, by: Mapping[str, Any]) -> None:
    """Keep or forget a profile that an operator asks of a balanced station, and go down to it at once."""
    async with in_account(account_id):
        if isinstance(intent, ClearProfile):
            await _forget(station_id, intent.connector, intent.profile_id)
        else:
            session = None
            if intent.profile.purpose == "transaction":
                session = await fetchrow("SELECT id FROM charging_session WHERE station_id = $1 AND connector_no = $2 AND state = 'open'"
                                         " ORDER BY started_at DESC LIMIT 1", station_id, intent.connector)  # fmt: skip
            await execute(KEEP, account_id, station_id, intent.connector, intent.profile.id, None if session is None else session["id"],
                          encode(intent), now, by["asked_by"])  # fmt: skip
    await go_down(account_id, station_id, intent.connector or 0, now, by)


async def _forget(station_id: UUID, connector: int | None, number: int | None) -> None:
    await execute("DELETE FROM place_bound WHERE station_id = $1 AND ($2::int IS NULL OR connector_no = $2)"
                  " AND ($3::int IS NULL OR profile_id = $3)", station_id, connector, number)  # fmt: skip


async def go_down(account_id: UUID, station_id: UUID, connector: int, now: datetime, by: Mapping[str, Any]) -> None:
    """Tell places that have more than they may; who may have more again gets it from the loop."""
    async with in_account(account_id):
        rows = await fetch(PLACES, station_id, connector)
    for row in rows:
        bound = bound_a(row, now)
        if bound is not None and row["wanted_a"] is not None and row["wanted_a"] > bound:
            await limits.want(station_id, row["connector_no"], bound, now, Decimal(row["fail_safe_ma"]) / 1000, by=by)


async def left_bounds(stations: Iterable[UUID]) -> dict[tuple[UUID, int], Decimal]:
    """The limits by hand of places that nobody balances any more (inside the caller's transaction)."""
    rows = await fetch("SELECT station_id, connector_no, intent FROM place_bound WHERE station_id = ANY($1::uuid[]) AND profile_id = $2",
                       list(stations), BY_HAND)  # fmt: skip
    return {(row["station_id"], row["connector_no"]): decode(row["intent"]).profile.periods[0].limit_a for row in rows}
