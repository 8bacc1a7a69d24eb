"""What differs between two states of an object. Pure."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

# Never in a trail: what a person could be impersonated with.
SECRET_FIELDS = frozenset({"password_hash", "token_hash", "uid_hash", "uid_sealed"})
# What names a person is cut when they are erased, and a trail is never edited: it says that such a field changed, not how.
PERSONAL_FIELDS = frozenset({
    "given_name", "family_name", "email", "phone", "street", "postcode", "city", "iban", "contact", "label", "place", "answer"
})  # fmt: skip
HIDDEN = "…"


def plain(value: Any) -> Any:
    """A value as JSON keeps it without loss: numbers with places, times and ids as text."""
    if isinstance(value, Decimal | UUID | date | datetime):
        return str(value)
    return list(value) if isinstance(value, tuple | list | frozenset | set) else value


def difference(before: Mapping[str, Any], after: Mapping[str, Any], *, hide_personal: bool = False) -> dict[str, list[Any]]:
    """The fields of `after` that differ, each with [before, after]; secrets are left out, what names a person on demand too."""
    hidden = PERSONAL_FIELDS if hide_personal else frozenset()
    return {
        name: [HIDDEN if name in hidden and one else plain(one) for one in (before.get(name), value)]
        for name, value in after.items()
        if name not in SECRET_FIELDS and before.get(name) != value
    }
