"""Text that only this system can read: AES-256-GCM under a key that is derived for one purpose from the system's secret."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
TAG_BYTES = 16


class CannotOpen(ValueError):
    """Sealed under another secret, for another purpose or place, or changed since."""


def seal(secret: bytes, purpose: str, text: str, place: bytes) -> bytes:
    """Seal a text. `purpose` chooses the key (HKDF-SHA-256, RFC 5869), `place` is what it belongs to, such as the id of
    its row: sealed bytes that are copied elsewhere do not open. Returns nonce, cipher text and tag."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(_key(secret, purpose)).encrypt(nonce, text.encode(), place)


def unseal(secret: bytes, purpose: str, sealed: bytes, place: bytes) -> str:
    """The text again. Raises CannotOpen."""
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise CannotOpen("too short to be sealed text")
    try:
        return AESGCM(_key(secret, purpose)).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place).decode()
    except InvalidTag:
        raise CannotOpen(f"not sealed by this system for {purpose}") from None


def _key(secret: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"hofstrom {purpose}".encode()).derive(secret)
