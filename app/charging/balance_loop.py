"""The loop of a site: one owner at a time, a tick a second or two. Reads, shares out, tells the chargers, says why.

A tick that fails tells nobody anything: the chargers fall back to their own low limits by themselves.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from app.charging import commissioning, limits
from app.charging.balance_planner import SitePlan
from app.charging.balance_state import VOLTS, SiteState, counted_a, observed_a, site_state
from app.charging.balancing.allocation import network_of, share_out
from app.charging.balancing.model import PHASES, Car
from app.charging.balancing.pacing import DWELL_S, SOLAR_DWELL_S, Pace, held, paced
from app.charging.balancing.reasons import Reason, reasons
from app.charging.balancing.solar import surplus_kw
from app.charging.balancing.staging import staged
from app.charging.limit_rules import possible
from app.charging.model import Changed
from app.charging.place_bounds import bound_a
from app.database.transaction import as_machine, execute, fetch, fetchval, in_account

LEASE_S = 4.0  # a node that dies hands its sites over within that
STEP_MIN = 5.0
UNKNOWN_KWH = 30.0  # what a car is taken to want where nobody has said
LEAST_KWH = 5.0
NOTHING = Decimal(0)

# The database's clock decides: the nodes' own need not agree.
TAKE = """
INSERT INTO balance_lease (account_id, site_id, owner, expires_at) VALUES ($1, $2, $3, now() + make_interval(secs => $4))
ON CONFLICT (account_id, site_id) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at,
    term = balance_lease.term + CASE WHEN balance_lease.owner = excluded.owner THEN 0 ELSE 1 END
WHERE balance_lease.owner = excluded.owner OR balance_lease.expires_at < now()
RETURNING term
"""
STEP = """
INSERT INTO balance_step (account_id, session_id, at, limit_ma, reason, cars, shared_ma, circuit_name, next_at, on_since, rising_since)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
WHERE EXISTS (SELECT 1 FROM balance_lease WHERE account_id = $1 AND site_id = $12 AND owner = $13 AND expires_at > now())
ON CONFLICT DO NOTHING
"""


class Place(msgspec.Struct, frozen=True):
    """A place with a car: its row, the car, its pace and what it counts at. `bounded`: an operator has limited it by hand."""

    row: Mapping[str, Any]
    car: Car
    pace: Pace
    counted_a: float
    bounded: bool = False


async def sites_with_circuits() -> list[tuple[UUID, UUID]]:
    """Account and site of every site that is balanced."""
    async with as_machine():
        return [(row["account_id"], row["site_id"]) for row in await fetch("SELECT DISTINCT account_id, site_id FROM circuit")]


async def open_charges() -> set[str]:
    """The ids of all charges that run."""
    async with as_machine():
        return {str(row["id"]) for row in await fetch("SELECT id FROM charging_session WHERE state = 'open'")}


async def take_lease(account_id: UUID, site_id: UUID, owner: str, seconds: float = LEASE_S) -> bool:
    """Become or stay the owner of a site. False where another one is."""
    async with as_machine():
        return await fetchval(TAKE, account_id, site_id, owner, seconds) is not None


async def next_expiry_s(owner: str) -> float | None:
    """In how many seconds the first site of another owner falls free, should that owner be gone; None: all are this one's."""
    async with as_machine():
        found = await fetchval("SELECT extract(epoch FROM min(expires_at) - now())::float8 FROM balance_lease WHERE owner <> $1"
                               " AND expires_at > now()", owner)  # fmt: skip
    return None if found is None else float(found)


