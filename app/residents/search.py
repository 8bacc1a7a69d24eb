"""The console's search: sites, billing points and people by a part of their name, as far as the caller sees them."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromQuery

from app.accounts.web.access import Caller, HttpRequest
from app.database.transaction import fetch, in_account
from app.residents.administration import NAME
from app.sites.access import CONSOLE, MANAGERS, visible_sites
from app.sites.routes import today_of

SEE: dict[str, Any] = {"roles": sorted(CONSOLE), "scope": "sites"}
SEERS = MANAGERS | {"support"}
MOST_OF_A_KIND = 8
LONGEST = 100

# A text that begins with what was typed comes before one that contains it.
SITES = """
SELECT s.id, 'site' AS kind, s.name, concat_ws(', ', nullif(s.reference, ''), s.city) AS context, s.id AS site_id FROM site s
WHERE ($2::uuid[] IS NULL OR s.id = ANY($2::uuid[])) AND position($1 IN lower(s.name || ' ' || s.reference || ' ' || s.city)) > 0
ORDER BY NOT starts_with(lower(s.name), $1), s.name, s.id LIMIT $3
"""
POINTS = """
SELECT b.id, 'billing_point' AS kind, b.name, s.name AS context, b.site_id FROM billing_point b
JOIN site s ON s.account_id = b.account_id AND s.id = b.site_id
WHERE ($2::uuid[] IS NULL OR b.site_id = ANY($2::uuid[])) AND position($1 IN lower(b.name)) > 0
ORDER BY NOT starts_with(lower(b.name), $1), b.name, s.name, b.id LIMIT $3
"""
PEOPLE = f"""
SELECT p.id, 'person' AS kind, {NAME} AS name, concat_ws(' · ', p.email, p.city) AS context, NULL::uuid AS site_id FROM person p
WHERE p.erased_at IS NULL AND position($1 IN p.search) > 0
    AND ($2::uuid[] IS NULL OR EXISTS (SELECT 1 FROM occupancy o JOIN billing_point b ON b.account_id = o.account_id
        AND b.id = o.billing_point_id WHERE o.account_id = p.account_id AND o.person_id = p.id AND b.site_id = ANY($2::uuid[])))
ORDER BY NOT starts_with(lower(p.family_name), $1), p.family_name, p.given_name, p.id LIMIT $3
"""
ALL = (SITES, POINTS, PEOPLE)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Something that bears the text in its name; `context` tells it from others of that name, `site_id` leads to it."""

    id: UUID
    kind: Literal["site", "billing_point", "person"]
    name: str
    context: str
    site_id: UUID | None


async def search(text: str, sites: Sequence[UUID] | None, people: Sequence[UUID] | None) -> list[Found]:
    """What bears `text`, at most eight of a kind (inside the caller's transaction).

    `sites`: those that the caller sees (None: all); `people`: the sites whose people the caller sees.
    """
    wanted = " ".join(text.lower().split())
    if not wanted:
        return []
    found: list[Found] = []
    for sql, within in ((SITES, sites), (POINTS, sites), (PEOPLE, people)):
        rows = await fetch(sql, wanted, None if within is None else list(within), MOST_OF_A_KIND)
        found += [Found(**row) for row in rows]
    return found


@get("/api/search", opt=SEE, summary="Sites, billing points and people by a part of their name", tags=["sites"])
async def find(request: HttpRequest, identity: Caller, q: FromQuery[str] = "") -> list[Found]:
    today: date = today_of(request)
    async with in_account(identity.account_id):
        sites = await visible_sites(identity, today)
        people = await visible_sites(identity, today, SEERS)
        return await search(q[:LONGEST], sites, people)


ROUTES = [find]
