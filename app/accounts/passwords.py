"""Passwords: Argon2id in a thread, the same work for an unknown e-mail."""

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 10
_hasher = PasswordHasher()


@cache
def _dummy() -> str:
    return _hasher.hash("nobody has this password")


async def hashed(password: str) -> str:
    """The Argon2id hash of a password."""
    return await asyncio.to_thread(_hasher.hash, password)


async def matches(stored: str | None, password: str) -> bool:
    """Whether a password is the stored one; takes as long when none is stored."""
    return await asyncio.to_thread(_matches, stored, password)


def _matches(stored: str | None, password: str) -> bool:
    try:
        _hasher.verify(stored or _dummy(), password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None
