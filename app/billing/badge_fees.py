"""What an extra badge costs its holder: kept when it is approved, one line on the next bill. Inside the caller's transaction."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from app.database.transaction import execute, fetch
from app.kernel.money import to_major, vat_of_net
from app.sites.queries import Site
from app.tariffs.model import PriceLine

OPEN = "badge_fee WHERE person_id = $1 AND site_id = $2 AND invoice_id IS NULL"


async def badge_lines(site: Site, person_id: UUID, rate: Decimal, *, vat_included: bool) -> tuple[tuple[PriceLine, ...], int]:
    """(a line for each label and price of the badges that are on no bill yet, what they come to without VAT)."""
    rows = await fetch(f"SELECT label, net_minor, count(*)::int AS badges FROM {OPEN} GROUP BY 1, 2 ORDER BY 1, 2", person_id, site.id)
    lines = []
    for row in rows:
        each = row["net_minor"] + (vat_of_net(row["net_minor"], rate) if vat_included else 0)
        lines.append(
            PriceLine(dimension="fee", band="single", quantity=Decimal(row["badges"]), unit="bill", vat_rate=rate, label=row["label"],
                      unit_price=to_major(each, site.currency), amount_minor=each * row["badges"])
        )  # fmt: skip
    return tuple(lines), sum(row["net_minor"] * row["badges"] for row in rows)


async def keep_badges(invoice_id: UUID, site: Site, person_id: UUID, issued_on: date) -> None:
    """The badges are on this bill. A fee that was billed is only ended from then on."""
    await execute(f"UPDATE financial_condition SET billed_until = greatest(billed_until, $3) WHERE id IN (SELECT condition_id FROM {OPEN})",
                  person_id, site.id, issued_on)  # fmt: skip
    await execute("UPDATE badge_fee SET invoice_id = $3 WHERE person_id = $1 AND site_id = $2 AND invoice_id IS NULL",
                  person_id, site.id, invoice_id)  # fmt: skip


async def free_badges(invoice_id: UUID) -> None:
    """A bill was taken back and is made again: its badges belong on the next one."""
    await execute("UPDATE badge_fee SET invoice_id = NULL WHERE invoice_id = $1", invoice_id)
