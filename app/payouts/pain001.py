"""ISO 20022 pain.001.001.09 after the Swiss Payment Standards: credit transfers as a bank takes them.

The same batch gives the same bytes: the message's id and time are arguments.
"""

import re
from datetime import UTC, date, datetime
from xml.etree.ElementTree import Element, SubElement, tostring

import msgspec
from stdnum import iban as ibans

from app.billing.bank_xml import IDENTIFICATION, MOST_MESSAGE_ID, agent, texts
from app.billing.qr_slip import is_qr_iban, is_reference, plain_reference, slip_text
from app.kernel.money import to_major

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """One credit transfer. `end_to_end_id` at most 35 characters; `reference` is a QRR or SCOR, else `text` goes along."""

    end_to_end_id: str
    amount_minor: int
    currency: str
    name: str
    street: str
    postcode: str
    city: str
    country: str
    iban: str
    text: str
    reference: str = ""


class TransferFailed(ValueError):
    """A payment file that a bank would refuse; the text says which transfer and why."""


def pain001(message_id: str, created_at: datetime, execute_on: date, debtor: str, debtor_iban: str,
            transfers: list[Transfer]) -> bytes:  # fmt: skip
    """The file, one debit for the batch. `created_at` is aware, `message_id` at most 33 characters. Raises TransferFailed."""
    _check(message_id, created_at, debtor_iban, transfers)
    total = str(sum((to_major(t.amount_minor, t.currency) for t in transfers), start=to_major(0, "CHF")))
    root = Element("Document", xmlns=NAMESPACE)
    initiation = SubElement(root, "CstmrCdtTrfInitn")
    header = SubElement(initiation, "GrpHdr")
    texts(header, MsgId=message_id, CreDtTm=created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), NbOfTxs=str(len(transfers)),
           CtrlSum=total)  # fmt: skip
    texts(SubElement(header, "InitgPty"), Nm=slip_text(debtor, 70))
    payment = SubElement(initiation, "PmtInf")
    texts(payment, PmtInfId=f"{message_id}-1", PmtMtd="TRF", BtchBookg="true", NbOfTxs=str(len(transfers)), CtrlSum=total)
    texts(SubElement(payment, "ReqdExctnDt"), Dt=execute_on.isoformat())
    texts(SubElement(payment, "Dbtr"), Nm=slip_text(debtor, 70))
    account = plain_reference(debtor_iban)
    texts(SubElement(SubElement(payment, "DbtrAcct"), "Id"), IBAN=account)
    agent(SubElement(SubElement(payment, "DbtrAgt"), "FinInstnId"), account)
    for transfer in transfers:
        _transfer(SubElement(payment, "CdtTrfTxInf"), transfer)
    body: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
    return body


def _check(message_id: str, created_at: datetime, debtor_iban: str, transfers: list[Transfer]) -> None:
    if not IDENTIFICATION.fullmatch(message_id) or len(message_id) > MOST_MESSAGE_ID:
        raise TransferFailed(f"the message id {message_id!r} is longer than {MOST_MESSAGE_ID} or has signs that banks refuse")
    if created_at.tzinfo is None:
        raise TransferFailed("the time of creation names no time zone")
    if not ibans.is_valid(debtor_iban):
        raise TransferFailed(f"the debtor's IBAN {debtor_iban!r} is none")
    if is_qr_iban(debtor_iban):
        raise TransferFailed(f"the debtor's IBAN {debtor_iban!r} is a QR-IBAN, from which no bank pays")
    if not transfers:
        raise TransferFailed("a payment file needs transfers")
    seen = set()
    for transfer in transfers:
        reason = _why_not(transfer)
        if reason:
            raise TransferFailed(f"transfer {transfer.end_to_end_id!r}: {reason}")
        if transfer.end_to_end_id in seen:
            raise TransferFailed(f"transfer {transfer.end_to_end_id!r} is in the file twice")
        seen.add(transfer.end_to_end_id)


def _why_not(transfer: Transfer) -> str:
    reference = plain_reference(transfer.reference)
    if transfer.amount_minor <= 0:
        return "the amount is not above zero"
    if not IDENTIFICATION.fullmatch(transfer.end_to_end_id):
        return "its id is longer than 35 or has signs that banks refuse"
    if not ibans.is_valid(transfer.iban):
        return f"the IBAN {transfer.iban!r} is none"
    if reference and not is_reference(reference):
        return f"the reference {reference!r} has wrong check digits"
    if is_qr_iban(transfer.iban) != reference.isdecimal():
        return "a QR-IBAN goes with a QR reference, and only with one"
    if not re.fullmatch("[A-Z]{2}", transfer.country):
        return f"the country {transfer.country!r} is no two-letter code"
    return ""


def _transfer(node: Element, transfer: Transfer) -> None:
    texts(SubElement(node, "PmtId"), InstrId=transfer.end_to_end_id, EndToEndId=transfer.end_to_end_id)
    amount = SubElement(SubElement(node, "Amt"), "InstdAmt", Ccy=transfer.currency)
    amount.text = str(to_major(transfer.amount_minor, transfer.currency))
    creditor = SubElement(node, "Cdtr")
    texts(creditor, Nm=slip_text(transfer.name, 70))
    texts(SubElement(creditor, "PstlAdr"), StrtNm=slip_text(transfer.street, 70), PstCd=slip_text(transfer.postcode, 16),
           TwnNm=slip_text(transfer.city, 35), Ctry=transfer.country)  # fmt: skip
    texts(SubElement(SubElement(node, "CdtrAcct"), "Id"), IBAN=plain_reference(transfer.iban))
    _remittance(SubElement(node, "RmtInf"), plain_reference(transfer.reference), transfer.text)


def _remittance(node: Element, reference: str, text: str) -> None:
    if not reference:
        texts(node, Ustrd=slip_text(text, 140))
        return
    given = SubElement(SubElement(node, "Strd"), "CdtrRefInf")
    kind = SubElement(SubElement(given, "Tp"), "CdOrPrtry")
    texts(kind, **({"Prtry": "QRR"} if reference.isdecimal() else {"Cd": "SCOR"}))
    texts(given, Ref=reference)
