"""The web application on a free port beside a node, with people of every kind: commands as operators give them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import uvicorn

from app.accounts.commands import create_login, create_token, grant_role
from app.database.transaction import as_owner
from app.kernel.settings import Settings
from app.main import create_app
from tests.ocpp_server.conftest import Site, eventually
from tests.ocpp_server.list_station import BOOT
from tests.ocpp_server.raw_station import RawStation


class Staff(msgspec.Struct):
    """A client for each role, and the address that stations reach."""

    site: Site
    url: str
    data: Path
    clients: dict[str, httpx.AsyncClient]

    def path(self, identity: str = "CP-1") -> str:
        return f"/api/operator/stations/{self.site.house.stations[identity]}"

    async def ask(self, command: dict[str, Any], *, role: str = "operator", identity: str = "CP-1", key: str | None = None,
                  ticket: str | None = None) -> httpx.Response:  # fmt: skip
        body = {"command": command, "idempotency_key": key or str(uuid4()), **({"ticket": ticket} if ticket else {})}
        return await self.clients[role].post(f"{self.path(identity)}/commands", json=body)

    async def detail(self, identity: str = "CP-1", role: str = "operator") -> Any:
        answer = await self.clients[role].get(self.path(identity))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ended(self, kind: str, identity: str = "CP-1") -> Any:
        """The newest log entry of a kind, once it is decided."""

        async def there() -> Any:
            entries = [one for one in (await self.detail(identity))["log"] if one["kind"] == kind]
            return entries[0] if entries and entries[0]["outcome"] not in ("queued", "sent") else None

        return await eventually(there)


async def connected(site: Site, version: str, identity: str = "CP-1") -> RawStation:
    """A station that has booted in its version."""
    raw = await site.station(identity).open(protocols=(version,))
    await raw.said("BootNotification", BOOT[version])
    return raw


@asynccontextmanager
async def staffed(site: Site, settings: Any, data: Path) -> AsyncIterator[Staff]:
    """The application runs while the block does; the database pool is the test's."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        served: Settings = msgspec.structs.replace(settings, data=data, public_url=url)
        app = create_app(served)
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning", timeout_graceful_shutdown=1))
        running = asyncio.create_task(server.serve(sockets=[bound]))
        staff = Staff(site, url, data, {})
        for role in ("operator", "support", "resident", "owner"):
            token = await _token(site.house.account_id, role, site.house.anna if role == "resident" else None)
            staff.clients[role] = httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=30)
        staff.clients["station"] = httpx.AsyncClient(timeout=30)
        try:
            yield staff
        finally:
            for client in staff.clients.values():
                await client.aclose()
            server.should_exit = True
            await running
            await app.state.redis.aclose()


async def _token(account_id: UUID, role: str, person_id: UUID | None) -> str:
    now = datetime.now(UTC)
    token = f"token-of-{role}-{uuid4().hex}"
    async with as_owner():
        login_id = await create_login(f"{role}@house.example", role.capitalize(), None, "en", now)
        await grant_role(account_id, login_id, role, person_id, date(2026, 1, 1))
        await create_token(account_id, login_id, "test", token, now)
    return token
