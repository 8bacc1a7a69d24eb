"""Refunds of credit as files for the bank: everything that waits in one file a creditor. Again: nothing is paid twice."""

from datetime import date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import execute, fetch, fetchrow, in_account
from app.kernel.calendar import local_date
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.payouts.commands import check_accounts
from app.payouts.pain001 import Transfer, pain001
from app.residents.queries import Person, person
from app.sites import queries as sites


class RefundFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file for the bank, without its content."""

    id: UUID
    number: str
    created_at: datetime
    created_by: str
    creditor_name: str
    refunds: int
    amount_minor: int
    currency: str


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """Why a refund waits on: the code of a sentence, and whose account it is about."""

    refund_id: UUID
    code: str
    name: str


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """The files that were made, and why some refunds wait on."""

    files: list[UUID]
    failed: list[Failed]


# A refund is paid by who billed the resident last.
WAITING = """
SELECT r.id, r.person_id, r.amount_minor, r.currency, r.iban, s.id AS site_id, s.creditor_id FROM refund r
JOIN LATERAL (SELECT i.site_id FROM invoice i WHERE i.account_id = r.account_id AND i.person_id = r.person_id
              ORDER BY i.issued_on DESC, i.id DESC LIMIT 1) AS last ON true
JOIN site s ON s.account_id = r.account_id AND s.id = last.site_id
WHERE NOT EXISTS (SELECT 1 FROM refund_in_file f WHERE f.account_id = r.account_id AND f.refund_id = r.id)
ORDER BY s.creditor_id, r.currency, r.id
"""


async def make_files(actor: Actor, now: datetime) -> Made:
    """Put every refund that waits into a file of its creditor and currency. One that the bank would refuse stops no other."""
    files: list[UUID] = []
    failed: list[Failed] = []
    async with in_account(actor.account_id):
        # One at a time: the second finds what the first has put into a file.
        await execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"refund-files:{actor.account_id}")
        rows = await fetch(WAITING)
        for _, group in groupby(rows, key=lambda row: (row["creditor_id"], row["currency"])):
            site: sites.Site | None = None
            transfers: dict[UUID, Transfer] = {}
            for row in group:
                payer = await sites.site(row["site_id"])
                payee = await person(row["person_id"])
                if payer is None or payee is None:
                    raise LookupError(f"refund {row['id']} has no site or person")
                try:
                    transfers[row["id"]] = _transfer(payer, payee, row)
                except Refused as refused:  # said, and the other refunds must not wait for it
                    failed.append(Failed(refund_id=row["id"], code=refused.code, name=refused.params["name"]))
                else:
                    site = payer
            if site is not None:
                files.append(await _store(actor, site, transfers, now))
    return Made(files=files, failed=failed)


def _transfer(site: sites.Site, payee: Person, row: Any) -> Transfer:
    check_accounts(site, msgspec.structs.replace(payee, iban=row["iban"]))
    return Transfer(
        end_to_end_id=row["id"].hex, amount_minor=row["amount_minor"], currency=row["currency"], name=payee.name, street=payee.street,
        postcode=payee.postcode, city=payee.city, country=payee.country, iban=row["iban"], text=site.creditor_name,
    )  # fmt: skip


async def _store(actor: Actor, site: sites.Site, transfers: dict[UUID, Transfer], now: datetime) -> UUID:
    file_id, today = new_id(), local_date(now, site.time_zone)
    number, total = number_of(today, file_id), sum(transfer.amount_minor for transfer in transfers.values())
    content = pain001(number, now, today, site.creditor_name, site.payout_iban or site.iban, list(transfers.values()))
    await execute(
        "INSERT INTO refund_file (account_id, id, creditor_id, number, currency, refunds, amount_minor, pain001, created_at, created_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", actor.account_id, file_id, site.creditor_id, number,
        next(iter(transfers.values())).currency, len(transfers), total, content, now, actor.name,
    )  # fmt: skip
    for refund_id in transfers:
        await execute("INSERT INTO refund_in_file (account_id, refund_id, file_id) VALUES ($1, $2, $3)",
                      actor.account_id, refund_id, file_id)  # fmt: skip
    await note(actor, "refund_file", file_id, "created", now, after={"number": number, "amount_minor": total, "refunds": len(transfers)})
    return file_id


def number_of(day: date, file_id: UUID) -> str:
    """The message's own name at the bank."""
    return f"R{day:%Y%m%d}-{file_id.hex[-6:].upper()}"


FILES = """
SELECT f.id, f.number, f.created_at, f.created_by, c.name AS creditor_name, f.refunds, f.amount_minor, f.currency
FROM refund_file f JOIN creditor c ON c.account_id = f.account_id AND c.id = f.creditor_id ORDER BY f.created_at DESC, f.id DESC
"""


async def files() -> list[RefundFile]:
    """The account's files, the newest first (inside the caller's transaction)."""
    return [RefundFile(**row) for row in await fetch(FILES)]


async def content_of(file_id: UUID) -> tuple[str, bytes]:
    """(number, pain.001) of a file (inside the caller's transaction). Raises Refused not_found."""
    row = await fetchrow("SELECT number, pain001 FROM refund_file WHERE id = $1", file_id)
    if row is None:
        raise not_found("file")
    return row["number"], row["pain001"]
