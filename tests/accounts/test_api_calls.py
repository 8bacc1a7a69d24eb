"""What programs can ask: sites, one site, its meters, its series by kind, a meter's series and its readings as they came."""

from datetime import timedelta

import pytest

from app.database.transaction import as_owner, execute, fetchval
from tests.accounts.test_access import NOW, Desk, credentials, desk, in_time

__all__ = ["desk"]
DAY = "2026-10-05"
KINDS = ("electricity", "heat", "cooling", "hot_water", "cold_water")


async def furnished(desk: Desk) -> dict[str, str]:
    """A meter of each kind at a flat, with a day of readings; returns their ids by kind."""
    async with as_owner():
        point = str(await fetchval("SELECT id FROM billing_point WHERE site_id = $1 ORDER BY name LIMIT 1", desk.site()))
    found = {}
    for number, kind in enumerate(KINDS, start=1):
        body = {"serial": f"API-{number}", "kind": "use", "medium": kind, "billing_point_id": point, "installed_on": "2026-01-01"}
        found[kind] = (await desk.ask("installer", "POST", f"/api/sites/{desk.site()}/meters", body)).json()["id"]
        stored = await desk.ask("operator", "PUT", f"/api/meters/{found[kind]}/days/{DAY}", {"wh": [number] * 96})
        assert stored.status_code == 200, stored.text
    body = {"serial": "API-9", "kind": "use", "medium": "heat"}
    found["by hand"] = (await desk.ask("installer", "POST", f"/api/sites/{desk.site()}/meters", body)).json()["id"]
    index = {"at": "2026-10-05T08:00:00Z", "imported": 500, "reader": "N"}
    assert (await desk.ask("installer", "POST", f"/api/meters/{found['by hand']}/readings", index)).status_code == 201
    return found


@pytest.mark.row("A56")
async def test_a_program_reads_sites_meters_series_of_every_kind_and_a_meters_own_series_and_readings(desk):
    meters = await furnished(desk)
    body, path = await credentials(desk), f"/api/v1/sites/{desk.site()}"
    async with desk.browser() as client:
        token = (await client.post("/api/v1/login", json=body)).json()["token"]
    developer = {"email": desk.login("developer")["email"]}
    for role in ("owner", "operator"):
        assert (await desk.ask(role, "POST", f"/api/sites/{desk.site()}/api-rights", developer)).status_code == 201

    async def read(rest: str) -> object:
        answer = await in_time(desk, token, f"{path}{rest}")
        assert answer.status_code == 200, (rest, answer.text)
        return answer.json()

    assert [site["id"] for site in (await in_time(desk, token, "/api/v1/sites")).json()] == [desk.site()]
    site = await read("")
    assert {"name", "street", "postcode", "city", "country", "time_zone", "currency", "reference"} <= set(site)
    listed = {row["id"]: (row["kind"], row["unit"]) for row in await read("/meters")}
    assert {kind: listed[meters[kind]][0] for kind in KINDS} == {kind: kind for kind in KINDS}
    assert {kind for kind, _ in listed.values()} == {*KINDS, "charge_point"} and listed[meters["hot_water"]][1] == "l"
    for number, kind in enumerate(KINDS, start=1):
        series = await read(f"/series?kind={kind}&first={DAY}&last={DAY}")
        (piece,) = series["pieces"]
        assert piece["at"] == "2026-10-04T22:00:00", kind  # UTC without zone
        assert piece["total"] == number * 96, kind
        own = await read(f"/meters/{meters[kind]}/series?first={DAY}&last={DAY}&step=hour")
        assert [one["total"] for one in own["pieces"]] == [number * 4] * 24
    raw = await read(f"/meters/{meters['by hand']}/readings?first={DAY}&last={DAY}")
    assert [row["imported"] for row in (raw["readings"] if isinstance(raw, dict) else raw)] == [500]
    assert (await in_time(desk, token, f"{path}/series?kind=wind&first={DAY}&last={DAY}")).status_code == 422


async def test_the_series_of_charge_points_holds_every_watt_hour_of_the_sessions_where_it_flowed(desk):
    body, path = await credentials(desk), f"/api/v1/sites/{desk.site()}/series?kind=charge_point"
    async with desk.browser() as client:
        token = (await client.post("/api/v1/login", json=body)).json()["token"]
    for role in ("owner", "operator"):
        await desk.ask(role, "POST", f"/api/sites/{desk.site()}/api-rights", {"email": desk.login("developer")["email"]})
    async with as_owner():
        whole = await fetchval("SELECT sum(x.energy_wh) FROM charging_session x JOIN station s ON s.id = x.station_id WHERE s.site_id = $1"
                               " AND x.started_at BETWEEN '2026-10-01' AND '2026-11-20'", desk.site())  # fmt: skip
    days = (await in_time(desk, token, f"{path}&first=2026-09-30&last=2026-11-25")).json()
    assert whole > 0 and sum(one["total"] or 0 for one in days["pieces"]) == whole
    assert [one["total"] for one in days["pieces"]][-5:] == [None] * 5 and days["pieces"][-6]["total"] is not None
    quarters = (await in_time(desk, token, f"{path}&first=2026-10-01&last=2026-11-20&step=quarter")).json()
    assert sum(one["total"] or 0 for one in quarters["pieces"]) == whole
    # One that runs counts as far as its last value says.
    async with as_owner():
        station = await fetchval("SELECT id FROM station WHERE site_id = $1 ORDER BY identity LIMIT 1", desk.site())
        account = desk.described["accounts"][0]["id"]
        await execute("INSERT INTO charging_session (account_id, station_id, connector_no, tag_hash, tag_status, source, class, state,"
                      " started_at, started_raw, start_received_at, meter_start_wh, last_meter_wh, last_value_at) VALUES ($1, $2, 1, 'x',"
                      " 'Accepted', 'app', 'internal', 'open', $3, '', $3, 1000, 3000, $4)", account, station, NOW - timedelta(hours=2),
                      NOW - timedelta(hours=1))  # fmt: skip
    (today,) = (await in_time(desk, token, f"{path}&first=2026-11-20&last=2026-11-20")).json()["pieces"]
    assert today["total"] == 2000
