"""Hand a person their data; erase a person by cutting what names them, while bills and ledger stay."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.billing.queries import bills_of_person
from app.database.transaction import as_machine, execute, fetch, fetchrow, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.outbox.commands import record
from app.privacy.queries import personal_data
from app.privacy.rules import packed


async def export_person(actor: Actor, person_id: UUID, now: datetime) -> bytes:
    """All data of a person as a ZIP (JSON, CSV, PDFs). Raises Refused not_found."""
    async with in_account(actor.account_id):
        data = await personal_data(person_id, now.date())
        if data is None:
            raise not_found("person")
        await note(actor, "person", person_id, "exported", now)
    plain = msgspec.to_builtins(msgspec.structs.replace(data, pdfs={}))
    return packed(plain, data.pdfs)


async def erase_person(actor: Actor, person_id: UUID, reason: str, now: datetime) -> None:
    """Cut everything that names a person. Bills and postings stay, as the law wants, under a pseudonym. Safe to repeat.

    Raises Refused not_found; still_here while a stay, an ownership or another part in a site goes on; bills_open while
    money is owed; reason_needed.
    """
    if not reason.strip():
        raise Refused("reason_needed", 422, "Say who asked for the erasure and when.", fields=["reason"])
    today = now.date()
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT erased_at FROM person WHERE id = $1 FOR UPDATE", person_id)
        if row is None:
            raise not_found("person")
        if row["erased_at"] is not None:
            return
        if await fetch(PARTS, person_id, today):
            raise Refused("still_here", 409, "This person still lives here or has a part in a site. End it first.")
        if any(bill.open_minor > 0 for bill in await bills_of_person(person_id, today)):
            raise Refused("bills_open", 409, "Bills of this person are still open. Settle them first.")
        pseudonym = f"#{person_id.hex[-8:]}"
        await execute(CUT_PERSON, person_id, pseudonym, now)
        await execute("UPDATE contact SET name = '#', email = NULL, phone = '', role = '', ended_at = coalesce(ended_at, $2)"
                      " WHERE person_id = $1", person_id, now)  # fmt: skip
        for badge in await fetch("SELECT id FROM badge WHERE person_id = $1", person_id):
            cut = new_id().bytes + new_id().bytes
            await execute("UPDATE badge SET state = 'lost', label = '', uid_tail = '', uid_sealed = NULL, uid_hash = $2 WHERE id = $1",
                          badge["id"], cut)  # fmt: skip
        await execute("UPDATE iban_change SET iban = '', withdrawn_at = CASE WHEN confirmed_at IS NULL THEN coalesce(withdrawn_at, $2) END"
                      " WHERE person_id = $1", person_id, now)  # fmt: skip
        await execute("UPDATE debit_mandate SET holder = '#', iban = '', ended_at = coalesce(ended_at, $2),"
                      " ended_by = coalesce(ended_by, '#') WHERE person_id = $1", person_id, now)  # fmt: skip
        await execute("UPDATE badge_request SET place = '', answer = '' WHERE person_id = $1", person_id)
        await note(actor, "person", person_id, "erased", now, reason="asked for")
        await record("PersonErased", {"person_id": person_id}, account_id=actor.account_id)


PARTS = """
SELECT 1 FROM occupancy WHERE person_id = $1 AND (upper(period) IS NULL OR upper(period) > $2::date)
UNION ALL SELECT 1 FROM owner_terms WHERE owner_id = $1 AND (upper(period) IS NULL OR upper(period) > $2::date)
UNION ALL SELECT 1 FROM stakeholder WHERE person_id = $1 AND (upper(period) IS NULL OR upper(period) > $2::date)
"""
CUT_PERSON = """
UPDATE person SET given_name = '', family_name = $2, email = NULL, phone = '', street = '-', postcode = '-', city = '-', iban = NULL,
    postal_address = '',
    correspondence = 'post', erased_at = $3, version = version + 1 WHERE id = $1
"""
LOGINS = """
SELECT DISTINCT g.login_id FROM role_grant g WHERE g.account_id = $1 AND g.person_id = $2
    AND NOT EXISTS (SELECT 1 FROM role_grant o WHERE o.login_id = g.login_id AND o.person_id IS DISTINCT FROM g.person_id)
"""


async def erase_logins(account_id: UUID, person_id: UUID, now: datetime) -> None:
    """The part of an erasure that spans accounts: logins of this person alone, and addresses of mails. Safe to repeat."""
    async with as_machine():
        for row in await fetch(LOGINS, account_id, person_id):
            email = await fetchrow("SELECT email FROM login WHERE id = $1 FOR UPDATE", row["login_id"])
            await execute("DELETE FROM login_session WHERE login_id = $1", row["login_id"])
            await execute("DELETE FROM login_link WHERE login_id = $1", row["login_id"])
            await execute("UPDATE login SET email = $2, name = '', password_hash = NULL WHERE id = $1",
                          row["login_id"], f"erased@{row['login_id'].hex}.invalid")  # fmt: skip
            if email is not None:
                await execute("UPDATE delivery SET recipient = 'erased-' || id WHERE recipient = $1", email["email"])
    async with in_account(account_id):
        await execute("UPDATE role_grant SET valid_to = greatest(valid_from, $2::date - 1) WHERE person_id = $1"
                      " AND (valid_to IS NULL OR valid_to >= $2::date)", person_id, now.date())  # fmt: skip
        await execute("UPDATE api_token SET revoked_at = coalesce(revoked_at, $2) WHERE login_id IN"
                      " (SELECT login_id FROM role_grant WHERE person_id = $1)", person_id, now)  # fmt: skip
