"""Nouns of charging, and what a station reports."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from app.metering.model import SignedText
from app.metering.rules import Reading


class Station(msgspec.Struct, frozen=True, kw_only=True):
    """A station as its connection needs it."""

    account_id: UUID
    id: UUID
    identity: str
    site_id: UUID
    name: str
    max_power_w: int
    commissioned_at: datetime
    connection_no: int = 0
    pinned_version: str | None = None
    ocpp_version: str = "ocpp1.6"
    awaits_setup: bool = False


class Connector(msgspec.Struct, frozen=True, kw_only=True):
    """A connector with its station, as a page shows it."""

    account_id: UUID
    station_id: UUID
    number: int
    public_code: str
    billing_point_id: UUID | None
    status: str
    error_code: str
    status_at: datetime | None
    identity: str
    station_name: str
    place: str
    max_power_w: int
    online: bool
    online_changed_at: datetime | None
    site_id: UUID
    site_name: str
    site_address: str
    time_zone: str
    open_session_id: UUID | None
    open_session_person_id: UUID | None
    open_request_id: UUID | None
    open_request_person_id: UUID | None
    reservation_no: int | None = None
    reserved_person_id: UUID | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A charging session with the names of its place. Registers and energy in Wh, power in W.

    `energy_wh`, `started_at` and `stopped_at` are what a person has settled where one has; `measured_wh` is the system's own.
    """

    account_id: UUID
    id: UUID
    transaction_no: int
    transaction_ref: str | None = None
    station_id: UUID
    connector_no: int
    source: str
    class_: str
    tag_tail: str
    tag_status: str
    person_id: UUID | None
    billing_point_id: UUID | None
    state: str
    started_at: datetime
    meter_start_wh: int
    stopped_at: datetime | None
    meter_stop_wh: int | None
    stop_reason: str | None
    energy_wh: int | None
    held_reason: str | None
    estimated: bool
    stop_asked_at: datetime | None
    last_meter_wh: int | None
    last_power_w: int | None
    last_value_at: datetime | None
    idle_since: datetime | None
    connector_status: str
    online: bool
    online_changed_at: datetime | None
    identity: str
    station_name: str
    place: str
    public_code: str
    site_id: UUID
    site_name: str
    time_zone: str
    billing_from: date | None = None  # what began before this day of the site is never billed
    sold: bool = True  # charging was an active solution of the site on the day of the start
    point_billed: bool = True  # whether the flat behind it is activated and bills its consumer
    connector_error: str = "NoError"
    measured_wh: int | None = None
    settled_at: datetime | None = None
    settled_reason: str | None = None


class ChargeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A resident's or a guest's wish to charge and what became of it; one of `person_id` and `guest_id` is set."""

    account_id: UUID
    id: UUID
    station_id: UUID
    connector_no: int
    person_id: UUID | None
    state: str
    reason: str | None
    deadline: datetime
    created_at: datetime
    session_id: UUID | None
    public_code: str
    station_name: str
    guest_id: UUID | None = None


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A command for a station, claimed by the node that holds its socket."""

    account_id: UUID
    id: UUID
    station_id: UUID
    action: str
    payload: str
    request_id: UUID | None
    session_id: UUID | None
    deadline: datetime
    request_no: int
    sealed: bytes | None


class StartReport(msgspec.Struct, frozen=True, kw_only=True):
    """A station says that a transaction began. `started_raw` is the time as sent."""

    connector_no: int
    id_tag: str
    meter_start_wh: int
    started_at: datetime
    started_raw: str
    body: str


class StopReport(msgspec.Struct, frozen=True, kw_only=True):
    """A station says that a transaction ended."""

    transaction_no: int
    id_tag: str | None
    meter_stop_wh: int
    stopped_at: datetime
    reason: str | None
    body: str


class ValueReport(msgspec.Struct, frozen=True, kw_only=True):
    """One moment of a MeterValues message."""

    taken_at: datetime
    reading: Reading
    context: str | None
    raw: str
    signed: tuple[SignedText, ...] = ()


class EventReport(msgspec.Struct, frozen=True, kw_only=True):
    """A TransactionEvent of OCPP 2.0.1. `evse` None: not said. `body` holds no tag; `content` tells equal events apart."""

    transaction: str
    seq_no: int
    kind: str
    at: datetime
    at_raw: str
    offline: bool
    evse: int | None
    id_token: str | None
    charging_state: str | None
    stopped_reason: str | None
    values: list[ValueReport]
    body: str
    content: str


class EventAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the station is told: the status of the tag in the event, and what it shows of the price (OCPP fields, JSON)."""

    tag_status: str | None = None
    display_text: str | None = None
    group: str | None = None


class StartAnswer(msgspec.Struct, frozen=True):
    """What the station is told about a start. `group`: what all badges of one resident have in common."""

    transaction_no: int
    tag_status: str
    group: str | None = None


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """What changed for whom: the wake-up that is published after the commit."""

    account_id: UUID
    kind: str
    id: UUID | None = None
    person_id: UUID | None = None
    station_id: UUID | None = None
    connector: int | None = None
