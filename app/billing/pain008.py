"""ISO 20022 pain.008.001.08 after the SEPA Core rulebook: direct debits in euro as a bank takes them.

The same batch gives the same bytes: the message's id and time are arguments. Debits of one day are one payment information; each
comes as a credit of its own, so that the bank's file carries its reference back.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, tostring

import msgspec
from stdnum import iban as ibans
from stdnum.eu import at_02

from app.billing.bank_xml import IDENTIFICATION, MOST_MESSAGE_ID, texts
from app.billing.qr_slip import plain_reference, shown_reference, slip_text
from app.kernel.money import to_major

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.008.001.08"


class Creditor(msgspec.Struct, frozen=True, kw_only=True):
    """Who collects: `scheme_id` is the creditor identifier of the SEPA scheme."""

    name: str
    iban: str
    scheme_id: str


class Debit(msgspec.Struct, frozen=True, kw_only=True):
    """One direct debit under a mandate. `reference` is the bill's: SCOR, else as text."""

    end_to_end_id: str
    collect_on: date
    amount_minor: int
    mandate: str
    signed_on: date
    name: str
    iban: str
    reference: str


class DebitFailed(ValueError):
    """A direct debit that a bank would refuse; the text says which and why."""


def pain008(message_id: str, created_at: datetime, creditor: Creditor, debits: Sequence[Debit]) -> bytes:
    """The file. `created_at` is aware, `message_id` at most 33 characters. Raises DebitFailed."""
    _check(message_id, created_at, creditor, debits)
    root = Element("Document", xmlns=NAMESPACE)
    initiation = SubElement(root, "CstmrDrctDbtInitn")
    header = SubElement(initiation, "GrpHdr")
    texts(header, MsgId=message_id, CreDtTm=created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), NbOfTxs=str(len(debits)),
          CtrlSum=_sum(debits))  # fmt: skip
    texts(SubElement(header, "InitgPty"), Nm=slip_text(creditor.name, 70))
    for place, (_, group) in enumerate(groupby(sorted(debits, key=lambda one: one.collect_on), key=lambda one: one.collect_on), start=1):
        _day(SubElement(initiation, "PmtInf"), f"{message_id}-{place}", creditor, list(group))
    body: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
    return body


def _sum(debits: Sequence[Debit]) -> str:
    return str(to_major(sum(one.amount_minor for one in debits), "EUR"))


def _check(message_id: str, created_at: datetime, creditor: Creditor, debits: Sequence[Debit]) -> None:
    if not IDENTIFICATION.fullmatch(message_id) or len(message_id) > MOST_MESSAGE_ID:
        raise DebitFailed(f"the message id {message_id!r} is longer than {MOST_MESSAGE_ID} or has signs that banks refuse")
    if created_at.tzinfo is None:
        raise DebitFailed("the time of creation names no time zone")
    if not ibans.is_valid(creditor.iban):
        raise DebitFailed(f"the creditor's IBAN {creditor.iban!r} is none")
    if not at_02.is_valid(creditor.scheme_id):
        raise DebitFailed(f"the creditor identifier {creditor.scheme_id!r} has wrong check digits")
    if not debits:
        raise DebitFailed("a file needs direct debits")
    seen = set()
    for debit in debits:
        reason = _why_not(debit)
        if reason:
            raise DebitFailed(f"direct debit {debit.end_to_end_id!r}: {reason}")
        if debit.end_to_end_id in seen:
            raise DebitFailed(f"direct debit {debit.end_to_end_id!r} is in the file twice")
        seen.add(debit.end_to_end_id)


def _why_not(debit: Debit) -> str:
    if not 0 < debit.amount_minor <= 99_999_999_999:
        return "the amount is not above zero, or too large"
    if not (IDENTIFICATION.fullmatch(debit.end_to_end_id) and IDENTIFICATION.fullmatch(debit.mandate)):
        return "its id or its mandate is longer than 35 or has signs that banks refuse"
    if not ibans.is_valid(debit.iban):
        return f"the IBAN {debit.iban!r} is none"
    if debit.signed_on > debit.collect_on:
        return "the mandate is signed after the day of the debit"
    return ""


def _day(payment: Element, payment_id: str, creditor: Creditor, debits: Sequence[Debit]) -> None:
    texts(payment, PmtInfId=payment_id, PmtMtd="DD", BtchBookg="false", NbOfTxs=str(len(debits)), CtrlSum=_sum(debits))
    kind = SubElement(payment, "PmtTpInf")
    texts(SubElement(kind, "SvcLvl"), Cd="SEPA")
    texts(SubElement(kind, "LclInstrm"), Cd="CORE")
    texts(kind, SeqTp="RCUR")  # the rulebook takes it for a mandate's first debit as well
    texts(payment, ReqdColltnDt=debits[0].collect_on.isoformat())
    texts(SubElement(payment, "Cdtr"), Nm=slip_text(creditor.name, 70))
    texts(SubElement(SubElement(payment, "CdtrAcct"), "Id"), IBAN=plain_reference(creditor.iban))
    texts(SubElement(SubElement(SubElement(payment, "CdtrAgt"), "FinInstnId"), "Othr"), Id="NOTPROVIDED")
    texts(payment, ChrgBr="SLEV")
    scheme = SubElement(SubElement(SubElement(SubElement(payment, "CdtrSchmeId"), "Id"), "PrvtId"), "Othr")
    texts(scheme, Id=plain_reference(creditor.scheme_id))
    texts(SubElement(scheme, "SchmeNm"), Prtry="SEPA")
    for debit in debits:
        _debit(SubElement(payment, "DrctDbtTxInf"), debit)


def _debit(node: Element, debit: Debit) -> None:
    texts(SubElement(node, "PmtId"), EndToEndId=debit.end_to_end_id)
    SubElement(node, "InstdAmt", Ccy="EUR").text = str(to_major(debit.amount_minor, "EUR"))
    mandate = SubElement(SubElement(node, "DrctDbtTx"), "MndtRltdInf")
    texts(mandate, MndtId=debit.mandate, DtOfSgntr=debit.signed_on.isoformat())
    texts(SubElement(SubElement(SubElement(node, "DbtrAgt"), "FinInstnId"), "Othr"), Id="NOTPROVIDED")
    texts(SubElement(node, "Dbtr"), Nm=slip_text(debit.name, 70))
    texts(SubElement(SubElement(node, "DbtrAcct"), "Id"), IBAN=plain_reference(debit.iban))
    remittance, reference = SubElement(node, "RmtInf"), plain_reference(debit.reference)
    if not reference.startswith("RF"):  # SEPA's structured field takes no other; banks carry the text back as it is
        texts(remittance, Ustrd=shown_reference(reference))
        return
    given = SubElement(SubElement(remittance, "Strd"), "CdtrRefInf")
    texts(SubElement(SubElement(given, "Tp"), "CdOrPrtry"), Cd="SCOR")
    texts(given, Ref=reference)
