"""A commissioning run: each station of a site is switched in turn, and what the meter shows says on which phases it hangs.
It works inside the loop's rounds, so every fuse is kept while it runs; inside the caller's transaction."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.charging.balance_state import SiteState, in_amperes
from app.charging.balancing.commissioning import TEST_A, Step, Told, next_step, wiring_of
from app.database.transaction import execute, fetch, fetchrow, fetchval
from app.kernel.errors import Refused

FIRST = 1e6  # before everybody's priority
STEP = """
SELECT p.*, r.started_by FROM commissioning_step p JOIN commissioning_run r ON r.account_id = p.account_id AND r.id = p.run_id
WHERE r.site_id = $1 AND r.state = 'running' AND p.stage <> 'done' ORDER BY p.position LIMIT 1
"""
SAVE = """
UPDATE commissioning_step SET stage = $3, since = $4, began_at = $5, tries = $6, before_ma = $7, after_ma = $8, found = $9, verdict = $10
WHERE run_id = $1 AND position = $2
"""
PLACES = """
INSERT INTO commissioning_step (account_id, run_id, position, station_id, connector_no, wired)
SELECT s.account_id, $2, row_number() OVER (ORDER BY s.name, k.number), s.id, k.number, w.phases
FROM station s JOIN station_wiring w ON w.account_id = s.account_id AND w.station_id = s.id
JOIN connector k ON k.account_id = s.account_id AND k.station_id = s.id AND k.number > 0 WHERE s.site_id = $1
"""
METER = """
SELECT m.ma, m.received_at FROM circuit c LEFT JOIN circuit_dlm_meter d ON d.account_id = c.account_id AND d.circuit_id = c.id
JOIN meter_current m ON m.account_id = c.account_id AND m.meter_id IN (c.consumption_meter_id, d.meter_id)
WHERE c.id = $1 ORDER BY m.meter_id = c.consumption_meter_id DESC, m.received_at DESC LIMIT 1
"""


class Trial(msgspec.Struct, frozen=True):
    """The place whose turn it is, and what may flow there."""

    station_id: UUID
    connector_no: int
    most_a: float

    def is_at(self, row: Mapping[str, Any]) -> bool:
        """Whether a place is the one."""
        return (row["station_id"], row["connector_no"]) == (self.station_id, self.connector_no)


class StepShown(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a run. `wired`: the phases as they stood before it; `found`: where the meter saw the current."""

    station_id: UUID
    station_name: str
    connector: int
    stage: str
    wired: list[str]
    found: list[str] | None
    verdict: str | None
    before_ma: list[int] | None
    after_ma: list[int] | None


class RunShown(msgspec.Struct, frozen=True, kw_only=True):
    """A run, the places in the order of their turn."""

    id: UUID
    state: str
    started_at: datetime
    started_by: str
    ended_at: datetime | None
    steps: list[StepShown]


class Commissioning(msgspec.Struct, frozen=True, kw_only=True):
    """The last run of a site; None: there was none yet."""

    run: RunShown | None


async def start(actor: Actor, site_id: UUID, now: datetime) -> None:
    """Begin a run. Raises Refused commissioning_runs, nothing_to_commission."""
    if await fetchval("SELECT 1 FROM commissioning_run WHERE site_id = $1 AND state = 'running'", site_id):
        raise Refused("commissioning_runs", 409, "A commissioning run is under way here. Stop it first, or wait for its end.")
    run_id = await fetchval(
        "INSERT INTO commissioning_run (account_id, site_id, started_at, started_by) VALUES ($1, $2, $3, $4) RETURNING id",
        actor.account_id, site_id, now, actor.name,
    )  # fmt: skip
    if await execute(PLACES, site_id, run_id) == "INSERT 0 0":
        raise Refused("nothing_to_commission", 409, "No station hangs on a circuit here. Enter the circuits and stations first.")
    await note(actor, "site", site_id, "commissioning_started", now)


async def stop(actor: Actor, site_id: UUID, now: datetime) -> None:
    """End a run before it is through; what it has learnt stays. Nothing happens where none runs."""
    ended = await execute("UPDATE commissioning_run SET state = 'stopped', ended_at = $2 WHERE site_id = $1 AND state = 'running'",
                          site_id, now)  # fmt: skip
    if ended != "UPDATE 0":
        await note(actor, "site", site_id, "commissioning_stopped", now)


