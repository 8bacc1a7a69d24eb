"""What a month would have cost at other prices: read only, nothing is booked."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

import msgspec

from app.billing import queries, rules
from app.billing.energy_draft import parties
from app.billing.session_solar import mix_of
from app.charging import queries as charging
from app.kernel.calendar import month_end
from app.kernel.errors import not_found
from app.kernel.regime import standard_vat
from app.metering.queries import session_values
from app.sites import queries as sites
from app.tariffs.model import Rate, Tariff


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A resident's month as it was billed, or is with the prices of now, and as it would have been. Amounts with VAT."""

    person_id: UUID
    sessions: int
    energy_wh: int
    was_minor: int
    would_be_minor: int


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A site's month at other prices."""

    period: date
    currency: str
    was_minor: int
    would_be_minor: int
    residents: tuple[Difference, ...]


async def preview_charging(site_id: UUID, rate: Rate, period: date) -> Preview:
    """Every charge of a month priced again (inside the caller's transaction). Raises Refused not_found."""
    site = await sites.site(site_id)
    if site is None:
        raise not_found("site")
    tariff = _tried(site, rate, period)
    found: dict[UUID, Difference] = {}
    charges = await queries.charges_of_site(site_id, period)
    standing = await queries.charges_of_sessions([charge.session_id for charge in charges])
    for charge in standing.values():
        session = await charging.session(charge.session_id)
        if session is None:
            continue
        cost = rules.price_session(session, await session_values(session.id), tariff, await mix_of(session))
        before = found.get(charge.person_id) or Difference(
            person_id=charge.person_id, sessions=0, energy_wh=0, was_minor=0, would_be_minor=0
        )
        found[charge.person_id] = msgspec.structs.replace(
            before, sessions=before.sessions + 1, energy_wh=before.energy_wh + charge.energy_wh,
            was_minor=before.was_minor + charge.gross_minor, would_be_minor=before.would_be_minor + cost.gross_minor,
        )  # fmt: skip
    return _preview(site, period, found)


async def preview_electricity(site_id: UUID, rate: Rate, period: date) -> Preview:
    """A month of electricity, solar and grid, peaks, days and months, at other prices (inside the caller's transaction).

    Raises Refused not_found, no_price where the month has none to compare with.
    """
    site = await sites.site(site_id)
    if site is None:
        raise not_found("site")
    last, found = month_end(period), dict[UUID, Difference]()
    now, then = await parties(site, period, last), await parties(site, period, last, instead=_tried(site, rate, period))
    for was, would_be in zip(now, then, strict=True):
        before = found.get(was.person_id) or Difference(person_id=was.person_id, sessions=0, energy_wh=0, was_minor=0, would_be_minor=0)
        found[was.person_id] = msgspec.structs.replace(
            before, energy_wh=before.energy_wh + was.bill.solar_wh + was.bill.grid_wh,
            was_minor=before.was_minor + was.bill.gross_minor, would_be_minor=before.would_be_minor + would_be.bill.gross_minor,
        )  # fmt: skip
    return _preview(site, period, found)


def _tried(site: sites.Site, rate: Rate, period: date) -> Tariff:
    """The prices as if they had begun with the month."""
    return Tariff(
        id=site.id, site_id=site.id, name=rate.name, currency=site.currency, vat_rate=standard_vat(site.country, period),
        vat_included=rate.vat_included, valid_from=period, time_zone=site.time_zone, components=rate.components,
        high_hours=rate.high_hours, solution=rate.solution, rate=rate.rate,
    )  # fmt: skip


def _preview(site: sites.Site, period: date, found: Mapping[UUID, Difference]) -> Preview:
    residents = tuple(sorted(found.values(), key=lambda row: row.person_id))
    return Preview(
        period=period, currency=site.currency, residents=residents, was_minor=sum(row.was_minor for row in residents),
        would_be_minor=sum(row.would_be_minor for row in residents),
    )  # fmt: skip
