"""What pages are told of places, requests, sessions and bills. Energy in Wh, money in minor units, times in UTC."""

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any
from uuid import UUID

from app.billing.answers import BillView, CostView, LineView, MonthView, PlaceView, PricesView, RequestView, SessionView
from app.billing.model import Charge
from app.billing.queries import Bill, charges_of_sessions, guest_hold_at, tariff_of
from app.billing.rules import Mix, is_known, pieces_of, price_session, with_solar
from app.billing.session_solar import mixes_of
from app.charging import queries as charging
from app.charging import rules as charging_rules
from app.charging.model import ChargeRequest, Connector, Session
from app.kernel.calendar import local_date, period_text
from app.metering.queries import session_values
from app.tariffs.model import Price, PriceLine, Tariff
from app.tariffs.queries import tariff_in_force


async def session_views(sessions: Sequence[Session], now: datetime) -> list[SessionView]:
    """Sessions with their cost: the charge once it is booked, else what they cost so far."""
    charges, mixes = await charges_of_sessions([session.id for session in sessions]), await mixes_of(sessions)
    return [await _session_view(session, charges.get(session.id), mixes.get(session.id), now) for session in sessions]


async def session_view(session: Session, now: datetime) -> SessionView:
    """One session."""
    return (await session_views([session], now))[0]


async def _session_view(session: Session, charge: Charge | None, mix: Mix | None, now: datetime) -> SessionView:
    cost, lines = await _cost(session, charge, mix)
    key, params = charging_rules.session_state(session, now)
    reading = session.meter_stop_wh if session.meter_stop_wh is not None else session.last_meter_wh
    so_far = max(0, (reading or session.meter_start_wh) - session.meter_start_wh)
    energy_wh = session.energy_wh if session.energy_wh is not None else so_far
    end = session.stopped_at or now
    return {
        "id": session.id, "code": session.public_code, "station_name": session.station_name, "place": session.place,
        "site_name": session.site_name, "connector": session.connector_no, "state": {"key": key, "params": params},
        "by": {"app": "app", "badge": "badge"}.get(session.source, "station"), "badge_tail": session.tag_tail or None,
        "started_at": session.started_at, "stopped_at": session.stopped_at, "energy_wh": energy_wh,
        "power_w": session.last_power_w, "duration_s": max(0, int((end - session.started_at).total_seconds())),
        "data_at": session.last_value_at or session.started_at, "meter_start_wh": session.meter_start_wh,
        "meter_stop_wh": session.meter_stop_wh, "solar_wh": await _solar_wh(session, charge, mix),
        "cost": cost, "lines": lines, "stop_reason": session.stop_reason,
        "bill_id": None if charge is None else charge.invoice_id,
    }  # fmt: skip


async def _solar_wh(session: Session, charge: Charge | None, mix: Mix | None) -> int | None:
    """What was solar: as it was priced, else as the roof and the meters say; None where they do not."""
    if charge is not None and charge.solar_wh is not None:
        return charge.solar_wh
    pieces = [] if mix is None else pieces_of(session, await session_values(session.id))
    return sum(piece.solar_wh for piece in with_solar(pieces, mix)) if pieces and is_known(pieces, mix) else None


async def _cost(session: Session, charge: Charge | None, mix: Mix | None) -> tuple[CostView | None, list[LineView]]:
    if charge is not None:
        return _cost_view(charge, final=True), [line_view(line) for line in charge.lines]
    tariff = await tariff_of(session)
    if tariff is None or session.state == "held" or not session.point_billed:
        return None, []
    price = price_session(session, await session_values(session.id), tariff, mix)
    return _cost_view(price, final=False), [line_view(line) for line in price.lines]


def _cost_view(price: Price | Charge, *, final: bool) -> CostView:
    return {"currency": price.currency, "gross_minor": price.gross_minor, "net_minor": price.net_minor,
            "vat_minor": price.vat_minor, "final": final}  # fmt: skip


