"""The review over HTTP: who may see and decide, what evidence is shown, and each decision once."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app.charging.model import StartReport, Station, StopReport, ValueReport
from app.charging.transactions import end_session, record_meter_values, start_session
from app.database.engine import close_database, open_database
from app.database.transaction import as_owner, execute, fetchrow, fetchval
from app.kernel.settings import Settings, settings_from
from app.main import create_app
from app.metering.model import SignedText
from app.metering.rules import Reading
from infra.demo.houses import BADGE
from infra.demo.seed import Shape, seed

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
AT = NOW - timedelta(hours=5)
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "ocmf.json").read_text())["own_records"]["rows"]


class House:
    """The application in this process, with one session of more energy than is possible."""

    def __init__(self, client: httpx.AsyncClient, described: dict[str, Any], settings: Settings) -> None:
        self.client, self.described, self.settings = client, described, settings
        self.session_id = ""

    def headers(self, role: str, account: int = 0) -> dict[str, str]:
        login = next(one for one in self.described["accounts"][account]["logins"] if one["role"] == role)
        return {"authorization": f"Bearer {login['token']}"}

    async def get(self, path: str, role: str = "support", account: int = 0) -> httpx.Response:
        return await self.client.get(path, headers=self.headers(role, account))

    async def post(self, path: str, role: str = "support", account: int = 0, **body: Any) -> httpx.Response:
        sent = {"idempotency_key": str(uuid4()), "reason": "Seen on the meter", **body}
        return await self.client.post(path, headers=self.headers(role, account), json=sent)

    async def charge(self, start: int, stop: int, tag: str = BADGE, signed: str | None = None, at: datetime = AT) -> str:
        async with as_owner():
            row = await fetchrow("SELECT * FROM station WHERE identity = 'DEMO-1'")
        station = Station(**{name: row[name] for name in Station.__struct_fields__ if name in row})
        begun = StartReport(connector_no=1, id_tag=tag, meter_start_wh=start, started_at=at, started_raw=at.isoformat(), body="{}")
        number = (await start_session(station, begun, "m", self.settings.secret_key, at))[0].transaction_no
        value = ValueReport(taken_at=at + timedelta(minutes=30), reading=Reading(start + 4000, 8000, ()), context=None, raw="{}",
                            signed=() if signed is None else (SignedText(signed),))  # fmt: skip
        await record_meter_values(station, 1, number, [value], at + timedelta(minutes=30))
        over = StopReport(
            transaction_no=number, id_tag=None, meter_stop_wh=stop, stopped_at=at + timedelta(hours=1), reason=None, body="{}"
        )
        await end_session(station, over, "m", [], at + timedelta(hours=1))
        async with as_owner():
            return str(await fetchval("SELECT id FROM charging_session WHERE transaction_no = $1", number))


@pytest.fixture
async def house(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[House]:
    settings = settings_from({"DATABASE_URL": dsn, "REDIS_URL": redis_url, "HOFSTROM_DATA": str(tmp_path), "HOFSTROM_SECRET_KEY": "s" * 40})
    app = create_app(settings, lambda: NOW)
    await open_database(dsn)
    described = await seed(settings, NOW, Shape(months=1))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://haus.example") as client:
        made = House(client, described, settings)
        made.session_id = await made.charge(9_000_000, 9_030_000)
        yield made
    await app.state.redis.aclose()
    await close_database()


async def test_the_evidence_says_what_was_reported_what_is_possible_and_what_speaks_for_what(house: House) -> None:
    (item,) = (await house.get("/api/operator/review")).json()
    assert (item["id"], item["kind"], item["reason"], item["energy_wh"]) == (house.session_id, "held", "more_than_possible", 30_000)
    seen = (await house.get(f"/api/operator/review/sessions/{house.session_id}")).json()
    assert (seen["measured_wh"], seen["most_possible_wh"], seen["max_power_w"]) == (30_000, 13_100, 11_000)
    assert [(one["energy_wh"], one["why"]) for one in seen["suggestions"]] == [(30, "unit_mistake"), (4000, "last_value")]
    assert [one["energy_wh"] for one in seen["values"]] == [9_004_000]
    assert seen["started_raw"] == AT.isoformat()
    assert {one["person_id"] for one in seen["neighbours"]} >= {seen["session"]["person_id"]}
    assert seen["actions"] == []


async def test_a_decision_is_carried_out_once_and_shown_with_who_when_and_why(house: House) -> None:
    path = f"/api/operator/review/sessions/{house.session_id}/correct"
    key = str(uuid4())
    for _ in range(2):
        answer = await house.post(path, idempotency_key=key, energy_wh=4000)
        assert answer.status_code == 200, answer.text
    (action,) = answer.json()["actions"]
    name = (await house.get("/api/me")).json()["name"]
    assert (action["action"], action["reason"], action["by_name"]) == ("correct", "Seen on the meter", name)
    assert (action["before"]["energy_wh"], action["after"]["energy_wh"], action["after"]["state"]) == (None, 4000, "ended")
    assert (await house.get("/api/operator/review")).json() == []
    again = await house.post(f"/api/operator/review/sessions/{house.session_id}/release")
    assert (again.status_code, again.json()["code"]) == (409, "not_held")


@pytest.mark.parametrize("role", ["resident", "former_resident", "owner", "proxy", "installer", "developer"])
async def test_nobody_but_operators_and_support_sees_or_decides(house: House, role: str) -> None:
    base = f"/api/operator/review/sessions/{house.session_id}"
    assert (await house.get("/api/operator/review", role)).status_code == 403
    assert (await house.get(base, role)).status_code == 403
    for verb, body in (("release", {}), ("correct", {"energy_wh": 1}), ("discard", {}), ("resident", {"person_id": str(uuid4())})):
        assert (await house.post(f"{base}/{verb}", role, **body)).status_code == 403


async def test_a_stranger_finds_nothing(house: House) -> None:
    base = f"/api/operator/review/sessions/{house.session_id}"
    assert (await house.get("/api/operator/review", "operator", 1)).json() == []
    assert (await house.get(base, "operator", 1)).status_code == 404
    assert (await house.post(f"{base}/discard", "operator", 1)).status_code == 404


async def test_an_orphan_is_listed_until_it_is_assigned_or_discarded(house: House) -> None:
    orphan = await house.charge(9_100_000, 9_104_000, tag="04FFFFFFFFFFFF", at=AT + timedelta(hours=2))
    listed = {one["id"]: one["kind"] for one in (await house.get("/api/operator/review")).json()}
    assert listed == {house.session_id: "held", orphan: "orphan"}
    seen = (await house.get(f"/api/operator/review/sessions/{orphan}")).json()
    somebody = seen["neighbours"][0]["person_id"]
    assigned = await house.post(f"/api/operator/review/sessions/{orphan}/resident", person_id=somebody)
    assert assigned.json()["session"]["person_id"] == somebody
    assert [one["id"] for one in (await house.get("/api/operator/review")).json()] == [house.session_id]


async def test_uids_of_badges_are_given_out_by_no_route_of_the_review(house: House) -> None:
    said = [(await house.get("/api/operator/review")).text, (await house.get(f"/api/operator/review/sessions/{house.session_id}")).text]
    assert all(BADGE not in text.upper() and "tag_hash" not in text for text in said)


@pytest.mark.row("M48")
async def test_signed_values_are_shown_with_their_verdict_and_downloaded_byte_for_byte(house: House) -> None:
    async with as_owner():
        await execute("UPDATE station SET meter_public_key = $1", VECTORS[0]["public_key_der_hex"])
    good = await house.charge(10_000_000, 10_004_000, signed=VECTORS[0]["record"], at=AT + timedelta(hours=2))
    path = f"/api/sessions/{good}/signed"
    (shown,) = (await house.get(path, "resident")).json()
    assert (shown["verdict"], shown["key_source"]) == ("valid", "station")
    file = await house.get(f"{path}/{shown['id']}", "resident")
    assert (file.content, file.headers["content-type"]) == (VECTORS[0]["record"].encode(), "application/vnd.ocmf")
    by_support = await house.get(f"/api/operator/review/sessions/{good}/signed/{shown['id']}")
    assert by_support.content == file.content
    assert (await house.get(path, "resident", 1)).status_code == 404
    assert (await house.get(f"{path}/{shown['id']}", "operator")).status_code == 403
    tampered = next(row["record"] for row in VECTORS if row["name"] == "tampered reading")
    bad = await house.charge(10_010_000, 10_014_000, signed=tampered, at=AT + timedelta(hours=3, minutes=30))
    seen = (await house.get(f"/api/operator/review/sessions/{bad}")).json()
    assert (seen["session"]["state"], seen["session"]["held_reason"]) == ("held", "signature_invalid")
    assert [one["verdict"] for one in seen["signed"]] == ["invalid"]
