"""A gateway between real stations and a real node; its way to the platform can be cut."""

from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ocpp_server.gateway.main import Door, running_gateway
from ocpp_server.gateway.relay import Platform
from ocpp_server.gateway.store import Store
from tests.ocpp_server.conftest import Site, eventually, settings_for, site, staff, version
from tests.ocpp_server.raw_station import RawStation

__all__ = ["settings_for", "site", "staff", "version"]
NOWHERE = "ws://127.0.0.1:9/ocpp"  # nobody listens on the discard port


class Behind:
    """A gateway with its store, and the time that it believes."""

    def __init__(self, site: Site, path: Path, now: float) -> None:
        self.site, self.path, self.now = site, path, now
        self.there = f"ws://127.0.0.1:{site.port}/ocpp"
        self.platform: Platform
        self.door: Door
        self.port = 0

    @asynccontextmanager
    async def running(self) -> Any:
        store = Store(self.path)
        self.platform = Platform(self.there, store, lambda: self.now, retry_s=0.05)
        try:
            async with running_gateway(self.platform, "127.0.0.1", 0) as (self.door, self.port):
                yield self
                for raw in self.site.opened:
                    raw.cut()
        finally:
            store.close()

    def cut(self) -> None:
        """No internet from now on."""
        self.platform.url = NOWHERE
        for relay in self.door.relays.values():
            if relay.up is not None:
                relay.up.transport.abort()

    async def without(self) -> None:
        """Cut, and wait until the gateway has noticed."""
        self.cut()
        await eventually(self._alone)

    async def _alone(self) -> bool:
        return all(relay.up is None for relay in self.door.relays.values())

    async def mend(self) -> None:
        """The internet is back; wait until all that was kept has been sent."""
        self.platform.url = self.there
        await eventually(self._empty, 20)

    async def _empty(self) -> bool:
        waits = self.platform.store.waiting()
        return waits["messages"] == 0

    async def station(self, version: str, identity: str = "CP-1", password: str | None = None) -> RawStation:
        raw = RawStation(self.port, identity, password or self.site.house.passwords[identity])
        self.site.opened.append(raw)
        return await raw.open(protocols=(version,))


@pytest.fixture
async def behind(site, tmp_path):
    from tests.gateway.test_relay import AT

    async with Behind(site, tmp_path / "gateway.sqlite", AT.timestamp()).running() as made:
        yield made
