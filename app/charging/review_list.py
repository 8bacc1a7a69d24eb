"""What a person has to look at, with all that speaks for or against it, inside the caller's transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.charging import settling
from app.charging.decisions import doubtful_of
from app.charging.settling import Doubtful, SaidStop, Suggestion
from app.database.transaction import fetch, fetchrow
from app.metering.commands import signed_verdict


class ReviewItem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person has to look at before it is charged or forgotten.

    `kind`: held (a session that may not be charged), orphan (energy that nobody is charged for), quarantine (a message that
    could not be placed; `message` says of which kind). Energy in Wh.
    """

    id: UUID
    kind: str
    station_name: str
    identity: str
    connector: int | None
    received_at: datetime
    reason: str
    body: str
    message: str | None
    resident_name: str | None
    energy_wh: int | None


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A meter value of a session: register (Wh), power (W), and what was odd about it."""

    taken_at: datetime
    received_at: datetime
    energy_wh: int | None
    power_w: int | None
    flags: list[str]


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody has decided: who, when, why, and the state before and after."""

    action: str
    reason: str
    by_name: str
    at: datetime
    before: dict[str, Any]
    after: dict[str, Any]


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """A resident of the house on the day of a session."""

    person_id: UUID
    name: str
    billing_point: str


class SignedValue(msgspec.Struct, frozen=True, kw_only=True):
    """A signed meter value and what its signature says: valid, invalid, no_key, unsupported, unreadable."""

    id: UUID
    taken_at: datetime
    context: str | None
    verdict: str
    key_source: str | None
    public_key: str | None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """A session under review: what was reported and received, what is possible, what speaks for which energy."""

    session: Doubtful
    started_raw: str
    station_name: str
    identity: str
    site_name: str
    max_power_w: int
    tag_tail: str
    tag_status: str
    source: str
    estimated: bool
    resident_name: str | None
    measured_wh: int | None
    most_possible_wh: int
    charged_wh: int | None
    believed_from: datetime
    believed_to: datetime
    suggestions: list[Suggestion]
    values: list[Value]
    signed: list[SignedValue]
    actions: list[Action]
    neighbours: list[Neighbour]


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A session that a lost stop may belong to, and the energy that it would have then; `fits` where that is possible."""

    session_id: UUID
    connector: int
    state: str
    started_at: datetime
    meter_start_wh: int
    resident_name: str | None
    energy_wh: int
    fits: bool


class MessageEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """A kept message, verbatim, and what it may belong to."""

    id: UUID
    station_name: str
    identity: str
    received_at: datetime
    kind: str
    reason: str
    body: str
    said: SaidStop | None
    settled_at: datetime | None
    candidates: list[Candidate]
    actions: list[Action]


LIST = """
SELECT q.id, 'quarantine' AS kind, st.name AS station_name, st.identity, NULL::int AS connector, q.received_at, q.reason, q.body,
       q.kind AS message, NULL AS resident_name, NULL::bigint AS energy_wh
FROM quarantine q JOIN station st ON st.account_id = q.account_id AND st.id = q.station_id
WHERE q.settled_at IS NULL
UNION ALL
SELECT x.id, CASE WHEN x.state = 'ended' THEN 'orphan' ELSE 'held' END, st.name, st.identity, x.connector_no,
       coalesce(x.stop_received_at, x.start_received_at), CASE WHEN x.state = 'ended' THEN 'nobody' ELSE x.held_reason END, '',
       NULL, nullif(trim(p.given_name || ' ' || p.family_name), ''), coalesce(x.settled_wh, x.energy_wh, x.meter_stop_wh - x.meter_start_wh)
FROM charging_session x JOIN station st ON st.account_id = x.account_id AND st.id = x.station_id
LEFT JOIN person p ON p.account_id = x.account_id AND p.id = x.person_id
WHERE x.state = 'held' OR (x.held_reason IS NOT NULL AND x.state IN ('open', 'stop_missing'))
    OR (x.state = 'ended' AND x.person_id IS NULL AND x.class = 'internal' AND coalesce(x.settled_wh, x.energy_wh) > 0)
ORDER BY received_at DESC, id LIMIT 200
"""
SESSION = """
SELECT x.*, x.class AS class_, st.name AS station_name, st.identity, st.max_power_w, st.site_id, s.name AS site_name, s.time_zone,
       nullif(trim(p.given_name || ' ' || p.family_name), '') AS resident_name