def line_view(line: PriceLine) -> LineView:
    """A price line; decimals travel as text."""
    return {"dimension": line.dimension, "band": line.band, "quantity": str(line.quantity), "unit": line.unit,
            "unit_price": str(line.unit_price.normalize()), "amount_minor": line.amount_minor,
            "origin": line.origin, "label": line.label}  # fmt: skip


def _clock(at: time | None) -> str | None:
    return None if at is None else f"{at:%H:%M}"


def tariff_view(tariff: Tariff) -> PricesView:
    """Prices as a page shows them."""
    return {
        "currency": tariff.currency, "vat_rate": str(tariff.vat_rate.normalize()), "vat_included": tariff.vat_included,
        "components": [
            {"dimension": c.dimension, "band": c.band, "origin": c.origin, "unit_price": str(c.unit_price.normalize()),
             "from": _clock(c.from_time), "to": _clock(c.to_time),
             "grace_minutes": c.grace_minutes, "cap_minor": c.cap_minor}
            for c in tariff.components
        ],
    }  # fmt: skip


async def connector_view(connector: Connector, person_id: UUID | None, hotline: str | None, now: datetime) -> PlaceView:
    """A place as this person sees it; without a person nothing personal is told."""
    today = local_date(now, connector.time_zone)
    tariff = await tariff_in_force(connector.site_id, today)
    refusal: str | None = "not_signed_in"
    if person_id is not None:
        billing_point_id = await charging.billing_point_of(person_id, connector.site_id, today)
        allowed = await charging.charging_allowed(person_id)
        refusal = charging_rules.refusal(connector, billing_point_id, person_id, allowed)
        refusal = refusal or ("price_unknown" if tariff is None else None)
    key, params = charging_rules.connector_state(connector, person_id)
    mine = person_id is not None and connector.open_session_person_id == person_id
    asked = person_id is not None and connector.open_request_person_id == person_id
    return {
        "code": connector.public_code, "station_id": connector.station_id, "station_name": connector.station_name,
        "place": connector.place, "site_name": connector.site_name, "site_address": connector.site_address,
        "connector": connector.number, "state": {"key": key, "params": params}, "online": connector.online,
        "max_power_w": connector.max_power_w, "price": None if tariff is None else tariff_view(tariff),
        "can_start": refusal is None, "refusal": refusal, "session_id": connector.open_session_id if mine else None,
        "request_id": connector.open_request_id if asked else None, "hotline": hotline,
        "guest_hold_minor": None if connector.billing_point_id else await guest_hold_at(connector.station_id),
    }  # fmt: skip


def request_view(request: ChargeRequest) -> RequestView:
    """A wish to charge and what became of it."""
    return {
        "id": request.id, "code": request.public_code, "station_name": request.station_name, "state": request.state,
        "reason": request.reason, "deadline": request.deadline, "session_id": request.session_id,
        "created_at": request.created_at,
    }  # fmt: skip


def bill_view(bill: Bill) -> BillView:
    """A bill in a list."""
    return {
        "id": bill.id, "site_id": bill.site_id, "number": bill.number, "period_start": bill.period_start,
        "period_end": bill.period_end, "issued_on": bill.issued_on, "due_on": bill.due_on, "currency": bill.currency,
        "net_minor": bill.net_minor, "vat_minor": bill.vat_minor, "gross_minor": bill.gross_minor,
        "open_minor": bill.open_minor, "status": bill.status, "reference": bill.reference, "energy_wh": bill.energy_wh,
        "kind": bill.kind, "corrects_id": bill.corrects_id, "reminders": bill.reminders, "disputed": bill.disputed,
    }  # fmt: skip


def month_view(month: Sequence[Any]) -> MonthView:
    """A month's sums."""
    period, energy_wh, gross_minor, sessions = month
    return {"period": period_text(period), "energy_wh": energy_wh, "gross_minor": gross_minor, "sessions": sessions}
