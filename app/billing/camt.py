"""Bank statements and notices (ISO 20022 camt.053 and camt.054, versions 02 to 08) as credits. Pure.

Names are read without their namespace: the versions differ in it, and hardly in what is read here.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from xml.etree.ElementTree import Element, ParseError

import msgspec
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from app.billing.qr_slip import is_ogm, is_reference, plain_reference
from app.kernel.money import minor_digits, to_minor

MOST_BYTES = 20_000_000
MESSAGES = {"BkToCstmrStmt": "Stmt", "BkToCstmrDbtCdtNtfctn": "Ntfctn"}
AMOUNT = re.compile(r"\d{1,15}(\.\d{1,5})?")
BOOKED = {"BOOK", ""}
NOTHING = {"", "NOTPROVIDED"}


class CamtFailed(ValueError):
    """A bank file that cannot be read; the text says where and why. Nothing of the file is used."""


class BankCredit(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came in, one per payer also out of a batch.

    `bank_reference` is the bank's reference of the entry and the place in its batch ("ZB3/2"): the same in the
    statement and in the notice, so that reading both books once. `reference` is empty where the payer gave none.
    """

    bank_reference: str
    received_on: date
    amount_minor: int
    currency: str
    reference: str
    text: str
    payer: str
    payer_iban: str


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """An entry with money that is not read, and why: as a code and as a sentence."""

    entry: int
    bank_reference: str
    code: Literal["not_booked", "without_details", "mixed", "reversal"]
    text: str


class BankFile(msgspec.Struct, frozen=True, kw_only=True):
    """The credits of a file, its accounts, and what a person should know was left out."""

    message_id: str
    ibans: tuple[str, ...]
    credits: tuple[BankCredit, ...]
    left_out: tuple[LeftOut, ...]


def bank_file(content: bytes) -> BankFile:
    """Read a camt.053 or camt.054. Debits are passed over. Raises CamtFailed."""
    message = _message(content)
    found: list[BankCredit] = []
    left_out: list[LeftOut] = []
    ibans: list[str] = []
    for statement in message.findall(MESSAGES[message.tag]):
        ibans.append(_text(statement, "Acct/Id/IBAN") or _text(statement, "Acct/Id/Othr/Id"))
        for place, entry in enumerate(statement.findall("Ntry"), start=1):
            if _text(entry, "CdtDbtInd") != "CRDT":
                continue
            reason = _why_not(entry)
            if reason is not None:
                left_out.append(LeftOut(entry=place, bank_reference=_text(entry, "AcctSvcrRef"), code=reason[0], text=reason[1]))
            else:
                found += _credits(entry, f"entry {place}")
    _refuse_twice(found)
    return BankFile(
        message_id=_text(message, "GrpHdr/MsgId"), ibans=tuple(dict.fromkeys(ibans)), credits=tuple(found), left_out=tuple(left_out)
    )


def _message(content: bytes) -> Element:
    if len(content) > MOST_BYTES:
        raise CamtFailed(f"The file has {len(content)} bytes; at most {MOST_BYTES} are read. Ask the bank for shorter periods.")
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        # It could define entities that grow or read files; banks send none.
        raise CamtFailed("The file declares a document type. A bank's file has none; it is refused.") from error
    except (ParseError, ValueError, LookupError) as error:
        raise CamtFailed(f"The file is not well-formed XML: {error}") from error
    for node in root.iter():
        node.tag = node.tag.rpartition("}")[2]
    message = next((node for node in root if node.tag in MESSAGES), None)
    if message is None:
        inside = ", ".join(node.tag for node in root) or "nothing"
        raise CamtFailed(f"The file is no camt.053 or camt.054: under {root.tag} stands {inside}.")
    return message


Reason = tuple[Literal["not_booked", "without_details", "mixed", "reversal"], str]


def _why_not(entry: Element) -> Reason | None:
    status = _text(entry, "Sts/Cd") or _text(entry, "Sts")
    if status not in BOOKED:
        return "not_booked", f"not booked yet (status {status})."
    members = _text(entry, "NtryDtls/Btch/NbOfTxs")
    if members.isdecimal() and int(members) > 1 and entry.find("NtryDtls/TxDtls") is None:
        return "without_details", f"{members} payments in one sum, without their details. Load the camt.054 of this day."
    if any(_text(detail, "CdtDbtInd") == "DBIT" for detail in entry.findall("NtryDtls/TxDtls")):
        return "mixed", "credits and debits mixed in one sum. Book it by hand."
    if _text(entry, "RvslInd") in ("true", "1"):
        return "reversal", "a payment of ours that came back. Book it by hand."
    return None


