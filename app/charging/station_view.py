"""One station as operators and support see it: its state, what may be asked of it now, and the log of what was asked."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from app.charging import reservations, station_files, station_setup
from app.charging.operator_commands import reasons
from app.database.transaction import fetch, fetchrow
from app.kernel.calendar import local_date
from app.kernel.errors import not_found
from app.residents.queries import people_at_site

LOG_LENGTH = 50
LONGEST_SHOWN = 16_000


class StationPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A connector and the session that runs there."""

    number: int
    status: str
    error_code: str
    session_id: UUID | None
    session_since: datetime | None
    energy_wh: int | None
    limit: "PlaceLimit | None"


class PlaceLimit(msgspec.Struct, frozen=True, kw_only=True):
    """The current a phase that a place was granted (`wanted_a`; None: being lifted), what its charger has accepted, and what
    it counts at until its meter confirms. `problem`: refused, not_obeyed, car_sleeps."""

    wanted_a: Decimal | None
    told_a: Decimal | None
    counted_a: Decimal
    confirmed: bool
    problem: str | None


class CommandPossible(msgspec.Struct, frozen=True, kw_only=True):
    """A command of the fixed list. `reason`: the code of why it cannot be asked now."""

    kind: str
    reason: str | None


class CommandEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked and what came of it.

    `outcome`: queued, sent, accepted, scheduled, reboot_required, rejected, timed_out, or failed with its `reason` (no_answer,
    connection_lost, station_error, not_supported, cannot_say). `said`: the station's own words. `asked`: the command with its
    secrets hidden. `by` None: the system itself. `progress`: the last status of a long operation, `following` while it runs.
    """

    id: UUID
    kind: str
    asked: str
    outcome: str
    reason: str | None
    said: str | None
    answer: str | None
    by: str | None
    ticket: str | None
    created_at: datetime
    sent_at: datetime | None
    ended_at: datetime | None
    progress: str | None
    progress_at: datetime | None
    following: bool


class StationSetting(msgspec.Struct, frozen=True, kw_only=True):
    """A setting as the station told it."""

    name: str
    value: str | None
    readonly: bool | None
    read_at: datetime


class StationList(msgspec.Struct, frozen=True, kw_only=True):
    """The station's local list. `supported` None: not known yet. `right`: it holds what it should."""

    supported: bool | None
    reason: str | None
    version: int
    entries: int
    left_out: int
    right: bool


class StationResident(msgspec.Struct, frozen=True, kw_only=True):
    """A resident for whom a charge may be started."""

    id: UUID
    name: str


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    """A place kept for a resident, or what became of it: asked, reserved, refused with the station's word, used, cancelled,
    expired. `connector` None: any of the station."""

    id: UUID
    connector: int | None
    person_id: UUID
    person: str
    until: datetime
    state: str
    reason: str | None


class StationTold(msgspec.Struct, frozen=True, kw_only=True):
    """The last that a station told of one thing: firmware, log, monitor, charging_profile, charging_limit, display_message,
    customer_information and the like. `body`: as received."""

    kind: str
    key: str
    status: str | None
    at: datetime
    body: str


class StationNotice(msgspec.Struct, frozen=True, kw_only=True):
    """What a monitor or a component of a station noticed."""

    at: datetime
    component: str
    variable: str
    trigger: str
    value: str


class StationSetup(msgspec.Struct, frozen=True, kw_only=True):
    """A setting that the station must have before it goes to work. `state`: wanted, applied, refused, no_answer."""

    name: str
    value: str
    state: str
    changed_at: datetime


