"""OCMF, the Open Charge Metering Format: verify a signed record, read its registers. The record itself is never rewritten.

The signed bytes are the exact text between the first and the last '|'. Source: OCMF 1.0 to 1.3 (SAFE e.V.).
"""

import base64
import binascii
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from app.metering.rules import exact

Verdict = Literal["valid", "invalid", "no_key", "unsupported", "unreadable"]
PREFIX = b"OCMF|"
DEFAULT_ALGORITHM = "ECDSA-secp256r1-SHA256"
CURVES: dict[str, type[ec.EllipticCurve]] = {
    "secp192r1": ec.SECP192R1, "secp256r1": ec.SECP256R1, "secp256k1": ec.SECP256K1, "secp384r1": ec.SECP384R1,
    "secp521r1": ec.SECP521R1, "brainpool256r1": ec.BrainpoolP256R1, "brainpool384r1": ec.BrainpoolP384R1,
    "brainpool512r1": ec.BrainpoolP512R1,
}  # fmt: skip
HASHES: dict[str, type[hashes.HashAlgorithm]] = {"SHA256": hashes.SHA256, "SHA384": hashes.SHA384, "SHA512": hashes.SHA512}
ENDS = frozenset("ELRAP")  # end of a transaction, however it came about
GOOD = "G"


class RegisterValue(msgspec.Struct, frozen=True):
    """A register in a record: 'B' begin, 'E' end (or another end), 'C' in between; which register, and Wh."""

    transaction: str
    register: str
    energy_wh: int
    status: str


def record_in(received: str) -> bytes | None:
    """The record inside a received value: as it is, or in hexadecimal or base64; None where there is none."""
    plain = received.encode("utf-8", "replace")
    for candidate in (plain, _unpacked(received, hexadecimal=True), _unpacked(received, hexadecimal=False)):
        if candidate is not None and candidate.startswith(PREFIX):
            return candidate
    return None


def verify(record: bytes, public_key: str | None) -> Verdict:
    """Whether the signature in a record fits its text and the key (DER SubjectPublicKeyInfo or point, hex or base64)."""
    parts = _parts(record)
    if parts is None:
        return "unreadable"
    signed, section = parts
    named = str(section.get("SA", DEFAULT_ALGORITHM)).split("-")
    curve = CURVES.get(named[1].replace("brainpoolP", "brainpool")) if len(named) == 3 else None
    digest = HASHES.get(named[2]) if len(named) == 3 else None
    signature = _unpacked(str(section.get("SD", "")), hexadecimal=section.get("SE", "hex") == "hex")
    if named[0] != "ECDSA" or curve is None or digest is None:
        return "unsupported"
    if public_key is None or not public_key.strip():
        return "no_key"
    key = _key(public_key, curve)
    if isinstance(key, str):
        return "unsupported"
    if signature is None or key is None or not isinstance(key.curve, curve):
        return "invalid"
    try:
        key.verify(signature, signed, ec.ECDSA(digest()))
    except InvalidSignature:
        return "invalid"
    return "valid"


def registers(record: bytes) -> list[RegisterValue]:
    """The registers of a record in order; what a reading leaves out is as in the one before it."""
    parts = _payload(record)
    found: list[RegisterValue] = []
    last: dict[str, Any] = {}
    for reading in parts.get("RD", []) if isinstance(parts.get("RD"), list) else []:
        if not isinstance(reading, dict):
            continue
        last = {**last, **reading}
        energy_wh = exact(str(last.get("RV")), str(last.get("RU", "kWh")))
        if energy_wh is not None:
            found.append(RegisterValue(str(last.get("TX", "")), str(last.get("RI", "")), energy_wh, str(last.get("ST", GOOD))))
    return found


def energy_wh(records: Iterable[bytes]) -> int | None:
    """End minus begin of one register over the records of a session; None where either is missing or not good."""
    every = [value for record in records for value in registers(record) if value.status == GOOD]
    begin = next((value for value in every if value.transaction == "B"), None)
    if begin is None:
        return None
    end = next((v for v in reversed(every) if v.transaction in ENDS and v.register == begin.register), None)
    return None if end is None else end.energy_wh - begin.energy_wh


def _parts(record: bytes) -> tuple[bytes, dict[str, Any]] | None:
    """(signed bytes, signature section)."""
    first, last = record.find(b"|"), record.rfind(b"|")
    if not record.startswith(PREFIX) or first == last:
        return None
    section = _json(record[last + 1 :])
    return None if section is None else (record[first + 1 : last], section)


def _payload(record: bytes) -> dict[str, Any]:
    return _json(record[record.find(b"|") + 1 : record.rfind(b"|")]) or {}


def _json(text: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _unpacked(text: str, *, hexadecimal: bool) -> bytes | None:
    packed = "".join(text.split())
    try:
        return bytes.fromhex(packed) if hexadecimal else base64.b64decode(packed, validate=True)
    except (ValueError, binascii.Error):
        return None


def _key(text: str, curve: type[ec.EllipticCurve]) -> ec.EllipticCurvePublicKey | str | None:
    """The public key; None where it is none, a text where this installation does not know its curve."""
    for packed in (_unpacked(text, hexadecimal=True), _unpacked(text, hexadecimal=False)):
        if not packed:
            continue
        if packed.startswith(b"oca:"):  # OCPP 2.0.1 names the encodings before the key
            return _key(packed.rsplit(b":", 1)[1].decode("ascii", "replace"), curve)
        try:
            if packed[0] in (2, 3, 4):
                return ec.EllipticCurvePublicKey.from_encoded_point(curve(), packed)
            key = load_der_public_key(packed)
        except UnsupportedAlgorithm as unknown:
            return str(unknown)
        except ValueError:
            continue
        return key if isinstance(key, ec.EllipticCurvePublicKey) else None
    return None
