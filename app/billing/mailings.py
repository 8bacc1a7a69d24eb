"""How a bill goes to its resident: by post with its fee, by e-mail or as eBill. Fixed when it is issued.

The first bill goes by post whatever is chosen. Everything but `hand_over` runs inside the caller's transaction.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.billing.documents.render import joined
from app.database.transaction import execute, fetch, fetchrow, fetchval, in_account
from app.kernel.errors import not_found
from app.kernel.money import to_major, to_minor, vat_of_net
from app.sites.queries import Site
from app.tariffs.model import PriceLine

Channel = Literal["post", "email", "ebill"]


class Mailing(msgspec.Struct, frozen=True, kw_only=True):
    """What was chosen, how the bill goes, and what that costs without VAT."""

    chosen: Channel
    channel: Channel
    fee_minor: int


CHOICE = """
SELECT p.correspondence AS chosen, NOT EXISTS (
    SELECT 1 FROM invoice i WHERE i.account_id = p.account_id AND i.person_id = p.id AND i.kind IN ('charging', 'electricity')) AS first
FROM person p WHERE p.id = $1
"""
FEES = """
FROM financial_condition WHERE site_id = $1 AND unit = 'mailing' AND payer = 'resident' AND removed_at IS NULL AND period @> $2::date
"""


async def mailing_of(site: Site, person_id: UUID, issued_on: date) -> Mailing:
    """How the next bill of a resident goes. The caller holds the resident's lock, so that only one bill is the first."""
    row = await fetchrow(CHOICE, person_id)
    if row is None:
        raise not_found("person")
    channel: Channel = "post" if row["first"] else row["chosen"]
    amount = await fetchval(f"SELECT coalesce(sum(amount), 0) {FEES}", site.id, issued_on) if channel == "post" else Decimal(0)
    return Mailing(chosen=row["chosen"], channel=channel, fee_minor=to_minor(amount, site.currency))


def fee_lines(mailing: Mailing, rate: Decimal, currency: str, *, vat_included: bool) -> tuple[PriceLine, ...]:
    """The fee as a line of its own, taxed as what the bill is about; none where it costs nothing."""
    if not mailing.fee_minor:
        return ()
    amount = mailing.fee_minor + (vat_of_net(mailing.fee_minor, rate) if vat_included else 0)
    line = PriceLine(dimension="mailing", band="single", quantity=Decimal(1), unit="mailing", unit_price=to_major(amount, currency),
                     amount_minor=amount, vat_rate=rate)  # fmt: skip
    return (line,)


async def keep_mailing(account_id: UUID, site: Site, invoice_id: UUID, mailing: Mailing, issued_on: date, now: datetime) -> None:
    """Keep how a bill goes, with the bill. A fee that was billed is only ended from then on."""
    await execute("INSERT INTO mailing (account_id, invoice_id, chosen, channel, fee_minor, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
                  account_id, invoice_id, mailing.chosen, mailing.channel, mailing.fee_minor, now)  # fmt: skip
    if mailing.fee_minor:
        await execute(f"UPDATE financial_condition SET billed_until = greatest(billed_until, $2) WHERE id IN (SELECT id {FEES})",
                      site.id, issued_on)  # fmt: skip


async def chosen_for(invoice_id: UUID) -> Channel | None:
    """What the resident had chosen when a bill was issued; None of a bill from before that was kept."""
    chosen: Channel | None = await fetchval("SELECT chosen FROM mailing WHERE invoice_id = $1", invoice_id)
    return chosen


async def fee_on(invoice_id: UUID) -> list[PriceLine]:
    """The lines of fees on a bill of charges, for its post and for badges, as its document has them; none where there are none."""
    document = await fetchval("SELECT i.document FROM invoice i JOIN mailing m ON m.account_id = i.account_id AND m.invoice_id = i.id"
                              " WHERE i.id = $1 AND (m.fee_minor > 0 OR EXISTS (SELECT 1 FROM badge_fee b WHERE b.account_id = i.account_id"
                              " AND b.invoice_id = i.id))", invoice_id)  # fmt: skip
    lines = [] if document is None else msgspec.json.decode(document, type=_Lines).positions
    return [line for line in lines if line.dimension in ("mailing", "fee")]


