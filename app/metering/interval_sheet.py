"""A grid operator's quarter-hours as CSV, a line at a time. Pure: bytes in, quarter-hours out."""

import csv
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from app.kernel.errors import Refused
from app.kernel.spreadsheet import columns_of, csv_lines
from app.metering.interval_rules import SENTENCES, BadLine, IntervalFile, Quarter, amount_of, point_of, time_of

# `start`: a column of which it is not clear whether it is the beginning or the end of a quarter-hour is not known.
HEADINGS: dict[str, tuple[str, ...]] = {
    "meter": ("metering point", "messpunkt", "zählpunkt", "zähler", "point de mesure", "compteur", "punto di misura", "contatore",
              "meetpunt", "ean"),
    "start": ("from", "von", "ab", "beginn", "début", "de", "inizio", "da", "begin", "van"),
    "import": ("imported", "consumption", "bezug", "verbrauch", "soutirage", "consommation", "prelievo", "consumo", "afname", "verbruik",
               "value", "wert", "valeur", "valore", "waarde"),
    "export": ("exported", "injection", "einspeisung", "rücklieferung", "refoulement", "immissione", "injectie", "teruglevering"),
    "unit": ("einheit", "unité", "unità", "eenheid"),
}  # fmt: skip
NEEDED = ("meter", "start", "unit")


def read_sheet(name: str, content: bytes, zone: ZoneInfo) -> IntervalFile:
    """The quarter-hours of a CSV. Raises Refused not_a_sheet, not_utf8, missing_columns, unknown_columns."""
    lines = csv_lines(name, content)
    found = IntervalFile()
    try:
        heading = next(lines, None)
        if heading is None:
            return found
        columns = columns_of(heading, HEADINGS, NEEDED)
        for number, line in enumerate(lines, start=2):
            cells = {columns[place]: text for place, text in enumerate(line) if place in columns and text}
            if cells:
                _take(found, number, cells, zone)
    except csv.Error as error:
        raise Refused("not_a_sheet", 422, "This file is no CSV sheet. Save the quarter-hours as 'CSV UTF-8' and send it again.") from error
    return found


def _take(found: IntervalFile, number: int, cells: Mapping[str, str], zone: ZoneInfo) -> None:
    meter = point_of(cells.get("meter", ""))[:80]
    value = ""
    try:
        value = cells.get("start", "")
        at = time_of(value, zone)
        amounts = []
        for column in ("import", "export"):
            value = cells.get(column, "")
            amounts.append(amount_of(value, cells.get("unit", "")) if value else None)
        if amounts == [None, None]:
            raise Refused("bad_energy", 422, SENTENCES["bad_energy"])
    except Refused as refused:
        found.bad.append(BadLine(line=number, code=refused.code, meter=meter, value=value[:80]))
        return
    found.quarters.append(Quarter(number, meter, at, amounts[0], amounts[1]))