async def tick(
    account_id: UUID, site_id: UUID, owner: str, now: datetime, jumped: bool = False, ahead: SitePlan | None = None
) -> tuple[list[UUID], list[Changed]]:
    """One round of a site. `jumped`: the clock has, so nothing rises. `ahead`: what its owner has planned; without one, the
    must-rate serves. Returns stations to wake and what pages are told."""
    if not await take_lease(account_id, site_id, owner):
        return [], []
    async with in_account(account_id):
        state = await site_state(site_id, now)
        trial = await commissioning.trial(site_id, state, now)
    with_car = [place for row in state.places if (place := place_of(row, now)) is not None]
    if trial is not None:
        commissioning.under_trial(with_car, trial)
    _reserve(state, with_car, now)
    cars = [place.car for place in with_car]
    if ahead is not None:
        await ahead.lay_over(cars, state.circuits, now.timestamp() / 60)
    targets = share_out(cars, network_of(cars, state.circuits), now.timestamp() / 60, STEP_MIN, surplus_kw(state.circuits))
    silent = state.silent or jumped
    at_s = now.timestamp()
    paces = [paced(place.pace, target, place.car.min_a, at_s, not silent) for place, target in zip(with_car, targets, strict=True)]
    told = staged(cars, state.circuits, [pace.told_a for pace in paces], [place.counted_a for place in with_car],
                  [agreed_a(place, now) for place in with_car])  # fmt: skip
    why = reasons(cars, state.circuits, targets, told, silent, state.capped)
    why = [_by_hand(one, place) for one, place in zip(why, with_car, strict=True)]
    if trial is not None:
        why = [
            msgspec.structs.replace(one, code="testing") if trial.is_at(place.row) else one
            for one, place in zip(why, with_car, strict=True)
        ]
    woken = await _tell(state, with_car, told, now)
    changed = await _explain(account_id, site_id, owner, state, with_car, paces, told, why, now)
    return woken, changed


def place_of(row: Mapping[str, Any], now: datetime) -> Place | None:
    """A car that can be told something now, or None."""
    if row["session_id"] is None or not row["online"]:
        return None
    phases = tuple(row["phases"])
    bound, most_a = bound_a(row, now), row["max_ma"] / 1000
    bounded = bound is not None and bound * 1000 < row["max_ma"]
    if bounded:
        most_a = float(possible(bound or NOTHING))
    pace = Pace(told_a=float(row["wanted_a"] or 0), on_since=_s(row["on_since"]), rising_since=_s(row["rising_since"]),
                started=row["limit_ma"] is not None)  # fmt: skip
    had_wh = max(0, (row["last_meter_wh"] or row["meter_start_wh"]) - row["meter_start_wh"])
    left = UNKNOWN_KWH - had_wh / 1000 if row["wanted_wh"] is None else (row["wanted_wh"] - had_wh) / 1000
    car = Car(
        session=str(row["session_id"]), station=f"{row['station_id']}/{row['connector_no']}", circuit=str(row["circuit_id"]),
        phases=phases, min_a=6.0, max_a=most_a, kw_per_a=VOLTS * len(phases) / 1000,
        remaining_kwh=max(left, LEAST_KWH), arrival_min=row["started_at"].timestamp() / 60,
        departure_min=None if row["departure_at"] is None or row["departure_at"] <= now else row["departure_at"].timestamp() / 60,
        priority=float(row["priority"]), mode=row["mode"], step_a=row["step_ma"] / 1000,
        sun_priority=row["sun_priority"], observed_a=observed_a(row, now),
        # Who has not said when it leaves shares equally with the others; who has is served towards what it needs.
        planned_a=None if row["departure_at"] is not None and row["departure_at"] > now else 0.0,
        on=pace.told_a > 0, held=held(pace, now.timestamp(), SOLAR_DWELL_S if row["mode"] != "fast" else DWELL_S),
    )  # fmt: skip
    return Place(row, car, pace, counted_a(row, now), bounded)


def agreed_a(place: Place, now: datetime) -> float:
    """What a place's charger has agreed to and still keeps to; before it was told anything, all that it counts at."""
    row = place.row
    kept = row["told_a"] is not None and row["lease_until"] is not None and row["lease_until"] > now
    return float(row["told_a"]) if kept else place.counted_a


def _by_hand(reason: Reason, place: Place) -> Reason:
    """Where nothing but an operator's own limit holds a charge back, it says so."""
    held_back = reason.code == "full_speed" or place.car.max_a <= 0
    return msgspec.structs.replace(reason, code="operator_limit") if place.bounded and held_back else reason


