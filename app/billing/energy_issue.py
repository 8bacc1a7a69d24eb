"""Issue the drafts of a house's electricity: each once, whatever fails beside it."""

import hashlib
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import structlog

from app.audit.commands import note
from app.audit.model import Actor
from app.billing import rules
from app.billing.badge_fees import badge_lines, keep_badges
from app.billing.credit import credit_minor, lock_person, use_credit
from app.billing.documents.bill import BillDocument, EnergyFacts, render_bill
from app.billing.energy_rules import PartyBill, Warned, with_lines
from app.billing.fees import mark_billed
from app.billing.issue import creditor_party, next_number, resident_party
from app.billing.mailings import fee_lines, keep_mailing, mailing_of
from app.billing.owner_statements import leave_to_owner
from app.billing.qr_slip import reference_for
from app.database.transaction import execute, fetch, fetchrow, fetchval, in_account
from app.kernel.calendar import local_date
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.ledger.commands import post
from app.outbox.commands import record
from app.residents.queries import person
from app.sites import queries as sites
from app.tariffs.queries import labels_of

log = structlog.get_logger()


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A party's draft with what to look at; `invoice_id` once it is issued, `error` where that failed; then what became of the bill."""

    id: UUID
    billing_point_id: UUID
    point_name: str
    person_id: UUID
    resident_name: str
    bill: PartyBill
    gross_minor: int
    warnings: list[Warned]
    error: str | None
    invoice_id: UUID | None
    number: str | None = None
    open_minor: int = 0
    reminders: int = 0
    credited: bool = False


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A period of a house's electricity."""

    id: UUID
    site_id: UUID
    first: date
    last: date
    state: str
    frozen_at: datetime
    issued_at: datetime | None
    items: list[Item]


RUN = "SELECT id, site_id, lower(period) AS first, upper(period) - 1 AS last, state, frozen_at, issued_at FROM energy_run"
ITEMS = """
SELECT i.*, p.name AS point_name, trim(r.given_name || ' ' || r.family_name) AS resident_name, v.number,
    greatest(0, coalesce(v.gross_minor - s.settled_minor, 0))::bigint AS open_minor,
    (SELECT count(*)::int FROM reminder m WHERE m.account_id = i.account_id AND m.invoice_id = i.invoice_id) AS reminders,
    EXISTS (SELECT 1 FROM invoice c WHERE c.account_id = i.account_id AND c.corrects_id = i.invoice_id) AS credited
FROM energy_item i
LEFT JOIN invoice v ON v.account_id = i.account_id AND v.id = i.invoice_id
LEFT JOIN invoice_settled s ON s.account_id = v.account_id AND s.invoice_id = v.id
JOIN billing_point p ON p.account_id = i.account_id AND p.id = i.billing_point_id
JOIN person r ON r.account_id = i.account_id AND r.id = i.person_id WHERE i.run_id = $1 ORDER BY p.name, i.first, i.id
"""


async def run_of(run_id: UUID) -> Run:
    """A run with its drafts and bills (inside the caller's transaction). Raises Refused not_found."""
    row = await fetchrow(f"{RUN} WHERE id = $1", run_id)
    if row is None:
        raise not_found("run")
    return Run(**row, items=[_item(item) for item in await fetch(ITEMS, run_id)])


async def runs_of(site_id: UUID) -> list[Run]:
    """A site's runs without their drafts, the newest first (inside the caller's transaction)."""
    return [Run(**row, items=[]) for row in await fetch(f"{RUN} WHERE site_id = $1 ORDER BY lower(period) DESC", site_id)]


def _item(row: Any) -> Item:
    plain = {name: row[name] for name in Item.__struct_fields__ if name not in ("bill", "warnings")}
    warned = msgspec.json.decode(row["warnings"], type=list[Warned])
    return Item(**plain, bill=msgspec.json.decode(row["bill"], type=PartyBill), warnings=warned)


# Closed once a bill is out, or where there is none to make. Where every party failed it stays a draft: it can be reckoned again.
CLOSE = """
UPDATE energy_run r SET state = 'issued', issued_at = $2 WHERE r.id = $1 AND r.state = 'draft' AND (
    EXISTS (SELECT 1 FROM energy_item i WHERE i.account_id = r.account_id AND i.run_id = r.id AND i.invoice_id IS NOT NULL)
    OR NOT EXISTS (SELECT 1 FROM energy_item i WHERE i.account_id = r.account_id AND i.run_id = r.id AND i.bill::jsonb -> 'lines' <> '[]'))
RETURNING r.id
"""


