"""Everything that is kept about a person, inside the caller's transaction."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from app.billing import queries as billing
from app.charging import queries as charging
from app.database.transaction import fetch
from app.residents import administration

MOST_SESSIONS = 100_000


class PersonalData(msgspec.Struct, frozen=True, kw_only=True):
    """A person's data by subject; the PDFs of the bills by their number."""

    person: administration.PersonDetail
    iban: str | None
    postal_address: str
    contacts: list[administration.Contact]
    stays: list[dict[str, Any]]
    badges: list[administration.BadgeRow]
    badge_requests: list[administration.BadgeRequestRow]
    sessions: list[dict[str, Any]]
    bills: list[dict[str, Any]]
    payments: list[dict[str, Any]]
    mandates: list[dict[str, Any]]
    reminders: list[dict[str, Any]]
    logins: list[dict[str, Any]]
    pdfs: dict[str, bytes]


STAYS = """
SELECT s.name AS site, b.name AS place, lower(o.period) AS first, upper(o.period) - 1 AS last FROM occupancy o
JOIN billing_point b ON b.account_id = o.account_id AND b.id = o.billing_point_id
JOIN site s ON s.account_id = b.account_id AND s.id = b.site_id WHERE o.person_id = $1 ORDER BY lower(o.period)
"""
PAYMENTS = """
SELECT DISTINCT p.received_on, p.amount_minor, p.currency, p.reference, p.payer FROM payment p JOIN settlement t
    ON t.account_id = p.account_id AND t.payment_id = p.id
JOIN invoice i ON i.account_id = t.account_id AND i.id = t.invoice_id WHERE i.person_id = $1 ORDER BY p.received_on
"""
MANDATES = """
SELECT c.name AS creditor, m.reference, m.holder, m.iban, m.signed_on, m.ended_at FROM debit_mandate m
JOIN creditor c ON c.account_id = m.account_id AND c.id = m.creditor_id WHERE m.person_id = $1 ORDER BY m.created_at
"""
REMINDERS = """
SELECT i.number, r.level, r.sent_on, r.open_minor, i.currency, l.channel FROM reminder r
JOIN invoice i ON i.account_id = r.account_id AND i.id = r.invoice_id
LEFT JOIN reminder_letter l ON l.account_id = r.account_id AND l.reminder_id = r.id WHERE i.person_id = $1 ORDER BY r.sent_on, r.level
"""
LOGINS = """
SELECT l.email, l.name, l.locale, g.role, g.valid_from, g.valid_to FROM role_grant g JOIN login_name l ON l.id = g.login_id
WHERE g.person_id = $1 ORDER BY l.email, g.role
"""


SESSION = (
    "started_at", "stopped_at", "site_name", "place", "station_name", "source", "tag_tail", "state", "meter_start_wh", "meter_stop_wh",
    "energy_wh", "estimated",
)  # fmt: skip


async def personal_data(person_id: UUID, today: date) -> PersonalData | None:
    """Everything about one person, or None."""
    person = await administration.person_detail(person_id)
    if person is None:
        return None
    listed = await billing.bills_of_person(person_id, today)
    pdfs = {bill.number: found[2] for bill in listed if (found := await billing.bill_pdf(bill.id)) is not None}
    more = (await fetch("SELECT iban, postal_address FROM person WHERE id = $1", person_id))[0]
    sessions = await charging.sessions_of_person(person_id, None, MOST_SESSIONS)
    return PersonalData(
        person=person, iban=more["iban"], postal_address=more["postal_address"], contacts=await administration.contacts(person_id),
        stays=[dict(row) for row in await fetch(STAYS, person_id)], badges=await administration.badges(person_id),
        badge_requests=await administration.badge_requests(person_id), sessions=[_session(one) for one in sessions],
        bills=[_bill(bill) for bill in listed], payments=[dict(row) for row in await fetch(PAYMENTS, person_id)],
        mandates=[dict(row) for row in await fetch(MANDATES, person_id)],
        reminders=[dict(row) for row in await fetch(REMINDERS, person_id)],
        logins=[dict(row) for row in await fetch(LOGINS, person_id)], pdfs=pdfs,
    )  # fmt: skip


def _session(one: charging.Session) -> dict[str, Any]:
    return {name: getattr(one, name) for name in SESSION}


def _bill(bill: billing.Bill) -> dict[str, Any]:
    found = msgspec.structs.asdict(bill)
    return {name: value for name, value in found.items() if not name.endswith("_id")}
