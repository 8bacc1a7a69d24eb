"""Which sites a signed-in person may see and change: one place decides, row-level security stands behind it."""

from datetime import date
from uuid import UUID

from app.accounts.model import Identity
from app.database.transaction import fetch
from app.kernel.errors import Refused, not_found

CONSOLE = ["operator", "superadmin", "support", "owner", "proxy", "installer"]
WHOLE_ACCOUNT = frozenset({"operator", "superadmin", "support", "installer"})
MANAGERS = frozenset({"operator", "superadmin", "owner", "proxy"})
OPERATORS = frozenset({"operator", "superadmin"})

# Grants name one site or, without, the whole account; owners and proxies without a site have theirs by the terms.
GRANTED = """
SELECT role, site_id, person_id FROM role_grant
WHERE login_id = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to >= $2)
"""
OWN = """
SELECT site_id FROM owner_terms WHERE owner_id = ANY($1::uuid[]) AND period @> $2::date
UNION SELECT site_id FROM stakeholder WHERE person_id = ANY($1::uuid[]) AND period @> $2::date
"""


async def visible_sites(identity: Identity, today: date, roles: frozenset[str] = frozenset(CONSOLE)) -> list[UUID] | None:
    """The sites that this person reaches in one of `roles`; None: every site of the account (inside the caller's transaction)."""
    grants = [row for row in await fetch(GRANTED, identity.login_id, today) if row["role"] in roles]
    if any(row["site_id"] is None and row["role"] in WHOLE_ACCOUNT for row in grants):
        return None
    named = {row["site_id"] for row in grants if row["site_id"] is not None}
    persons = [row["person_id"] for row in grants if row["site_id"] is None and row["person_id"] is not None]
    own = {row["site_id"] for row in await fetch(OWN, persons, today)} if persons else set()
    return sorted(named | own)


async def reach(identity: Identity, site_id: UUID | None, today: date, roles: frozenset[str] = frozenset(CONSOLE)) -> UUID:
    """The site, where this person reaches it in one of `roles`; raises Refused not_found as if it did not exist.

    A person who sees the site in another role only is told that the role does not allow it (403).
    """
    if site_id is None or not await _exists(site_id):
        raise not_found("site")
    allowed = await visible_sites(identity, today, roles)
    if allowed is None or site_id in allowed:
        return site_id
    seen = await visible_sites(identity, today)
    if seen is None or site_id in seen:
        raise Refused("forbidden", 403, "Your role does not allow this. Ask the operator of your house.")
    raise not_found("site")


async def _exists(site_id: UUID) -> bool:
    return bool(await fetch("SELECT 1 FROM site WHERE id = $1", site_id))