# Whether nothing of a run is out and its drafts are no longer what the readings say, or are about to be so.
SINCE = """
SELECT 1 FROM energy_run r WHERE r.id = $1 AND r.state = 'draft'
    AND NOT EXISTS (SELECT 1 FROM energy_item i WHERE i.account_id = r.account_id AND i.run_id = r.id AND i.invoice_id IS NOT NULL)
    AND (r.readings_since OR EXISTS (SELECT 1 FROM meter m JOIN stale_day d ON d.account_id = m.account_id AND d.meter_id = m.id
        WHERE m.account_id = r.account_id AND m.site_id = r.site_id AND m.medium = 'electricity' AND r.period @> d.day))
"""


async def issue_run(actor: Actor, run_id: UUID, now: datetime) -> tuple[int, list[str]]:
    """Issue what a run's drafts say; returns (new bills, who failed and why). Again: what failed is tried, nothing twice.

    Raises Refused not_found, readings_since: what was read since the drafts were made would be on no bill, ever.
    """
    async with in_account(actor.account_id):
        run = await run_of(run_id)
        site = await sites.site(run.site_id)
        if site is None:
            raise not_found("site")
        await _as_drafted(run_id)
    made, failed = 0, []
    for item in run.items:
        try:
            made += await _issue(actor.account_id, site, run_id, item.id, now)
        except Exception as error:  # one party's trouble is kept with its draft and must not stop the others
            log.exception("electricity bill failed", item=str(item.id))
            why = _why(error)
            failed.append(f"{item.point_name}, {item.resident_name}: {why}")
            async with in_account(actor.account_id):
                await execute("UPDATE energy_item SET error = $2 WHERE id = $1", item.id, why)
    async with in_account(actor.account_id):
        if await fetchval(CLOSE, run_id, now) is not None:
            await note(actor, "site", site.id, "energy_issued", now, after={"first": run.first, "last": run.last})
    return made, failed


async def _as_drafted(run_id: UUID) -> None:
    if await fetch(SINCE, run_id):
        raise Refused("readings_since", 409, "Readings have come in since the drafts were made. Make the drafts again, then issue.")


def _why(error: Exception) -> str:
    """The code of a refusal, which every language has a sentence for; else what went wrong, by its kind."""
    return error.code if isinstance(error, Refused) else f"{type(error).__name__}: {error}"[:500]


async def _issue(account_id: UUID, site: sites.Site, run_id: UUID, item_id: UUID, now: datetime) -> int:
    async with in_account(account_id):
        # Whoever stores a reading locks the site and then the run, and so does this: either the reading is seen here, or it
        # sees this bill and is late. Nobody reckons the drafts anew meanwhile.
        await execute("SELECT 1 FROM site WHERE id = $1 FOR KEY SHARE", site.id)
        await execute("SELECT 1 FROM energy_run WHERE id = $1 FOR SHARE", run_id)
        await _as_drafted(run_id)
        row = await fetchrow("SELECT * FROM energy_item WHERE id = $1 FOR UPDATE", item_id)
        if row is None or row["invoice_id"] is not None:
            return 0
        bill = msgspec.json.decode(row["bill"], type=PartyBill)
        if not bill.lines:
            return 0
        issued_on = local_date(now, site.time_zone)
        number = await next_number(account_id, site.creditor_id, issued_on.year)
        await lock_person(row["person_id"])
        mailing = await mailing_of(site, row["person_id"], issued_on)
        if mailing.fee_minor:
            bill = with_lines(bill, fee_lines(mailing, _main_rate(bill), site.currency, vat_included=False))
        badges, _ = await badge_lines(site, row["person_id"], _main_rate(bill), vat_included=False)
        bill = with_lines(bill, badges) if badges else bill
        collected = await sites.collects(site.id, bill.last)
        available_minor = await credit_minor(row["person_id"]) if collected else 0
        document = msgspec.structs.replace(await _document(site, row, bill, issued_on, number, available_minor), collected=collected)
        invoice_id, pdf = new_id(), render_bill(document)
        await _store(account_id, site, row, document, invoice_id, pdf, now)
        await execute("UPDATE energy_item SET invoice_id = $2, error = NULL, bill = $3, gross_minor = $4 WHERE id = $1",
                      item_id, invoice_id, msgspec.json.encode(bill).decode(), document.gross_minor)  # fmt: skip
        await keep_mailing(account_id, site, invoice_id, mailing, issued_on, now)
        await use_credit(account_id, invoice_id, document.credit_minor, now)
        await mark_billed(site.id, bill.first, bill.last)
        await keep_badges(invoice_id, site, row["person_id"], issued_on)
        fees = sum(line.amount_minor for line in bill.lines if line.dimension == "fee")
        entry = rules.energy_entry(invoice_id, document.number, row["person_id"], document.net_minor, document.vat_minor, site.currency,
                                   now, mailing.fee_minor, fees)  # fmt: skip
        await post(account_id, entry, now)
        if not collected:
            await leave_to_owner(account_id, invoice_id, document.payable_minor, (), now)
        await record("BillIssued", {"invoice_id": invoice_id}, account_id=account_id)
    return 1


