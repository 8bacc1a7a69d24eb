"""The files for banks against the published schemas, as the package sepaxml ships them: direct debits, and transfers beside them."""

import io
import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from importlib import resources
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from app.billing.pain008 import NAMESPACE, Creditor, Debit, DebitFailed, pain008
from app.payouts.pain001 import NAMESPACE as TRANSFERS
from app.payouts.pain001 import Transfer, pain001

AT = datetime(2026, 11, 2, 5, 30, tzinfo=UTC)
CREDITOR = Creditor(name="Wohnbau Köln eG", iban="DE89370400440532013000", scheme_id="DE98ZZZ09999999999")
ONE = Debit(
    end_to_end_id="E1", collect_on=date(2026, 11, 10), amount_minor=4_210, mandate="M-1", signed_on=date(2026, 1, 1), name="Anna Muster",
    iban="DE02120300000000202051", reference="RF18539007547034",
)  # fmt: skip
TRANSFER = Transfer(
    end_to_end_id="P1", amount_minor=48_000, currency="CHF", name="Linden AG", street="Weg 1", postcode="8001", city="Zürich", country="CH",
    iban="CH9300762011623852957", text="P1",
)  # fmt: skip


def schema(namespace: str) -> etree.XMLSchema:
    """The published schema of a message."""
    name = namespace.rpartition(":")[2]
    return etree.XMLSchema(etree.parse(str(Path(str(resources.files("sepaxml"))) / "schemas" / f"{name}.xsd")))


SCHEMAS = {one: schema(one) for one in (NAMESPACE, TRANSFERS)}


def held(content: bytes, namespace: str = NAMESPACE) -> etree._Element:
    """The file's root, once the schema has nothing against it; names without the namespace."""
    document = etree.parse(io.BytesIO(content))
    SCHEMAS[namespace].assertValid(document)
    root = document.getroot()
    for node in root.iter():
        node.tag = etree.QName(node).localname
    return root


def made(*debits: Debit, message_id: str = "D20261102-AB12CD", at: datetime = AT) -> bytes:
    return pain008(message_id, at, CREDITOR, debits)


def changed(**fields: object) -> Debit:
    return msgspec.structs.replace(ONE, **fields)


def texts(root: etree._Element, name: str) -> list[str | None]:
    return [node.text for node in root.iter(name)]


def test_direct_debits_are_valid_by_the_schema_one_payment_information_a_day_each_a_credit_of_its_own() -> None:
    later = changed(end_to_end_id="E2", collect_on=date(2026, 11, 12), amount_minor=5, reference="090933755493")
    root = held(made(later, ONE, changed(end_to_end_id="E3", amount_minor=790)))
    assert texts(root, "ReqdColltnDt") == ["2026-11-10", "2026-11-12"] and texts(root, "PmtInfId") == [
        "D20261102-AB12CD-1", "D20261102-AB12CD-2"
    ]  # fmt: skip
    assert texts(root, "NbOfTxs") == ["3", "2", "1"] and texts(root, "CtrlSum") == ["50.05", "50.00", "0.05"]
    assert texts(root, "EndToEndId") == ["E1", "E3", "E2"] and texts(root, "InstdAmt") == ["42.10", "7.90", "0.05"]
    assert set(texts(root, "BtchBookg")) == {"false"} and set(texts(root, "SeqTp")) == {"RCUR"}
    assert texts(root, "MndtId") == ["M-1"] * 3 and texts(root, "DtOfSgntr") == ["2026-01-01"] * 3
    assert texts(root, "Ref") == ["RF18539007547034"] * 2 and texts(root, "Ustrd") == ["+++090/9337/55493+++"]
    assert root.findtext("CstmrDrctDbtInitn/PmtInf/CdtrSchmeId/Id/PrvtId/Othr/Id") == CREDITOR.scheme_id


def test_the_schema_refuses_what_is_broken_so_that_its_yes_says_something() -> None:
    for before, after in ((b"<SeqTp>RCUR</SeqTp>", b"<SeqTp>ONCE</SeqTp>"), (b"<MsgId>D20261102-AB12CD</MsgId>", b"")):
        with pytest.raises(etree.DocumentInvalid):
            held(made(ONE).replace(before, after))


def test_transfers_are_valid_by_their_schema_as_well() -> None:
    root = held(pain001("P20261102", AT, date(2026, 11, 3), "Hof", "CH9300762011623852957", [TRANSFER]), TRANSFERS)
    assert texts(root, "InstdAmt") == ["480.00"]


def test_the_same_batch_gives_the_same_bytes_from_any_time_zone() -> None:
    assert made(ONE) == made(ONE, at=AT.astimezone(timezone(timedelta(hours=13))))


@pytest.mark.parametrize(
    ("debit", "reason"),
    [
        (changed(amount_minor=0), "not above zero"),
        (changed(amount_minor=10**12), "too large"),
        (changed(iban="DE02120300000000202052"), "is none"),
        (changed(mandate="M" * 36), "longer than 35"),
        (changed(end_to_end_id="A//B"), "signs that banks refuse"),
        (changed(signed_on=date(2026, 11, 11)), "signed after"),
    ],
)
def test_a_debit_that_the_bank_would_refuse_is_refused_here(debit: Debit, reason: str) -> None:
    with pytest.raises(DebitFailed, match=reason):
        made(debit)


def test_an_empty_or_doubled_batch_and_a_wrong_creditor_are_refused() -> None:
    for debits, message_id in (((), "M"), ((ONE, ONE), "M"), ((ONE,), "M" * 34)):
        with pytest.raises(DebitFailed):
            made(*debits, message_id=message_id)
    for creditor in (msgspec.structs.replace(CREDITOR, iban="DE1"), msgspec.structs.replace(CREDITOR, scheme_id="DE00ZZZ09999999999")):
        with pytest.raises(DebitFailed):
            pain008("M", AT, creditor, [ONE])


@given(st.text(max_size=200), st.lists(st.integers(min_value=1, max_value=10**9), min_size=1, max_size=9))
def test_any_name_and_amounts_are_valid_by_the_schema(name: str, amounts_minor: list[int]) -> None:
    debits = [changed(name=name, amount_minor=amount, end_to_end_id=f"E{place}") for place, amount in enumerate(amounts_minor)]
    root = held(made(*debits))
    assert Decimal(root.findtext("CstmrDrctDbtInitn/GrpHdr/CtrlSum") or "") == Decimal(sum(amounts_minor)) / 100
    assert all(re.fullmatch(r".{1,70}", node.findtext("Nm") or "") for node in root.iter("Dbtr"))
