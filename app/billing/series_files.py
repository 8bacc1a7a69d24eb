"""Series as files: CSV, XLSX and JSON, with times in UTC and at the place."""

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response

from app.billing.series import HouseSeries, Series
from app.metering.series_rules import in_utc

Form = Literal["json", "csv", "xlsx"]
TYPES = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
         "json": "application/json"}  # fmt: skip


def file_of(series: Series | HouseSeries, form: Form, *, plain_times: bool = False, more: Mapping[str, Any] | None = None) -> Response[Any]:
    """The answer in the form asked for. `plain_times`: the JSON has times in UTC without their zone, as the API promises, and `more`."""
    if form == "json" and plain_times:
        plain = [{**msgspec.structs.asdict(piece), "at": in_utc(piece.at)} for piece in series.pieces]
        return Response({**msgspec.structs.asdict(series), "pieces": plain, **(more or {})}, media_type=TYPES["json"])
    if form == "json":
        return Response(series, media_type=TYPES["json"])
    name = f"{getattr(series, 'kind', 'house')}-{series.first}-{series.last}.{form}"
    content = _csv(series) if form == "csv" else _xlsx(series)
    return Response(content, media_type=TYPES[form], headers={"content-disposition": f'attachment; filename="{name}"'})


def _rows(series: Series | HouseSeries) -> list[list[Any]]:
    names = [name for name in series.pieces[0].__struct_fields__ if name != "at"] if series.pieces else []
    if all(getattr(piece, "exported", None) is None for piece in series.pieces):
        names = [name for name in names if name != "exported"]
    titles = [name if name == "quality" else f"{name} ({series.unit})" for name in names]
    found: list[list[Any]] = [["from (UTC)", f"from ({series.time_zone})", *titles]]
    for piece in series.pieces:
        values = msgspec.structs.asdict(piece)
        found.append([in_utc(piece.at), _there(piece.at, series.time_zone), *(values[name] for name in names)])
    return found


def _there(at: datetime, time_zone: str) -> str:
    """The time at the place with its distance from UTC: the hour that comes twice in autumn is told apart."""
    return at.astimezone(UTC).astimezone(ZoneInfo(time_zone)).isoformat()


def _csv(series: Series | HouseSeries) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows(["" if cell is None else cell for cell in row] for row in _rows(series))
    return text.getvalue().encode()


def _xlsx(series: Series | HouseSeries) -> bytes:
    from openpyxl import Workbook  # with all that it brings along it would slow every start down

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Hofstrom")
    for row in _rows(series):
        sheet.append(row)
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()
