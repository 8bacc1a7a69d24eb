"""What the console shows of places and people, inside the caller's transaction."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from app.database.transaction import fetch, fetchrow


class PointRow(msgspec.Struct, frozen=True, kw_only=True):
    """A billing point in the list of its site, with who is there today."""

    id: UUID
    version: int
    site_id: UUID
    building_id: UUID
    building_name: str
    name: str
    assignment: str
    share: Decimal | None
    activated: bool
    consumer_billing: bool
    expense_statement: bool
    priority: int
    since: date
    occupant_id: UUID | None
    occupant_name: str | None
    vacant: bool


class StayView(msgspec.Struct, frozen=True, kw_only=True):
    """A bar of the time line; both days included, `last` None: open. A change names the `version`."""

    id: UUID
    version: int
    person_id: UUID
    name: str
    first: date
    last: date | None
    vacancy: bool


class Advance(msgspec.Struct, frozen=True, kw_only=True):
    """The monthly advance of a point from day to day."""

    id: UUID
    amount_minor: int
    first: date
    last: date | None


class PersonRow(msgspec.Struct, frozen=True, kw_only=True):
    """An account of a person or company in a list."""

    id: UUID
    kind: str
    name: str
    email: str | None
    city: str
    places: list[str]


class PersonDetail(msgspec.Struct, frozen=True, kw_only=True):
    """An account of a person or company with the version that a change must name."""

    id: UUID
    version: int
    kind: str
    given_name: str
    family_name: str
    email: str | None
    phone: str
    locale: str
    correspondence: str
    street: str
    postcode: str
    city: str
    country: str
    created_at: datetime


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody to write or speak to about an account."""

    id: UUID
    name: str
    email: str | None
    phone: str
    role: str


class BadgeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A badge in the operator's list."""

    id: UUID
    tail: str
    label: str
    state: str
    person_id: UUID
    person_name: str
    valid_from: date
    valid_to: date | None
    last_used_at: datetime | None


