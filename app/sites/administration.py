"""What the console shows of a site, inside the caller's transaction."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from app.database.transaction import fetch, fetchrow
from app.sites import rules


class SiteRow(msgspec.Struct, frozen=True, kw_only=True):
    """A site in the portfolio."""

    id: UUID
    name: str
    reference: str
    city: str
    status: str
    kind: str
    owner_name: str
    billing_points: int
    stations: int
    stations_online: int
    open_issues: int


class SiteDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A site's own data and parameters, with the version that a change must name."""

    id: UUID
    version: int
    name: str
    reference: str
    street: str
    postcode: str
    city: str
    country: str
    latitude: Decimal | None
    longitude: Decimal | None
    currency: str
    time_zone: str
    kind: str
    status: str
    allowed_status: list[str]
    vat_liable: bool
    languages: list[str]
    share_unit: str
    billing_from: date | None
    creditor_name: str


class Building(msgspec.Struct, frozen=True, kw_only=True):
    """A building of a site."""

    id: UUID
    version: int
    name: str
    billing_points: int


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A note, to-do or issue of a site."""

    id: UUID
    version: int
    kind: str
    text: str
    assignee_id: UUID | None
    assignee_name: str | None
    due_on: date | None
    created_at: datetime
    created_by: str
    closed_at: datetime | None
    closed_by: str | None
    resolution: str | None


class Stakeholder(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's part in a site; both days included, `last` None: open."""

    id: UUID
    kind: str
    person_id: UUID
    name: str
    first: date | None
    last: date | None


class SolutionPeriod(msgspec.Struct, frozen=True, kw_only=True):
    """A solution of a site from day to day, and how often it is billed."""

    id: UUID
    solution: str
    rhythm: str
    first: date
    last: date | None


class MethodPeriod(msgspec.Struct, frozen=True, kw_only=True):
    """Who bills and collects from day to day."""

    method: str
    first: date
    last: date | None


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A fee of the operator."""

    id: UUID
    version: int
    label: str
    amount: Decimal
    unit: str
    payer: str
    first: date
    last: date | None
    billed_until: date | None


PORTFOLIO = """
SELECT s.id, s.name, s.reference, s.city, s.status, s.kind,
    coalesce((SELECT trim(p.given_name || ' ' || p.family_name) FROM owner_terms t JOIN person p
        ON p.account_id = t.account_id AND p.id = t.owner_id
        WHERE t.account_id = s.account_id AND t.site_id = s.id AND t.period @> $1::date), '') AS owner_name,
    (SELECT count(*)::int FROM billing_point b WHERE b.account_id = s.account_id AND b.site_id = s.id) AS billing_points,
    (SELECT count(*)::int FROM station st WHERE st.account_id = s.account_id AND st.site_id = s.id) AS stations,
    (SELECT count(*)::int FROM station st WHERE st.account_id = s.account_id AND st.site_id = s.id AND st.online) AS stations_online,
    (SELECT count(*)::int FROM site_note n WHERE n.account_id = s.account_id AND n.site_id = s.id AND n.kind = 'issue'
        AND n.closed_at IS NULL) AS open_issues
FROM site s WHERE ($2::uuid[] IS NULL OR s.id = ANY($2::uuid[])) ORDER BY s.name, s.id
"""


async def portfolio(today: date, only: Sequence[UUID] | None) -> list[SiteRow]:
    """Sites by name; `only` None: all of the account."""
    rows = await fetch(PORTFOLIO, today, None if only is None else list(only))
    return [SiteRow(**row) for row in rows]


async def site_detail(site_id: UUID) -> SiteDetail | None:
    """A site's data, or None."""
    row = await fetchrow(
        "SELECT s.*, c.name AS creditor_name FROM site s JOIN creditor c ON c.account_id = s.account_id AND c.id = s.creditor_id"
        " WHERE s.id = $1", site_id,
    )  # fmt: skip
    if row is None:
        return None
    values = {name: row[name] for name in SiteDetail.__struct_fields__ if name != "allowed_status"}
    return SiteDetail(**values, allowed_status=list(rules.TRANSITIONS[row["status"]]))


async def buildings(site_id: UUID) -> list[Building]:
    """The buildings of a site, by name."""
    rows = await fetch(
        "SELECT g.id, g.version, g.name, count(b.id)::int AS billing_points FROM building g LEFT JOIN billing_point b"
        " ON b.account_id = g.account_id AND b.building_id = g.id WHERE g.site_id = $1 GROUP BY g.account_id, g.id ORDER BY g.name",
        site_id,
    )  # fmt: skip
    return [Building(**row) for row in rows]


async def site_of_building(building_id: UUID) -> UUID | None:
    """The site that a building belongs to."""
    row = await fetchrow("SELECT site_id FROM building WHERE id = $1", building_id)
    return None if row is None else row["site_id"]


