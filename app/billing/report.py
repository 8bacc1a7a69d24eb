"""A resident's charges of a month, read for the report to an employer."""

from datetime import date
from uuid import UUID

from app.billing.documents.bill import Party
from app.billing.documents.report import Report, ReportLine
from app.billing.issue import creditor_party, resident_party
from app.billing.queries import charges_of_sessions
from app.billing.views import session_views
from app.charging.queries import sessions_of_month
from app.kernel.calendar import local_date
from app.kernel.clock import Clock
from app.kernel.errors import Refused, not_found
from app.residents.queries import person
from app.sites.queries import site as site_of


async def report_of(person_id: UUID, period: date, clock: Clock) -> Report:
    """What a person's charges that ended in a month came to (inside the caller's transaction).

    Raises Refused nothing_to_report where none is priced.
    """
    now, resident = clock(), await person(person_id)
    if resident is None:
        raise not_found("person")
    sessions = await sessions_of_month(person_id, period)
    charges = await charges_of_sessions([session.id for session in sessions])
    solar = {view["id"]: view["solar_wh"] for view in await session_views(sessions, now)}
    lines, operator, currency = [], None, ""
    for session in sessions:
        charge = charges.get(session.id)
        if charge is None or session.stopped_at is None:
            continue
        operator, currency = operator or await _operator(session.site_id), charge.currency
        lines.append(ReportLine(
            started_at=session.started_at, stopped_at=session.stopped_at, time_zone=session.time_zone, site=session.site_name,
            place=session.station_name, meter_start_wh=session.meter_start_wh, meter_stop_wh=session.meter_stop_wh,
            energy_wh=charge.energy_wh, solar_wh=solar[session.id], net_minor=charge.net_minor, vat_minor=charge.vat_minor,
            gross_minor=charge.gross_minor,
        ))  # fmt: skip
    if operator is None:
        raise Refused("nothing_to_report", 404, "Nothing was charged in this month.")
    return Report(period=period, made_on=local_date(now, sessions[0].time_zone), locale=resident.locale, resident=resident_party(resident),
                  operator=operator, currency=currency, lines=lines)  # fmt: skip


async def _operator(site_id: UUID) -> Party | None:
    site = await site_of(site_id)
    return None if site is None else creditor_party(site)
