"""Series that people look at: kinds, sun and grid, days of 92 and 100 quarters, only one's own stay, files."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import openpyxl
import pytest

from app.accounts.api_access import consent
from app.audit.model import Actor
from app.database.engine import close_database, open_database
from app.database.transaction import as_owner, execute, fetchval
from app.kernel.settings import settings_from
from app.main import create_app
from app.metering.intake import GATEWAY, Reading, take
from app.metering.quarters import create_meter, store_day
from app.tariffs.energy_rules import quarter_count
from infra.demo.seed import MOVED_OUT, Shape, seed

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
ZONE = "Europe/Zurich"
AUTUMN, SPRING = date(2026, 10, 25), date(2026, 3, 29)


class Look:
    """The demo house with a roof, an entry and a meter in two flats."""

    def __init__(self, client: httpx.AsyncClient, described: dict[str, Any]) -> None:
        self.client, self.described = client, described
        account = described["accounts"][0]
        self.account, self.site = UUID(account["id"]), UUID(account["sites"][0]["id"])
        self.points = [UUID(one["id"]) for one in account["sites"][0]["billing_points"]]
        self.meters: dict[str, UUID] = {}

    async def meter(self, name: str, kind: str = "use", point: int | None = None, medium: str = "electricity") -> None:
        actor = Actor(account_id=self.account, name="Ivan")
        made = await create_meter(actor, self.site, kind, name, NOW,  # type: ignore[arg-type]
                                  billing_point_id=None if point is None else self.points[point])  # fmt: skip
        async with as_owner():
            await execute("UPDATE meter SET medium = $2 WHERE id = $1", made, medium)
        self.meters[name] = made

    async def day(self, name: str, day: date, wh: int, **others: int) -> None:
        values: list[int | None] = [wh] * quarter_count(day, ZONE)
        for place, value in others.items():
            values[int(place[1:])] = value
        await store_day(self.account, self.meters[name], day, values, NOW)

    async def get(self, path: str, role: str = "resident", **query: Any) -> httpx.Response:
        login = next(one for one in self.described["accounts"][0]["logins"] if one["role"] == role)
        return await self.client.get(path, headers={"authorization": f"Bearer {login['token']}"}, params=query)

    async def pieces(self, path: str, role: str = "resident", **query: Any) -> list[dict[str, Any]]:
        answer = await self.get(path, role, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()["pieces"]


@pytest.fixture
async def look(dsn: str, tmp_path: Path) -> AsyncIterator[Look]:
    settings = settings_from({"HOFSTROM_DATA": str(tmp_path), "HOFSTROM_SECRET_KEY": "a secret for the tests of the series, long enough"})
    await open_database(dsn)
    described = await seed(settings, NOW, Shape(months=0))
    async with as_owner():
        account = UUID(described["accounts"][0]["id"])
        for table in (
            "stale_day",
            "stale_share",
            "point_day",
            "late_day",
            "quarter_day",
            "validated_day",
            "index_reading",
            "interval_reading",
            "meter_term",
            "meter_link",
            "meter",
        ):
            await execute(f"DELETE FROM {table} WHERE account_id = $1", account)
    app = create_app(settings, lambda: NOW)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://look") as client:  # type: ignore[arg-type]
        made = Look(client, described)
        await made.meter("FLAT-1", point=0)
        await made.meter("FLAT-2", point=1)
        await made.meter("ROOF", "production")
        yield made
    await close_database()


@pytest.mark.row("R07")
async def test_total_is_sun_and_grid_to_the_watt_hour_in_every_interval(look: Look) -> None:
    day = date(2026, 11, 10)
    await look.day("FLAT-1", day, 101, q48=300)
    await look.day("FLAT-2", day, 33)
    await look.day("ROOF", day, 50, q48=1000, q0=0)
    pieces = await look.pieces("/api/usage/series", first=day, last=day, step="quarter")
    assert len(pieces) == 96 and all(one["total"] == one["solar"] + one["grid"] for one in pieces)
    assert [(pieces[n]["solar"], pieces[n]["grid"]) for n in (0, 1, 48)] == [(0, 101), (38, 63), (300, 0)]
    other = await look.pieces(f"/api/billing-points/{look.points[1]}/series", "operator", first=day, last=day, step="quarter")
    assert pieces[1]["solar"] + other[1]["solar"] == 50
    house = await look.pieces(f"/api/sites/{look.site}/series", "owner", first=day, last=day, step="day")
    sun = sum(one["solar"] for one in pieces) + sum(one["solar"] for one in other)
    assert (house[0]["self_consumed"], house[0]["production"], house[0]["total"]) == (sun, 50 * 94 + 1000, 101 * 95 + 300 + 33 * 96)
    assert house[0]["from_grid"] == house[0]["total"] - sun and house[0]["to_grid"] == house[0]["production"] - sun


@pytest.mark.row("R06")
async def test_before_the_entry_and_after_the_exit_the_series_is_empty(look: Look) -> None:
    last = MOVED_OUT - timedelta(days=1)
    for day in (last - timedelta(1), last, MOVED_OUT, MOVED_OUT + timedelta(1)):
        await look.day("FLAT-2", day, 10)
    pieces = await look.pieces("/api/usage/series", "former_resident", first=last - timedelta(1), last=MOVED_OUT + timedelta(1))
    assert [one["total"] for one in pieces] == [960, 960, None, None] and pieces[2]["quality"] == "missing"
    both = await look.pieces(f"/api/billing-points/{look.points[1]}/series", "operator", first=last, last=MOVED_OUT)
    assert [one["total"] for one in both] == [960, 960]
    foreign = await look.get("/api/usage/series", point_id=look.points[1], first=last, last=last)
    assert foreign.status_code == 404


@pytest.mark.row("R05")
async def test_each_kind_with_a_meter_is_shown_and_one_without_is_hidden(look: Look) -> None:
    [place] = (await look.get("/api/usage/places")).json()
    assert place["kinds"] == ["electricity"]
    for medium in ("heat", "cooling", "hot_water", "cold_water"):
        await look.meter(medium, point=0, medium=medium)
    [place] = (await look.get("/api/usage/places")).json()
    assert place["kinds"] == ["electricity", "heat", "cooling", "hot_water", "cold_water"]
    begin = datetime(2026, 11, 9, 23, tzinfo=UTC)
    for medium, unit in (("heat", "Wh"), ("cooling", "Wh"), ("hot_water", "l"), ("cold_water", "l")):
        daily = [Reading(meter=medium, at=begin + timedelta(days=n), imported=500 + n * 96) for n in range(4)]
        assert (await take(look.account, look.site, daily, GATEWAY, "g", NOW)).stored == 4
        answer = (await look.get("/api/usage/series", kind=medium, first="2026-11-10", last="2026-11-13")).json()
        assert (answer["unit"], [one["total"] for one in answer["pieces"]]) == (unit, [96, 96, 96, None])
        assert [one["quality"] for one in answer["pieces"]] == [""] * 3 + ["missing"]
        assert answer["pieces"][0]["solar"] is None


@pytest.mark.row("R08")
async def test_a_resident_sees_what_heat_and_water_meters_showed_on_any_day_and_on_the_last(look: Look) -> None:
    await look.meter("HEAT-2", point=1, medium="heat")
    midnight = datetime(2026, 2, 24, 23, tzinfo=UTC)
    for n in range(10):
        await take(
            look.account, look.site, [Reading(meter="HEAT-2", at=midnight + timedelta(days=n), imported=7000 + n)], GATEWAY, "g", NOW
        )
    last = MOVED_OUT - timedelta(days=1)
    [shown] = (await look.get("/api/usage/indexes", "former_resident", day=last)).json()
    assert (shown["serial"], shown["imported"], shown["at"]) == ("HEAT-2", 7004, "2026-02-28T23:00:00Z")
    assert (await look.get("/api/usage/indexes", "former_resident", day=last - timedelta(2))).json()[0]["imported"] == 7002
    assert (await look.get("/api/usage/indexes", "former_resident", day=MOVED_OUT)).json() == []


@pytest.mark.parametrize(("day", "quarters"), [(AUTUMN, 100), (SPRING, 92), (date(2026, 11, 10), 96)])
async def test_days_have_the_quarters_that_they_have(look: Look, day: date, quarters: int) -> None:
    await look.day("FLAT-1", day, 7)
    pieces = await look.pieces("/api/usage/series", first=day, last=day, step="quarter")
    assert len(pieces) == quarters and len({one["at"] for one in pieces}) == quarters
    hours = await look.pieces("/api/usage/series", first=day, last=day, step="hour")
    assert [one["total"] for one in hours] == [28] * (quarters // 4)
    assert [one["total"] for one in await look.pieces("/api/usage/series", first=day, last=day, step="day")] == [7 * quarters]
    text = (await look.get("/api/usage/series", first=day, last=day, step="hour", form="csv")).text
    rows = list(csv.reader(io.StringIO(text), delimiter=";"))
    assert rows[0][:3] == ["from (UTC)", f"from ({ZONE})", "total (Wh)"] and len(rows) == quarters // 4 + 1
    assert len({row[0] for row in rows}) == len({row[1] for row in rows}) == len(rows)


async def test_months_and_years_stand_beside_the_year_before(look: Look) -> None:
    for year in (2025, 2026):
        for month in (1, 2):
            await look.day("FLAT-1", date(year, month, 3), year - 2000 + month)
    months = await look.pieces("/api/usage/series", first="2026-01-01", last="2026-02-28", step="month")
    assert [(one["total"], one["last_year"]) for one in months] == [(27 * 96, 26 * 96), (28 * 96, 27 * 96)]
    years = await look.pieces("/api/usage/series", first="2025-01-01", last="2026-11-19", step="year")
    assert [one["total"] for one in years] == [53 * 96, 55 * 96]
    long = await look.get("/api/usage/series", first="2024-01-01", last="2026-01-01", step="quarter")
    assert (long.status_code, long.json()["code"]) == (422, "too_long_a_span")


async def test_the_console_sees_production_grid_and_storage_of_house_and_meter(look: Look) -> None:
    await look.meter("ENTRY", "entry")
    await look.meter("STORE", "battery")
    begin = datetime(2026, 11, 9, 23, tzinfo=UTC)
    for name, imported, exported in (("ENTRY", 30, 20), ("STORE", 8, 5), ("ROOF", 60, None)):
        readings = [Reading(meter=name, at=begin + timedelta(minutes=15 * n), imported=n * imported,
                            exported=None if exported is None else n * exported) for n in range(97)]  # fmt: skip
        assert (await take(look.account, look.site, readings, GATEWAY, "g", NOW)).stored == 97
    [house] = await look.pieces(f"/api/sites/{look.site}/series", "operator", first="2026-11-10", last="2026-11-10")
    per_quarter = {
        name: house[name] // 96 for name in ("from_grid", "to_grid", "production", "charged", "discharged", "self_consumed", "total")
    }
    assert per_quarter == {
        "from_grid": 30,
        "to_grid": 20,
        "production": 60,
        "charged": 8,
        "discharged": 5,
        "self_consumed": 37,
        "total": 67,
    }
    assert (
        len(await look.pieces(f"/api/meters/{look.meters['ROOF']}/series", "support", first="2026-11-10", last="2026-11-10", step="hour"))
        == 24
    )
    book = await look.get(f"/api/sites/{look.site}/series", "owner", first="2026-11-10", last="2026-11-10", step="quarter", form="xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(book.content)).active
    assert sheet.max_row == 97 and "production (Wh)" in [cell.value for cell in sheet[1]]


@pytest.mark.row("A51")
async def test_a_scheme_shows_validated_days_only_and_validates_on_view_or_not(look: Look) -> None:
    path = f"/api/sites/{look.site}/validation"
    operator = next(one for one in look.described["accounts"][0]["logins"] if one["role"] == "operator")
    kinds = [one["kind"] for one in (await look.get(path, "operator")).json()]
    assert sorted(kinds) == ["cold_water", "cooling", "electricity", "heating", "hot_water", "reactive"]

    async def put(kind: str, **form: Any) -> int:
        headers = {"authorization": f"Bearer {operator['token']}"}
        return (await look.client.put(f"{path}/{kind}", headers=headers, json={"most_per_hour": 100_000, **form})).status_code

    begin = datetime(2026, 11, 9, 23, tzinfo=UTC)
    half = [Reading(meter="FLAT-1", at=begin + timedelta(minutes=15 * n), imported=n * 10) for n in range(150)]
    assert await put("electricity", validate_on_view=False) == 200
    await take(look.account, look.site, half, GATEWAY, "g", NOW)
    query = {"first": "2026-11-10", "last": "2026-11-11"}
    assert [one["total"] for one in await look.pieces("/api/usage/series", **query)] == [None, None]
    assert await put("electricity", version=1, validated_only=True) == 200
    assert [one["total"] for one in await look.pieces("/api/usage/series", **query)] == [960, None]
    assert await put("electricity", version=2, locked_until="2026-11-10") == 200
    assert [one["total"] for one in await look.pieces("/api/usage/series", **query)] == [960, 530]
    assert await put("electricity", version=2) == 409 and await put("nonsense") in (400, 404, 422)
    async with as_owner():
        assert await fetchval("SELECT count(*) FROM stale_day") == 0


@pytest.mark.row("A57")
async def test_a_program_reads_every_flow_of_a_house_and_self_and_grid_of_each_meter_in_utc_without_zone(look: Look) -> None:
    day = date(2026, 11, 10)
    for name, kind, point in (("ENTRY", "entry", None), ("STORE", "battery", None), ("FLAT-1B", "use", 0)):
        await look.meter(name, kind, point)
    for name, wh in (("FLAT-1", 70), ("FLAT-1B", 30), ("FLAT-2", 33), ("ROOF", 50), ("ENTRY", 90), ("STORE", 5)):
        await look.day(name, day, wh)
    developer = next(one for one in look.described["accounts"][0]["logins"] if one["role"] == "developer")
    actor = Actor(account_id=look.account, name="Ivan")
    await consent(actor, look.site, developer["email"], owner=True, operator=True, now=NOW)
    path = f"/api/v1/sites/{look.site}/series"
    headers = {"authorization": f"Bearer {developer['token']}"}
    query = {"first": str(day), "last": str(day), "step": "quarter"}
    found = (await look.client.get(path, headers=headers, params=query)).json()
    fields = {"at", "total", "from_grid", "to_grid", "production", "self_consumed", "charged", "discharged", "last_year"}
    assert set(found["pieces"][0]) == fields
    assert (found["pieces"][0]["at"], found["pieces"][0]["production"], found["pieces"][0]["charged"]) == ("2026-11-09T23:00:00", 50, 5)
    meters = {one["serial"]: one["pieces"] for one in found["meters"]}
    assert set(meters) == {"FLAT-1", "FLAT-1B", "FLAT-2"} and {len(pieces) for pieces in meters.values()} == {96}
    first = [meters[name][0] for name in ("FLAT-1", "FLAT-1B", "FLAT-2")]
    assert [one["total"] for one in first] == [70, 30, 33] and sum(one["self"] for one in first) == 50
    assert all(one["self"] + one["grid"] == one["total"] and one["at"] == "2026-11-09T23:00:00" for one in first)
    place = (await look.pieces("/api/usage/series", first=day, last=day, step="quarter"))[0]
    assert first[0]["self"] + first[1]["self"] == place["solar"]
