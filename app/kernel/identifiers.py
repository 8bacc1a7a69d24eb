"""Identifiers: time-ordered ids, keyed hashes of secrets, codes that people can read aloud."""

import hashlib
import hmac
import os
import secrets
import time
from uuid import UUID

# Without I, L, O, U, 0 and 1: nobody mistakes one sign for another on a sticker.
READABLE = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
CODE_LENGTH = 8
TAG_LENGTH = 20  # OCPP 1.6: IdToken is at most 20 characters


def new_id() -> UUID:
    """A UUID version 7 (RFC 9562): ordered by time of creation, random otherwise."""
    milliseconds = time.time_ns() // 1_000_000
    raw = bytearray(milliseconds.to_bytes(6, "big") + os.urandom(10))
    raw[6] = raw[6] & 0x0F | 0x70
    raw[8] = raw[8] & 0x3F | 0x80
    return UUID(bytes=bytes(raw))


def keyed_hash(secret: bytes, text: str) -> bytes:
    """HMAC-SHA256 (32 bytes) of a text under the system's secret: finds a badge without keeping its UID."""
    return hmac.new(secret, text.encode(), hashlib.sha256).digest()


def token_hash(token: str) -> bytes:
    """SHA-256 (32 bytes) of a random token of at least 128 bits."""
    return hashlib.sha256(token.encode()).digest()


def new_token() -> str:
    """A random token of 256 bits in URL-safe letters."""
    return secrets.token_urlsafe(32)


def tail(uid: str) -> str:
    """The last four characters of a badge's UID, all that is ever shown of it."""
    return uid[-4:].upper()


def public_code() -> str:
    """A random code of eight readable characters for a QR sticker."""
    return "".join(secrets.choice(READABLE) for _ in range(CODE_LENGTH))


def one_time_tag() -> str:
    """A random idTag of twenty characters for one remote start."""
    return "HS" + "".join(secrets.choice(READABLE) for _ in range(TAG_LENGTH - 2))
