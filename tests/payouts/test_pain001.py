"""The payment file held against rules written from the Swiss Payment Standards: order, sums, lengths, characters."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.payouts.pain001 import NAMESPACE, Transfer, TransferFailed, pain001

AT = datetime(2026, 11, 2, 5, 30, tzinfo=UTC)
DEBTOR, QR_IBAN = "CH9300762011623852957", "CH4431999123000889012"
ONE = Transfer(
    end_to_end_id="P202610-AB12CD", amount_minor=48_000, currency="CHF", name="Linden Immobilien AG", street="Bahnhofstrasse 1",
    postcode="8001", city="Zürich", country="CH", iban="CH9300762011623852957", text="P202610-AB12CD Lindenhof 2026-10",
)  # fmt: skip
QRR, SCOR = "210000000003139471430009017", "RF18539007547034"

# The order of children as the schema has it; what is not named here may not stand in the file.
ORDER = {
    "Document": ["CstmrCdtTrfInitn"],
    "CstmrCdtTrfInitn": ["GrpHdr", "PmtInf"],
    "GrpHdr": ["MsgId", "CreDtTm", "NbOfTxs", "CtrlSum", "InitgPty"],
    "InitgPty": ["Nm"],
    "PmtInf": ["PmtInfId", "PmtMtd", "BtchBookg", "NbOfTxs", "CtrlSum", "ReqdExctnDt", "Dbtr", "DbtrAcct", "DbtrAgt", "CdtTrfTxInf"],
    "ReqdExctnDt": ["Dt"],
    "Dbtr": ["Nm"],
    "DbtrAcct": ["Id"],
    "DbtrAgt": ["FinInstnId"],
    "FinInstnId": ["ClrSysMmbId"],
    "ClrSysMmbId": ["ClrSysId", "MmbId"],
    "ClrSysId": ["Cd"],
    "CdtTrfTxInf": ["PmtId", "Amt", "Cdtr", "CdtrAcct", "RmtInf"],
    "PmtId": ["InstrId", "EndToEndId"],
    "Amt": ["InstdAmt"],
    "Cdtr": ["Nm", "PstlAdr"],
    "PstlAdr": ["StrtNm", "PstCd", "TwnNm", "Ctry"],
    "CdtrAcct": ["Id"],
    "Id": ["IBAN"],
    "RmtInf": ["Ustrd", "Strd"],
    "Strd": ["CdtrRefInf"],
    "CdtrRefInf": ["Tp", "Ref"],
    "Tp": ["CdOrPrtry"],
    "CdOrPrtry": ["Cd", "Prtry"],
}
MOST = {"MsgId": 35, "PmtInfId": 35, "InstrId": 35, "EndToEndId": 35, "Nm": 70, "StrtNm": 70, "PstCd": 16, "TwnNm": 35, "Ustrd": 140}
SIGNS = re.compile(r"[\x20-\x7e\xa0-\u017fȘșȚț€]+")


def held(content: bytes) -> ElementTree.Element:
    """The file's root, after every rule was held against it; names without the namespace."""
    root = ElementTree.fromstring(content)
    for node in root.iter():
        assert node.tag.startswith("{" + NAMESPACE + "}")
        node.tag = node.tag.partition("}")[2]
    for node in root.iter():
        places = [ORDER[node.tag].index(child.tag) for child in node] if len(node) else []
        assert places == sorted(places)
        if not len(node):
            assert node.text is not None
            assert SIGNS.fullmatch(node.text)
            assert node.text == node.text.strip()
            assert 1 <= len(node.text) <= MOST.get(node.tag, 200)
    amounts = [Decimal(node.text or "") for node in root.iter("InstdAmt")]
    for head in ("CstmrCdtTrfInitn/GrpHdr", "CstmrCdtTrfInitn/PmtInf"):
        assert Decimal(root.findtext(f"{head}/CtrlSum") or "") == sum(amounts)
        assert int(root.findtext(f"{head}/NbOfTxs") or "") == len(amounts)
    return root


def made(*transfers: Transfer, message_id: str = "P202610-AB12CD", at: datetime = AT) -> bytes:
    return pain001(message_id, at, date(2026, 11, 3), "Musterhof Genossenschaft", DEBTOR, list(transfers))


def changed(**fields: object) -> Transfer:
    return msgspec.structs.replace(ONE, **fields)


def test_a_payout_is_a_file_that_keeps_every_rule() -> None:
    root = held(made(ONE, changed(end_to_end_id="B", amount_minor=5, iban=QR_IBAN, reference="21 00000 00003 13947 14300 09017")))
    payment = root.find("CstmrCdtTrfInitn/PmtInf")
    assert payment is not None
    assert [payment.findtext(name) for name in ("CtrlSum", "BtchBookg", "PmtMtd", "ReqdExctnDt/Dt")] == [
        "480.05",
        "true",
        "TRF",
        "2026-11-03",
    ]
    assert payment.findtext("DbtrAgt/FinInstnId/ClrSysMmbId/MmbId") == "762"
    first, second = payment.findall("CdtTrfTxInf")
    assert first.findtext("RmtInf/Ustrd") == ONE.text
    assert second.findtext("RmtInf/Strd/CdtrRefInf/Ref") == QRR
    assert second.findtext("RmtInf/Strd/CdtrRefInf/Tp/CdOrPrtry/Prtry") == "QRR"


def test_a_creditor_reference_goes_by_its_code() -> None:
    root = held(made(changed(reference=SCOR)))
    assert [node.text for node in root.iter("Cd")] == ["CHBCC", "SCOR"]


def test_the_same_batch_gives_the_same_bytes_from_any_time_zone() -> None:
    assert made(ONE) == made(ONE, at=AT.astimezone(timezone(timedelta(hours=13))))


@pytest.mark.parametrize(
    ("transfer", "reason"),
    [
        (changed(amount_minor=0), "not above zero"),
        (changed(amount_minor=-1), "not above zero"),
        (changed(iban="CH9300762011623852958"), "is none"),
        (changed(iban=""), "is none"),
        (changed(end_to_end_id="x" * 36), "longer than 35"),
        (changed(end_to_end_id="A//B"), "signs that banks refuse"),
        (changed(end_to_end_id="ä"), "signs that banks refuse"),
        (changed(reference="RF19539007547034"), "wrong check digits"),
        (changed(reference=QRR), "QR-IBAN"),
        (changed(iban=QR_IBAN), "QR-IBAN"),
        (changed(iban=QR_IBAN, reference=SCOR), "QR-IBAN"),
        (changed(country="Schweiz"), "two-letter"),
    ],
)
def test_a_transfer_that_the_bank_would_refuse_is_refused_here(transfer: Transfer, reason: str) -> None:
    with pytest.raises(TransferFailed, match=reason):
        made(transfer)


def test_an_empty_or_doubled_batch_or_a_long_id_is_refused() -> None:
    for transfers, message_id in (((), "M"), ((ONE, ONE), "M"), ((ONE,), "M" * 34), ((ONE,), "/M")):
        with pytest.raises(TransferFailed):
            made(*transfers, message_id=message_id)


@given(st.text(max_size=200), st.text(max_size=200), st.lists(st.integers(min_value=1, max_value=10**11), min_size=1, max_size=9))
def test_any_name_and_amounts_keep_every_rule(name: str, text: str, amounts_minor: list[int]) -> None:
    transfers = [
        changed(name=name, street=name, city=name, postcode=name, text=text, amount_minor=amount, end_to_end_id=f"E{place}")
        for place, amount in enumerate(amounts_minor)
    ]
    held(made(*transfers))
