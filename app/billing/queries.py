"""Reads of charges, bills and payments, inside the caller's transaction."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from app.billing.model import Charge
from app.billing.rules import Status, status_of
from app.charging.model import Session
from app.database.transaction import fetch, fetchrow, fetchval, in_account
from app.kernel.calendar import local_date, next_month
from app.tariffs.model import PriceLine, Tariff
from app.tariffs.queries import tariff, tariff_in_force


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """An issued bill without its document."""

    id: UUID
    site_id: UUID
    person_id: UUID
    number: str
    period_start: date
    period_end: date
    issued_on: date
    due_on: date
    currency: str
    net_minor: int
    vat_minor: int
    gross_minor: int
    open_minor: int
    status: Status
    reference: str
    energy_wh: int
    resident_name: str
    kind: str = "charging"
    corrects_id: UUID | None = None
    reminders: int = 0
    disputed: bool = False


CHARGE = """
SELECT c.*, c.class AS class_, ic.invoice_id FROM charge c
LEFT JOIN invoice_charge ic ON ic.account_id = c.account_id AND ic.charge_id = c.id
"""
BILL = """
SELECT i.*, trim(p.given_name || ' ' || p.family_name) AS resident_name, s.settled_minor AS paid_minor,
       (SELECT count(*)::int FROM reminder r WHERE r.account_id = i.account_id AND r.invoice_id = i.id) AS reminders,
       EXISTS (SELECT 1 FROM dispute d WHERE d.account_id = i.account_id AND d.invoice_id = i.id AND d.closed_at IS NULL) AS disputed,
       EXISTS (SELECT 1 FROM owner_statement o WHERE o.account_id = i.account_id AND o.invoice_id = i.id) AS is_statement
FROM invoice i JOIN person p ON p.account_id = i.account_id AND p.id = i.person_id
JOIN invoice_settled s ON s.account_id = i.account_id AND s.invoice_id = i.id
"""


def _charge(row: Any) -> Charge:
    fields = {name: row[name] for name in Charge.__struct_fields__ if name != "lines"}
    return Charge(**fields, lines=msgspec.json.decode(row["lines"], type=tuple[PriceLine, ...]))


def _bill(row: Any, today: date) -> Bill:
    made = {"open_minor", "status"}
    fields = {name: row[name] for name in Bill.__struct_fields__ if name not in made}
    paid, gross = row["paid_minor"], row["gross_minor"]
    status: Status = "statement" if row["is_statement"] else status_of(gross, paid, today > row["due_on"])
    return Bill(**fields, open_minor=max(0, gross - paid), status=status)


async def charges_of_sessions(session_ids: Sequence[UUID]) -> dict[UUID, Charge]:
    """The charges that stand, by session: neither taken back nor the taking back of another."""
    rows = await fetch(
        f"{CHARGE} WHERE c.session_id = ANY($1::uuid[]) AND c.corrects IS NULL AND NOT EXISTS (SELECT 1 FROM charge n"
        " WHERE n.account_id = c.account_id AND n.corrects = c.id) ORDER BY c.revision", list(session_ids),
    )  # fmt: skip
    return {row["session_id"]: _charge(row) for row in rows}


async def next_revision(session_id: UUID) -> int:
    """The number that the next charge of a session gets: 1 where it has none."""
    return int(await fetchval("SELECT coalesce(max(revision), 0) + 1 FROM charge WHERE session_id = $1", session_id))


async def guest_hold_at(station_id: UUID) -> int | None:
    """What is held on a guest's card at a station; None where it takes no guests."""
    held = await fetchval("SELECT hold_minor FROM guest_station WHERE station_id = $1", station_id)
    return None if held is None else int(held)


async def guest_hold_minor(session_id: UUID) -> int | None:
    """What is held on a guest's card for a session: the most that it costs. None: it is no guest's."""
    held = await fetchval(
        "SELECT g.hold_minor FROM guest_charge g JOIN charging_session x ON x.account_id = g.account_id AND x.request_id = g.request_id"
        " WHERE x.id = $1", session_id,
    )  # fmt: skip
    return None if held is None else int(held)


async def tariff_of(session: Session) -> Tariff | None:
    """The prices of a session: to a guest those that were shown before paying, to a resident those of the day of the start."""
    shown = await fetchval(
        "SELECT g.tariff_id FROM guest_charge g JOIN charging_session x ON x.account_id = g.account_id AND x.request_id = g.request_id"
        " WHERE x.id = $1", session.id,
    )  # fmt: skip
    if shown is not None:
        return await tariff(shown)
    return await tariff_in_force(session.site_id, local_date(session.started_at, session.time_zone))


async def open_period(site_id: UUID, period: date) -> date:
    """The first month from `period` on whose bills are not out yet: what comes late goes on the next bill."""
    issued = await fetch(
        "SELECT DISTINCT period_start FROM invoice WHERE site_id = $1 AND period_start >= $2 AND kind = 'charging'", site_id, period
    )
    closed = {row["period_start"] for row in issued}
    while period in closed:
        period = next_month(period)
    return period


