"""Signed records of the OCMF vectors: verified as they stand, whatever the curve's spelling or the signature's encoding."""

import base64
import json
from pathlib import Path

import pytest

from app.metering import ocmf

ROWS = json.loads((Path(__file__).parents[1] / "vectors" / "ocmf.json").read_text())["own_records"]["rows"]
FIRST = ROWS[0]


def named(name: str) -> dict[str, str]:
    return next(row for row in ROWS if row["name"] == name)


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_a_vector_is_judged_as_it_says(row):
    assert ocmf.verify(row["record"].encode(), row["public_key_der_hex"]) == row["expected"]


@pytest.mark.parametrize("row", [row for row in ROWS if "energy_kwh" in row], ids=lambda row: row["name"])
def test_the_registers_of_a_vector_give_its_energy(row):
    assert ocmf.energy_wh([row["record"].encode()]) == int(float(row["energy_kwh"]) * 1000 + 0.5)


@pytest.mark.parametrize("spelling", ["brainpool256r1", "brainpoolP256r1"])
def test_both_spellings_of_the_brainpool_curve_are_known(spelling):
    row = named("ECDSA-brainpool256r1-SHA256")
    record = row["record"].replace('"SA":"ECDSA-brainpool256r1-SHA256"', f'"SA":"ECDSA-{spelling}-SHA256"')
    assert ocmf.verify(record.encode(), row["public_key_der_hex"]) == "valid"


@pytest.mark.parametrize("change", [("117.345", "117.346"), ('"GI":', '"GI" :'), ("TEST-GW", "TEST-GX"), (" S", " I")])
def test_the_slightest_change_of_the_text_is_seen(change):
    assert ocmf.verify(FIRST["record"].replace(*change, 1).encode(), FIRST["public_key_der_hex"]) == "invalid"


def test_a_key_is_read_in_every_usual_form():
    der = bytes.fromhex(FIRST["public_key_der_hex"])
    forms = [der.hex().lower(), base64.b64encode(der).decode(), der[-65:].hex(),
             base64.b64encode(b"oca:base16:asn1:" + der.hex().encode()).decode()]  # fmt: skip
    assert {ocmf.verify(FIRST["record"].encode(), form) for form in forms} == {"valid"}


@pytest.mark.parametrize(
    ("record", "key", "verdict"),
    [
        (FIRST["record"], None, "no_key"),
        (FIRST["record"], "zz", "invalid"),
        (FIRST["record"], named("ECDSA-secp256k1-SHA256")["public_key_der_hex"], "invalid"),
        (FIRST["record"].replace("secp256r1", "secp192k1"), FIRST["public_key_der_hex"], "unsupported"),
        (FIRST["record"].replace('"SD":"', '"SD":"zz'), FIRST["public_key_der_hex"], "invalid"),
        ("OCMF|{}", FIRST["public_key_der_hex"], "unreadable"),
        ("hello", FIRST["public_key_der_hex"], "unreadable"),
        ("OCMF|{}|[]", FIRST["public_key_der_hex"], "unreadable"),
    ],
)
def test_what_cannot_be_verified_says_why(record, key, verdict):
    assert ocmf.verify(record.encode(), key) == verdict


def test_a_record_is_found_plain_in_hexadecimal_and_in_base64():
    plain = FIRST["record"].encode()
    assert {ocmf.record_in(text) for text in (FIRST["record"], plain.hex(), base64.b64encode(plain).decode())} == {plain}
    assert ocmf.record_in("12345") is None


def test_begin_and_end_may_stand_in_two_records_and_readings_inherit():
    begin = b'OCMF|{"RD":[{"TX":"B","RV":1.5,"RI":"1-b:1.8.0","RU":"kWh","ST":"G"},{"TX":"C","RV":1.7}]}|{"SD":"00"}'
    end = b'OCMF|{"RD":[{"TX":"E","RV":4250,"RI":"1-b:1.8.0","RU":"Wh","ST":"G"}]}|{"SD":"00"}'
    assert ocmf.energy_wh([begin, end]) == 2750
    assert [value.transaction for value in ocmf.registers(begin)] == ["B", "C"]
    assert ocmf.energy_wh([begin]) is None
    assert ocmf.energy_wh([begin, end.replace(b'"G"', b'"T"')]) is None