async def last_run(site_id: UUID) -> Commissioning:
    """The newest run with its steps."""
    run = await fetchrow("SELECT * FROM commissioning_run WHERE site_id = $1 ORDER BY started_at DESC LIMIT 1", site_id)
    if run is None:
        return Commissioning(run=None)
    rows = await fetch(
        "SELECT p.*, s.name AS station_name, p.connector_no AS connector FROM commissioning_step p JOIN station s"
        " ON s.account_id = p.account_id AND s.id = p.station_id WHERE p.run_id = $1 ORDER BY p.position", run["id"],
    )  # fmt: skip
    steps = [StepShown(**{name: row[name] for name in StepShown.__struct_fields__}) for row in rows]
    return Commissioning(run=RunShown(steps=steps, **{name: run[name] for name in RunShown.__struct_fields__ if name != "steps"}))


async def trial(site_id: UUID, state: SiteState, now: datetime) -> Trial | None:
    """The place whose turn it is in this round, after what is known now was made of it; None where no run is under way."""
    while (row := await fetchrow(STEP, site_id)) is not None:
        at = Trial(row["station_id"], row["connector_no"], 0.0)
        place = next((one for one in state.places if at.is_at(one)), None)
        before = _step(row)
        after = next_step(before, await _told(place, now), now.timestamp())
        if after != before:
            await _save(row, after, now)
        if after.stage != "done":
            return at if after.stage == "off" else msgspec.structs.replace(at, most_a=TEST_A)
    return None


def under_trial(places: Sequence[Any], one: Trial) -> None:
    """Of the places with a car: the one in turn has what the run wants and before all others, who meanwhile do not rise."""
    for place in places:
        if one.is_at(place.row):
            place.car.max_a = min(place.car.max_a, one.most_a)
            place.car.priority, place.car.mode, place.car.observed_a, place.car.held = FIRST, "fast", None, True
        else:
            place.car.max_a = min(place.car.max_a, place.pace.told_a)


async def _told(place: Mapping[str, Any] | None, now: datetime) -> Told:
    there = place is not None and place["session_id"] is not None and place["online"]
    if place is None or not there:
        return Told(there=False, told_a=None, told_s=None, measured_a=None, measured_s=None)
    word = await fetchrow(METER, place["circuit_id"])
    told_a = None if place["told_a"] is None or place["told_a"] != place["wanted_a"] else float(place["told_a"])
    return Told(there=True, told_a=told_a, told_s=None if place["told_at"] is None else place["told_at"].timestamp(),
                measured_a=None if word is None else in_amperes(word["ma"]),
                measured_s=None if word is None else word["received_at"].timestamp())  # fmt: skip


def _step(row: Mapping[str, Any]) -> Step:
    return Step(
        stage=row["stage"], since_s=0.0 if row["since"] is None else row["since"].timestamp(), tries=row["tries"],
        began_s=0.0 if row["began_at"] is None else row["began_at"].timestamp(), wired=tuple(row["wired"]),
        before_a=None if row["before_ma"] is None else in_amperes(row["before_ma"]),
        after_a=None if row["after_ma"] is None else in_amperes(row["after_ma"]),
        found=None if row["found"] is None else tuple(row["found"]), verdict=row["verdict"],
    )  # fmt: skip


async def _save(row: Mapping[str, Any], step: Step, now: datetime) -> None:
    """Keep a step; what was learnt becomes the station's wiring, and the last one ends the run."""
    await execute(
        SAVE, row["run_id"], row["position"], step.stage, datetime.fromtimestamp(step.since_s, UTC),
        datetime.fromtimestamp(step.began_s, UTC), step.tries, _ma(step.before_a), _ma(step.after_a), step.found, step.verdict,
    )  # fmt: skip
    actor = Actor(account_id=row["account_id"], name=row["started_by"])
    if step.verdict == "learnt":
        learnt = wiring_of(step.wired, step.found or ())
        await execute("UPDATE station_wiring SET phases = $2 WHERE station_id = $1", row["station_id"], learnt)
        await note(actor, "station", row["station_id"], "phases_learnt", now, before={"phases": " ".join(step.wired)},
                   after={"phases": " ".join(learnt or ())})  # fmt: skip
    await execute("UPDATE commissioning_run SET state = 'done', ended_at = $2 WHERE id = $1 AND state = 'running' AND NOT EXISTS"
                  " (SELECT 1 FROM commissioning_step WHERE run_id = $1 AND stage <> 'done')", row["run_id"], now)  # fmt: skip


def _ma(amperes: tuple[float, float, float] | None) -> list[int] | None:
    return None if amperes is None else [round(1000 * one) for one in amperes]