class BadgeRequestRow(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks of a badge."""

    id: UUID
    person_id: UUID
    person_name: str
    kind: str
    place: str
    technology: str
    state: str
    answer: str
    created_at: datetime


NAME = "trim(p.given_name || ' ' || p.family_name)"
POINT = f"""
SELECT b.id, b.version, b.site_id, b.building_id, g.name AS building_name, b.name, b.assignment, b.share, b.activated,
    b.consumer_billing, b.expense_statement, b.priority, b.since, o.person_id AS occupant_id,
    CASE WHEN o.person_id IS NOT NULL THEN {NAME} END AS occupant_name, coalesce(o.vacancy, true) AS vacant
FROM billing_point b JOIN building g ON g.account_id = b.account_id AND g.id = b.building_id
LEFT JOIN occupancy o ON o.account_id = b.account_id AND o.billing_point_id = b.id AND o.period @> $1::date
LEFT JOIN person p ON p.account_id = o.account_id AND p.id = o.person_id
"""


async def points(site_id: UUID, today: date) -> list[PointRow]:
    """The billing points of a site by building and name."""
    return [PointRow(**row) for row in await fetch(f"{POINT} WHERE b.site_id = $2 ORDER BY g.name, b.name", today, site_id)]


async def point(point_id: UUID, today: date) -> PointRow | None:
    """One billing point."""
    row = await fetchrow(f"{POINT} WHERE b.id = $2", today, point_id)
    return None if row is None else PointRow(**row)


async def time_line(point_id: UUID) -> list[StayView]:
    """Who occupied a point from day to day, the owner's vacancies included."""
    rows = await fetch(
        f"SELECT o.id, o.version, o.person_id, {NAME} AS name, lower(o.period) AS first, upper(o.period) - 1 AS last, o.vacancy"
        " FROM occupancy o JOIN person p ON p.account_id = o.account_id AND p.id = o.person_id"
        " WHERE o.billing_point_id = $1 ORDER BY lower(o.period)",
        point_id,
    )  # fmt: skip
    return [StayView(**row) for row in rows]


async def advances(point_id: UUID) -> list[Advance]:
    """The advances of a point over time."""
    rows = await fetch("SELECT id, amount_minor, lower(period) AS first, upper(period) - 1 AS last FROM default_advance"
                       " WHERE billing_point_id = $1 ORDER BY lower(period)", point_id)  # fmt: skip
    return [Advance(**row) for row in rows]


async def site_of_stay(stay_id: UUID) -> UUID | None:
    """The site of a stay."""
    row = await fetchrow("SELECT b.site_id FROM occupancy o JOIN billing_point b ON b.account_id = o.account_id"
                         " AND b.id = o.billing_point_id WHERE o.id = $1", stay_id)  # fmt: skip
    return None if row is None else row["site_id"]


PEOPLE = f"""
SELECT p.id, p.kind, {NAME} AS name, p.email, p.city, coalesce((SELECT array_agg(b.name ORDER BY b.name) FROM occupancy o
    JOIN billing_point b ON b.account_id = o.account_id AND b.id = o.billing_point_id
    WHERE o.account_id = p.account_id AND o.person_id = p.id AND o.period @> $1::date AND NOT o.vacancy), '{{}}') AS places
FROM person p WHERE p.erased_at IS NULL
    AND ($2 = '' OR p.search LIKE '%' || $2 || '%')
    AND ($3::uuid[] IS NULL OR EXISTS (SELECT 1 FROM occupancy o JOIN billing_point b ON b.account_id = o.account_id
        AND b.id = o.billing_point_id WHERE o.account_id = p.account_id AND o.person_id = p.id AND b.site_id = ANY($3::uuid[]))
        OR EXISTS (SELECT 1 FROM audit_entry a WHERE a.account_id = p.account_id AND a.object_kind = 'person' AND a.object_id = p.id
            AND a.action = 'created' AND a.login_id = $5))
ORDER BY p.family_name, p.given_name, p.id LIMIT $4
"""


async def people(text: str, only: Sequence[UUID] | None, login_id: UUID, today: date, most: int = 100) -> list[PersonRow]:
    """People whose name or e-mail contains a text; `only`: those who ever occupied a place of these sites, and those whom
    this login entered (None: all)."""
    found = await fetch(PEOPLE, today, " ".join(text.lower().split()), None if only is None else list(only), most, login_id)
    return [PersonRow(**row) for row in found]


async def person_detail(person_id: UUID) -> PersonDetail | None:
    """One account of a person or company."""
    row = await fetchrow("SELECT * FROM person WHERE id = $1 AND erased_at IS NULL", person_id)
    return None if row is None else PersonDetail(**{name: row[name] for name in PersonDetail.__struct_fields__})


async def sites_of_person(person_id: UUID) -> list[UUID]:
    """The sites with which a person has or had to do: occupancies, ownership, other parts."""
    rows = await fetch(
        "SELECT b.site_id FROM occupancy o JOIN billing_point b ON b.account_id = o.account_id AND b.id = o.billing_point_id"
        " WHERE o.person_id = $1 UNION SELECT site_id FROM owner_terms WHERE owner_id = $1"
        " UNION SELECT site_id FROM stakeholder WHERE person_id = $1", person_id,
    )  # fmt: skip
    return [row["site_id"] for row in rows]


async def entered_by(person_id: UUID, login_id: UUID) -> bool:
    """Whether this login entered the account of a person."""
    sql = "SELECT 1 FROM audit_entry WHERE object_kind = 'person' AND object_id = $1 AND action = 'created' AND login_id = $2"
    return bool(await fetchrow(sql, person_id, login_id))


async def contacts(person_id: UUID) -> list[Contact]:
    """The contacts of an account that have not ended."""
    rows = await fetch(
        "SELECT id, name, email, phone, role FROM contact WHERE person_id = $1 AND ended_at IS NULL ORDER BY name", person_id
    )
    return [Contact(**row) for row in rows]


async def person_of_contact(contact_id: UUID) -> UUID | None:
    """The account that a contact belongs to."""
    row = await fetchrow("SELECT person_id FROM contact WHERE id = $1", contact_id)
    return None if row is None else row["person_id"]


BADGE = f"""
SELECT b.id, b.uid_tail AS tail, b.label, b.state, b.person_id, {NAME} AS person_name, b.valid_from, b.valid_to, b.last_used_at
FROM badge b JOIN person p ON p.account_id = b.account_id AND p.id = b.person_id
"""


async def badges(person_id: UUID | None) -> list[BadgeRow]:
    """Badges of a person, or of the whole account."""
    rows = await fetch(f"{BADGE} WHERE $1::uuid IS NULL OR b.person_id = $1 ORDER BY p.family_name, b.id", person_id)
    return [BadgeRow(**row) for row in rows]


async def badge(badge_id: UUID) -> BadgeRow | None:
    """One badge."""
    row = await fetchrow(f"{BADGE} WHERE b.id = $1", badge_id)
    return None if row is None else BadgeRow(**row)


async def badge_requests(person_id: UUID | None) -> list[BadgeRequestRow]:
    """What was asked of badges by a person, or in the whole account: open ones first."""
    rows = await fetch(
        f"SELECT r.id, r.person_id, {NAME} AS person_name, r.kind, r.place, r.technology, r.state, r.answer, r.created_at"
        " FROM badge_request r JOIN person p ON p.account_id = r.account_id AND p.id = r.person_id"
        " WHERE $1::uuid IS NULL OR r.person_id = $1"
        " ORDER BY r.state <> 'pending', r.created_at DESC", person_id,
    )  # fmt: skip
    return [BadgeRequestRow(**row) for row in rows]
