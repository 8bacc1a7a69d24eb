"""Identifiers: time-ordered ids, keyed hashes of secrets, codes that people can read aloud."""

import hashlib
import hmac
import os
import secrets
import threading
import time
from uuid import UUID

# Without I, L, O, U, 0 and 1: nobody mistakes one sign for another on a sticker.
READABLE = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
CODE_LENGTH = 8
TAG_LENGTH = 20  # OCPP 1.6: IdToken is at most 20 characters
RANDOM_BITS = (1 << 62) - 1

_last_tick = 0
_tick_lock = threading.Lock()


def new_id() -> UUID:
    """A UUID version 7: 48 bits of milliseconds, 12 bits of their fraction, 62 random bits (RFC 9562, 6.2, method 3).

    Each one of a process is greater than the one before it, so what one transaction writes is read in the order of writing.
    """
    global _last_tick
    nanoseconds = time.time_ns()
    tick = (nanoseconds // 1_000_000) << 12 | (nanoseconds % 1_000_000 << 12) // 1_000_000
    with _tick_lock:
        _last_tick = tick = max(tick, _last_tick + 1)
    random = int.from_bytes(os.urandom(8), "big") & RANDOM_BITS
    return UUID(int=(tick >> 12) << 80 | 0x7 << 76 | (tick & 0xFFF) << 64 | 0b10 << 62 | random)


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
