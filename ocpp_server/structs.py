"""How messages are read: camel case, nothing beyond the fields of the standard."""

from decimal import Decimal

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What the standard closes: an unknown field is an error."""


class Open(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the standard leaves open to makers: unknown fields are passed over."""


def whole_tenths(value: float | msgspec.UnsetType) -> None:
    """A limit has at most one decimal. Raises ValueError, which the decoder turns into its own error."""
    if isinstance(value, int | float) and Decimal(repr(value)) % Decimal("0.1") != 0:
        raise ValueError("a limit has at most one decimal")
