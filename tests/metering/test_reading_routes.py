"""Readings over HTTP: a gateway's batch, broken and huge bodies, entry by hand, issues, schemes."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from app.database.engine import close_database, open_database
from app.database.transaction import as_owner, fetch
from app.kernel.settings import settings_from
from app.main import create_app
from infra.demo.seed import Shape, seed
from tests.metering.grid_files import POINT, e66, series

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
Q = timedelta(minutes=15)


class Door:
    """The application in this process, one meter, one gateway's token."""

    def __init__(self, client: httpx.AsyncClient, described: dict[str, Any]) -> None:
        self.client, self.described = client, described
        self.site, self.other = [one["sites"][0]["id"] for one in described["accounts"]]
        self.meter, self.token = "", ""

    def headers(self, role: str, account: int = 0) -> dict[str, str]:
        login = next(one for one in self.described["accounts"][account]["logins"] if one["role"] == role)
        return {"authorization": f"Bearer {login['token']}"}

    async def ask(self, method: str, path: str, role: str = "installer", account: int = 0, body: Any = None) -> httpx.Response:
        return await self.client.request(method, path, headers=self.headers(role, account), json=body)

    async def send(self, body: Any, token: str | None = None, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post(
            "/api/gateway/readings", content=content, headers={"authorization": f"Bearer {token or self.token}", **headers}
        )

    async def count(self) -> int:
        async with as_owner():
            return (await fetch("SELECT count(*)::int AS n FROM index_reading"))[0]["n"]


@pytest.fixture
async def door(dsn: str, tmp_path: Path) -> AsyncIterator[Door]:
    settings = settings_from({"HOFSTROM_DATA": str(tmp_path), "HOFSTROM_SECRET_KEY": "a secret for the tests of the door, long enough"})
    await open_database(dsn)
    described = await seed(settings, NOW, Shape(months=0))
    app = create_app(settings, lambda: NOW)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://door") as client:  # type: ignore[arg-type]
        made = Door(client, described)
        made.meter = (await made.ask("POST", f"/api/sites/{made.site}/meters", body={"kind": "production", "serial": "PV-1"})).json()["id"]
        made.token = (await made.ask("POST", f"/api/sites/{made.site}/gateway-tokens", body={"name": "Basement"})).json()["token"]
        yield made
    await close_database()


def batch(count: int = 40, serial: str = "PV-1", begin: int = 1000) -> dict[str, Any]:
    return {
        "readings": [
            {"meter": serial, "at": (NOW - (count - n) * Q).isoformat(), "import": begin + n * 50, "unit": "Wh"} for n in range(count)
        ]
    }


async def test_a_batch_is_stored_once_plain_or_packed_and_by_two_at_once(door: Door) -> None:
    packed = gzip.compress(json.dumps(batch()).encode())
    answers = await asyncio.gather(door.send(batch()), door.send(packed, **{"content-encoding": "gzip"}), door.send(batch()))
    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["stored"] for answer in answers) == 40 == await door.count()
    assert sum(answer.json()["known"] for answer in answers) == 80
    schema = (await door.client.get("/api/gateway/schema")).json()
    jsonschema.validate(batch(), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"readings": [{"meter": "PV-1", "import": 5}]}, schema)


@pytest.mark.parametrize(("body", "encoding", "status", "code"), [
    (gzip.compress(b'{"readings": []}')[:-9], "gzip", 422, "bad_gzip"), (b"no gzip", "gzip", 422, "bad_gzip"),
    (gzip.compress(b" " * 40_000_000), "gzip", 413, "too_large"), (b"{}", "br", 422, "bad_gzip"),
    (b'{"readings": [{"meter": "PV-1"', "", 422, "bad_batch"), (b"[" * 100_000, "", 422, "bad_batch"),
    (b'{"readings": [{"meter": "PV-1", "at": "25.11.2026", "import": 5}]}', "", 422, "bad_batch"),
    (b'{"readings": [{"meter": "PV-1", "at": "2026-11-20T08:00:00Z", "import": 5.5}]}', "", 422, "bad_batch"),
    (b'{"readings": [{"meter": "PV-1", "at": "2026-11-20T08:00:00Z", "import": 5, "unit": "MWh"}]}', "", 422, "bad_batch"),
], ids=["cut", "not-packed", "bomb", "other-packing", "half", "deep", "odd-day", "odd-number", "odd-unit"])  # fmt: skip
async def test_a_body_that_cannot_be_read_is_refused_whole(door: Door, body: bytes, encoding: str, status: int, code: str) -> None:
    answer = await door.send(body, **({"content-encoding": encoding} if encoding else {}))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await door.count() == 0


