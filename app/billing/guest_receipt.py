"""A guest's receipt: number, document and charge in the caller's transaction."""

from datetime import datetime
from uuid import UUID

from app.billing import rules
from app.billing.documents.bill import BillDocument, Party
from app.billing.issue import creditor_party, next_number, positions, session_lines, store_bill
from app.billing.model import Charge
from app.billing.qr_slip import reference_for
from app.kernel.calendar import local_date
from app.ledger.commands import post
from app.sites.queries import site as site_of
from app.tariffs.queries import labels_of
from app.tariffs.rules import vat_groups


async def issue_receipt(account_id: UUID, charge: Charge, name: str, locale: str, now: datetime) -> UUID:
    """The receipt of one charge; the charge is on it from now on."""
    site = await site_of(charge.site_id)
    if site is None:
        raise LookupError(f"charge {charge.id} has no site")
    issued_on, day = local_date(now, site.time_zone), local_date(charge.occurred_at, site.time_zone)
    number = await next_number(account_id, site.creditor_id, issued_on.year)
    lines = positions([charge])
    groups = vat_groups(lines, charge.vat_rate, vat_included=True)
    net, vat = sum(group.net_minor for group in groups), sum(group.vat_minor for group in groups)
    document = BillDocument(
        number=f"{issued_on.year}-{number:06d}", locale=locale, creditor=creditor_party(site),
        resident=Party(name=name or "–", street="", postcode="", city="", country=site.country),
        site_name=site.name, time_zone=site.time_zone, iban=site.iban, vat_number=site.vat_number, period_start=day, period_end=day,
        issued_on=issued_on, due_on=issued_on, currency=site.currency,
        reference=reference_for(site.iban, site.creditor_id.int % 1_000_000, issued_on.year, number),
        positions=lines, sessions=await session_lines([charge]), vat=tuple(groups), net_minor=net, vat_minor=vat,
        gross_minor=net + vat, energy_wh=charge.energy_wh, last_month=None, months=(), labels=await labels_of(site.id, locale),
        by_card=True,
    )  # fmt: skip
    invoice_id = await store_bill(account_id, site, charge.person_id, document, [charge], now, kind="guest")
    rounding = rules.invoice_rounding_entry(invoice_id, document.number, charge.vat_minor, vat, site.currency, now)
    if rounding is not None:
        await post(account_id, rounding, now)
    return invoice_id
