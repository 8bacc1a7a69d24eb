"""Bank files of every version give the same credits; what cannot be trusted is refused with its reason."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.billing.camt import CamtFailed, bank_file
from tests.billing.bank_files import QRR, SCOR, VERSIONS, camt, entry, payment

V8 = "camt.054.001.08"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_gives_each_payer_of_a_batch_with_amount_reference_and_name(version: str) -> None:
    batch = payment(version, "71.40", QRR, payer="Anna Brönnimann & Co", iban="CH9300762011623852957") + payment(version, "8.60", SCOR)
    read = bank_file(camt(version, entry(version, "80.00", batch, members=2), entry(version, "5.00", side="DBIT")))
    assert read.ibans == ("CH4431999123000889012",)
    assert [(c.bank_reference, c.amount_minor, c.currency, c.reference) for c in read.credits] == [
        ("ZB-1/1", 7140, "CHF", QRR),
        ("ZB-1/2", 860, "CHF", SCOR),
    ]
    first = read.credits[0]
    assert (first.payer, first.payer_iban, first.received_on) == ("Anna Brönnimann & Co", "CH9300762011623852957", date(2026, 11, 4))


def test_the_statement_and_the_notice_of_a_payment_give_the_same_identity() -> None:
    statement, notice = "camt.053.001.04", "camt.054.001.08"
    without_details = bank_file(camt(statement, entry(statement, "10.00"))).credits
    with_details = bank_file(camt(notice, entry(notice, "10.00", payment(notice, "10.00", QRR)))).credits
    assert [c.bank_reference for c in without_details] == [c.bank_reference for c in with_details]


def test_a_batch_without_its_details_is_left_to_the_notice_and_said_so() -> None:
    read = bank_file(camt("camt.053.001.08", entry("camt.053.001.08", "80.00", members=2)))
    assert read.credits == ()
    assert (read.left_out[0].code, read.left_out[0].bank_reference) == ("without_details", "ZB-1")
    assert "camt.054" in read.left_out[0].text


def test_an_entry_that_is_not_booked_yet_is_left_out_and_said_so() -> None:
    read = bank_file(camt(V8, entry(V8, "80.00", payment(V8, "80.00", QRR), status="PDNG")))
    assert (read.credits, read.left_out[0].code, "PDNG" in read.left_out[0].text) == ((), "not_booked", True)


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("Rechnung 21 00000 00003 13947 14300 09017 danke", QRR),
        ("bezahlt: rf18 5390 0754 7034, Oktober", SCOR),
        ("Oktober 2026", ""),
        ("21 00000 00003 13947 14300 09018", ""),
        ("RF19 5390 0754 7034", ""),
    ],
)
def test_a_reference_in_the_free_text_counts_only_with_right_check_digits(text: str, reference: str) -> None:
    read = bank_file(camt(V8, entry(V8, "80.00", payment(V8, "80.00", text=text))))
    assert (read.credits[0].reference, read.credits[0].text) == (reference, text)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not well-formed"),
        (b"<Document><x></Document>", "not well-formed"),
        (b"<Document><CstmrCdtTrfInitn/></Document>", "no camt.053 or camt.054: under Document stands CstmrCdtTrfInitn"),
        (camt(V8, entry(V8, "80.00", payment(V8, "79.99") + payment(V8, "0.02"))), "come to 8001, the entry says 8000"),
        (camt(V8, entry(V8, "NaN")), "amount 'NaN' 'CHF' is none"),
        (camt(V8, entry(V8, "-5.00")), "amount '-5.00'"),
        (camt(V8, entry(V8, "5.001")), "more places"),
        (camt(V8, entry(V8, "5.00", bank_reference="")), "no bank reference"),
        (camt(V8, entry(V8, "5.00"), entry(V8, "6.00")), "cannot be told apart"),
        (camt(V8, entry(V8, "5.00").replace("2026-11-04", "2026-13-04")), "booking date '2026-13-04'"),
        (camt(V8, entry(V8, "9.00", payment(V8, "4.00") + payment(V8, "5.00"), currency="EUR")), "payment in CHF inside an entry in EUR"),
    ],
)
def test_a_broken_file_is_refused_with_the_place_and_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(CamtFailed, match=reason):
        bank_file(content)


BOMB = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
THIEF = '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize("head", [BOMB, THIEF, '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd">'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_before_it_is_read(head: str, encoding: str) -> None:
    with pytest.raises(CamtFailed, match="document type"):
        bank_file(camt(V8, entry(V8, "1.00"), head=head).decode().encode(encoding))


def test_a_file_that_is_too_large_is_refused_unread() -> None:
    with pytest.raises(CamtFailed, match="at most 20000000"):
        bank_file(b" " * 20_000_001)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_bank_file_are_refused_in_words(content: bytes) -> None:
    with pytest.raises(CamtFailed, match=r"."):
        bank_file(content)


@given(st.lists(st.integers(min_value=1, max_value=10**9), min_size=1, max_size=8))
def test_no_rappen_is_lost_in_a_batch(amounts_minor: list[int]) -> None:
    texts = [f"{amount // 100}.{amount % 100:02d}" for amount in amounts_minor]
    whole = f"{sum(amounts_minor) // 100}.{sum(amounts_minor) % 100:02d}"
    read = bank_file(camt(V8, entry(V8, whole, "".join(payment(V8, text) for text in texts))))
    assert [credit.amount_minor for credit in read.credits] == amounts_minor