def _s(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


def _reserve(state: SiteState, with_car: Sequence[Place], now: datetime) -> None:
    """Whatever may flow at places that get nothing from us now is kept back on their whole line."""
    mine = {(place.row["station_id"], place.row["connector_no"]) for place in with_car}
    tree = {circuit.id: circuit for circuit in state.circuits}
    for row in state.places:
        amps = counted_a(row, now)
        if not row["online"] and row["counted_a"] is None:
            amps = row["fail_safe_ma"] / 1000
        if (row["station_id"], row["connector_no"]) in mine or amps <= 0:
            continue
        name: str | None = str(row["circuit_id"])
        while name is not None:
            circuit = tree[name]
            l1, l2, l3 = (circuit.reserve[index] + (amps if PHASES[index] in row["phases"] else 0.0) for index in range(3))
            circuit.reserve = (l1, l2, l3)
            name = circuit.parent


async def _tell(state: SiteState, with_car: Sequence[Place], told: Sequence[float], now: datetime) -> list[UUID]:
    """Ask for limits where they differ; decreases first. A free place is told nothing flows, so that a new car waits its turn."""
    goals = [(place.row, Decimal(str(round(amps, 1)))) for place, amps in zip(with_car, told, strict=True)]
    goals += [(row, Decimal(0)) for row in state.places if row["session_id"] is None and row["online"]]
    woken = []
    for row, amps in sorted(goals, key=lambda one: one[1] - (one[0]["wanted_a"] or 0)):
        if row["wanted_a"] is None or row["wanted_a"] != amps:
            await limits.want(row["station_id"], row["connector_no"], amps, now, Decimal(row["fail_safe_ma"]) / 1000)
            woken.append(row["station_id"])
    return woken


def _next_turn(with_car: Sequence[Place], now: datetime) -> datetime | None:
    """When the first that charges has had its time, so that one who waits may take its place."""
    turns = [place.pace.on_since + DWELL_S for place in with_car if place.pace.on_since is not None]
    return max(now + timedelta(minutes=1), datetime.fromtimestamp(min(turns), now.tzinfo)) if turns else None


def _next_step(with_car: Sequence[Place], now: datetime) -> datetime | None:
    """When what is shared is known to change: somebody leaves, or has had its time while others wait."""
    steps = [at for place in with_car if (at := place.row["departure_at"]) is not None and at > now]
    if any(place.pace.told_a <= 0 for place in with_car) and (turn := _next_turn(with_car, now)) is not None:
        steps.append(turn)
    return min(steps, default=None)


async def _explain(
    account_id: UUID, site_id: UUID, owner: str, state: SiteState, with_car: Sequence[Place], paces: Sequence[Pace],
    told: Sequence[float], why: Sequence[Reason], now: datetime,
) -> list[Changed]:  # fmt: skip
    """Keep the reason where it, the current or the pace has changed."""
    changed = []
    next_turn, next_step = _next_turn(with_car, now), _next_step(with_car, now)
    async with as_machine():
        for place, pace, amps, reason in zip(with_car, paces, told, why, strict=True):
            row, shared = place.row, None if reason.shared_a is None else round(reason.shared_a * 1000)
            limit_ma = round(amps * 1000)
            rising = pace.rising_since
            shown = (limit_ma, reason.code, reason.cars) != (row["limit_ma"], row["reason"], row["cars"])
            shown = shown or abs((shared or 0) - (row["shared_ma"] or 0)) >= 1000
            if not shown and (rising is None) == (row["rising_since"] is None):
                continue
            on_since = (row["on_since"] or now) if amps > 0 else None
            waits = reason.code.startswith("waiting")
            await execute(
                STEP, account_id, row["session_id"], now, limit_ma, reason.code, reason.cars, shared,
                None if reason.circuit is None else state.names[reason.circuit],
                next_turn if waits else next_step, on_since,
                None if rising is None else datetime.fromtimestamp(rising, now.tzinfo), site_id, owner,
            )  # fmt: skip
            changed.append(Changed(account_id=account_id, kind="session", id=row["session_id"], person_id=row["person_id"]))
    return changed
