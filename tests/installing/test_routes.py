"""Installing over HTTP: entries and photos stored once, live marks, checks, labels, hand-over, and who may."""

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pikepdf
import pytest
from PIL import Image

from app.database.engine import close_database, open_database
from app.database.transaction import as_owner, execute, fetch, fetchval
from app.kernel.identifiers import new_id
from app.kernel.settings import settings_from
from app.main import create_app
from infra.demo.seed import Shape, seed

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Site:
    """An empty house of the first account, in this process; the neighbour is the other account's."""

    def __init__(self, client: httpx.AsyncClient, described: dict[str, Any]) -> None:
        self.client, self.described = client, described
        self.id, self.token, self.now = "", "", NOW
        self.account = ""

    async def ask(self, method: str, path: str, role: str = "installer", account: int = 0, **more: Any) -> httpx.Response:
        login = next(one for one in self.described["accounts"][account]["logins"] if one["role"] == role)
        headers = {"authorization": f"Bearer {login['token']}", **more.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **more)

    async def post(self, path: str, body: Any = None, **more: Any) -> Any:
        answer = await self.ask("POST", path, json=body, **more)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def page(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.ask("GET", f"/api/sites/{self.id}/install")).json()
        return found

    async def step(self, object_id: str) -> dict[str, Any]:
        return next(one for one in (await self.page())["steps"] if one["id"] == object_id)

    async def open(self, object_id: str) -> list[str]:
        return [one["code"] for one in (await self.step(object_id))["open"]]

    async def enter(self, object_id: str, entry_id: str = "", at: datetime = NOW, **facts: Any) -> httpx.Response:
        body = {"id": entry_id or str(uuid4()), "object_id": object_id, "facts": facts, "taken_at": at.isoformat()}
        return await self.ask("POST", f"/api/sites/{self.id}/install/entries", json=body)

    async def photo(self, object_id: str, content: bytes | None = None, photo_id: str = "", **more: Any) -> httpx.Response:
        query = {"photo_id": photo_id or str(uuid4()), "object_id": object_id, "taken_at": NOW.isoformat()}
        return await self.ask("POST", f"/api/sites/{self.id}/install/photos", params=query, content=content or picture(), **more)

    async def meter(self, serial: str, **values: Any) -> str:
        made: str = (await self.post(f"/api/sites/{self.id}/meters", {"serial": serial, "kind": "use", **values}))["id"]
        return made

    async def device(self, kind: str, name: str = "It", **values: Any) -> str:
        device_id = new_id()
        columns = {"account_id": self.account, "id": device_id, "site_id": self.id, "kind": kind, "name": name, **values}
        places = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
        async with as_owner():
            await execute(f"INSERT INTO device ({', '.join(columns)}) VALUES ({places})", *columns.values())
        return str(device_id)

    async def tell(self, *meters: dict[str, Any], token: str | None = None, **more: Any) -> httpx.Response:
        body = {"meters": [{"at": self.now.isoformat(), **one} for one in meters], **more}
        return await self.client.post("/api/gateway/live", json=body, headers={"authorization": f"Bearer {token or self.token}"})


def picture(kind: str = "JPEG", size: tuple[int, int] = (2400, 1200), **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, kind, **more)
    return out.getvalue()


@pytest.fixture
async def site(dsn: str, tmp_path: Path) -> AsyncIterator[Site]:
    settings = settings_from({"HOFSTROM_DATA": str(tmp_path), "HOFSTROM_SECRET_KEY": "a secret for the tests of the door, long enough"})
    await open_database(dsn)
    described = await seed(settings, NOW, Shape(months=0))
    made = Site(httpx.AsyncClient(), described)
    app = create_app(settings, lambda: made.now)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://door") as client:  # type: ignore[arg-type]
        made.client = client
        form = {"name": "Neubau", "street": "L 2", "postcode": "8000", "city": "Z"}
        made.id = (await made.post("/api/sites", form))["id"]
        made.token = (await made.post(f"/api/sites/{made.id}/gateway-tokens", {"name": "Basement"}))["token"]
        async with as_owner():
            made.account = await fetchval("SELECT account_id FROM site WHERE id = $1::text::uuid", made.id)
        yield made
    await close_database()