FROM charging_session x JOIN station st ON st.account_id = x.account_id AND st.id = x.station_id
JOIN site s ON s.account_id = st.account_id AND s.id = st.site_id
LEFT JOIN person p ON p.account_id = x.account_id AND p.id = x.person_id WHERE x.id = $1
"""
VALUES = """
SELECT taken_at, received_at, energy_wh, power_w, flags FROM meter_value WHERE session_id = $1 ORDER BY taken_at, id LIMIT 500
"""
SIGNED = """
SELECT id, taken_at, context, verdict, key_source, public_key FROM signed_value WHERE session_id = $1 ORDER BY taken_at, id
"""
NEIGHBOURS = """
SELECT p.id AS person_id, trim(p.given_name || ' ' || p.family_name) AS name, b.name AS billing_point FROM occupancy o
JOIN billing_point b ON b.account_id = o.account_id AND b.id = o.billing_point_id
JOIN person p ON p.account_id = o.account_id AND p.id = o.person_id
WHERE b.site_id = $1 AND o.period @> ($2::timestamptz AT TIME ZONE $3)::date ORDER BY 2, 3
"""
CANDIDATES = """
SELECT x.*, nullif(trim(p.given_name || ' ' || p.family_name), '') AS resident_name, st.max_power_w FROM charging_session x
JOIN station st ON st.account_id = x.account_id AND st.id = x.station_id
LEFT JOIN person p ON p.account_id = x.account_id AND p.id = x.person_id
WHERE x.station_id = $1 AND x.state <> 'discarded' AND x.started_at <= $2 AND x.meter_start_wh <= $3
ORDER BY x.state IN ('open', 'stop_missing') DESC, x.started_at DESC LIMIT 10
"""


async def review_list() -> list[ReviewItem]:
    """Messages and sessions that nobody has settled, newest first."""
    return [ReviewItem(**row) for row in await fetch(LIST)]


async def session_evidence(session_id: UUID) -> Evidence | None:
    """All about one session."""
    row = await fetchrow(SESSION, session_id)
    if row is None:
        return None
    session = doubtful_of(row)
    begun, over = settling.times_to_believe(session)
    _, signed_wh = await signed_verdict(session_id)
    stops = await fetch("SELECT body FROM quarantine WHERE station_id = $1 AND settled_at IS NULL AND body LIKE $2",
                        session.station_id, f"%{row['transaction_no']}%")  # fmt: skip
    later = [said.meter_stop_wh for one in stops if (said := settling.said_stop(one["body"])) is not None]
    return Evidence(
        session=session, started_raw=row["started_raw"], station_name=row["station_name"], identity=row["identity"],
        site_name=row["site_name"], max_power_w=row["max_power_w"], tag_tail=row["tag_tail"], tag_status=row["tag_status"],
        source=row["source"], estimated=row["estimated"], resident_name=row["resident_name"],
        measured_wh=settling.measured_wh(session), most_possible_wh=settling.most_possible_wh(session, row["max_power_w"]),
        charged_wh=settling.present(session).energy_wh if session.state == "ended" else None, believed_from=begun, believed_to=over,
        suggestions=settling.suggestions(session, row["max_power_w"], later, signed_wh),
        values=[Value(**one) for one in await fetch(VALUES, session_id)],
        signed=await signed_values(session_id), actions=await _actions("session_id", session_id),
        neighbours=[Neighbour(**one) for one in await fetch(NEIGHBOURS, row["site_id"], begun, row["time_zone"])],
    )  # fmt: skip


async def message_evidence(message_id: UUID) -> MessageEvidence | None:
    """All about one kept message."""
    row = await fetchrow(
        "SELECT q.*, st.name AS station_name, st.identity FROM quarantine q"
        " JOIN station st ON st.account_id = q.account_id AND st.id = q.station_id WHERE q.id = $1", message_id,
    )  # fmt: skip
    if row is None:
        return None
    said = settling.said_stop(row["body"])
    found = [] if said is None else await fetch(CANDIDATES, row["station_id"], said.at, said.meter_stop_wh)
    return MessageEvidence(
        id=row["id"], station_name=row["station_name"], identity=row["identity"], received_at=row["received_at"], kind=row["kind"],
        reason=row["reason"], body=row["body"], said=said, settled_at=row["settled_at"],
        candidates=[] if said is None else [_candidate(one, said) for one in found],
        actions=await _actions("quarantine_id", message_id),
    )  # fmt: skip


def _candidate(row: Mapping[str, Any], said: SaidStop) -> Candidate:
    energy_wh = said.meter_stop_wh - row["meter_start_wh"]
    seconds = int((said.at - row["started_at"]).total_seconds())
    return Candidate(
        session_id=row["id"], connector=row["connector_no"], state=row["state"], started_at=row["started_at"],
        meter_start_wh=row["meter_start_wh"], resident_name=row["resident_name"], energy_wh=energy_wh,
        fits=settling.implausible(energy_wh, seconds, row["max_power_w"]) is None,
    )  # fmt: skip


async def signed_values(session_id: UUID) -> list[SignedValue]:
    """The signed values of a session without their records."""
    return [SignedValue(**row) for row in await fetch(SIGNED, session_id)]


async def signed_record(session_id: UUID, signed_id: UUID) -> bytes | None:
    """A signed record byte for byte."""
    row = await fetchrow("SELECT record FROM signed_value WHERE session_id = $1 AND id = $2", session_id, signed_id)
    return None if row is None else row["record"]


async def _actions(column: str, object_id: UUID) -> list[Action]:
    rows = await fetch(
        f"SELECT action, reason, by_name, at, before, after FROM review_action WHERE {column} = $1 ORDER BY at, id", object_id
    )
    return [Action(**{**row, "before": msgspec.json.decode(row["before"]), "after": msgspec.json.decode(row["after"])}) for row in rows]