async def test_more_than_ten_thousand_readings_are_refused_and_ten_thousand_are_not(door: Door) -> None:
    assert (await door.send({"readings": batch(1)["readings"] * 10_001})).json()["code"] == "bad_batch"
    answer = await door.send(gzip.compress(json.dumps(batch(10_000)).encode()), **{"content-encoding": "gzip"})
    assert answer.json() == {"stored": 10_000, "known": 0, "refused": []} and await door.count() == 10_000


async def test_bad_readings_are_named_by_their_place_and_become_issues_of_this_house_alone(door: Door) -> None:
    await door.ask("POST", f"/api/sites/{door.other}/meters", account=1, body={"kind": "production", "serial": "THEIRS"})
    mixed = batch(3)["readings"]
    mixed[1]["meter"] = "THEIRS"
    mixed.append({"meter": "PV-1", "at": "2026-10-25T02:30:00", "import": 1200})
    answer = await door.send({"readings": mixed})
    assert [(one["place"], one["code"]) for one in answer.json()["refused"]] == [(1, "unknown_meter"), (3, "no_time_zone")]
    assert answer.json()["stored"] == 2
    issues = (await door.ask("GET", f"/api/sites/{door.site}/reading-issues", "support")).json()
    assert {(one["serial"], one["code"], one["source"]) for one in issues} == {
        ("THEIRS", "unknown_meter", "Basement"),
        ("PV-1", "no_time_zone", "Basement"),
    }
    assert (await door.ask("GET", f"/api/sites/{door.other}/reading-issues", account=1)).json() == []
    path = f"/api/reading-issues/{issues[0]['id']}/close"
    assert [(await door.ask("POST", path, body={"resolution": "Clock set"})).status_code for _ in range(2)] == [204, 409]


async def test_a_token_that_is_wrong_or_revoked_opens_nothing(door: Door) -> None:
    made = (await door.ask("GET", f"/api/sites/{door.site}/gateway-tokens")).json()[0]
    assert (made["name"], "token" in made) == ("Basement", False)
    assert (await door.send(batch(), token="wrong")).json()["code"] == "bad_token"
    assert (await door.send(batch(), token=door.headers("installer")["authorization"].split()[1])).status_code == 401
    assert (await door.ask("DELETE", f"/api/gateway-tokens/{made['id']}")).status_code == 204
    assert (await door.send(batch())).status_code == 401 and await door.count() == 0


@pytest.mark.row("M38")
async def test_an_index_read_by_hand_has_its_reader_and_the_same_rules(door: Door) -> None:
    path, form = (
        f"/api/meters/{door.meter}/readings",
        {"at": "2026-11-19T08:00:00Z", "imported": 500, "unit": "kWh", "reader": "Hans Abwart"},
    )
    assert (await door.ask("POST", path, body=form)).json()["stored"] == 1
    lower = await door.ask("POST", path, body={**form, "at": "2026-11-19T09:00:00Z", "imported": 499})
    assert (lower.status_code, lower.json()["code"]) == (422, "index_fell")
    later = await door.ask("POST", path, body={**form, "at": "2026-11-21T09:00:00Z"})
    assert (later.status_code, later.json()["code"]) == (422, "in_future")
    assert (await door.ask("POST", path, body={**form, "reader": ""})).status_code == 422
    [one] = (await door.ask("GET", path + "?first=2026-11-01&last=2026-11-30", "owner")).json()
    assert (one["imported"], one["way"], one["reader"], one["kind"]) == (500_000, "hand", "Hans Abwart", "index")
    assert (await door.ask("GET", path + "?first=2026-11-01&last=2026-11-30", "installer", account=1)).status_code == 404


async def test_an_operator_loads_a_grid_operators_file_and_sees_its_readings(door: Door) -> None:
    meter = {"kind": "entry", "source": "dso", "serial": POINT}
    made = (await door.ask("POST", f"/api/sites/{door.site}/meters", body=meter)).json()["id"]
    path, file = f"/api/sites/{door.site}/readings-import", e66(series(["0.25"] * 4, NOW - timedelta(hours=2)))
    sent = await door.client.post(path, headers=door.headers("operator"), files={"file": ("a.xml", file)}, data={"confirmed": "true"})
    assert sent.json() == {"stored": 4, "replaced": 0, "known": 0, "left_out": 0, "bad": 0, "refused": []}
    seen = (await door.ask("GET", f"/api/meters/{made}/readings?first=2026-11-20&last=2026-11-20", "operator")).json()
    assert [(one["kind"], one["way"], one["imported"]) for one in seen if one["kind"] == "interval"] == [("interval", "file", 250)] * 4
    for content, status, code in ((b"<!DOCTYPE a><a/>", 422, "xml_entities"), (b" " * 20_000_001, 413, "too_large")):
        answer = await door.client.post(path, headers=door.headers("operator"), files={"file": ("a.xml", content)})
        assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.row("M37")
