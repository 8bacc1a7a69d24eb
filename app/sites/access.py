"""Which sites a signed-in person may see and change: one place decides, row-level security stands behind it."""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from app.accounts.model import Identity
from app.accounts.rules import CONSOLE, FORBIDDEN, MANAGERS, OPERATORS, RESIDENTS, SETTERS, STAFF, named_sites, persons, whole_account
from app.database.transaction import fetch
from app.kernel.errors import not_found

__all__ = ["CONSOLE", "MANAGERS", "OPERATORS", "SETTERS", "STAFF", "reach", "visible_sites"]

# Grants name one site or, without, the whole account; owners and proxies without a site have theirs by the terms.
OWN = """
SELECT site_id FROM owner_terms WHERE owner_id = ANY($1::uuid[]) AND period @> $2::date
UNION SELECT site_id FROM stakeholder WHERE person_id = ANY($1::uuid[]) AND period @> $2::date
"""


async def visible_sites(identity: Identity, today: date, roles: Collection[str] = CONSOLE) -> list[UUID] | None:
    """The sites that this person reaches in one of `roles`; None: every site of the account (inside the caller's transaction)."""
    if whole_account(identity.grants, roles):
        return None
    named, theirs = named_sites(identity.grants, roles), persons(identity.grants, set(roles) - RESIDENTS)
    own = {row["site_id"] for row in await fetch(OWN, theirs, today)} if theirs else set()
    return sorted(named | own)


async def reach(identity: Identity, site_id: UUID | None, today: date, roles: Collection[str] = CONSOLE) -> UUID:
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
        raise FORBIDDEN
    raise not_found("site")


async def _exists(site_id: UUID) -> bool:
    return bool(await fetch("SELECT 1 FROM site WHERE id = $1", site_id))
