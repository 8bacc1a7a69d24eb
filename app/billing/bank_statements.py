"""Book a bank's file: each credit once, to the bill that its reference names; what fits nowhere is kept and listed."""

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec

from app.billing.camt import MOST_BYTES, BankCredit, BankFile, CamtFailed, LeftOut, bank_file
from app.billing.commands import Credit, book_payment
from app.billing.qr_slip import plain_reference
from app.database.transaction import fetch, in_account
from app.kernel.errors import Refused

MOST_FILES = 50


class BookedCredit(msgspec.Struct, frozen=True, kw_only=True):
    """A credit of the file and what has become of it. `new`: booked now, not by an earlier file. `differs`: the bank's
    reference is known with another amount or currency; nothing was booked."""

    bank_reference: str
    received_on: date
    amount_minor: int
    currency: str
    reference: str
    text: str
    payer: str
    bill_number: str | None
    new: bool
    differs: bool


class BankStatement(msgspec.Struct, frozen=True, kw_only=True):
    """What a bank's file came to."""

    ibans: tuple[str, ...]
    credits: tuple[BookedCredit, ...]
    left_out: tuple[LeftOut, ...]


async def book_statement(account_id: UUID, content: bytes, now: datetime) -> BankStatement:
    """Book the credits of a camt.053 or camt.054, as XML or packed with others. The same file again changes nothing.

    Raises Refused too_large, bank_file_unreadable, bank_file_foreign; nothing is booked then.
    """
    files = read_files(content)
    async with in_account(account_id):
        fits = await _concerns_us(files)
    ibans = tuple(dict.fromkeys(iban for one in files for iban in one.ibans))
    if not fits:
        raise Refused("bank_file_foreign", 422, f"The file is of {', '.join(ibans) or 'no account'}, which is no account of yours, and"
                      " none of its references is on a bill. Nothing was booked.", iban=", ".join(ibans))  # fmt: skip
    booked = [await _book(account_id, credit, now) for one in files for credit in one.credits]
    return BankStatement(ibans=ibans, credits=tuple(booked), left_out=tuple(entry for one in files for entry in one.left_out))


async def concerns(account_id: UUID, content: bytes) -> bool:
    """Whether a file is of an account that this one is paid on, or pays one of its bills. Raises Refused."""
    async with in_account(account_id):
        return await _concerns_us(read_files(content))


def read_files(content: bytes) -> list[BankFile]:
    """The bank's messages in what was sent: one file of XML, or a zip of some. Raises Refused."""
    try:
        return [bank_file(one) for one in _unpacked(content)]
    except CamtFailed as error:
        raise Refused("bank_file_unreadable", 422, f"The bank's file was not booked. {error}", reason=str(error)) from error


def _unpacked(content: bytes) -> Iterator[bytes]:
    if len(content) > MOST_BYTES:
        raise _too_large()
    if not content.startswith(b"PK"):
        yield content
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            entries = [entry for entry in packed.infolist() if not entry.is_dir()]
            # Looked at before anything is unpacked; and no entry gives more than it has declared.
            if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > MOST_BYTES:
                raise _too_large()
            if not entries:
                raise CamtFailed("The zip file is empty.")
            for entry in entries:
                one = packed.read(entry)
                if one.startswith(b"PK"):
                    raise CamtFailed(f"{entry.filename} is packed once more. Unpack it first.")
                yield one
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise CamtFailed(f"The zip file cannot be unpacked: {error}") from error


def _too_large() -> Refused:
    megabytes = MOST_BYTES // 1_000_000
    return Refused("bank_file_too_large", 413, f"The file has, or unpacks to, more than {megabytes} MB. Ask the bank for shorter periods.",
                   most_mb=megabytes)  # fmt: skip


async def _concerns_us(files: Sequence[BankFile]) -> bool:
    rows = await fetch("SELECT iban, payout_iban FROM creditor")
    ours = {plain_reference(iban) for row in rows for iban in (row["iban"], row["payout_iban"]) if iban}
    if any(plain_reference(iban) in ours for one in files for iban in one.ibans):
        return True
    references = [credit.reference for one in files for credit in one.credits if credit.reference]
    return bool(await fetch("SELECT 1 FROM invoice WHERE reference = ANY($1::text[]) LIMIT 1", references))


async def _book(account_id: UUID, credit: BankCredit, now: datetime) -> BookedCredit:
    wanted = Credit(
        bank_reference=credit.bank_reference, received_on=credit.received_on, amount_minor=credit.amount_minor,
        currency=credit.currency, reference=credit.reference, payer=credit.payer,
    )  # fmt: skip
    payment, new = await book_payment(account_id, wanted, now)
    return BookedCredit(
        bank_reference=credit.bank_reference, received_on=credit.received_on, amount_minor=credit.amount_minor,
        currency=credit.currency, reference=credit.reference, text=credit.text, payer=credit.payer, bill_number=payment.bill_number,
        new=new, differs=(payment.amount_minor, payment.currency) != (credit.amount_minor, credit.currency),
    )  # fmt: skip
