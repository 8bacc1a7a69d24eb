"""Many meters from a table: a file or what was pasted. All of them are entered, or none, and every row says why."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from app.audit.model import Actor
from app.database.transaction import connection, fetch, in_account
from app.kernel.errors import Refused
from app.kernel.spreadsheet import Row, parse_day, rows_of
from app.metering.equipment import NewMeter, insert

HEADINGS: dict[str, tuple[str, ...]] = {
    "serial": ("serial", "serial number", "seriennummer", "numéro de série", "numero di serie", "serienummer", "nummer"),
    "kind": ("kind", "mode", "art", "modus", "type", "tipo", "soort"),
    "medium": ("medium", "énergie", "fluide", "mezzo"),
    "name": ("name", "bezeichnung", "nom", "nome", "naam"),
    "model": ("model", "modell", "modèle", "modello"),
    "gateway": ("gateway", "passerelle"),
    "bus_address": ("bus address", "address", "busadresse", "adresse", "indirizzo", "adres", "busadres"),
    "amperage_a": ("amperage", "ampere", "stromstärke", "ampérage", "amperaggio", "stroomsterkte"),
    "installed_on": ("installed", "installed on", "eingebaut", "installé le", "installato il", "geplaatst"),
    "building": ("building", "gebäude", "bâtiment", "edificio", "gebouw"),
    "metering_code": ("metering point", "metering code", "messpunkt", "point de mesure", "punto di misura", "meetpunt", "ean"),
    "first_index": ("first index", "start index", "anfangsstand", "index initial", "lettura iniziale", "beginstand"),
    "place": ("place", "billing point", "wohnung", "objekt", "logement", "lieu", "appartamento", "woning"),
}
NEEDED = ("serial", "kind")
Named = Mapping[str, Mapping[str, UUID]]  # column: what stands in it -> the id
KINDS = {"consumption": "use", "verbrauch": "use", "consommation": "use", "consumo": "use", "verbruik": "use", "introduction": "entry",
         "bezug": "entry", "introduzione": "entry", "produktion": "production", "produzione": "production", "productie": "production",
         "batterie": "battery", "batteria": "battery", "batterij": "battery"}  # fmt: skip
MEDIA = {"": "electricity", "strom": "electricity", "électricité": "electricity", "wärme": "heat", "warmwasser": "hot_water",
         "kaltwasser": "cold_water", "chaleur": "heat", "eau chaude": "hot_water", "eau froide": "cold_water"}  # fmt: skip


class MeterRowReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a row; `good`: nothing is wrong with it, but another row stopped the whole."""

    row: int
    outcome: Literal["done", "good", "refused"]
    serial: str = ""
    code: str = ""
    detail: str = ""
    params: dict[str, str] = {}


class _Stopped(Exception):
    """A row was refused: the transaction is taken back."""


async def import_meters(actor: Actor, site_id: UUID, name: str, content: bytes, now: datetime) -> list[MeterRowReport]:
    """Enter every row, or none. Raises Refused as `rows_of` does, before anything is done."""
    rows = rows_of(name, content, HEADINGS, NEEDED)
    reports: list[MeterRowReport] = []
    try:
        async with in_account(actor.account_id):
            places = {
                row["name"].casefold(): row["id"] for row in await fetch("SELECT id, name FROM billing_point WHERE site_id = $1", site_id)
            }
            gateways = {row["serial"]: row["id"] for row in await fetch("SELECT id, serial FROM gateway WHERE site_id = $1", site_id)}
            buildings = {
                row["name"].casefold(): row["id"] for row in await fetch("SELECT id, name FROM building WHERE site_id = $1", site_id)
            }
            named = {"place": places, "gateway": gateways, "building": buildings}
            for row in rows:
                reports.append(await _enter(actor, site_id, row, named, now))
            if any(report.outcome == "refused" for report in reports):
                raise _Stopped
    except _Stopped:
        return [msgspec.structs.replace(one, outcome="good") if one.outcome == "done" else one for one in reports]
    return reports


async def _enter(actor: Actor, site_id: UUID, row: Row, named: Named, now: datetime) -> MeterRowReport:
    serial = row.cells.get("serial", "")
    try:
        form = _form(row.cells, named)
        async with connection().transaction():
            await insert(actor, site_id, form, now)
    except Refused as refused:
        params = {key: str(value) for key, value in refused.params.items()}
        return MeterRowReport(row=row.number, outcome="refused", serial=serial, code=refused.code, detail=refused.detail, params=params)
    return MeterRowReport(row=row.number, outcome="done", serial=serial)


def _form(cells: Mapping[str, str], named: Named) -> NewMeter:
    for column in NEEDED:
        if not cells.get(column):
            raise Refused("missing_cell", 422, f"'{column}' is empty. Fill it in.", column=column)
    kind, medium = cells["kind"].casefold(), cells.get("medium", "").casefold()
    values: dict[str, Any] = {
        "serial": cells["serial"],
        "kind": KINDS.get(kind, kind),
        "medium": MEDIA.get(medium, medium.replace(" ", "_")),
    }
    values |= {name: cells[name] for name in ("name", "model") if name in cells}
    if cells.get("metering_code"):
        values |= {"metering_code": cells["metering_code"], "source": "dso"}
    for column in ("bus_address", "amperage_a", "first_index"):
        if cells.get(column):
            values[column] = _whole(cells[column], column)
    values["indirect"] = values.get("amperage_a", 0) > 80
    if cells.get("installed_on"):
        values["installed_on"] = _day(cells["installed_on"])
    for column, name in (("place", "billing_point_id"), ("gateway", "gateway_id"), ("building", "building_id")):
        if cells.get(column):
            text, known = "".join(cells[column].split()).upper() if column == "gateway" else cells[column].casefold(), named[column]
            if text not in known:
                raise Refused("no_such_cell", 422, f"This site has no '{cells[column]}'. Create it, or correct the name.", column=column,
                              value=cells[column])  # fmt: skip
            values[name] = known[text]
    try:
        return msgspec.convert({key: str(value) if isinstance(value, UUID) else value for key, value in values.items()}, NewMeter)
    except msgspec.ValidationError as error:
        raise Refused("bad_cell", 422, f"A value of this row cannot be used: {error}.") from error


def _whole(text: str, column: str) -> int:
    if not text.isdecimal():
        raise Refused("bad_cell", 422, f"'{text}' is no whole number.", column=column)
    return int(text)


def _day(text: str) -> str:
    try:
        return parse_day(text).isoformat()
    except ValueError as error:
        raise Refused("bad_day", 422, f"'{text}' is not a day. Write it as 31.12.2026.", column="installed_on") from error
