"""Sites, their creditor and their owner, inside the caller's transaction."""

from datetime import date
from uuid import UUID

import msgspec

from app.database.transaction import fetch, fetchrow
from app.sites.model import Solution


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A site and the legal entity that bills for it."""

    id: UUID
    name: str
    street: str
    postcode: str
    city: str
    country: str
    currency: str
    time_zone: str
    creditor_id: UUID
    creditor_name: str
    creditor_street: str
    creditor_postcode: str
    creditor_city: str
    creditor_country: str
    iban: str
    payout_iban: str | None
    vat_number: str | None
    payment_days: int
    billing_from: date | None = None
    vat_liable: bool = False


class OwnerTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Who owns a site on a day and what share of the net revenue is reimbursed, in thousandths per class."""

    id: UUID
    site_id: UUID
    owner_id: UUID
    internal_permille: int
    external_permille: int


SITE = """
SELECT s.*, c.name AS creditor_name, c.street AS creditor_street, c.postcode AS creditor_postcode,
       c.city AS creditor_city, c.country AS creditor_country, c.iban, c.payout_iban, c.vat_number, c.payment_days
FROM site s JOIN creditor c ON c.account_id = s.account_id AND c.id = s.creditor_id
"""


async def sites() -> list[Site]:
    """Every site of the account, by name."""
    rows = await fetch(f"{SITE} ORDER BY s.name")
    return [Site(**{name: row[name] for name in Site.__struct_fields__}) for row in rows]


async def site(site_id: UUID) -> Site | None:
    """One site."""
    row = await fetchrow(f"{SITE} WHERE s.id = $1", site_id)
    return None if row is None else Site(**{name: row[name] for name in Site.__struct_fields__})


async def days_of_solution(site_id: UUID, solution: Solution, first: date, last: date) -> list[tuple[date, date]]:
    """The spans between two days in which a solution of a site is active; all days where it was never given any."""
    rows = await fetch("SELECT lower(period) AS first, upper(period) - 1 AS last FROM site_solution WHERE site_id = $1 AND solution = $2"
                       " ORDER BY 1", site_id, solution)  # fmt: skip
    spans = [(row["first"], row["last"]) for row in rows] or [(first, None)]
    cut = [(max(first, start), last if end is None else min(last, end)) for start, end in spans]
    return [(start, end) for start, end in cut if start <= end]


async def collects(site_id: UUID, day: date) -> bool:
    """Whether the operator bills and collects on a day; else the owner does, from individual statements."""
    row = await fetchrow("SELECT method FROM operating_method WHERE site_id = $1 AND period @> $2::date", site_id, day)
    return row is None or row["method"] == "operator_bills"


async def terms_on(site_id: UUID, day: date) -> OwnerTerms | None:
    """The owner and the terms in force on a day."""
    row = await fetchrow(
        "SELECT id, site_id, owner_id, internal_permille, external_permille FROM owner_terms"
        " WHERE site_id = $1 AND period @> $2::date", site_id, day,
    )  # fmt: skip
    return None if row is None else OwnerTerms(**row)


async def sites_of_owner(owner_id: UUID) -> list[UUID]:
    """The sites that a person owns or has owned."""
    rows = await fetch("SELECT DISTINCT site_id FROM owner_terms WHERE owner_id = $1", owner_id)
    return [row["site_id"] for row in rows]
