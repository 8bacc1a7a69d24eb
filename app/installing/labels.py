"""A sheet of labels to print: a QR code on each station's connector for residents, on each device for whoever serves it."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import qrcode

from app.billing.documents import words
from app.billing.documents.render import render
from app.database.transaction import fetch
from app.installing.model import Thing
from app.installing.queries import things
from app.kernel.errors import Refused, not_found
from app.sites import queries

CONNECTORS = """
SELECT c.public_code, c.number, s.id, s.name, s.place, count(*) OVER (PARTITION BY s.id) AS connectors FROM connector c JOIN station s
    ON s.account_id = c.account_id AND s.id = c.station_id WHERE s.site_id = $1 AND c.number > 0 ORDER BY s.name, c.number
"""
TEXTS = {
    "de": ("Etiketten", "QR-Code", "Laden: scannen", "Stecker"), "fr": ("Étiquettes", "Code QR", "Recharger : scannez", "Prise"),
    "it": ("Etichette", "Codice QR", "Ricaricare: scansionare", "Presa"), "en": ("Labels", "QR code", "Charge: scan me", "Connector"),
    "nl": ("Etiketten", "QR-code", "Laden: scan mij", "Aansluiting"),
}  # fmt: skip
LONGEST = 34


async def sheet(site_id: UUID, only: UUID | None, locale: str, public_url: str, today: date, now: datetime) -> bytes:
    """The labels of a house as PDF, 24 on an A4 page of stickers of 70 x 37 mm; `only`: those of one device.

    Raises Refused not_found, nothing_to_label.
    """
    site = await queries.site(site_id)
    if site is None:
        raise not_found("site")
    title, alt, scan, connector = TEXTS[locale]
    rows = [row for row in await fetch(CONNECTORS, site_id) if only in (None, row["id"])]
    labels = [
        _label(f"{public_url}/c/{row['public_code']}", scan, row["name"],
               [row["place"], f"{connector} {row['number']}" if row["connectors"] > 1 else "", row["public_code"]], alt) for row in rows
    ]  # fmt: skip
    devices = [one for one in await things(site_id, now) if only in (None, one.id) and one.kind not in ("station", "remote_station")]
    labels += [_of_device(one, site_id, public_url, alt) for one in devices]
    if not labels:
        raise Refused("nothing_to_label", 409, "There is nothing here that a label could be made for. Enter the devices first.")
    return render("labels", {
        "title": f"{title}: {site.name}", "language": locale, "country": site.creditor_country, "creditor": {"name": site.creditor_name},
        "headline": site.name, "labels": labels,
    }, today)  # fmt: skip


def _of_device(one: Thing, site_id: UUID, public_url: str, alt: str) -> dict[str, Any]:
    url = f"{public_url}/console/sites/{site_id}/install/{one.id}"
    return _label(url, one.name, one.serial if one.serial != one.name else "", [one.place, one.address], alt)


def _label(url: str, head: str, name: str, lines: Sequence[str], alt: str) -> dict[str, Any]:
    return {"matrix": runs(url), "alt": f"{alt}: {name or head}", "head": words.shortened(head, LONGEST),
            "lines": [words.shortened(line, LONGEST) for line in (name, *lines) if line]}  # fmt: skip


def runs(text: str) -> list[list[tuple[int, int]]]:
    """The rows of a QR code as (x, width) of what is dark."""
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=0)
    code.add_data(text)
    found = []
    for row in code.get_matrix():
        line: list[tuple[int, int]] = []
        for x, dark in enumerate(row):
            if dark and line and sum(line[-1]) == x:
                line[-1] = (line[-1][0], line[-1][1] + 1)
            elif dark:
                line.append((x, 1))
        found.append(line)
    return found