async def notes(site_id: UUID) -> list[Note]:
    """Notes of a site: open ones first, the newest first."""
    rows = await fetch(
        "SELECT n.id, n.version, n.kind, n.text, n.assignee_id, l.name AS assignee_name, n.due_on, n.created_at, n.created_by,"
        " n.closed_at, n.closed_by, n.resolution FROM site_note n LEFT JOIN login_name l ON l.id = n.assignee_id"
        " WHERE n.site_id = $1 ORDER BY n.closed_at IS NOT NULL, n.created_at DESC", site_id,
    )  # fmt: skip
    return [Note(**row) for row in rows]


async def site_of_note(note_id: UUID) -> UUID | None:
    """The site that a note belongs to."""
    row = await fetchrow("SELECT site_id FROM site_note WHERE id = $1", note_id)
    return None if row is None else row["site_id"]


STAKEHOLDERS = """
SELECT x.id, x.kind, x.person_id, trim(p.given_name || ' ' || p.family_name) AS name, lower(x.period) AS first,
    upper(x.period) - 1 AS last
FROM (SELECT account_id, id, 'owner' AS kind, owner_id AS person_id, period FROM owner_terms WHERE site_id = $1
      UNION ALL SELECT account_id, id, kind, person_id, period FROM stakeholder WHERE site_id = $1) x
JOIN person p ON p.account_id = x.account_id AND p.id = x.person_id
ORDER BY x.kind, lower(x.period) DESC NULLS LAST
"""


async def stakeholders(site_id: UUID) -> list[Stakeholder]:
    """Everybody with a part in a site, owners included, past and future too."""
    return [Stakeholder(**row) for row in await fetch(STAKEHOLDERS, site_id)]


async def site_of_stakeholder(stakeholder_id: UUID) -> UUID | None:
    """The site that a stakeholder belongs to (owners are ended by their successor, not here)."""
    row = await fetchrow("SELECT site_id FROM stakeholder WHERE id = $1", stakeholder_id)
    return None if row is None else row["site_id"]


async def solutions(site_id: UUID) -> list[SolutionPeriod]:
    """The solutions of a site with their days."""
    rows = await fetch("SELECT id, solution, rhythm, lower(period) AS first, upper(period) - 1 AS last FROM site_solution"
                       " WHERE site_id = $1 ORDER BY solution, lower(period)", site_id)  # fmt: skip
    return [SolutionPeriod(**row) for row in rows]


async def methods(site_id: UUID) -> list[MethodPeriod]:
    """Who bills and collects, over time."""
    rows = await fetch("SELECT method, lower(period) AS first, upper(period) - 1 AS last FROM operating_method WHERE site_id = $1"
                       " ORDER BY lower(period)", site_id)  # fmt: skip
    return [MethodPeriod(**row) for row in rows]


async def conditions(site_id: UUID) -> list[Condition]:
    """The fees agreed for a site, without those taken away before they were ever billed."""
    rows = await fetch("SELECT id, version, label, amount, unit, payer, lower(period) AS first, upper(period) - 1 AS last, billed_until"
                       " FROM financial_condition WHERE site_id = $1 AND removed_at IS NULL ORDER BY lower(period), label",
                       site_id)  # fmt: skip
    return [Condition(**row) for row in rows]


async def site_of_condition(condition_id: UUID) -> UUID | None:
    """The site that a fee belongs to."""
    row = await fetchrow("SELECT site_id FROM financial_condition WHERE id = $1", condition_id)
    return None if row is None else row["site_id"]


PROVEN = """
SELECT s.status IN ('to_verify', 'in_operation', 'suspended') AS installation_validated,
    EXISTS (SELECT 1 FROM owner_terms t JOIN person p ON p.account_id = t.account_id AND p.id = t.owner_id
        WHERE t.account_id = s.account_id AND t.site_id = s.id AND t.period @> $2::date AND p.email IS NOT NULL) AS owner_contact_known,
    s.billing_from IS NOT NULL
        AND EXISTS (SELECT 1 FROM site_solution x WHERE x.account_id = s.account_id AND x.site_id = s.id)
        AND EXISTS (SELECT 1 FROM tariff t WHERE t.account_id = s.account_id AND t.site_id = s.id)
        AND EXISTS (SELECT 1 FROM owner_terms t JOIN person p ON p.account_id = t.account_id AND p.id = t.owner_id
            WHERE t.account_id = s.account_id AND t.site_id = s.id AND p.iban IS NOT NULL) AS form_complete,
    EXISTS (SELECT 1 FROM site_form f WHERE f.account_id = s.account_id AND f.site_id = s.id) AS form_link_sent,
    s.status = 'in_operation' AND s.billing_from <= $2::date AS billing_live
FROM site s WHERE s.id = $1
"""


async def setup_steps(site_id: UUID, today: date) -> list[rules.Step]:
    """The administrative set-up of a site, seen from its data where data can prove it."""
    proven = await fetchrow(PROVEN, site_id, today)
    ticked = await fetch("SELECT step, done_by FROM site_step WHERE site_id = $1", site_id)
    return rules.steps({name: bool(value) for name, value in (proven or {}).items()}, {row["step"]: row["done_by"] for row in ticked})
