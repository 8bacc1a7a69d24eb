"""ISO 20022 pain.001.001.09: credit transfers as a bank takes them. The same batch gives the same bytes."""

from datetime import date, datetime
from xml.etree.ElementTree import Element, SubElement, tostring

import msgspec

from app.billing.documents.render import printable
from app.kernel.money import to_major

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """One credit transfer. `end_to_end_id` at most 35 characters."""

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


def pain001(message_id: str, created_at: datetime, execute_on: date, debtor: str, debtor_iban: str,
            transfers: list[Transfer]) -> bytes:  # fmt: skip
    """The file. Raises ValueError without transfers or with an amount that is not above zero."""
    if not transfers or any(transfer.amount_minor <= 0 for transfer in transfers):
        raise ValueError("a payment file needs transfers with amounts above zero")
    total = str(sum((to_major(t.amount_minor, t.currency) for t in transfers), start=to_major(0, "CHF")))
    root = Element("Document", xmlns=NAMESPACE)
    initiation = SubElement(root, "CstmrCdtTrfInitn")
    header = SubElement(initiation, "GrpHdr")
    _texts(header, MsgId=message_id[:35], CreDtTm=created_at.strftime("%Y-%m-%dT%H:%M:%SZ"), NbOfTxs=str(len(transfers)),
           CtrlSum=total)  # fmt: skip
    _texts(SubElement(header, "InitgPty"), Nm=_clean(debtor, 70))
    payment = SubElement(initiation, "PmtInf")
    _texts(payment, PmtInfId=f"{message_id[:31]}-1", PmtMtd="TRF", BtchBookg="true", NbOfTxs=str(len(transfers)),
           CtrlSum=total)  # fmt: skip
    _texts(SubElement(payment, "ReqdExctnDt"), Dt=execute_on.isoformat())
    _texts(SubElement(payment, "Dbtr"), Nm=_clean(debtor, 70))
    _texts(SubElement(SubElement(payment, "DbtrAcct"), "Id"), IBAN=debtor_iban.replace(" ", ""))
    agent = SubElement(SubElement(payment, "DbtrAgt"), "FinInstnId")
    _texts(SubElement(agent, "Othr"), Id="NOTPROVIDED")
    for transfer in transfers:
        _transfer(SubElement(payment, "CdtTrfTxInf"), transfer)
    body: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
    return body


def _transfer(node: Element, transfer: Transfer) -> None:
    identity = SubElement(node, "PmtId")
    _texts(identity, InstrId=transfer.end_to_end_id[:35], EndToEndId=transfer.end_to_end_id[:35])
    amount = SubElement(SubElement(node, "Amt"), "InstdAmt", Ccy=transfer.currency)
    amount.text = str(to_major(transfer.amount_minor, transfer.currency))
    creditor = SubElement(node, "Cdtr")
    _texts(creditor, Nm=_clean(transfer.name, 70))
    _texts(SubElement(creditor, "PstlAdr"), StrtNm=_clean(transfer.street, 70), PstCd=_clean(transfer.postcode, 16),
           TwnNm=_clean(transfer.city, 35), Ctry=transfer.country)  # fmt: skip
    _texts(SubElement(SubElement(node, "CdtrAcct"), "Id"), IBAN=transfer.iban.replace(" ", ""))
    _texts(SubElement(node, "RmtInf"), Ustrd=_clean(transfer.text, 140))


def _texts(parent: Element, **children: str) -> None:
    for name, text in children.items():
        SubElement(parent, name).text = text


def _clean(text: str, most: int) -> str:
    return str(printable(text))[:most].strip() or "-"
