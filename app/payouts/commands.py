"""Pay owners: statement first, then the transfer file and the ledger, in one transaction, once per site and month."""

from datetime import date, datetime
from uuid import UUID

import msgspec
from stdnum import iban as ibans

from app.billing import queries as billing
from app.billing.qr_slip import is_qr_iban
from app.billing.rules import payable
from app.database.transaction import execute, fetchval, in_account
from app.kernel.calendar import local_date, month_bounds, month_end, period_text
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.ledger.commands import post
from app.payouts.documents.statement import render_statement, statement_data
from app.payouts.pain001 import Transfer, pain001
from app.payouts.queries import site_revenue
from app.payouts.rules import Revenue, payout_entry
from app.residents.queries import Person, person
from app.sites import queries as sites


async def pay_out(account_id: UUID, site_id: UUID, period: date, now: datetime) -> UUID | None:
    """The payout of a site's owner for a month, or None when there is nothing to pay. Again: the same payout.

    Raises Refused: not_found, period_open, owner_collects, no_iban, bad_iban, qr_iban, no_payout_iban.
    """
    async with in_account(account_id):
        site = await sites.site(site_id)
        if site is None:
            raise not_found("site")
        if now < month_bounds(period, site.time_zone)[1]:
            raise Refused("period_open", 409, "This month is not over yet. Pay it out from the first of the next one.")
        # One payout at a time per site: the second finds what the first has made.
        await execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"payout:{site_id}")
        known = await fetchval("SELECT id FROM payout WHERE site_id = $1 AND period = $2", site_id, period)
        terms = await sites.terms_on(site_id, month_end(period))
        if known is not None or terms is None:
            return known if known is None else UUID(str(known))
        owner = await person(terms.owner_id)
        stations, total = await site_revenue(site_id, period, terms)
        if owner is None or total.reimbursed_minor <= 0:
            return None
        if not await sites.collects(site_id, month_end(period)):
            raise Refused("owner_collects", 409, "The owner of this site collects from individual statements. There is nothing to pay out.")
        check_accounts(site, owner)
        return await _make(account_id, site, owner, terms, stations, total, period, now)


def check_accounts(site: sites.Site, owner: Person) -> None:
    """Refuse in a sentence what the bank would refuse. A QR-IBAN takes payments by reference; it neither pays nor is paid so."""
    if not owner.iban:
        raise Refused("no_iban", 409, f"{owner.name} has no IBAN. Enter it before paying out.", name=owner.name)
    if not ibans.is_valid(owner.iban):
        raise Refused("bad_iban", 409, f"The IBAN of {owner.name} has wrong check digits. Correct it before paying out.", name=owner.name)
    if is_qr_iban(owner.iban):
        text = f"The IBAN of {owner.name} is a QR-IBAN, which takes bills only. Enter the account's ordinary IBAN before paying out."
        raise Refused("qr_iban", 409, text, name=owner.name)
    payer = site.payout_iban or site.iban
    if not ibans.is_valid(payer) or is_qr_iban(payer):
        text = f"{site.creditor_name} has no ordinary IBAN to pay from. Enter its payout IBAN before paying out."
        raise Refused("no_payout_iban", 409, text, name=site.creditor_name)


async def _make(account_id: UUID, site: sites.Site, owner: Person, terms: sites.OwnerTerms, stations: list[Revenue],
                total: Revenue, period: date, now: datetime) -> UUID:  # fmt: skip
    payout_id = new_id()
    number = f"P{period:%Y%m}-{payout_id.hex[-6:].upper()}"
    today = local_date(now, site.time_zone)
    data = statement_data(site, owner, terms, stations, total, period, today, number)
    transfer = Transfer(
        end_to_end_id=number, amount_minor=total.reimbursed_minor, currency=site.currency, name=owner.name,
        street=owner.street, postcode=owner.postcode, city=owner.city, country=owner.country, iban=owner.iban or "",
        text=f"{number} {site.name} {period_text(period)}",
    )  # fmt: skip
    bank_file = pain001(number, now, today, site.creditor_name, site.payout_iban or site.iban, [transfer])
    await execute(
        "INSERT INTO payout (account_id, id, site_id, owner_id, terms_id, number, period, currency, gross_minor, net_minor,"
        " internal_net_minor, external_net_minor, reimbursed_minor, withheld_minor, amount_minor, iban, document,"
        " statement_pdf, pain001, created_at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$13,$15,$16,$17,$18,$19)",
        account_id, payout_id, site.id, owner.id, terms.id, number, period, site.currency, total.gross_minor,
        total.net_minor, total.internal_net_minor, total.external_net_minor, total.reimbursed_minor, total.withheld_minor,
        owner.iban, msgspec.json.encode(data).decode(), render_statement(data, today), bank_file, now,
    )  # fmt: skip
    accrued = await _accrued(site.id, period, owner.id)
    key = f"payout:{site.id}:{period_text(period)}"
    entry = payout_entry(payout_id, key, owner.id, accrued, total.reimbursed_minor, site.currency, number, now)
    await post(account_id, entry, now)
    return payout_id


async def _accrued(site_id: UUID, period: date, owner_id: UUID) -> int:
    """What the sessions of the month have set aside for the owner, session by session."""
    charges = await billing.charges_of_site(site_id, period)
    value = await fetchval(
        "SELECT coalesce(-sum(p.amount_minor), 0)::bigint FROM ledger_posting p JOIN ledger_entry e"
        " ON e.account_id = p.account_id AND e.id = p.entry_id WHERE e.source_kind = 'session'"
        " AND e.source_id = ANY($1::uuid[]) AND p.ledger_account = $2",
        [charge.session_id for charge in charges], payable(owner_id),
    )  # fmt: skip
    return int(value)