class StationDetail(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page of a station."""

    id: UUID
    identity: str
    name: str
    place: str
    site_name: str
    online: bool
    since: datetime | None
    vendor: str | None
    model: str | None
    serial: str | None
    firmware: str | None
    ocpp_version: str | None
    last_message_at: datetime | None
    last_boot_at: datetime | None
    roaming_allowed: bool
    connectors: list[StationPlace]
    commands: list[CommandPossible]
    log: list[CommandEntry]
    settings: list[StationSetting]
    setup: list[StationSetup]
    files: list[station_files.StationFile]
    firmwares: list[station_files.StationFile]
    local_list: StationList | None
    residents: list[StationResident]
    reservations: list[Reservation]
    told: list[StationTold]
    notices: list[StationNotice]


STATION = """
SELECT s.id, s.identity, s.name, s.place, t.name AS site_name, s.online, s.online_changed_at AS since, s.vendor, s.model, s.serial,
    s.firmware, s.ocpp_version, s.last_message_at, s.last_boot_at, s.roaming_allowed, s.site_id,
    t.time_zone
FROM station s JOIN site t ON t.account_id = s.account_id AND t.id = s.site_id WHERE s.id = $1
"""
PLACES = """
SELECT c.number, c.status, c.error_code, x.id AS session_id, x.started_at AS session_since,
    greatest(0, coalesce(x.last_meter_wh, x.meter_start_wh) - x.meter_start_wh) AS energy_wh,
    l.wanted_at, l.wanted_a, l.told_a, l.counted_a, l.confirmed_at, l.problem
FROM connector c LEFT JOIN charging_limit l ON l.account_id = c.account_id AND l.station_id = c.station_id AND l.connector_no = c.number
LEFT JOIN LATERAL (SELECT * FROM charging_session y WHERE y.account_id = c.account_id AND y.station_id = c.station_id
    AND y.connector_no = c.number AND y.state = 'open' ORDER BY y.started_at DESC LIMIT 1) x ON true
WHERE c.station_id = $1 ORDER BY c.number
"""
LOG = """
SELECT c.id, c.action AS kind, c.payload AS asked, c.state, c.verdict, c.error, c.said, c.answer,
    coalesce(nullif(n.name, ''), n.email) AS by, c.ticket, c.created_at, c.sent_at, c.ended_at, c.progress, c.progress_at, c.following
FROM station_command c LEFT JOIN login_name n ON n.id = c.asked_by
WHERE c.station_id = $1 ORDER BY c.created_at DESC, c.id DESC LIMIT $2
"""
LIST = """
SELECT l.supported, l.reason, l.version, l.left_out, (SELECT count(*) FROM local_list_entry e WHERE e.station_id = l.station_id) AS entries,
    NOT l.full_needed AND l.supported IS TRUE AND l.epoch >= coalesce((SELECT epoch FROM local_list_epoch), 1) AS "right"
FROM local_list l WHERE l.station_id = $1
"""


# What is told of connectors is shown as the state of the places.
TOLD = """
SELECT kind, key, status, at, left(body, 4000) AS body FROM station_state WHERE station_id = $1 AND gone_at IS NULL AND kind <> 'connector'
ORDER BY at DESC, kind, key LIMIT 50
"""
NOTICES = """
SELECT at, component, variable, trigger, value FROM station_event WHERE station_id = $1 ORDER BY at DESC, event_no DESC LIMIT 20
"""


async def station_detail(station_id: UUID, now: datetime) -> StationDetail:
    """The page (inside the caller's transaction). Raises Refused not_found."""
    row = await fetchrow(STATION, station_id)
    if row is None:
        raise not_found("station")
    settings = await fetch("SELECT name, value, readonly, read_at FROM station_setting WHERE station_id = $1 ORDER BY name", station_id)
    listed = await fetchrow(LIST, station_id)
    people = await people_at_site(row["site_id"], local_date(now, row["time_zone"]))
    return StationDetail(
        **{name: row[name] for name in STATION_FIELDS},
        connectors=[_place(one) for one in await fetch(PLACES, station_id)],
        commands=[CommandPossible(kind=kind, reason=why) for kind, why in reasons(row["online"], row["ocpp_version"]).items()],
        log=[log_entry(one) for one in await fetch(LOG, station_id, LOG_LENGTH)],
        settings=[StationSetting(**one) for one in settings],
        setup=[StationSetup(**one) for one in await station_setup.setup_of(station_id)],
        files=await station_files.files_of_station(station_id), firmwares=await station_files.firmware_files(),
        local_list=None if listed is None else StationList(**listed),
        residents=[StationResident(id=one.id, name=one.name) for one in people],
        told=[StationTold(**one) for one in await fetch(TOLD, station_id)],
        notices=[StationNotice(**one) for one in await fetch(NOTICES, station_id)],
        reservations=[Reservation(**one) for one in await reservations.of_station(station_id, now)],
    )  # fmt: skip


def _place(row: Any) -> StationPlace:
    limit = None
    if row["wanted_at"] is not None:
        limit = PlaceLimit(wanted_a=row["wanted_a"], told_a=row["told_a"], counted_a=row["counted_a"],
                           confirmed=row["confirmed_at"] is not None, problem=row["problem"])  # fmt: skip
    fields = ("number", "status", "error_code", "session_id", "session_since", "energy_wh")
    return StationPlace(**{name: row[name] for name in fields}, limit=limit)


STATION_FIELDS = ("id", "identity", "name", "place", "site_name", "online", "since", "vendor", "model", "serial", "firmware",
                  "ocpp_version", "last_message_at", "last_boot_at", "roaming_allowed")  # fmt: skip


def log_entry(row: Any) -> CommandEntry:
    """A row of the log as people read it. The `error` of a row is a code and the station's words."""
    reason, _, words = (row["error"] or "").partition(" ")
    outcome = row["verdict"] if row["state"] == "answered" and row["verdict"] else row["state"]
    answer = row["answer"]
    return CommandEntry(
        id=row["id"], kind=row["kind"], asked=row["asked"], outcome=outcome, reason=reason or None, said=row["said"] or words or None,
        answer=None if answer is None else answer[:LONGEST_SHOWN], by=row["by"], ticket=row["ticket"], created_at=row["created_at"],
        sent_at=row["sent_at"], ended_at=row["ended_at"], progress=row["progress"], progress_at=row["progress_at"],
        following=row["following"],
    )  # fmt: skip
