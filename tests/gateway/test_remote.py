"""Staff reach a gateway: with a reason, for a while, over a way that the gateway opens; everything is kept."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from app.database.transaction import as_owner, execute
from app.metering.gateway_access import is_local
from ocpp_server.gateway import remote as remote_module
from ocpp_server.gateway.remote import Remote
from ocpp_server.gateway.store import Store
from ocpp_server.gateway.uplink import Uplink
from tests.ocpp_server.conftest import rows


class Reached:
    """A gateway, and staff who reach it."""

    def __init__(self, staff, token_id, remote):
        self.staff, self.token_id, self.remote, self.restarts = staff, token_id, remote, 0

    async def open(self, role="support", **wish):
        body = {"reason": "a meter is silent", **wish}
        return await self.staff.clients[role].post(f"/api/gateway-tokens/{self.token_id}/accesses", json=body)

    async def ask(self, access, role="support", **wish):
        return await self.staff.clients[role].post(f"/api/gateway-accesses/{access}/asks", json=wish)

    async def seen(self, role="support"):
        return (await self.staff.clients[role].get(f"/api/gateway-tokens/{self.token_id}/accesses")).json()


@pytest.fixture
async def reached(site, staff, tmp_path):
    made = await staff.clients["operator"].post(f"/api/sites/{site.house.site_id}/gateway-tokens", json={"name": "Basement"})
    (row,) = await rows("SELECT id FROM gateway_token")
    store = Store(tmp_path / "gateway.sqlite")
    uplink = Uplink(staff.url, made.json()["token"], store, tmp_path / "readings")
    restarted = asyncio.Event()
    found = Reached(staff, row["id"], Remote(uplink, lambda: {"stations": ["CP-1"]}, restarted.set, every_s=0))
    found.restarted = restarted
    yield found
    store.close()


@pytest.mark.row("A24")
@pytest.mark.row("M46")
async def test_staff_reach_a_gateway_for_a_while_with_a_reason_and_all_of_it_is_kept(reached):
    access = (await reached.open(minutes=10)).json()["id"]
    assert (await reached.ask(access, kind="status")).status_code == 202
    assert [one["asks"][0]["state"] for one in await reached.seen()] == ["queued"]
    assert await reached.remote.come()  # the gateway comes by itself, does it, and tells at its next coming
    assert not await reached.remote.come()
    ((shown,),) = ([await reached.seen()],)
    (entry,) = shown
    assert (entry["by"], entry["reason"]) == ("Support", "a meter is silent")
    assert datetime.fromisoformat(entry["ends_at"]) - datetime.fromisoformat(entry["opened_at"]) == timedelta(minutes=10)
    assert json.loads(entry["asks"][0]["answer"]) == {"stations": ["CP-1"], "messages": 0, "refused": 0, "readings": 0}
    assert (await reached.ask(access, kind="restart")).status_code == 202
    await reached.remote.come()
    await asyncio.wait_for(reached.restarted.wait(), 5)
    # Ended early: from then on nothing is taken, and the trail says how long it was.
    assert (await reached.staff.clients["support"].delete(f"/api/gateway-accesses/{access}")).status_code == 204
    late = await reached.ask(access, kind="status")
    assert (late.status_code, late.json()["code"]) == (409, "access_ended")
    trail = await rows("SELECT actor, action, reason, changes FROM audit_entry WHERE action LIKE 'gateway_access%' ORDER BY at, id")
    assert [(one["actor"], one["action"]) for one in trail] == [("Support", "gateway_access_opened"), ("Support", "gateway_access_closed")]
    assert trail[0]["reason"] == "a meter is silent" and "seconds" in trail[1]["changes"]


@pytest.mark.row("M46")
async def test_nobody_but_staff_reaches_a_gateway_and_nobody_by_anothers_access(reached):
    for role in ("resident", "owner"):
        assert (await reached.open(role)).status_code == 403
    access = (await reached.open("operator")).json()["id"]
    other = await reached.ask(access, "support", kind="status")
    assert (other.status_code, other.json()["code"]) == (409, "not_your_access")
    assert (await reached.open(minutes=61)).status_code in (400, 422)
    assert (await reached.open(reason="")).status_code in (400, 422)


@pytest.mark.row("M46")
async def test_what_nobody_has_fetched_when_the_time_is_over_is_never_done(reached, monkeypatch):
    access = (await reached.open()).json()["id"]
    await reached.ask(access, kind="status")
    await reached.ask(access, kind="restart")
    async with as_owner():
        await execute("UPDATE gateway_access SET opened_at = $1, ends_at = $2", datetime.now(UTC) - timedelta(hours=1),
                      datetime.now(UTC) - timedelta(minutes=1))  # fmt: skip
    assert not await reached.remote.come()
    # A gateway that has it already looks at the time itself.
    ended = {"id": "x", "kind": "restart", "address": None, "until": (datetime.now(UTC) - timedelta(seconds=1)).isoformat()}
    assert await reached.remote._done(ended) == "not done: the access has ended"
    assert not reached.restarted.is_set()


async def test_a_page_of_the_houses_network_is_fetched_and_no_other(reached, monkeypatch):
    served = await asyncio.start_server(_device, "127.0.0.1", 0)
    port = served.sockets[0].getsockname()[1]
    access = (await reached.open()).json()["id"]
    for odd in (f"http://127.0.0.1:{port}/", "http://example.org/", "https://192.168.1.20/", "http://8.8.8.8/", "file:///etc/passwd", None):
        assert (await reached.ask(access, kind="page", address=odd)).json()["code"] == "invalid_input"
    until = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    page = {"id": "x", "kind": "page", "until": until}
    assert await reached.remote._done({**page, "address": f"http://127.0.0.1:{port}/"}) == "200\nthe station's page"
    assert (await reached.remote._done({**page, "address": f"http://127.0.0.1:{port}/away"})).startswith("no page: HTTP Error 302")
    assert await reached.remote._done({**page, "address": "http://8.8.8.8/"}) == "not done: not known here"
    served.close()


async def _device(reader, writer):
    line = await reader.readline()
    away = b"HTTP/1.0 302 x\r\nLocation: http://example.org/\r\n\r\n"
    writer.write(away if b"/away" in line else b"HTTP/1.0 200 OK\r\n\r\nthe station's page")
    writer.close()


def test_local_is_what_is_named_by_a_private_number():
    assert is_local("http://192.168.1.20/setup") and is_local("http://10.0.0.3:8080/")
    for odd in ("http://localhost/", "http://127.0.0.1/", "http://169.254.169.254/", "http://u:p@10.0.0.3/", "http://[::1]/", "x"):
        assert not is_local(odd)
    assert remote_module.is_of_the_house("http://10.0.0.3/") and not remote_module.is_of_the_house("http://1.1.1.1/")
