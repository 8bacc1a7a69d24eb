"""Visits to houses: what is agreed, what was done, and the bill of what neither warranty nor package covers. Each visit once."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.billing import rules
from app.billing.credit import lock_person
from app.billing.documents import words
from app.billing.documents.bill import BillDocument
from app.billing.issue import creditor_party, next_number, resident_party, store_bill
from app.billing.mailings import Mailing, keep_mailing
from app.billing.qr_slip import reference_for
from app.billing.service_rules import FreeBy, Kind, ServiceTerms, visit_lines
from app.database.transaction import execute, fetch, fetchrow, fetchval, in_account
from app.kernel.calendar import local_date
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.ledger.commands import post
from app.outbox.commands import record
from app.residents.queries import Person, person
from app.sites import queries as sites
from app.tariffs.model import PriceLine
from app.tariffs.rules import vat_groups

Minor = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]


class NewTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form of what is agreed from a day on."""

    valid_from: date
    package: Literal["basic", "full"]
    warranty_until: date | None = None
    call_out_minor: Minor
    hour_minor: Minor
    maintenance_minor: Minor
    vat_rate: Decimal


class NewVisit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form of a visit; the same key is the same visit."""

    idempotency_key: UUID
    kind: Kind
    day: date
    minutes: Annotated[int, msgspec.Meta(ge=0, le=1440)] = 0
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """A visit with its bill, or why it is free."""

    id: UUID
    kind: Kind
    day: date
    minutes: int
    text: str
    free_by: FreeBy | None
    invoice_id: UUID | None
    bill_number: str | None
    gross_minor: int
    currency: str


class ServicePage(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed, the latest first, and the visits, the latest first."""

    terms: list[ServiceTerms]
    visits: list[Visit]


async def agree(actor: Actor, site_id: UUID, form: NewTerms, now: datetime) -> None:
    """What holds from a day on. A day before a visit that is kept never changes. Raises Refused not_found, visits_later,
    agreed_already."""
    if not 0 <= form.vat_rate < 1:
        raise Refused("invalid_input", 422, "A VAT rate lies between 0 and 1.", fields=["vat_rate"])
    async with in_account(actor.account_id):
        if await fetchval("SELECT 1 FROM site WHERE id = $1 FOR NO KEY UPDATE", site_id) is None:
            raise not_found("site")
        if await fetchval("SELECT 1 FROM service_visit WHERE site_id = $1 AND day >= $2 LIMIT 1", site_id, form.valid_from):
            raise Refused("visits_later", 409, "A visit is kept from that day on. Choose a later day.", fields=["valid_from"])
        made = await fetchval(
            "INSERT INTO service_terms (account_id, id, site_id, valid_from, package, warranty_until, call_out_minor, hour_minor,"
            " maintenance_minor, vat_rate, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
            " ON CONFLICT (account_id, site_id, valid_from) DO NOTHING RETURNING id", actor.account_id, new_id(), site_id, form.valid_from,
            form.package, form.warranty_until, form.call_out_minor, form.hour_minor, form.maintenance_minor, form.vat_rate, now, actor.name,
        )  # fmt: skip
        if made is None:
            raise Refused("agreed_already", 409, "Something is agreed from that day on already. Choose another day.", fields=["valid_from"])
        await note(actor, "site", site_id, "service_terms", now, after=msgspec.structs.asdict(form))


TERMS = """
SELECT valid_from, package, warranty_until, call_out_minor, hour_minor, maintenance_minor, vat_rate FROM service_terms
WHERE site_id = $1 AND valid_from <= $2 ORDER BY valid_from DESC
"""


