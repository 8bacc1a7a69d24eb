"""The eight names by which building-energy platforms know roles, and what each of them is here. Pure.

Why it is so stands in infra/decisions/0210-eight-names-of-roles.md.
"""

from typing import Literal

import msgspec

from app.accounts.rules import GIVES, Role, givers

KnownName = Literal["superadmin", "admin", "manager", "client", "client_minimal", "utility_client", "dashboard", "demo"]
# How far a role of that name reaches: every platform account, one account, named sites, what is one's own, a demonstration account.
Reach = Literal["platform", "account", "sites", "own", "demonstration"]


class KnownRole(msgspec.Struct, frozen=True, kw_only=True):
    """A name that people bring along, the role that it is here, how far it reaches, and who may give it."""

    name: KnownName
    role: Role
    reach: Reach
    given_by: list[str]


MEANT: dict[KnownName, tuple[Role, Reach]] = {
    "superadmin": ("superadmin", "platform"),
    "admin": ("operator", "account"),
    "manager": ("operator", "sites"),
    "client": ("owner", "own"),
    "client_minimal": ("resident", "own"),
    "utility_client": ("proxy", "sites"),
    "dashboard": ("developer", "sites"),
    "demo": ("operator", "demonstration"),
}


def known_roles() -> list[KnownRole]:
    """All eight, in the order of their reach."""
    return [
        KnownRole(name=name, role=role, reach=reach, given_by=[giver for giver in GIVES if giver in givers(role)])
        for name, (role, reach) in MEANT.items()
    ]