def _main_rate(bill: PartyBill) -> Decimal:
    """The rate of what the bill is about most: fees are taxed with it."""
    return max(bill.vat, key=lambda group: (group.net_minor, group.rate)).rate


async def _document(site: sites.Site, row: Any, bill: PartyBill, issued_on: date, number: int, available_minor: int) -> BillDocument:
    resident = await person(row["person_id"])
    point = await fetchval("SELECT name FROM billing_point WHERE id = $1", row["billing_point_id"])
    if resident is None:
        raise Refused("not_found", 404, "There is no such person.")
    net, vat = sum(group.net_minor for group in bill.vat), sum(group.vat_minor for group in bill.vat)
    return BillDocument(
        kind="electricity", number=f"{issued_on.year}-{number:06d}", locale=resident.locale,
        creditor=creditor_party(site), resident=resident_party(resident),
        site_name=f"{site.name}, {point}", vat_number=site.vat_number,
        time_zone=site.time_zone, iban=site.iban, currency=site.currency, period_start=bill.first, period_end=bill.last,
        issued_on=issued_on, due_on=issued_on + timedelta(days=site.payment_days),
        reference=reference_for(site.iban, site.creditor_id.int % 1_000_000, issued_on.year, number), positions=bill.lines, sessions=(),
        vat=bill.vat, net_minor=net, vat_minor=vat, gross_minor=net + vat,
        energy_wh=bill.solar_wh + bill.grid_wh, last_month=None, months=(),
        credit_minor=max(0, min(net + vat, available_minor)), labels=await labels_of(site.id, resident.locale),
        energy=EnergyFacts(solar_wh=bill.solar_wh, grid_wh=bill.grid_wh, peak_wh=bill.peak_wh, peak_at=bill.peak_at),
    )  # fmt: skip


async def _store(account_id: UUID, site: sites.Site, row: Any, bill: BillDocument, invoice_id: UUID, pdf: bytes, now: datetime) -> None:
    await execute(
        "INSERT INTO invoice (account_id, id, creditor_id, site_id, person_id, kind, billing_point_id, number, period_start, period_end,"
        " issued_on, due_on, currency, net_minor, vat_minor, gross_minor, energy_wh, reference, document, pdf, pdf_sha256, created_at)"
        " VALUES ($1,$2,$3,$4,$5,'electricity',$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21)",
        account_id, invoice_id, site.creditor_id, site.id, row["person_id"], row["billing_point_id"], bill.number, bill.period_start,
        bill.period_end, bill.issued_on, bill.due_on, bill.currency, bill.net_minor, bill.vat_minor, bill.gross_minor, bill.energy_wh,
        bill.reference, msgspec.json.encode(bill).decode(), pdf, hashlib.sha256(pdf).hexdigest(), now,
    )  # fmt: skip
    for group in bill.vat:
        await execute("INSERT INTO invoice_vat (account_id, invoice_id, rate, net_minor, vat_minor) VALUES ($1, $2, $3, $4, $5)",
                      account_id, invoice_id, group.rate, group.net_minor, group.vat_minor)  # fmt: skip