async def test_a_third_party_is_a_way_of_its_own_beside_gateway_and_file(door: Door) -> None:
    tokens, ways = f"/api/sites/{door.site}/gateway-tokens", {}
    gateway = (await door.ask("POST", f"/api/sites/{door.site}/gateways", body={"serial": "GW-77"})).json()["id"]
    assert (await door.ask("POST", tokens, body={"name": "x", "third_party": True, "gateway_id": gateway})).status_code == 422
    third = (await door.ask("POST", tokens, body={"name": "Submeter Ltd", "third_party": True})).json()["token"]
    own = (await door.ask("POST", tokens, body={"name": "Cellar", "gateway_id": gateway})).json()["token"]
    assert [(one["name"], one["third_party"], one["gateway_id"]) for one in (await door.ask("GET", tokens)).json()][1:] == [
        ("Submeter Ltd", True, None), ("Cellar", False, gateway)]  # fmt: skip
    assert (await door.send(batch(3), third)).json()["stored"] == 3
    assert (await door.send({"readings": [{"meter": "PV-1", "at": NOW.isoformat(), "import": 1150}]}, own)).json()["stored"] == 1
    for one in (await door.ask("GET", f"/api/meters/{door.meter}/readings?first=2026-11-18&last=2026-11-20")).json():
        ways.setdefault(one["way"], []).append(one["imported"])
    assert ways == {"third party": [1000, 1050, 1100], "gateway": [1150]}
    seen = (await door.ask("GET", f"/api/sites/{door.site}/gateways")).json()
    assert [one["seen_at"] for one in seen if one["id"] == gateway] == [NOW.isoformat().replace("+00:00", "Z")]


async def test_raw_readings_come_page_by_page_and_none_is_left_out_or_told_twice(door: Door) -> None:
    await door.send(batch(40))
    path, pages = f"/api/meters/{door.meter}/readings?first=2026-11-19&last=2026-11-20&limit=15", []
    while path:
        answer = await door.ask("GET", path)
        pages.append([one["imported"] for one in answer.json()])
        path = answer.links["next"]["url"] if "next" in answer.links else ""
    assert [len(page) for page in pages] == [15, 15, 10] and [one for page in pages for one in page] == [1000 + 50 * n for n in range(40)]
    for query, status in (("after=x", 422), ("after=2026-11-20~index~2026", 422), ("limit=0", 422), ("limit=20001", 422)):
        refused = await door.ask("GET", f"/api/meters/{door.meter}/readings?first=2026-11-19&last=2026-11-20&{query}")
        assert refused.status_code == status, refused.text


@pytest.mark.row("M47")
async def test_meters_of_every_kind_are_read(door: Door) -> None:
    kinds = {"electricity": "kWh", "heat": "kWh", "cooling": "kWh", "hot_water": "m3", "cold_water": "m3"}
    readings, ids = [], {}
    for place, (medium, unit) in enumerate(kinds.items()):
        form = {"serial": f"K-{place}", "kind": "use", "medium": medium}
        ids[medium] = (await door.ask("POST", f"/api/sites/{door.site}/meters", body=form)).json()["id"]
        readings += [{"meter": f"K-{place}", "at": f"2026-11-{day}T23:00:00Z", "import": 5 + day - 17, "unit": unit} for day in (17, 18)]
    assert (await door.send({"readings": readings})).json() == {"stored": 10, "known": 0, "refused": []}
    for medium, meter in ids.items():
        shown = (await door.ask("GET", f"/api/meters/{meter}/series?first=2026-11-18&last=2026-11-18", "operator")).json()
        assert (shown["unit"], shown["pieces"][0]["total"]) == ("l" if medium.endswith("water") else "Wh", 1000), medium


async def test_a_gigabyte_of_text_is_cut_off_after_what_a_batch_may_have(door: Door) -> None:
    given = 0

    async def flood() -> AsyncIterator[bytes]:
        nonlocal given
        for _ in range(16_384):
            given += 65_536
            yield b" " * 65_536

    for path, headers in (("/api/gateway/readings", {"authorization": f"Bearer {door.token}"}),
                          (f"/api/sites/{door.site}/readings-import",
                           {**door.headers("operator"), "content-type": "multipart/form-data; boundary=x"})):  # fmt: skip
        given = 0
        answer = await door.client.post(path, content=flood(), headers=headers)
        assert (answer.status_code, given < 25_000_000) == (413, True), (path, given, answer.text)
    assert await door.count() == 0
