"""What the books say: journal with exports, VAT by rate, open items, the operator's margin. Reads only.

Everything runs inside the caller's transaction.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from app.database.transaction import fetch
from app.kernel.calendar import local_midnight
from app.kernel.money import to_major


class JournalLine(msgspec.Struct, frozen=True, kw_only=True):
    """One posting: debit positive, credit negative. Reminders move no money and have no account."""

    booked_at: datetime
    occurred_at: datetime
    kind: str
    source_key: str
    source_id: UUID | None
    document: str
    text: str
    ledger_account: str
    amount_minor: int
    currency: str


class VatLine(msgspec.Struct, frozen=True, kw_only=True):
    """Billed in a period at one rate; `rate` None is the rounding between charges and bills."""

    rate: Decimal | None
    currency: str
    net_minor: int
    vat_minor: int


class OpenItem(msgspec.Struct, frozen=True, kw_only=True):
    """A bill that is not settled."""

    bill_id: UUID
    number: str
    person_id: UUID
    resident_name: str
    due_on: date
    days_overdue: int
    currency: str
    gross_minor: int
    open_minor: int
    reminders: int
    disputed: bool


class Margin(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator keeps of a site's month: turnover without VAT, the owner's part, the rest; external apart."""

    site_id: UUID
    site_name: str
    period: date
    currency: str
    turnover_minor: int
    owner_minor: int
    margin_minor: int
    external_margin_minor: int


JOURNAL = """
SELECT e.booked_at, e.occurred_at, e.source_kind AS kind, e.source_key, e.source_id, coalesce(i.number, '') AS document, e.text,
       p.ledger_account, p.amount_minor, p.currency, e.id, p.line
FROM ledger_entry e JOIN ledger_posting p ON p.account_id = e.account_id AND p.entry_id = e.id
LEFT JOIN invoice i ON i.account_id = e.account_id AND i.id = e.source_id
WHERE e.booked_at >= $1 AND e.booked_at < $2
UNION ALL
SELECT r.created_at, r.created_at, 'reminder', 'reminder:' || r.invoice_id || ':' || r.level, r.invoice_id, i.number,
       'Reminder ' || r.level, '', 0, i.currency, r.id, 0
FROM reminder r JOIN invoice i ON i.account_id = r.account_id AND i.id = r.invoice_id WHERE r.created_at >= $1 AND r.created_at < $2
UNION ALL
SELECT i.created_at, i.created_at, CASE WHEN i.corrects_id IS NULL THEN 'bill' ELSE 'credit_note' END, 'document:' || i.id, i.id, i.number,
       CASE WHEN i.corrects_id IS NULL THEN 'Bill issued' ELSE 'Credit note issued' END, '', 0, i.currency, i.id, 0
FROM invoice i WHERE i.created_at >= $1 AND i.created_at < $2
ORDER BY 1, 11, 12
"""
# Of an individual statement the owner owes the VAT, not the operator.
MINE = "NOT EXISTS (SELECT 1 FROM owner_statement o WHERE o.account_id = i.account_id AND o.invoice_id IN (i.id, i.corrects_id))"
VAT = f"""
SELECT rate, currency, sum(net_minor)::bigint AS net_minor, sum(vat_minor)::bigint AS vat_minor FROM (
    SELECT c.vat_rate AS rate, i.currency, c.net_minor, c.vat_minor
    FROM invoice i JOIN invoice_charge ic ON ic.account_id = i.account_id AND ic.invoice_id = i.id
    JOIN charge c ON c.account_id = ic.account_id AND c.id = ic.charge_id WHERE i.issued_on BETWEEN $1 AND $2 AND {MINE}
    UNION ALL
    SELECT v.rate, i.currency, v.net_minor, v.vat_minor
    FROM invoice i JOIN invoice_vat v ON v.account_id = i.account_id AND v.invoice_id = i.id WHERE i.issued_on BETWEEN $1 AND $2 AND {MINE}
) AS billed GROUP BY rate, currency ORDER BY rate
"""
VAT_TOTALS = f"""
SELECT currency, sum(net_minor)::bigint AS net_minor, sum(vat_minor)::bigint AS vat_minor FROM invoice i
WHERE i.issued_on BETWEEN $1 AND $2 AND {MINE} GROUP BY currency ORDER BY currency
"""
OPEN = """
SELECT i.id AS bill_id, i.number, i.person_id, trim(p.given_name || ' ' || p.family_name) AS resident_name, i.due_on,
       greatest(0, $1::date - i.due_on) AS days_overdue, i.currency, i.gross_minor, i.gross_minor - s.settled_minor AS open_minor,
       (SELECT count(*)::int FROM reminder r WHERE r.account_id = i.account_id AND r.invoice_id = i.id) AS reminders,
       EXISTS (SELECT 1 FROM dispute d WHERE d.account_id = i.account_id AND d.invoice_id = i.id AND d.closed_at IS NULL) AS disputed
FROM invoice i JOIN invoice_settled s ON s.account_id = i.account_id AND s.invoice_id = i.id
JOIN person p ON p.account_id = i.account_id AND p.id = i.person_id
WHERE i.gross_minor > s.settled_minor AND i.corrects_id IS NULL ORDER BY i.due_on, i.number
"""
# The owner's part stands in the ledger, entry by entry; a reversal takes its part back.
MARGIN = """
SELECT s.id AS site_id, s.name AS site_name, c.period, c.currency, sum(c.net_minor)::bigint AS turnover_minor,
       coalesce(-sum(o.owner_minor), 0)::bigint AS owner_minor,
       coalesce(sum(c.net_minor + o.owner_minor) FILTER (WHERE c.class = 'external'), 0)::bigint AS external_margin_minor
FROM charge c JOIN site s ON s.account_id = c.account_id AND s.id = c.site_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(p.amount_minor), 0)::bigint AS owner_minor FROM ledger_entry e
    JOIN ledger_posting p ON p.account_id = e.account_id AND p.entry_id = e.id AND p.ledger_account LIKE 'payable:owner:%'
    WHERE e.account_id = c.account_id AND e.source_key = CASE
        WHEN c.corrects IS NULL AND c.revision = 1 THEN 'session:' || c.session_id
        WHEN c.corrects IS NULL THEN 'session:' || c.session_id || ':' || c.revision
        WHEN c.revision = 2 THEN 'reversal:session:' || c.session_id
        ELSE 'reversal:session:' || c.session_id || ':' || (c.revision - 1) END) AS o
WHERE c.period BETWEEN $1 AND $2 GROUP BY s.id, s.name, c.period, c.currency ORDER BY s.name, c.period
"""


