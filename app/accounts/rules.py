"""Who may do what: the one place that decides. Pure; row-level security stands behind it, and tests/access tries every route.

A grant gives a role in an account from a day to a day: for the whole account, for one site, or in the name of a person
(owners, proxies and residents). A route names its roles and how far they have to reach:

- `account` (the default): the role must hold for the whole account, since the route shows more than one site;
- `sites`: the handler asks app/sites/access.py which sites are within reach;
- `anyone`: the route shows the caller only what is theirs by login.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal
from uuid import UUID

import msgspec

from app.kernel.errors import Refused

Role = Literal["superadmin", "operator", "support", "installer", "owner", "proxy", "resident", "former_resident", "developer"]
Scope = Literal["account", "sites", "anyone"]
EVERYBODY = ["resident", "former_resident", "owner", "proxy", "installer", "operator", "support", "developer", "superadmin"]

OPERATORS = frozenset({"operator", "superadmin"})
STAFF = OPERATORS | {"support"}
SETTERS = OPERATORS | {"installer"}
INSTALLERS = frozenset({"installer"})
OWNERS = frozenset({"owner", "proxy"})
MANAGERS = OPERATORS | OWNERS
CONSOLE = MANAGERS | {"support", "installer"}
RESIDENTS = frozenset({"resident", "former_resident"})
# Held without a site, these reach the whole account; the others act in the name of a person, who has sites and places.
WHOLE_ACCOUNT = frozenset({"superadmin", "operator", "support", "installer", "developer"})
PERSONAL = OWNERS | RESIDENTS

# Who may give which role, and take it back. Only a superadmin makes another one.
GIVES: dict[str, frozenset[str]] = {
    "superadmin": frozenset(EVERYBODY),
    "operator": frozenset(EVERYBODY) - {"superadmin"},
    "owner": frozenset({"proxy", "resident"}),
    "proxy": frozenset({"proxy", "resident"}),
}
FORBIDDEN = Refused("forbidden", 403, "Your role does not allow this. Ask the operator of your house.")


class Grant(msgspec.Struct, frozen=True):
    """A role that is valid today."""

    role: str
    site_id: UUID | None = None
    person_id: UUID | None = None


def held(grants: Iterable[Grant], scope: Scope) -> frozenset[str]:
    """The roles that count for a route of this scope."""
    return frozenset(grant.role for grant in grants if scope != "account" or grant.site_id is None)


def may_enter(grants: Sequence[Grant], roles: Iterable[str], scope: Scope) -> bool:
    """Whether a route that names these roles lets the person in. A route without roles lets nobody in."""
    return bool(held(grants, scope) & set(roles))


def whole_account(grants: Iterable[Grant], roles: Iterable[str]) -> bool:
    """Whether one of these roles reaches every site of the account."""
    return any(grant.site_id is None and grant.role in WHOLE_ACCOUNT for grant in grants if grant.role in set(roles))


def named_sites(grants: Iterable[Grant], roles: Iterable[str]) -> set[UUID]:
    """The sites that grants of these roles name."""
    return {grant.site_id for grant in grants if grant.role in set(roles) and grant.site_id is not None}


def persons(grants: Iterable[Grant], roles: Iterable[str]) -> list[UUID]:
    """In whose name one of these roles is held for everything that is theirs."""
    found = (grant.person_id for grant in grants if grant.role in set(roles) and grant.site_id is None and grant.person_id is not None)
    return list(dict.fromkeys(found))


def person_as(grants: Sequence[Grant], roles: Iterable[str]) -> UUID | None:
    """The person as whom somebody acts on a route with these roles: never the one of another role."""
    return next((grant.person_id for grant in grants if grant.role in set(roles) and grant.person_id is not None), None)


def givers(role: str) -> frozenset[str]:
    """The roles that may give a role."""
    return frozenset(giver for giver, given in GIVES.items() if role in given)


def check_given(grants: Sequence[Grant], role: str, site_id: UUID | None, person_id: UUID | None) -> None:
    """Whether somebody with these grants may give this role as far as the rules know; who is within reach is asked apart.

    Raises Refused forbidden, person_needed, site_or_account.
    """
    mine = {grant.role for grant in grants}
    if not mine & givers(role):
        raise FORBIDDEN
    if role in PERSONAL and person_id is None:
        raise Refused("person_needed", 422, "This role is held in somebody's name: choose the account of a person or company.",
                      fields=["person_id"])  # fmt: skip
    if role in RESIDENTS | {"superadmin", "developer"} and site_id is not None:
        raise Refused("site_or_account", 422, "This role is not given for one site. Leave the site out.", fields=["site_id"])
    # What reaches further than the giver is not theirs to give: the whole account by those of the whole account only.
    if role in WHOLE_ACCOUNT and site_id is None and not whole_account(grants, givers(role)):
        raise FORBIDDEN


def check_days(first: date, last: date | None) -> None:
    """Raises Refused exit_before_entry."""
    if last is not None and last < first:
        raise Refused("exit_before_entry", 422, "The last day lies before the first one. Correct one of the two.", fields=["valid_to"])
