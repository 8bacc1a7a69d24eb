"""A meter's readings as they came, a page at a time: where there is more, the answer's `Link` header says where."""

from datetime import date, datetime, timedelta
from typing import Annotated, TypeAlias
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response
from litestar.params import QueryParameter

from app.accounts.web.access import HttpRequest
from app.database.transaction import fetch, fetchval
from app.kernel.calendar import local_midnight
from app.kernel.errors import Refused

MOST_READ = 20_000
PageSize: TypeAlias = Annotated[int, QueryParameter(ge=1, le=MOST_READ)]
RAW = """
SELECT * FROM (SELECT 'index' AS kind, taken_at AS at, imported, exported, way, reader, received_at FROM index_reading
    WHERE meter_id = $1 AND taken_at >= $2 AND taken_at < $3
    UNION ALL SELECT 'interval', starts_at, imported, exported, way, NULL, received_at FROM interval_reading
    WHERE meter_id = $1 AND starts_at >= $2 AND starts_at < $3) r
WHERE $4::text IS NULL OR (at, kind, received_at) > ($2, $4, $5::timestamptz) ORDER BY at, kind, received_at LIMIT $6
"""
WAYS = {1: "gateway", 2: "file", 3: "hand", 4: "installation", 5: "broker", 6: "third party"}


class RawReading(msgspec.Struct, frozen=True, kw_only=True):
    """A reading as it came: an index, or the amount of the quarter-hour that begins at `at`."""

    kind: str
    at: datetime
    imported: int
    exported: int | None
    way: str
    reader: str | None
    received_at: datetime


async def raw_readings(meter_id: UUID, site_id: UUID, first: date, last: date, after: str, limit: int) -> list[RawReading]:
    """The readings of a meter on local days, one more than a page has (inside the caller's transaction). Raises Refused bad_page."""
    zone = await fetchval("SELECT time_zone FROM site WHERE id = $1", site_id)
    low, kind, received = _place(after) if after else (local_midnight(first, zone), None, None)
    rows = await fetch(RAW, meter_id, low, local_midnight(last + timedelta(days=1), zone), kind, received, limit + 1)
    return [RawReading(**{**row, "way": WAYS[row["way"]]}) for row in rows]


def page_of(request: HttpRequest, found: list[RawReading], limit: int) -> Response[list[RawReading]]:
    """The page, with the address of the next one where there is more."""
    if len(found) <= limit:
        return Response(found)
    end = found[limit - 1]
    asked = {**request.query_params.dict(), "after": [f"{end.at.isoformat()}~{end.kind}~{end.received_at.isoformat()}"]}
    return Response(found[:limit], headers={"link": f'<{request.url.path}?{urlencode(asked, doseq=True)}>; rel="next"'})


def _place(after: str) -> tuple[datetime, str, datetime]:
    at, _, rest = after.partition("~")
    kind, _, received = rest.partition("~")
    try:
        found = datetime.fromisoformat(at), kind, datetime.fromisoformat(received)
    except ValueError:
        found = None
    if found is None or kind not in ("index", "interval") or found[0].tzinfo is None or found[2].tzinfo is None:
        raise Refused("bad_page", 422, "This is no place in a list. Take the address of the next page as it was given.", fields=["after"])
    return found