async def journal(first: date, last: date, time_zone: str = "UTC") -> list[JournalLine]:
    """Bills, credit notes, payments, reminders and payouts booked on the days from first to last, in order."""
    start, end = local_midnight(first, time_zone), local_midnight(last + timedelta(days=1), time_zone)
    return [_of(JournalLine, row) for row in await fetch(JOURNAL, start, end)]


async def vat_report(first: date, last: date) -> list[VatLine]:
    """VAT of the bills issued from first to last, by rate; the lines sum to the bills' own net and VAT."""
    lines = [_of(VatLine, row) for row in await fetch(VAT, first, last)]
    for row in await fetch(VAT_TOTALS, first, last):
        mine = [line for line in lines if line.currency == row["currency"]]
        net, vat = row["net_minor"] - sum(line.net_minor for line in mine), row["vat_minor"] - sum(line.vat_minor for line in mine)
        if net or vat:
            lines.append(VatLine(rate=None, currency=row["currency"], net_minor=net, vat_minor=vat))
    return lines


async def open_items(today: date) -> list[OpenItem]:
    """Bills that are not settled, the longest due first."""
    return [_of(OpenItem, row) for row in await fetch(OPEN, today)]


async def margins(first: date, last: date) -> list[Margin]:
    """The operator's part by site and month (first days of months)."""
    return [Margin(**row, margin_minor=row["turnover_minor"] - row["owner_minor"]) for row in await fetch(MARGIN, first, last)]


def _of(kind: Any, row: Any) -> Any:
    return kind(**{name: row[name] for name in kind.__struct_fields__})


HEAD = ("booked_at", "occurred_at", "kind", "document", "text", "ledger_account", "debit", "credit", "currency", "source_key")


def journal_csv(lines: Sequence[JournalLine]) -> str:
    """The journal as CSV with debit and credit in whole units; one header line, rows end in CRLF (RFC 4180)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEAD)
    for line in lines:
        amount = to_major(abs(line.amount_minor), line.currency)
        debit, credit = (amount, "") if line.amount_minor > 0 else ("", amount) if line.amount_minor < 0 else ("", "")
        writer.writerow([line.booked_at.isoformat(), line.occurred_at.isoformat(), line.kind, line.document, _plain(line.text),
                         _plain(line.ledger_account), debit, credit, line.currency, line.source_key])  # fmt: skip
    return out.getvalue()


def _plain(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def journal_ledger(lines: Sequence[JournalLine]) -> str:
    """The journal in the plain-text format of ledger and hledger; entries without postings are comments."""
    return "\n".join(_ledger_lines(lines)) + "\n"


def _ledger_lines(lines: Sequence[JournalLine]) -> Iterator[str]:
    before = ""
    for line in lines:
        if line.source_key != before:
            head = f"{line.booked_at:%Y-%m-%d} * ({line.source_key}) {' '.join(line.text.split())} {line.document}".rstrip()
            yield head if line.ledger_account else f"; {head}"
            before = line.source_key
        if line.ledger_account:
            yield f"    {line.ledger_account}  {to_major(line.amount_minor, line.currency)} {line.currency}"
