"""What people see and set of load balancing, inside the caller's transaction."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from app.database.transaction import execute, fetch, fetchrow
from app.kernel.errors import not_found


class ShareStep(msgspec.Struct, frozen=True, kw_only=True):
    """`cars` share `shared_ma` on `circuit_name`, and this one has `limit_ma`; the next turn is at `next_at`."""

    at: datetime
    limit_ma: int
    reason: str
    cars: int
    shared_ma: int | None
    circuit_name: str | None
    next_at: datetime | None


class ChargeWish(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a resident wants of a charge. `mode`: fast, minimum plus sun, sun only."""

    departure_at: datetime | None = None
    wanted_wh: Annotated[int, msgspec.Meta(gt=0, le=500_000)] | None = None
    mode: Literal["fast", "minimum", "solar"] = "fast"


class ChargeShare(msgspec.Struct, frozen=True, kw_only=True):
    """The current of a charge, why, since when, and what was wished. `steps`: newest first; empty where nobody balances."""

    wish: ChargeWish
    steps: list[ShareStep]


async def share_of(session_id: UUID, person_id: UUID, most: int = 50) -> ChargeShare:
    """Raises Refused not_found."""
    await _mine(session_id, person_id)
    wish = await fetchrow("SELECT departure_at, wanted_wh, mode FROM charging_wish WHERE session_id = $1", session_id)
    rows = await fetch(
        "SELECT at, limit_ma, reason, cars, shared_ma, circuit_name, next_at FROM balance_step WHERE session_id = $1"
        " ORDER BY at DESC LIMIT $2", session_id, most,
    )  # fmt: skip
    return ChargeShare(wish=ChargeWish() if wish is None else ChargeWish(**wish), steps=[ShareStep(**row) for row in rows])


async def wish_for(account_id: UUID, session_id: UUID, person_id: UUID, wish: ChargeWish, now: datetime) -> None:
    """Keep what a resident wants; it acts with the next tick. Raises Refused not_found."""
    await _mine(session_id, person_id)
    await execute(
        "INSERT INTO charging_wish (account_id, session_id, departure_at, wanted_wh, mode, changed_at) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (account_id, session_id) DO UPDATE SET departure_at = excluded.departure_at, wanted_wh = excluded.wanted_wh,"
        " mode = excluded.mode, changed_at = excluded.changed_at",
        account_id, session_id, wish.departure_at, wish.wanted_wh, wish.mode, now,
    )  # fmt: skip


async def _mine(session_id: UUID, person_id: UUID) -> None:
    if await fetchrow("SELECT 1 FROM charging_session WHERE id = $1 AND person_id = $2", session_id, person_id) is None:
        raise not_found("session")