def _credits(entry: Element, where: str) -> Iterator[BankCredit]:
    bank_reference = _text(entry, "AcctSvcrRef") or _text(entry, "NtryDtls/TxDtls/Refs/AcctSvcrRef")
    if not bank_reference:
        raise CamtFailed(f"{where} has no bank reference (AcctSvcrRef): it could be booked twice.")
    total_minor, currency = _amount(entry.find("Amt"), where)
    received_on = _day(entry, where)
    details = entry.findall("NtryDtls/TxDtls") or [entry]
    amounts = [_detail_amount(detail, len(details), (total_minor, currency), where) for detail in details]
    if sum(amounts) != total_minor:
        raise CamtFailed(f"{where}: its payments come to {sum(amounts)}, the entry says {total_minor} (minor units).")
    for place, (detail, amount_minor) in enumerate(zip(details, amounts, strict=True), start=1):
        if amount_minor == 0:
            continue
        reference, text = _remittance(detail)
        yield BankCredit(
            bank_reference=f"{bank_reference}/{place}", received_on=received_on, amount_minor=amount_minor, currency=currency,
            reference=reference, text=text,
            payer=_text(detail, "RltdPties/Dbtr/Pty/Nm") or _text(detail, "RltdPties/Dbtr/Nm") or _text(detail, "RltdPties/UltmtDbtr/Nm"),
            payer_iban=_text(detail, "RltdPties/DbtrAcct/Id/IBAN"),
        )  # fmt: skip


def _detail_amount(detail: Element, members: int, whole: tuple[int, str], where: str) -> int:
    node = detail.find("Amt")
    if node is None:
        node = detail.find("AmtDtls/TxAmt/Amt")
    # Alone in its entry, a payment is the entry: what arrived, also when the payer sent another currency.
    if members == 1:
        return whole[0]
    amount_minor, currency = _amount(node, where)
    if currency != whole[1]:
        raise CamtFailed(f"{where}: a payment in {currency} inside an entry in {whole[1]}.")
    return amount_minor


def _amount(node: Element | None, where: str) -> tuple[int, str]:
    text = "" if node is None else (node.text or "").strip()
    currency = "" if node is None else node.get("Ccy", "")
    if not AMOUNT.fullmatch(text) or len(currency) != 3:
        raise CamtFailed(f"{where}: the amount {text!r} {currency!r} is none.")
    amount = Decimal(text)
    if amount != amount.quantize(Decimal(1).scaleb(-minor_digits(currency))):
        raise CamtFailed(f"{where}: {text} {currency} has more places than the currency.")
    return to_minor(amount, currency), currency


def _day(entry: Element, where: str) -> date:
    text = _text(entry, "BookgDt/Dt") or _text(entry, "BookgDt/DtTm") or _text(entry, "ValDt/Dt") or _text(entry, "ValDt/DtTm")
    try:
        return datetime.fromisoformat(text).date() if "T" in text else date.fromisoformat(text[:10])
    except ValueError as error:
        raise CamtFailed(f"{where}: the booking date {text!r} is none.") from error


def _remittance(detail: Element) -> tuple[str, str]:
    """(reference, free text): the structured reference, else one that the payer wrote into the text."""
    text = " ".join(" ".join((node.text or "").split()) for node in detail.findall("RmtInf/Ustrd"))
    for node in detail.findall("RmtInf/Strd/CdtrRefInf/Ref"):
        reference = plain_reference(node.text or "")
        if reference not in NOTHING:
            return reference, text
    return _reference_in(text), text


def _reference_in(text: str) -> str:
    words = re.split(r"[\s,;:]+", text.upper())[:60]
    for start in range(len(words)):
        for end in range(min(len(words), start + 8), start, -1):
            candidate = "".join(words[start:end])
            # Twelve digits without their signs may be part of anything: one in 97 has the right check digits by chance.
            if is_reference(candidate) and not is_ogm(candidate):
                return plain_reference(candidate)
    return ""


def _refuse_twice(found: list[BankCredit]) -> None:
    seen: dict[str, BankCredit] = {}
    for credit in found:
        if credit.bank_reference in seen:
            raise CamtFailed(f"Two entries carry the bank reference {credit.bank_reference}: they cannot be told apart.")
        seen[credit.bank_reference] = credit


def _text(node: Element, path: str) -> str:
    found = node.find(path)
    return "" if found is None else " ".join((found.text or "").split())
