"""Reads of revenue and payouts, inside the caller's transaction."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from app.billing.queries import charges_of_site
from app.database.transaction import fetch, fetchrow
from app.payouts.rules import Revenue, revenue
from app.sites.queries import OwnerTerms


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """A payout as its owner sees it."""

    id: UUID
    site_id: UUID
    site_name: str
    period: date
    currency: str
    amount_minor: int
    reimbursed_minor: int
    withheld_minor: int
    gross_minor: int
    created_at: datetime
    iban_tail: str
    reference: str


PAYOUT = """
SELECT p.*, s.name AS site_name, right(p.iban, 4) AS iban_tail, p.number AS reference
FROM payout p JOIN site s ON s.account_id = p.account_id AND s.id = p.site_id
"""


async def site_revenue(site_id: UUID, period: date, terms: OwnerTerms) -> tuple[list[Revenue], Revenue]:
    """Revenue of a site and month by station, and in total (each class rounded once over the total)."""
    charges = await charges_of_site(site_id, period)
    stations = await fetch("SELECT id, name FROM station WHERE site_id = $1 ORDER BY name", site_id)
    shares = (terms.internal_permille, terms.external_permille)
    rows = [revenue([c for c in charges if c.station_id == row["id"]], row["id"], row["name"], *shares) for row in stations]
    return rows, revenue(charges, None, "", *shares)


async def payouts_of(owner_id: UUID) -> list[Payout]:
    """An owner's payouts, newest first."""
    rows = await fetch(f"{PAYOUT} WHERE p.owner_id = $1 ORDER BY p.period DESC, s.name", owner_id)
    return [Payout(**{name: row[name] for name in Payout.__struct_fields__}) for row in rows]


async def statement_pdf(payout_id: UUID, owner_id: UUID) -> bytes | None:
    """The statement of a payout, if it is this owner's."""
    row = await fetchrow("SELECT statement_pdf FROM payout WHERE id = $1 AND owner_id = $2", payout_id, owner_id)
    return None if row is None else row["statement_pdf"]


async def payout_files(payout_id: UUID) -> tuple[str, bytes, bytes]:
    """(number, statement PDF, pain.001) of a payout. Raises LookupError."""
    row = await fetchrow("SELECT number, statement_pdf, pain001 FROM payout WHERE id = $1", payout_id)
    if row is None:
        raise LookupError(f"no payout {payout_id}")
    return row["number"], row["statement_pdf"], row["pain001"]
