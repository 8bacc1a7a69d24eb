"""Issue one resident's bill of a month: number, reference, document and ledger in one transaction."""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec

from app.billing import queries, rules
from app.billing.badge_fees import badge_lines, keep_badges
from app.billing.credit import credit_minor, lock_person, use_credit
from app.billing.documents.bill import BillDocument, Party, SessionLine, render_bill
from app.billing.mailings import fee_lines, keep_mailing, mailing_of
from app.billing.model import Charge
from app.billing.owner_statements import leave_to_owner
from app.billing.qr_slip import reference_for
from app.charging import queries as charging
from app.charging.model import Session
from app.database.transaction import execute, fetchval, in_account
from app.kernel.calendar import local_date, month_end, months_before
from app.kernel.identifiers import new_id
from app.ledger.commands import post
from app.outbox.commands import record
from app.residents.queries import Person, person
from app.sites.queries import Site, collects
from app.tariffs.model import PriceLine, VatGroup
from app.tariffs.queries import labels_of
from app.tariffs.rules import vat_groups

MONTHS_SHOWN = 13


async def issue_bill(account_id: UUID, site: Site, person_id: UUID, period: date, now: datetime) -> int:
    """Issue the bill of a resident for a month; 0 when it stands already, else 1."""
    async with in_account(account_id):
        # Two runs at once: the second waits here for the number, and then finds the bill.
        issued_on = local_date(now, site.time_zone)
        number = await next_number(account_id, site.creditor_id, issued_on.year)
        known = await fetchval(
            "SELECT 1 FROM invoice WHERE site_id = $1 AND person_id = $2 AND kind = 'charging' AND period_start = $3",
            site.id, person_id, period,
        )  # fmt: skip
        await lock_person(person_id)
        collected = await collects(site.id, month_end(period))
        available_minor = await credit_minor(person_id) if collected else 0
        charges = await queries.charges_to_bill(site.id, person_id, period)
        resident = await person(person_id)
        if known or not charges or resident is None:
            await execute(
                "UPDATE number_series SET last_no = last_no - 1 WHERE creditor_id = $1 AND series = 'R' AND year = $2",
                site.creditor_id, issued_on.year,
            )  # fmt: skip
            return 0
        mailing = await mailing_of(site, person_id, issued_on)
        rate = charges[0].vat_rate
        badges, badges_minor = await badge_lines(site, person_id, rate, vat_included=True)
        fees = (*fee_lines(mailing, rate, site.currency, vat_included=True), *badges)
        bill = await _document(site, resident, charges, period, issued_on, number, available_minor, fees)
        bill = msgspec.structs.replace(bill, collected=collected)
        invoice_id = await store_bill(account_id, site, person_id, bill, charges, now)
        await use_credit(account_id, invoice_id, bill.credit_minor, now)
        await keep_mailing(account_id, site, invoice_id, mailing, issued_on, now)
        await keep_badges(invoice_id, site, person_id, issued_on)
        await _book(account_id, invoice_id, person_id, bill, charges, (mailing.fee_minor, badges_minor), now)
        if not bill.collected:
            await leave_to_owner(account_id, invoice_id, bill.payable_minor, charges, now)
        await record("BillIssued", {"invoice_id": invoice_id}, account_id=account_id)
    return 1


async def _book(
    account_id: UUID, invoice_id: UUID, person_id: UUID, bill: BillDocument, charges: Sequence[Charge], fees: tuple[int, int], now: datetime
) -> None:
    """What the ledger does not know from the charges: the fees for the post and for badges, and the rounding of VAT on the total."""
    vat_of_charges, net = sum(charge.vat_minor for charge in charges), sum(fees)
    if net:
        rate, gross = charges[0].vat_rate, bill.mailing_minor
        fee = VatGroup(rate=rate, net_minor=net, vat_minor=gross - net, gross_minor=gross)
        await execute("INSERT INTO invoice_vat (account_id, invoice_id, rate, net_minor, vat_minor) VALUES ($1, $2, $3, $4, $5)",
                      account_id, invoice_id, rate, net, fee.vat_minor)  # fmt: skip
        entry = rules.mailing_entry(invoice_id, bill.number, person_id, fee, vat_of_charges, bill.vat_minor, bill.currency, now, fees[1])
        await post(account_id, entry, now)
        return
    rounding = rules.invoice_rounding_entry(invoice_id, bill.number, vat_of_charges, bill.vat_minor, bill.currency, now)
    if rounding is not None:
        await post(account_id, rounding, now)


NEXT_NUMBER = """
INSERT INTO number_series (account_id, creditor_id, series, year, last_no) VALUES ($1, $2, $4, $3, 1)
ON CONFLICT (account_id, creditor_id, series, year) DO UPDATE SET last_no = number_series.last_no + 1
RETURNING last_no
"""


async def next_number(account_id: UUID, creditor_id: UUID, year: int, series: str = "R") -> int:
    """The next number; the row stays locked until the commit, so that there is never a gap."""
    return int(await fetchval(NEXT_NUMBER, account_id, creditor_id, year, series))