async def visit(actor: Actor, site_id: UUID, form: NewVisit, now: datetime) -> UUID:
    """Keep a visit; outside warranty and package the house's owner gets a bill in the same transaction. The same key again is the same
    visit. Raises Refused not_found, visit_later, no_service_terms, no_owner."""
    async with in_account(actor.account_id):
        if await fetchval("SELECT 1 FROM site WHERE id = $1 FOR NO KEY UPDATE", site_id) is None:
            raise not_found("site")
        known = await fetchval("SELECT id FROM service_visit WHERE request_key = $1 AND site_id = $2", form.idempotency_key, site_id)
        if known is not None:
            return UUID(str(known))
        site = await sites.site(site_id)
        if site is None:
            raise not_found("site")
        if form.day > local_date(now, site.time_zone):
            raise Refused("visit_later", 422, "A visit is entered when it has been made. Correct the day.", fields=["day"])
        row = await fetchrow(f"{TERMS} LIMIT 1", site_id, form.day)
        if row is None:
            raise Refused("no_service_terms", 409, "Nothing is agreed for that day. Enter warranty, package and prices first.")
        terms, customer = ServiceTerms(**row), await _customer(site_id, form.day)
        lines, free_by = visit_lines(form.kind, form.day, form.minutes, terms, site.currency, words.texts(customer.locale))
        invoice_id = None if free_by else await _bill(actor, site, customer, form, terms, lines, now)
        visit_id = new_id()
        await execute(
            "INSERT INTO service_visit (account_id, id, site_id, request_key, kind, day, minutes, text, free_by, invoice_id, created_at,"
            " created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)", actor.account_id, visit_id, site_id,
            form.idempotency_key, form.kind, form.day, form.minutes, form.text.strip() or "-", free_by, invoice_id, now, actor.name,
        )  # fmt: skip
        await note(actor, "site", site_id, "visit", now, after={"kind": form.kind, "day": form.day, "free_by": free_by})
    return visit_id


async def _customer(site_id: UUID, day: date) -> Person:
    owned = await sites.terms_on(site_id, day)
    owner = None if owned is None else await person(owned.owner_id)
    if owner is None:
        raise Refused("no_owner", 409, "Nobody owns this house on that day. Enter the owner first.")
    return owner


async def _bill(actor: Actor, site: sites.Site, customer: Person, form: NewVisit, terms: ServiceTerms, lines: tuple[PriceLine, ...],
                now: datetime) -> UUID:  # fmt: skip
    issued_on = local_date(now, site.time_zone)
    await lock_person(customer.id)
    number = await next_number(actor.account_id, site.creditor_id, issued_on.year)
    groups = vat_groups(lines, terms.vat_rate, vat_included=False)
    net, vat = sum(group.net_minor for group in groups), sum(group.vat_minor for group in groups)
    document = BillDocument(
        number=f"{issued_on.year}-{number:06d}", locale=customer.locale, creditor=creditor_party(site), resident=resident_party(customer),
        site_name=site.name, time_zone=site.time_zone, iban=site.iban, vat_number=site.vat_number, period_start=form.day,
        period_end=form.day, issued_on=issued_on, due_on=issued_on + timedelta(days=site.payment_days), currency=site.currency,
        reference=reference_for(site.iban, site.creditor_id.int % 1_000_000, issued_on.year, number), positions=lines, sessions=(),
        vat=tuple(groups), net_minor=net, vat_minor=vat, gross_minor=net + vat, energy_wh=0, last_month=None, months=(), kind="service",
    )  # fmt: skip
    invoice_id = await store_bill(actor.account_id, site, customer.id, document, [], now, kind="service")
    for group in groups:
        await execute("INSERT INTO invoice_vat (account_id, invoice_id, rate, net_minor, vat_minor) VALUES ($1, $2, $3, $4, $5)",
                      actor.account_id, invoice_id, group.rate, group.net_minor, group.vat_minor)  # fmt: skip
    way: Literal["email", "post"] = "email" if customer.email else "post"
    await keep_mailing(actor.account_id, site, invoice_id, Mailing(chosen=way, channel=way, fee_minor=0), issued_on, now)
    await post(actor.account_id, rules.service_entry(invoice_id, document.number, customer.id, net, vat, site.currency, now), now)
    await record("BillIssued", {"invoice_id": invoice_id}, account_id=actor.account_id)
    return invoice_id


VISITS = """
SELECT v.id, v.kind, v.day, v.minutes, v.text, v.free_by, v.invoice_id, i.number AS bill_number, coalesce(i.gross_minor, 0) AS gross_minor,
       s.currency FROM service_visit v JOIN site s ON s.account_id = v.account_id AND s.id = v.site_id
LEFT JOIN invoice i ON i.account_id = v.account_id AND i.id = v.invoice_id WHERE v.site_id = $1 ORDER BY v.day DESC, v.id DESC LIMIT 500
"""


async def page(site_id: UUID) -> ServicePage:
    """A house's terms and visits (inside the caller's transaction). Raises Refused not_found."""
    if await fetchval("SELECT 1 FROM site WHERE id = $1", site_id) is None:
        raise not_found("site")
    terms: list[Any] = await fetch(TERMS, site_id, date.max)
    return ServicePage(terms=[ServiceTerms(**row) for row in terms], visits=[Visit(**row) for row in await fetch(VISITS, site_id)])
