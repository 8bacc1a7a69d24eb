"""Rates over HTTP: every part of a component comes back as entered; the guard, the preview, points with rates of their own."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.database.engine import close_database, open_database
from app.database.transaction import as_owner, fetch, fetchval
from app.kernel.settings import settings_from
from app.main import create_app
from infra.demo.seed import Shape, seed

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
HIGH_HOURS = [{"weekdays": [1, 2, 3, 4, 5], "from_time": "07:00:00", "to_time": "20:00:00"}]
COMPONENTS = [
    {"dimension": "kwh", "origin": "solar", "unit_price": "0.20", "label": "Sun from our roof"},
    {"dimension": "kwh", "origin": "grid", "band": "high", "unit_price": "0.29", "season_from": "10-01", "season_to": "03-31"},
    {
        "dimension": "kwh",
        "origin": "grid",
        "unit_price": "0",
        "tiers": [{"up_to_wh": 100000, "unit_price": "0.27"}, {"up_to_wh": None, "unit_price": "0.25"}],
        "vat_rate": "0.026",
    },
    {"dimension": "month", "unit_price": "9.5"},
    {"dimension": "kw", "unit_price": "4.2"},
]


class Desk:
    def __init__(self, client: httpx.AsyncClient, described: dict[str, Any]) -> None:
        self.client, account = client, described["accounts"][0]
        self.site = account["sites"][0]["id"]
        self.resident = next(login["person_id"] for login in account["logins"] if login["role"] == "resident")
        self.tokens = {login["role"]: login["token"] for login in reversed(account["logins"])}

    async def call(self, method: str, path: str, role: str = "operator", **body: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.tokens[role]}"}
        return await self.client.request(method, f"/api{path}", headers=headers, json=body or None)


@pytest.fixture
async def desk(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    settings = settings_from({"DATABASE_URL": dsn, "REDIS_URL": redis_url, "HOFSTROM_DATA": str(tmp_path), "HOFSTROM_SECRET_KEY": "s" * 40})
    app = create_app(settings, lambda: NOW)
    await open_database(dsn)
    described = await seed(settings, NOW, Shape(months=2))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://haus.example") as client:
        yield Desk(client, described)
    await app.state.redis.aclose()
    await close_database()


@pytest.mark.row("B07")
@pytest.mark.row("B06")
async def test_a_rate_is_stored_as_entered_beside_the_charging_prices_and_attached_to_points_from_a_day(desk: Desk) -> None:
    entered = {
        "valid_from": "2026-12-01",
        "solution": "electricity",
        "components": COMPONENTS,
        "high_hours": HIGH_HOURS,
        "vat_included": False,
    }
    async with as_owner():
        creditor = str(await fetchval("SELECT creditor_id FROM site WHERE id = $1", desk.site))
    entered["components"] = [*COMPONENTS[:-1], {**COMPONENTS[-1], "creditor_id": creditor}]
    made = [(await desk.call("POST", f"/sites/{desk.site}/tariffs", **entered)).json()["id"] for _ in range(2)]
    assert made[0] == made[1]
    heat = {**entered, "rate": "Heat pump", "components": COMPONENTS[:1]}
    assert (await desk.call("POST", f"/sites/{desk.site}/tariffs", **heat)).status_code == 201
    standard, pump = (await desk.call("GET", f"/sites/{desk.site}/tariffs?solution=electricity")).json()
    assert (standard["rate"], standard["valid_from"], pump["rate"], standard["high_hours"]) == ("", "2026-12-01", "Heat pump", HIGH_HOURS)
    for got, want in zip(standard["components"], entered["components"], strict=True):
        assert {name: float(got[name]) if name in ("unit_price", "vat_rate") else got[name] for name in want if name != "tiers"} == {
            name: float(value) if name in ("unit_price", "vat_rate") else value for name, value in want.items() if name != "tiers"
        }
    assert [(t["up_to_wh"], t["unit_price"]) for t in standard["components"][2]["tiers"]] == [(100000, "0.27"), (None, "0.25")]
    charging = (await desk.call("GET", f"/sites/{desk.site}/tariffs")).json()
    assert all(tariff["solution"] == "charging" for tariff in charging) and charging
    async with as_owner():
        point = await fetchval("SELECT id FROM billing_point WHERE site_id = $1 ORDER BY name LIMIT 1", desk.site)
    for rate, first in (("Heat pump", "2026-12-01"), ("Heat pump", "2026-12-05"), ("", "2027-01-01"), ("", "2027-01-01")):
        assert (await desk.call("PUT", f"/billing-points/{point}/rate", rate=rate, first=first)).status_code == 204
    async with as_owner():
        rows = await fetch("SELECT rate, lower(period)::text, upper(period)::text FROM point_rate ORDER BY period")
    assert [tuple(row) for row in rows] == [("Heat pump", "2026-12-01", "2027-01-01"), ("", "2027-01-01", None)]
    assert (await desk.call("PUT", f"/billing-points/{point}/rate", role="resident", rate="", first="2027-01-01")).status_code == 403


@pytest.mark.row("O41")
@pytest.mark.row("O42")
async def test_solar_above_four_fifths_and_grid_above_its_cost_or_without_margin_are_flagged_before_they_are_entered(desk: Desk) -> None:
    body = {
        "valid_from": "2026-12-01", "solution": "electricity", "standard_price": "0.30", "grid_cost": "0.29", "solar_cost": "0.10",
        "components": [{"dimension": "kwh", "origin": "solar", "unit_price": "0.2401"}, {"dimension": "kwh", "origin": "grid", "unit_price": "0.31"}],
    }  # fmt: skip
    found = (await desk.call("POST", f"/sites/{desk.site}/tariffs/check", **body)).json()
    assert [(f["position"], f["code"], float(f["limit"])) for f in found] == [(1, "solar_above_cap", 0.24), (2, "grid_above_cost", 0.29)]
    body["components"] = [
        {"dimension": "kwh", "origin": "solar", "unit_price": "0.10"},
        {"dimension": "kwh", "origin": "grid", "unit_price": "0.29"},
    ]
    found = (await desk.call("POST", f"/sites/{desk.site}/tariffs/check", **body)).json()
    assert [(f["position"], f["code"]) for f in found] == [(1, "no_margin")]
    assert (await desk.call("POST", f"/sites/{desk.site}/tariffs/check", role="resident", **body)).status_code == 403


async def test_a_resident_sees_the_rates_of_the_own_place_with_their_days_and_those_entered_for_later(desk: Desk) -> None:
    solar = [{"dimension": "kwh", "origin": "solar", "unit_price": "0.20"}, {"dimension": "kwh", "unit_price": "0.31"}]
    for rate, first in (
        ("", "2026-11-20"),
        ("", "2026-12-01"),
        ("", "2027-01-01"),
        ("Heat pump", "2026-12-01"),
        ("Somebody else's", "2026-12-01"),
    ):
        body = {"valid_from": first, "solution": "electricity", "rate": rate, "components": solar, "vat_included": False}
        assert (await desk.call("POST", f"/sites/{desk.site}/tariffs", **body)).status_code == 201

    async def seen() -> list[tuple[str, str]]:
        found = (await desk.call("GET", "/rates", role="resident")).json()
        assert [one for one in found if one["solution"] == "charging"]
        return [(one["rate"], one["valid_from"]) for one in found if one["solution"] == "electricity" and one["valid_from"] >= "2026-12-01"]

    assert await seen() == [("", "2026-12-01"), ("", "2027-01-01")]
    async with as_owner():
        points = await fetch("SELECT o.billing_point_id AS id FROM occupancy o WHERE o.person_id = $1 AND o.period @> $2::date",
                             desk.resident, NOW.date())  # fmt: skip
    for point in points:
        assert (await desk.call("PUT", f"/billing-points/{point['id']}/rate", rate="Heat pump", first="2026-12-01")).status_code == 204
    assert await seen() == [("Heat pump", "2026-12-01")]
    today = [one for one in (await desk.call("GET", "/rates", role="resident")).json() if one["solution"] == "electricity"]
    assert [(one["rate"], one["valid_from"] <= "2026-11-20") for one in today] == [("", True), ("Heat pump", False)]


async def test_a_preview_says_what_last_month_would_have_cost_and_books_nothing(desk: Desk) -> None:
    now = (await desk.call("GET", f"/sites/{desk.site}/tariffs")).json()[-1]
    keep = ("dimension", "band", "unit_price", "from_time", "to_time", "grace_minutes", "cap_minor")
    same = [{name: part[name] for name in keep} for part in now["components"]]
    path = f"/sites/{desk.site}/tariffs/preview?period=2026-10"
    first = (await desk.call("POST", path, valid_from="2026-12-01", components=same)).json()
    assert first["was_minor"] == first["would_be_minor"] > 0
    double = [{**part, "unit_price": str(2 * float(part["unit_price"])), "cap_minor": None} for part in same]
    second = (await desk.call("POST", path, valid_from="2026-12-01", components=double)).json()
    assert abs(second["would_be_minor"] - 2 * second["was_minor"]) <= sum(r["sessions"] for r in second["residents"]) * 3
    assert sum(r["was_minor"] for r in second["residents"]) == second["was_minor"]
    async with as_owner():
        assert (
            await fetchval("SELECT sum(gross_minor)::bigint FROM charge WHERE period = '2026-10-01' AND site_id = $1", desk.site)
            == second["was_minor"]
        )


async def test_a_site_words_its_positions_by_language(desk: Desk) -> None:
    for text in ("Sonne vom Dach", " Sonnenstrom  "):
        assert (await desk.call("PUT", f"/sites/{desk.site}/position-labels/kwh_solar", locale="de", label=text)).status_code == 204
    assert (await desk.call("GET", f"/sites/{desk.site}/position-labels?locale=de")).json() == {"kwh_solar": "Sonnenstrom"}
    assert (await desk.call("GET", f"/sites/{desk.site}/position-labels?locale=fr")).json() == {}
    assert (await desk.call("PUT", f"/sites/{desk.site}/position-labels/kwh_solar", locale="de", label="")).status_code == 204
    assert (await desk.call("GET", f"/sites/{desk.site}/position-labels?locale=de")).json() == {}