async def _document(
    site: Site, resident: Person, charges: list[Charge], period: date, issued_on: date, number: int, available_minor: int,
    fees: tuple[PriceLine, ...],
) -> BillDocument:  # fmt: skip
    lines = (*positions(charges), *fees)
    groups = vat_groups(lines, charges[0].vat_rate, vat_included=True)
    months = {
        month: (energy_wh, gross_minor)
        for month, energy_wh, gross_minor, _ in await queries.months_of_person(resident.id, months_before(period, MONTHS_SHOWN - 1))
    }
    shown = [months_before(period, back) for back in range(MONTHS_SHOWN - 1, -1, -1)]
    last = months.get(months_before(period, 1))
    return BillDocument(
        number=f"{issued_on.year}-{number:06d}",
        locale=resident.locale,
        creditor=creditor_party(site),
        resident=resident_party(resident),
        site_name=site.name,
        time_zone=site.time_zone,
        iban=site.iban,
        vat_number=site.vat_number,
        period_start=period,
        period_end=month_end(period),
        issued_on=issued_on,
        due_on=issued_on + timedelta(days=site.payment_days),
        currency=site.currency,
        reference=reference_for(site.iban, site.creditor_id.int % 1_000_000, issued_on.year, number),
        positions=lines,
        sessions=await session_lines(charges),
        vat=tuple(groups),
        net_minor=sum(group.net_minor for group in groups),
        vat_minor=sum(group.vat_minor for group in groups),
        gross_minor=sum(group.gross_minor for group in groups),
        energy_wh=sum(charge.energy_wh for charge in charges),
        last_month=None if last is None else (last[1], last[0]),
        months=tuple((month, months.get(month, (0, 0))[0]) for month in shown),
        credit_minor=min(sum(group.gross_minor for group in groups), available_minor),
        labels=await labels_of(site.id, resident.locale),
        mailing_minor=sum(line.amount_minor for line in fees),
    )  # fmt: skip


def creditor_party(site: Site) -> Party:
    """Who bills."""
    return Party(name=site.creditor_name, street=site.creditor_street, postcode=site.creditor_postcode, city=site.creditor_city,
                 country=site.creditor_country)  # fmt: skip


def resident_party(resident: Person) -> Party:
    """Who is billed."""
    return Party(name=resident.name, street=resident.street, postcode=resident.postcode, city=resident.city, country=resident.country)


def positions(charges: Sequence[Charge]) -> tuple[PriceLine, ...]:
    """The lines of all sessions added up by what, at which price and taxed at which rate; amounts are sums of what the
    sessions cost. Every line has its rate."""
    added: dict[tuple[str, ...], PriceLine] = {}
    for charge in charges:
        for line in charge.lines:
            rate = (charge.vat_rate if line.vat_rate is None else line.vat_rate).normalize()
            key = (line.dimension, line.band, str(line.unit_price), f"{rate:f}", line.origin, line.label)
            before = added.get(key)
            added[key] = msgspec.structs.replace(
                line, vat_rate=rate, quantity=line.quantity + (0 if before is None else before.quantity),
                amount_minor=line.amount_minor + (0 if before is None else before.amount_minor),
            )  # fmt: skip
    return tuple(added[key] for key in sorted(added) if added[key].quantity or added[key].amount_minor)


async def session_lines(charges: Sequence[Charge]) -> tuple[SessionLine, ...]:
    """One line a session, whatever was corrected; a correction of an earlier bill shows the difference."""
    by_session: dict[UUID, list[Charge]] = {}
    for charge in charges:
        by_session.setdefault(charge.session_id, []).append(charge)
    lines = [await _session_line(session_id, its) for session_id, its in by_session.items()]
    return tuple(line for line in lines if line.energy_wh or line.gross_minor or not line.corrected)


async def _session_line(session_id: UUID, charges: Sequence[Charge]) -> SessionLine:
    session: Session | None = await charging.session(session_id)
    if session is None or session.stopped_at is None:
        raise LookupError(f"charge {charges[0].id} has no ended session")
    return SessionLine(
        started_at=session.started_at, stopped_at=session.stopped_at, place=session.station_name,
        by="badge" if session.source == "badge" else "app", meter_start_wh=session.meter_start_wh,
        meter_stop_wh=session.meter_stop_wh, energy_wh=sum(charge.energy_wh for charge in charges),
        gross_minor=sum(charge.gross_minor for charge in charges),
        corrected=session.settled_at is not None or any(charge.revision > 1 for charge in charges),
    )  # fmt: skip


async def store_bill(
    account_id: UUID, site: Site, person_id: UUID, bill: BillDocument, charges: list[Charge], now: datetime, kind: str = "charging"
) -> UUID:
    """Keep a bill of charges with its document (inside the caller's transaction); the charges are on it from now on."""
    invoice_id, pdf = new_id(), render_bill(bill)
    await execute(
        "INSERT INTO invoice (account_id, id, creditor_id, site_id, person_id, number, period_start, period_end, issued_on,"
        " due_on, currency, net_minor, vat_minor, gross_minor, energy_wh, reference, document, pdf, pdf_sha256, created_at, kind)"
        " VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21)",
        account_id, invoice_id, site.creditor_id, site.id, person_id, bill.number, bill.period_start, bill.period_end,
        bill.issued_on, bill.due_on, bill.currency, bill.net_minor, bill.vat_minor, bill.gross_minor, bill.energy_wh,
        bill.reference, msgspec.json.encode(bill).decode(), pdf, hashlib.sha256(pdf).hexdigest(), now, kind,
    )  # fmt: skip
    for charge in charges:
        await execute(
            "INSERT INTO invoice_charge (account_id, charge_id, invoice_id) VALUES ($1, $2, $3)",
            account_id, charge.id, invoice_id,
        )  # fmt: skip
    return invoice_id
