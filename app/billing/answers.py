"""The shapes of answers, from which the pages' types are made. Energy in Wh, power in W, money in minor units, times UTC.

Decimals travel as text.
"""

from datetime import date, datetime
from typing import Any, Literal, TypedDict
from uuid import UUID

from app.billing.queries import Payment
from app.billing.rules import Status


class StateView(TypedDict):
    """The key of a sentence and its figures."""

    key: str
    params: dict[str, Any]


class LineView(TypedDict):
    """A line of a price."""

    dimension: str
    band: str
    quantity: str
    unit: str
    unit_price: str
    amount_minor: int
    origin: str
    label: str


class CostView(TypedDict):
    """What a session costs; `final` once it is booked."""

    currency: str
    gross_minor: int
    net_minor: int
    vat_minor: int
    final: bool


# "from" is a word of the language, so this one is written as a call.
ComponentView = TypedDict(
    "ComponentView",
    {"dimension": str, "band": str, "origin": str, "unit_price": str, "from": str | None, "to": str | None, "grace_minutes": int | None,
     "cap_minor": int | None},
)  # fmt: skip


class PricesView(TypedDict):
    """The prices in force."""

    currency: str
    vat_rate: str
    vat_included: bool
    components: list[ComponentView]


class PlaceView(TypedDict):
    """A charging place as this person sees it. `refusal` says why no charge can be started; `guest_hold_minor` is what is held
    on a guest's card, None where no guests are taken."""

    code: str
    station_id: UUID
    station_name: str
    place: str
    site_name: str
    site_address: str
    connector: int
    state: StateView
    online: bool
    max_power_w: int
    price: PricesView | None
    can_start: bool
    refusal: str | None
    session_id: UUID | None
    request_id: UUID | None
    hotline: str | None
    guest_hold_minor: int | None


class RequestView(TypedDict):
    """A wish to charge and what became of it."""

    id: UUID
    code: str
    station_name: str
    state: str
    reason: str | None
    deadline: datetime
    session_id: UUID | None
    created_at: datetime


class SessionView(TypedDict):
    """A charging session with its cost (so far)."""

    id: UUID
    code: str
    station_name: str
    place: str
    site_name: str
    connector: int
    state: StateView
    by: str
    badge_tail: str | None
    started_at: datetime
    stopped_at: datetime | None
    energy_wh: int
    power_w: int | None
    duration_s: int
    data_at: datetime
    meter_start_wh: int
    meter_stop_wh: int | None
    solar_wh: int | None
    cost: CostView | None
    lines: list[LineView]
    stop_reason: str | None
    bill_id: UUID | None


class SessionDetail(SessionView):
    """A session with its curve: (time, W, Wh)."""

    power_series: list[tuple[datetime, int | None, int | None]]


class MonthView(TypedDict):
    """The sums of a month."""

    period: str
    energy_wh: int
    gross_minor: int
    sessions: int


class RunningMonth(MonthView):
    """The present month beside the same one a year ago."""

    currency: str
    last_year_energy_wh: int | None


class SessionPage(TypedDict):
    """A page of the history; `next` is the `before` of the following one."""

    items: list[SessionView]
    next: datetime | None
    months: list[MonthView]


class Usage(TypedDict):
    """Thirteen months, oldest first."""

    months: list[MonthView]
    currency: str


class BillView(TypedDict):
    """A bill in a list."""

    id: UUID
    site_id: UUID
    number: str
    period_start: date
    period_end: date
    issued_on: date
    due_on: date
    currency: str
    net_minor: int
    vat_minor: int
    gross_minor: int
    open_minor: int
    status: Status
    reference: str
    energy_wh: int
    kind: str
    corrects_id: UUID | None
    reminders: int
    disputed: bool


class BillDetail(BillView):
    """A bill with what it is made of."""

    lines: list[LineView]
    sessions: list[SessionView]


class ResidentBill(BillView):
    """A bill as the operator sees it."""

    resident_name: str


class Home(TypedDict):
    """What matters now."""

    running: list[SessionView]
    requests: list[RequestView]
    month: RunningMonth
    connectors: list[PlaceView]
    bills_open: list[BillView]
    last_sessions: list[SessionView]


class ConnectorRow(TypedDict):
    """A connector of a station."""

    station_id: UUID
    number: int
    code: str | None
    status: str
    error_code: str


class RunningRow(TypedDict):
    """What runs on a station."""

    station_id: UUID
    session_id: UUID
    energy_wh: int
    power_w: int | None
    started_at: datetime


class StationRow(TypedDict):
    """A station as the operator sees it."""

    station_id: UUID
    identity: str
    name: str
    site_name: str
    online: bool
    since: datetime | None
    vendor: str | None
    model: str | None
    firmware: str | None
    last_message_at: datetime | None
    connectors: list[ConnectorRow]
    running: list[RunningRow]


class SiteMonth(TypedDict):
    """A site's month."""

    site_id: UUID
    site_name: str
    state: Literal["issued", "open"]
    sessions: int
    energy_wh: int
    gross_minor: int
    currency: str
    held: int
    bills: list[ResidentBill]
    payments_unmatched: list[Payment]


class OperatorMonth(TypedDict):
    """The month of every site."""

    period: str
    sites: list[SiteMonth]


class MonthRun(TypedDict):
    """What issuing a month did: new bills, and who failed with the reason."""

    bills: int
    failed: list[str]