async def charges_to_bill(site_id: UUID, person_id: UUID, period: date) -> list[Charge]:
    """What a resident's bill of a month takes: all that no bill has taken before."""
    rows = await fetch(
        f"{CHARGE} WHERE c.site_id = $1 AND c.person_id = $2 AND c.period <= $3 AND ic.invoice_id IS NULL"
        " ORDER BY c.occurred_at, c.revision, c.id", site_id, person_id, period,
    )  # fmt: skip
    return [_charge(row) for row in rows]


async def charges_of_site(site_id: UUID, period: date) -> list[Charge]:
    """The charges of a site and month, in order of time."""
    rows = await fetch(f"{CHARGE} WHERE c.site_id = $1 AND c.period = $2 ORDER BY c.occurred_at, c.id", site_id, period)
    return [_charge(row) for row in rows]


async def charges_of_bill(invoice_id: UUID) -> list[Charge]:
    """What a bill is made of."""
    rows = await fetch(f"{CHARGE} WHERE ic.invoice_id = $1 ORDER BY c.occurred_at, c.id", invoice_id)
    return [_charge(row) for row in rows]


async def months_of_person(person_id: UUID, since: date) -> list[tuple[date, int, int, int]]:
    """(month, Wh, gross minor, sessions) of a person, newest first."""
    rows = await fetch(
        "SELECT period, sum(energy_wh)::bigint, sum(gross_minor)::bigint, count(DISTINCT session_id) FROM charge"
        " WHERE person_id = $1 AND period >= $2 GROUP BY period ORDER BY period DESC", person_id, since,
    )  # fmt: skip
    return [tuple(row) for row in rows]


async def bills_of_person(person_id: UUID, today: date) -> list[Bill]:
    """A person's bills, newest first."""
    rows = await fetch(f"{BILL} WHERE i.person_id = $1 ORDER BY i.period_start DESC, i.number DESC", person_id)
    return [_bill(row, today) for row in rows]


async def bills_of_site(site_id: UUID, period: date, today: date) -> list[Bill]:
    """The bills of a site and month, by number."""
    rows = await fetch(f"{BILL} WHERE i.site_id = $1 AND i.period_start = $2 ORDER BY i.number", site_id, period)
    return [_bill(row, today) for row in rows]


async def bill(invoice_id: UUID, today: date) -> Bill | None:
    """One bill."""
    row = await fetchrow(f"{BILL} WHERE i.id = $1", invoice_id)
    return None if row is None else _bill(row, today)


async def bill_pdf(invoice_id: UUID) -> tuple[UUID, str, bytes] | None:
    """(person, number, PDF) of a bill."""
    row = await fetchrow("SELECT person_id, number, pdf FROM invoice WHERE id = $1", invoice_id)
    return None if row is None else (row["person_id"], row["number"], row["pdf"])


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as the operator sees it."""

    id: UUID
    received_on: date
    amount_minor: int
    currency: str
    reference: str
    payer: str
    state: Literal["matched", "unmatched"]
    bill_number: str | None


PAYMENT = """
SELECT p.id, p.received_on, p.amount_minor, p.currency, p.reference, p.payer,
       CASE WHEN i.id IS NULL THEN 'unmatched' ELSE 'matched' END AS state, i.number AS bill_number
FROM payment p
LEFT JOIN settlement t ON t.account_id = p.account_id AND t.payment_id = p.id
LEFT JOIN invoice i ON i.account_id = t.account_id AND i.id = t.invoice_id
"""


async def payment(bank_reference: str) -> Payment | None:
    """The payment with this identity of the bank's."""
    row = await fetchrow(f"{PAYMENT} WHERE p.bank_reference = $1", bank_reference)
    return None if row is None else Payment(**row)


async def payments_unmatched() -> list[Payment]:
    """Payments that no bill has been found for."""
    return [Payment(**row) for row in await fetch(f"{PAYMENT} WHERE i.id IS NULL ORDER BY p.received_on DESC")]


async def uncharged_sessions(site_id: UUID, start: datetime, end: datetime) -> list[UUID]:
    """Ended sessions with a payer that have no price yet."""
    rows = await fetch(
        "SELECT x.id FROM charging_session x JOIN station st ON st.account_id = x.account_id AND st.id = x.station_id"
        " WHERE st.site_id = $1 AND x.state = 'ended' AND x.person_id IS NOT NULL"
        " AND coalesce(x.settled_to, x.stopped_at) >= $2 AND coalesce(x.settled_to, x.stopped_at) < $3"
        " AND NOT EXISTS (SELECT 1 FROM charge c WHERE c.account_id = x.account_id"
        " AND c.session_id = x.id) ORDER BY x.stopped_at", site_id, start, end,
    )  # fmt: skip
    return [row["id"] for row in rows]


async def account_of_reference(account_id: UUID, reference: str) -> bool:
    """Whether an account has a bill with this reference (opens its own transaction)."""
    plain = "".join(reference.split()).upper()
    async with in_account(account_id):
        return await fetchrow("SELECT 1 FROM invoice WHERE reference = $1", plain) is not None
