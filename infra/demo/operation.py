"""A demo house in operation: set up, with solutions, terms and notes, as one that has been running for years."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from app.audit.model import Actor
from app.database.transaction import as_owner, execute, fetchrow
from app.kernel.identifiers import new_id
from app.sites.commands import set_status, tick_step
from app.sites.notes import NewNote, add_note
from app.sites.rules import SETUP, Status
from app.sites.terms import NewCondition, add_condition, set_solution

WAY: tuple[Status, ...] = ("installing", "to_verify", "in_operation")
TICKED = tuple(name for name, proof in SETUP if proof is None)
SET_UP = timedelta(days=60)


async def in_operation(account_id: UUID, site_id: UUID, owner_email: str, since: date, now: datetime) -> None:
    """Take a planned demo house into operation as of `since`. Safe to repeat."""
    began = datetime(since.year, since.month, since.day, 8, tzinfo=UTC)
    async with as_owner():
        site = await fetchrow("SELECT status FROM site WHERE account_id = $1 AND id = $2 FOR UPDATE", account_id, site_id)
        if site is None or site["status"] != "planned":
            return
        await _past(account_id, site_id, owner_email, since, began - SET_UP)
    actor = Actor(account_id=account_id, name="Hofstrom")
    await set_solution(actor, site_id, "charging", True, since, "monthly", began)
    for status in WAY:
        await set_status(actor, site_id, status, "", began)
    for step in TICKED:
        await tick_step(actor, site_id, step, began)
    await add_condition(actor, site_id, NewCondition(label="Betrieb und Abrechnung", amount=Decimal("4.50"), unit="station", payer="owner",
                                                     first=since), began)  # fmt: skip
    await add_note(actor, site_id, NewNote(kind="note", text="Schlüssel zum Technikraum beim Hauswart, Telefon am Aushang."), began)
    await add_note(actor, site_id, NewNote(kind="todo", text="Vierte Ladestation: Offerte mit der Verwaltung besprechen.",
                                           due_on=now.date() + timedelta(days=21)), now)  # fmt: skip


async def _past(account_id: UUID, site_id: UUID, owner_email: str, since: date, forms_sent: datetime) -> None:
    """What commands would enter for coming days only."""
    await execute("UPDATE site SET billing_from = $3 WHERE account_id = $1 AND id = $2", account_id, site_id, since)
    await execute(
        "UPDATE person p SET email = $3, correspondence = 'email' FROM owner_terms t WHERE t.account_id = $1 AND t.site_id = $2"
        " AND p.account_id = t.account_id AND p.id = t.owner_id AND p.email IS NULL", account_id, site_id, owner_email,
    )  # fmt: skip
    await execute(
        "INSERT INTO site_form (account_id, id, site_id, token_hash, recipient, created_at, expires_at, sent_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $6, $6)",
        account_id, form_id := new_id(), site_id, form_id.bytes, owner_email, forms_sent,
    )  # fmt: skip
