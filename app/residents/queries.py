"""People and their badges, inside the caller's transaction."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from app.database.transaction import fetch, fetchrow


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A person or company as a letter needs it."""

    id: UUID
    given_name: str
    family_name: str
    email: str | None
    locale: str
    street: str
    postcode: str
    city: str
    country: str
    iban: str | None

    @property
    def name(self) -> str:
        """Given and family name, or a company's name."""
        return f"{self.given_name} {self.family_name}".strip()


class Badge(msgspec.Struct, frozen=True, kw_only=True):
    """A badge as its holder sees it: never more of the UID than its last four characters."""

    id: UUID
    label: str
    tail: str
    state: str
    last_used_at: datetime | None


BADGE = "SELECT id, label, uid_tail AS tail, state, last_used_at FROM badge"


async def person(person_id: UUID) -> Person | None:
    """One person."""
    row = await fetchrow("SELECT * FROM person WHERE id = $1", person_id)
    return None if row is None else Person(**{name: row[name] for name in Person.__struct_fields__})


async def badges_of(person_id: UUID) -> list[Badge]:
    """A person's badges, oldest first."""
    return [Badge(**row) for row in await fetch(f"{BADGE} WHERE person_id = $1 ORDER BY id", person_id)]


async def sites_occupied(person_id: UUID, day: date) -> list[UUID]:
    """The sites where a person occupies a billing point on a day."""
    rows = await fetch(
        "SELECT DISTINCT b.site_id FROM occupancy o JOIN billing_point b"
        " ON b.account_id = o.account_id AND b.id = o.billing_point_id WHERE o.person_id = $1 AND o.period @> $2::date",
        person_id, day,
    )  # fmt: skip
    return [row["site_id"] for row in rows]


async def people_at_site(site_id: UUID, day: date) -> list[Person]:
    """Who occupies a billing point of a site on a day, by name."""
    rows = await fetch(
        "SELECT DISTINCT p.* FROM person p JOIN occupancy o ON o.account_id = p.account_id AND o.person_id = p.id"
        " JOIN billing_point b ON b.account_id = o.account_id AND b.id = o.billing_point_id"
        " WHERE b.site_id = $1 AND o.period @> $2::date ORDER BY p.family_name, p.given_name, p.id", site_id, day,
    )  # fmt: skip
    return [Person(**{name: row[name] for name in Person.__struct_fields__}) for row in rows]
