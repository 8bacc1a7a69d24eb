"""The owner's three documents: the management contract to sign, the power of attorney to the grid operator, the residents' spreadsheet."""

import io
import json
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from babel.numbers import format_decimal

from app.billing.documents import words
from app.billing.documents.render import render
from app.database.transaction import fetch
from app.kernel.errors import Refused, not_found
from app.residents.queries import Person, person
from app.residents.spreadsheet import HEADINGS
from app.sites import administration, queries

Paper = Literal["contract", "power-of-attorney"]
PAPERS: tuple[Paper, ...] = ("contract", "power-of-attorney")
COLUMNS = ("building", "place", "given_name", "family_name", "email", "phone", "street", "postcode", "city", "entry")


@cache
def _texts(locale: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((Path(__file__).parent / "papers.json").read_text())[locale]
    return found


async def paper(site_id: UUID, kind: Paper, today: date) -> bytes:
    """A document of a site for its owner of today, in their language (inside the caller's transaction).

    Raises Refused not_found, owner_needed.
    """
    site, terms = await queries.site(site_id), await queries.terms_on(site_id, today)
    if site is None:
        raise not_found("site")
    owner = None if terms is None else await person(terms.owner_id)
    if owner is None:
        raise Refused("owner_needed", 409, "The site has no owner today. Name the owner first.")
    return render("paper", await _data(site, owner, kind, today), today)


async def _data(site: queries.Site, owner: Person, kind: Paper, today: date) -> dict[str, Any]:
    t, form = _texts(owner.locale), words.region(owner.locale, site.creditor_country)
    operator, place = site.creditor_name, f"{site.street}, {site.postcode} {site.city}"
    grid = next((one.name for one in await administration.stakeholders(site.id) if one.kind == "grid_operator" and _on(one, today)), None)
    operator_address = f"{site.creditor_street}, {site.creditor_postcode} {site.creditor_city}"
    names = {"owner": owner.name, "operator": operator, "site": f"{site.name}, {place}", "operator_address": operator_address,
             "grid": grid or t["grid_unknown"]}  # fmt: skip
    about = [(t["site"], words.shortened(site.name, 60)), (t["address"], place), (t["issued"], words.day(today, form))]
    prefix, fees = "power", []
    if kind == "contract":
        prefix = "contract"
        about += await _agreed(site, t, form, operator, today)
        fees = [_fee(one, t, form, site.currency) for one in await administration.conditions(site.id)]
    return {
        "title": t[prefix], "language": owner.locale, "country": site.creditor_country, "creditor": {"name": words.shortened(operator, 70)},
        "headline": words.shortened(site.name, 60), "sender": words.shortened(f"{operator} · {operator_address}", 120),
        "address": [words.shortened(line, 90) for line in (owner.name, owner.street, f"{owner.postcode} {owner.city}")], "facts": about,
        "paragraphs": [t[f"{prefix}_{number}"].format(**names) for number in (1, 2)], "table_title": t["fees"],
        "table_head": [t["fee"], t["amount"], t["unit"], t["payer"], t["days"]], "table": fees,
        "signatures": [t[key].format(**names) for key in (("sign_owner", "sign_operator") if kind == "contract" else ("sign_owner",))],
        "footer": f"{words.shortened(operator, 70)} · {t[prefix]}", "page": t["page"], "of": t["of"],
    }  # fmt: skip


async def _agreed(site: queries.Site, t: dict[str, str], form: str, operator: str, today: date) -> list[tuple[str, str]]:
    active = [t[one.solution] for one in await administration.solutions(site.id) if one.last is None or one.last >= today]
    method = next((one.method for one in await administration.methods(site.id) if _on(one, max(today, site.billing_from or today))), None)
    return [
        (t["solutions"], ", ".join(active) or "–"), (t["from"], words.day(site.billing_from, form) if site.billing_from else t["open"]),
        (t["method"], t[method].format(operator=operator) if method else t["open"]),
    ]  # fmt: skip


def _on(part: Any, day: date) -> bool:
    return (part.first is None or part.first <= day) and (part.last is None or part.last >= day)


def _fee(one: administration.Condition, t: dict[str, str], form: str, currency: str) -> list[str]:
    amount = format_decimal(one.amount, format="#,##0.00##", locale=form)
    until = "" if one.last is None else words.day(one.last, form)
    return [one.label, amount if one.unit == "percent_of_turnover" else f"{currency} {amount}", t[one.unit], t[one.payer],
            f"{words.day(one.first, form)} – {until}"]  # fmt: skip


async def residents_sheet(site_id: UUID) -> bytes:
    """The spreadsheet to fill in, one line a billing point, as the import reads it (inside the caller's transaction)."""
    from openpyxl import Workbook  # with all that it brings along it would slow every start down

    rows = await fetch("SELECT g.name AS building, b.name AS place, s.street, s.postcode, s.city FROM billing_point b JOIN building g"
                       " ON g.account_id = b.account_id AND g.id = b.building_id JOIN site s ON s.account_id = b.account_id"
                       " AND s.id = b.site_id WHERE b.site_id = $1 ORDER BY g.name, b.name", site_id)  # fmt: skip
    book = Workbook()
    sheet = book.active
    sheet.append([HEADINGS[name][0] for name in COLUMNS])
    for row in rows:
        sheet.append([row[name] if name in ("building", "place", "street", "postcode", "city") else None for name in COLUMNS])
    _as_text(sheet.iter_rows(min_row=2))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _as_text(rows: Any) -> None:
    """Cells hold text, never a formula, whatever a place is called."""
    for row in rows:
        cells: Sequence[Any] = row
        for cell in cells:
            cell.number_format = "@"
            if cell.value is not None:
                cell.data_type = "s"
