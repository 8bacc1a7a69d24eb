"""References and slips against vectors (tests/vectors/qrr.json names their source)."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.billing.qr_slip import SlipFailed, is_qr_iban, is_reference, plain_reference, qr_matrix, reference_for, shown_reference

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "qrr.json").read_text())
PARTY = {"name": "Musterhof Genossenschaft", "street": "Lindenweg 12", "postcode": "8045", "city": "Zürich", "country": "CH"}
QR_IBAN, IBAN = "CH4431999123000889012", "CH9300762011623852957"


@pytest.mark.parametrize("row", VECTORS["qrr_valid"], ids=lambda row: row["reference27"])
def test_a_right_qr_reference_is_taken_and_each_wrong_digit_refused(row: dict[str, str]) -> None:
    reference = row["reference27"]
    assert is_reference(reference)
    for at in range(27):
        wrong = reference[:at] + str((int(reference[at]) + 1) % 10) + reference[at + 1 :]
        assert not is_reference(wrong)


@pytest.mark.parametrize("reference", [*VECTORS["qrr_invalid"], *VECTORS["scor_invalid"], "", "RF18", "0" * 27])
def test_a_wrong_reference_is_refused(reference: str) -> None:
    assert not is_reference(reference)


@pytest.mark.parametrize("row", VECTORS["scor"], ids=lambda row: row["reference"])
def test_a_creditor_reference_has_its_check_digits(row: dict[str, str]) -> None:
    assert is_reference(row["reference"])
    assert is_reference(" ".join(row["reference"]))


@pytest.mark.parametrize("row", VECTORS["qr_iban"]["rows"], ids=lambda row: row["iban"])
def test_a_qr_iban_is_known_by_its_bank_number(row: dict[str, Any]) -> None:
    assert is_qr_iban(row["iban"]) is row["qr_iban"]
    assert is_qr_iban(" ".join(row["iban"])) is row["qr_iban"]


def test_the_account_decides_the_kind_of_reference() -> None:
    qrr, scor = reference_for(QR_IBAN, 123456, 2026, 42), reference_for(IBAN, 123456, 2026, 42)
    assert (len(qrr), scor[:2]) == (27, "RF")
    assert is_reference(qrr)
    assert is_reference(scor)


def test_a_reference_of_the_wrong_kind_for_the_account_is_refused() -> None:
    for account, reference in ((QR_IBAN, "RF18539007547034"), (IBAN, "210000000003139471430009017")):
        with pytest.raises(SlipFailed):
            qr_matrix(account, PARTY, PARTY, 7140, "CHF", reference, "2026-000042")


@pytest.mark.parametrize("amount_minor", [0, -1, 100_000_000_000])
def test_an_amount_that_the_standard_does_not_have_is_refused(amount_minor: int) -> None:
    with pytest.raises(SlipFailed):
        qr_matrix(QR_IBAN, PARTY, PARTY, amount_minor, "CHF", reference_for(QR_IBAN, 1, 2026, 1), "x")


def test_the_payload_has_the_lines_of_the_standard_whatever_the_names_hold() -> None:
    debtor = PARTY | {"name": "Anna 😀|\r\n漢字\u202e", "street": "x" * 200}
    content, _ = qr_matrix(QR_IBAN, PARTY, debtor, 7140, "CHF", reference_for(QR_IBAN, 1, 2026, 1), "A|B\nC")
    lines = content.replace("\r\n", "\n").split("\n")
    assert lines[:3] == VECTORS["qr_payload_lines_first"]
    assert lines[30] == VECTORS["qr_payload_trailer"]
    assert (lines[4], lines[18], lines[19], lines[20]) == ("S", "71.40", "CHF", "S")
    assert lines[21] == "Anna . .."
    assert len(lines[22]) <= 70


@pytest.mark.row("B57")
@pytest.mark.parametrize("row", VECTORS["ogm_vcs"]["rows"], ids=lambda row: row["reference"])
def test_a_belgian_communication_is_read_as_payers_write_it_and_printed_with_plus_signs(row: dict[str, Any]) -> None:
    plain = plain_reference(row["reference"])
    assert plain[:10] == f"{row['base']:010d}" and int(plain[10:]) == (row["base"] % 97 or 97)
    assert is_reference(plain) and is_reference(row["reference"].replace("+", "*")) and is_reference(" ".join(plain))
    assert shown_reference(plain) == row["reference"]
    assert not is_reference(f"{plain[:11]}{(int(plain[11]) + 1) % 10}")


def test_a_bill_on_a_belgian_account_has_a_belgian_communication() -> None:
    found = {reference_for("BE68 5390 0754 7034", 123456, 2026, number) for number in range(1, 200)}
    assert len(found) == 199 and all(is_reference(one) and len(one) == 12 for one in found)
    assert shown_reference(reference_for("BE68539007547034", 123456, 2026, 42)).startswith("+++456/6000/042")