async def test_an_entry_is_stored_once_however_often_it_comes_and_later_ones_stand(site: Site) -> None:
    router, entry = await site.device("router", uplink="4g", sim="8941000000000000001"), str(uuid4())
    answers = await asyncio.gather(*(site.enter(router, entry, signal_dbm=-110) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [204] * 5
    async with as_owner():
        assert await fetchval("SELECT count(*) FROM install_entry") == 1
        assert await fetchval("SELECT count(*) FROM audit_entry WHERE action = 'installed'") == 1
    assert await site.open(router) == ["photo_missing", "antenna_needed"]
    # What was entered in the basement before comes later, and changes nothing of what is newer.
    site.now = NOW + timedelta(hours=1)
    await site.enter(router, at=NOW + timedelta(minutes=5), signal_dbm=-96, antenna_extension=True)
    await site.enter(router, at=NOW + timedelta(minutes=3), signal_dbm=-120)
    step = await site.step(router)
    assert step["facts"] == {"signal_dbm": -96, "antenna_extension": True}
    assert (await site.photo(router)).status_code == 204
    assert (await site.step(router))["done"]


async def test_an_entry_that_nobody_asked_for_is_refused_whole(site: Site) -> None:
    router = await site.device("router", uplink="lan")
    refused = await site.enter(router, outbound=True, signal_dbm=-90)
    assert (refused.status_code, refused.json()["code"], refused.json()["params"]["fields"]) == (422, "bad_entry", ["signal_dbm"])
    assert (await site.enter(router)).json()["code"] == "bad_entry"
    assert (await site.enter(str(uuid4()), outbound=True)).status_code == 404
    other = site.described["accounts"][0]["sites"][0]["id"]
    body = {"id": str(uuid4()), "object_id": router, "facts": {"outbound": True}, "taken_at": NOW.isoformat()}
    assert (await site.ask("POST", f"/api/sites/{other}/install/entries", json=body)).status_code == 404
    assert (await site.step(router))["facts"] == {}


async def test_a_photo_is_encoded_anew_without_what_else_was_in_it_and_kept_once(site: Site) -> None:
    router, photo = await site.device("router", uplink="lan"), str(uuid4())
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "SecretMaker", 6
    exif.get_ifd(0x8825)[1] = "N"
    raw = picture(exif=exif.tobytes(), comment=b"SecretComment")
    assert b"SecretMaker" in raw and b"SecretComment" in raw
    answers = await asyncio.gather(*(site.photo(router, raw, photo) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [204] * 3
    assert [one["id"] for one in (await site.step(router))["photos"]] == [photo]
    shown = await site.ask("GET", f"/api/install-photos/{photo}")
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    assert b"Secret" not in shown.content and b"Exif" not in shown.content
    with Image.open(io.BytesIO(shown.content)) as kept:
        assert kept.size == (800, 1600)  # upright, and no larger than a page needs
    for bad in (b"GIF89a" + b"\0" * 40, picture()[:200], b"<svg xmlns='http://www.w3.org/2000/svg'/>", picture("GIF", (9, 9))):
        assert (await site.photo(router, bad)).json()["code"] == "bad_photo"
    assert (await site.photo(router, picture("PNG", (9000, 8000)))).json()["code"] == "bad_photo"
    assert (await site.photo(router, picture("WEBP", (40, 40)))).status_code == 204
    assert (await site.ask("GET", f"/api/install-photos/{photo}", account=1)).status_code == 404
    assert (await site.ask("GET", f"/api/install-photos/{photo}", "resident")).status_code == 403
    assert (await site.ask("DELETE", f"/api/install-photos/{photo}", "support")).status_code == 403
    assert (await site.ask("DELETE", f"/api/install-photos/{photo}")).status_code == 204
    assert (await site.ask("GET", f"/api/install-photos/{photo}")).status_code == 404
    for _ in range(11):
        assert (await site.photo(router, picture(size=(8, 8)))).status_code == 204
    assert (await site.photo(router, picture(size=(8, 8)))).json()["code"] == "too_many_photos"


@pytest.mark.row("I31")
async def test_a_gateway_is_seen_live_by_what_it_tells_with_its_houses_token_alone(site: Site) -> None:
    gateway = (await site.post(f"/api/sites/{site.id}/gateways", {"serial": "GW-77", "name": "Cellar"}))["id"]
    assert (await site.step(gateway))["live"] is False
    await site.enter(gateway, power=True, bus=True, network=True, ip="10.0.0.7")
    await site.photo(gateway)
    assert await site.open(gateway) == ["not_seen"]
    for token in ("nonsense", ""):
        assert (await site.tell(gateway="GW-77", token=token or "x")).status_code == 401
    assert (await site.tell(gateway="GW-78")).status_code == 404
    assert (await site.tell(gateway="gw-77")).json() == {"meters": 0, "unknown": []}
    step = await site.step(gateway)
    assert (step["live"], step["done"], step["open"]) == (True, True, [])
    site.now = NOW + timedelta(minutes=16)
    step = await site.step(gateway)
    assert (step["live"], step["done"]) == (False, True)


@pytest.mark.row("I33")
async def test_a_search_of_the_bus_lists_every_address_that_answers(site: Site) -> None:
    gateway = (await site.post(f"/api/sites/{site.id}/gateways", {"serial": "GW-77"}))["id"]
    await site.meter("HE-1", medium="heat", gateway_id=gateway, bus_address=3)
    await site.meter("WA-1", medium="cold_water", gateway_id=gateway, bus_address=9)
    converter = await site.device("mbus_converter", "M-Bus")
    assert (await site.step(converter)).get("scan") is None
    await site.tell(gateway="GW-77", searches=[{"bus": "modbus", "addresses": [1]}, {"bus": "mbus", "addresses": [9, 250, 3, 3]}])
    assert (await site.step(converter))["scan"]["addresses"] == [3, 9, 250]
    await site.photo(converter)
    await site.enter(converter, answering=[3, 9, 250])
    assert await site.open(converter) == ["stranger"]
    await site.enter(converter, at=NOW, answering=[9])
    site.now = NOW + timedelta(minutes=2)
    await site.enter(converter, at=NOW + timedelta(minutes=1), answering=[3, 9])
    assert await site.open(converter) == []


@pytest.mark.row("I38")
async def test_a_heat_meters_start_index_is_a_reading_as_well(site: Site) -> None:
    heat = await site.meter("HE-1", medium="heat", bus_address=3)
    water = await site.meter("WA-1", medium="cold_water", bus_address=4)
    entry = str(uuid4())
    for _ in range(2):
        assert (await site.enter(heat, entry, address=3, start_index=12_345_000)).status_code == 204
    await site.photo(heat)
    assert await site.open(heat) == []
    await site.enter(water, address=5, start_index=0)
    assert await site.open(water) == ["photo_missing", "address_differs"]
    async with as_owner():
        rows = await fetch("SELECT imported, way FROM index_reading ORDER BY imported DESC")
    assert [(row["imported"], row["way"]) for row in rows] == [(12_345_000, 4), (0, 4)]
    # A lower index afterwards is refused, and nothing of that entry is kept.
    site.now = NOW + timedelta(hours=1)
    refused = await site.enter(heat, at=site.now, start_index=1)
    assert (refused.status_code, refused.json()["code"]) == (422, "index_fell")
    assert (await site.step(heat))["facts"]["start_index"] == 12_345_000


SOUND = {"voltage_mv": [231_000, 232_000, 233_000]}


@pytest.mark.row("A49")
async def test_meter_control_shows_live_values_of_each_meter_and_what_its_checks_say(site: Site) -> None:
    await site.meter("EL-1")
    await site.meter("EN-1", kind="entry")
    await site.meter("R-1", source="dso")
    told = await site.tell({"meter": "EL-1", "power_w": [100, 110, 120], "import": 5000, "export": 0, **SOUND},
                           {"meter": "EN-1", "power_w": [100, -500, 120], **SOUND}, {"meter": "EL-9", "power_w": [1]})  # fmt: skip
    assert told.json() == {"meters": 2, "unknown": ["EL-9"]}
    # What is older changes nothing, whenever it comes.
    await site.tell({"meter": "EL-1", "power_w": [1, 1, 1], "at": (NOW - timedelta(minutes=1)).isoformat()})
    control = (await site.ask("GET", f"/api/sites/{site.id}/meter-control")).json()["meters"]
    assert [(one["serial"], one["live"]["power_w"], one["passes"]) for one in control] == [
        ("EN-1", [100, -500, 120], False), ("EL-1", [100, 110, 120], True)]  # fmt: skip
    assert control[0]["outcomes"][2] == {"check": 6, "state": "failed", "code": "entry_negative", "params": {"watts": -280}}
    assert control[0]["checked_at"] is None
    checked = (await site.post(f"/api/sites/{site.id}/meter-checks"))["meters"]
    assert [(one["serial"], one["passed_before"], one["checked_by"] != "") for one in checked] == [
        ("EN-1", False, True), ("EL-1", True, True)]  # fmt: skip
    assert (await site.ask("GET", f"/api/sites/{site.id}/meter-control", "owner")).status_code == 403
    assert (await site.ask("POST", f"/api/sites/{site.id}/meter-checks", "support")).status_code == 403


async def test_a_reason_against_the_hand_over_names_the_meter_as_what_it_is(site: Site) -> None:
    await site.meter("HE-1")
    async with as_owner():
        await execute("UPDATE meter SET medium = 'heat' WHERE serial = 'HE-1'")
    await site.post(f"/api/sites/{site.id}/status", {"status": "installing"})
    reasons = (await site.ask("POST", f"/api/sites/{site.id}/hand-over")).json()["params"]["reasons"]
    assert ("not_checked", "HE-1", "thermal") in [(one["code"], one["name"], one["kind"]) for one in reasons]


@pytest.mark.row("I43")
@pytest.mark.row("I48")
async def test_a_house_is_handed_over_when_nothing_speaks_against_it_and_else_told_why_not(site: Site) -> None:
    meter = await site.meter("EL-1")
    assert (await site.ask("POST", f"/api/sites/{site.id}/hand-over")).json()["code"] == "not_allowed_now"
    await site.post(f"/api/sites/{site.id}/status", {"status": "installing"})
    async with as_owner():
        station = new_id()
        await execute("INSERT INTO station (account_id, id, identity, site_id, name, password_hash, max_power_w, commissioned_at, online)"
                      " VALUES ($1, $2, 'NEW-1', $3::text::uuid, 'Station 1', $4, 11000, $5, true)",
                      site.account, station, site.id, b"x" * 32, NOW)  # fmt: skip
        zone = await fetchval("INSERT INTO circuit (account_id, site_id, name, limit_ma) VALUES ($1, $2::text::uuid, 'Cars', '{0,0,0}')"
                              " RETURNING id", site.account, site.id)  # fmt: skip

    async def reasons() -> list[tuple[str, str]]:
        answer = await site.ask("POST", f"/api/sites/{site.id}/hand-over")
        assert (answer.status_code, answer.json()["code"]) == (409, "not_ready")
        told = answer.json()["params"]
        assert told["n"] == len(told["reasons"])
        assert told["reasons"] == (await site.page())["reasons"]
        return [(one["code"], one["name"]) for one in told["reasons"]]

    steps = [("step_open", "EL-1"), ("step_open", "Station 1")]
    assert await reasons() == [("no_zone", "Station 1"), ("no_limit", "Cars"), ("not_checked", "EL-1"), *steps]
    # The ordinary change of status is the same door.
    assert (await site.ask("POST", f"/api/sites/{site.id}/status", json={"status": "to_verify"})).json()["code"] == "not_ready"
    async with as_owner():
        await execute("UPDATE circuit SET limit_ma = '{40000,40000,40000}' WHERE id = $1", zone)
        await execute("INSERT INTO station_wiring (account_id, station_id, circuit_id, phases, max_ma)"
                      " VALUES ($1, $2, $3, '{L1,L2,L3}', 16000)", site.account, station, zone)  # fmt: skip
    await site.post(f"/api/sites/{site.id}/meter-checks")
    assert await reasons() == [("check_failed", "EL-1"), *steps]
    await site.tell({"meter": "EL-1", "power_w": [100, 110, 120], **SOUND})
    await site.post(f"/api/sites/{site.id}/meter-checks")
    assert await reasons() == [("check_failed", "EL-1"), *steps]  # the same moment is one check
    site.now += timedelta(seconds=5)
    await site.post(f"/api/sites/{site.id}/meter-checks")
    assert await reasons() == steps
    await site.photo(meter)
    gateway = (await site.post(f"/api/sites/{site.id}/gateways", {"serial": "GW-77"}))["id"]
    await site.enter(str(station), url="ws://10.0.0.7:9000/NEW-1")
    await site.photo(str(station))
    assert await site.open(str(station)) == ["gateway_first"]
    await site.enter(gateway, power=True, bus=True, network=True, ip="10.0.0.7")
    await site.photo(gateway)
    await site.tell(gateway="GW-77")
    assert (await site.page())["reasons"] == []
    for _ in range(2):
        assert (await site.ask("POST", f"/api/sites/{site.id}/hand-over")).status_code == 204
    assert (await site.page())["status"] == "to_verify"


async def test_labels_are_a_sheet_with_a_code_for_each_connector_and_device(site: Site) -> None:
    assert (await site.ask("GET", f"/api/sites/{site.id}/labels")).json()["code"] == "nothing_to_label"
    meters = [await site.meter(f"EL-{number}", name="Wohnung mit einem sehr langen Namen, der nicht passt") for number in range(30)]
    for locale in ("de", "fr", "it", "en", "nl"):
        sheet = await site.ask("GET", f"/api/sites/{site.id}/labels?locale={locale}")
        assert (sheet.status_code, sheet.headers["content-type"]) == (200, "application/pdf")
    with pikepdf.open(io.BytesIO(sheet.content)) as pdf:
        assert len(pdf.pages) == 2
    one = await site.ask("GET", f"/api/sites/{site.id}/labels?only={meters[0]}")
    with pikepdf.open(io.BytesIO(one.content)) as pdf:
        assert len(pdf.pages) == 1
    first = site.described["accounts"][0]["sites"][0]["id"]
    assert (await site.ask("GET", f"/api/sites/{first}/labels")).status_code == 200
    assert (await site.ask("GET", f"/api/sites/{first}/labels", account=1)).status_code == 404


@pytest.mark.row("I37")
async def test_a_stations_step_tells_the_gateways_address_and_is_done_when_the_station_came(site: Site) -> None:
    gateway = (await site.post(f"/api/sites/{site.id}/gateways", {"serial": "GW-77"}))["id"]
    station = (await site.post(f"/api/sites/{site.id}/stations", {"identity": "NEW-1", "name": "Bay 1", "gateway_id": gateway}))["id"]
    remote = (await site.post(f"/api/sites/{site.id}/stations", {"identity": "NEW-2", "name": "Bay 2", "remote": True}))["id"]
    assert (await site.step(station))["urls"] == []
    await site.enter(gateway, ip="10.0.0.7")
    assert (await site.step(station))["urls"] == ["ws://10.0.0.7:9000"]
    for url in ("wss://cloud.example/ocpp/NEW-1", "ws://10.0.0.8:9000/NEW-1"):
        await site.enter(station, url=url)
        assert await site.open(station) == ["photo_missing", "url_differs", "not_seen"]
    site.now += timedelta(minutes=1)
    await site.enter(station, at=site.now, url="ws://10.0.0.7:9000/NEW-1")
    for one in (station, remote):
        await site.photo(one)
        assert await site.open(one) == ["not_seen"]
    async with as_owner():
        await execute("UPDATE station SET online = true WHERE id = ANY($1::uuid[])", [station, remote])
    for one in (station, remote):
        step = await site.step(one)
        assert (step["live"], step["done"]) == (True, True)