class _Lines(msgspec.Struct):
    positions: list[PriceLine]


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A bill, or a reminder of one (`level` 1 to 3), that waits to be put in the post, or into the eBill network, with the address
    on it. `id` is the bill's or the reminder's."""

    id: UUID
    kind: Literal["bill", "reminder"]
    level: int
    bill_id: UUID
    number: str
    issued_on: date
    channel: Channel
    chosen: Channel
    name: str
    street: str
    postcode: str
    city: str
    country: str
    currency: str
    fee_minor: int


WAITING = """
SELECT i.id, 'bill' AS kind, 0 AS level, i.id AS bill_id, i.number, i.issued_on, m.channel, m.chosen,
       i.document::json -> 'resident' ->> 'name' AS name, i.document::json -> 'resident' ->> 'street' AS street,
       i.document::json -> 'resident' ->> 'postcode' AS postcode, i.document::json -> 'resident' ->> 'city' AS city,
       i.document::json -> 'resident' ->> 'country' AS country, i.currency, m.fee_minor, i.pdf
FROM mailing m JOIN invoice i ON i.account_id = m.account_id AND i.id = m.invoice_id WHERE m.channel = $1 AND m.handed_over_at IS NULL
UNION ALL
SELECT r.id, 'reminder', r.level, i.id, i.number, r.sent_on, l.channel, l.channel, l.name, l.street, l.postcode, l.city, l.country,
       i.currency, 0, l.pdf
FROM reminder_letter l JOIN reminder r ON r.account_id = l.account_id AND r.id = l.reminder_id
JOIN invoice i ON i.account_id = r.account_id AND i.id = r.invoice_id WHERE l.channel = $1 AND l.handed_over_at IS NULL
"""
ORDER = "ORDER BY issued_on, number, level, id"


async def waiting(channel: Channel) -> list[Waiting]:
    """What waits for the post, or for eBill, the oldest first."""
    names = Waiting.__struct_fields__
    return [Waiting(**row) for row in await fetch(f"SELECT {', '.join(names)} FROM ({WAITING}) AS list {ORDER}", channel)]


async def to_print() -> bytes:
    """All that waits for the post in one PDF, in the order of the list. Raises Refused not_found where nothing waits."""
    rows = await fetch(f"SELECT pdf FROM ({WAITING}) AS list {ORDER}", "post")
    if not rows:
        raise not_found("bill")
    return joined([row["pdf"] for row in rows])


async def hand_over(actor: Actor, bill_ids: Sequence[UUID], now: datetime, reminder_ids: Sequence[UUID] = ()) -> int:
    """Say that bills and reminders are in the post, or in the eBill network; returns how many. Again: none. Raises Refused
    not_found."""
    done = 0
    async with in_account(actor.account_id):
        for table, key, wanted in (("mailing", "invoice_id", bill_ids), ("reminder_letter", "reminder_id", reminder_ids)):
            ids = sorted(set(wanted))
            known = await fetchval(f"SELECT count(*) FROM {table} WHERE {key} = ANY($1::uuid[]) AND channel <> 'email'", ids)
            if known != len(ids):
                raise not_found("bill")
            rows = await fetch(f"UPDATE {table} SET handed_over_at = $2, handed_over_by = $3 WHERE {key} = ANY($1::uuid[])"
                               f" AND handed_over_at IS NULL RETURNING {key} AS id, channel", ids, now, actor.name)  # fmt: skip
            for row in rows:
                object_ = "invoice" if table == "mailing" else "reminder"
                await note(actor, object_, row["id"], "handed_over", now, after={"channel": row["channel"]})
            done += len(rows)
    return done
