"""What staff ask of a gateway while they may: fetched by the gateway itself, done, and answered over the same way out."""

import asyncio
import json
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import structlog

from ocpp_server.gateway.uplink import Uplink

log = structlog.get_logger()

LONGEST = 60_000
PAGE_SECONDS = 10.0
Status = Callable[[], dict[str, Any]]


class Stay(urllib.request.HTTPRedirectHandler):
    """A device must not send us elsewhere."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Remote:
    """`work` comes and asks until it is cancelled. `restart`: ends the process, which whoever watches over it starts again."""

    def __init__(self, uplink: Uplink, status: Status, restart: Callable[[], None], every_s: float = 5.0) -> None:
        self.uplink, self.status, self.restart, self.every_s = uplink, status, restart, every_s
        self._told: list[dict[str, str]] = []

    async def work(self) -> None:
        """Until cancelled."""
        while True:
            try:
                while await self.come():
                    pass
            except (OSError, ValueError) as error:
                log.info("nobody to ask", why=str(error))
            await asyncio.sleep(self.every_s)

    async def come(self) -> bool:
        """Tell what was done and do what is wanted; whether anything was."""
        told, self._told = self._told, []
        try:
            said = await self.uplink.ask("POST", "/api/gateway/asks", {"told": told})
        except OSError:
            self._told = told + self._told
            raise
        wanted: list[dict[str, Any]] = said.get("wanted", [])
        for one in wanted:
            self._told.append({"id": one["id"], "answer": (await self._done(one))[:LONGEST]})
            log.info("done for staff", kind=one["kind"], address=one.get("address"))
        return bool(wanted)

    async def _done(self, one: dict[str, Any]) -> str:
        if datetime.now(UTC) >= datetime.fromisoformat(one["until"]):
            return "not done: the access has ended"
        if one["kind"] == "status":
            return json.dumps({**self.status(), **self.uplink.store.waiting()})
        if one["kind"] == "restart":
            asyncio.get_running_loop().call_later(self.every_s, self.restart)  # the answer goes first
            return "restarting"
        if one["kind"] == "page" and is_of_the_house(str(one["address"])):
            return await asyncio.to_thread(_page, str(one["address"]))
        return "not done: not known here"


def is_of_the_house(address: str) -> bool:
    """Whether an address is on a private network, whatever the platform says."""
    try:
        parts = urlsplit(address)
        return parts.scheme == "http" and ip_address(parts.hostname or "").is_private
    except ValueError:
        return False


def _page(address: str) -> str:
    try:
        with urllib.request.build_opener(Stay).open(address, timeout=PAGE_SECONDS) as answer:
            return f"{answer.status}\n{answer.read(LONGEST).decode('utf-8', 'replace')}"
    except (OSError, ValueError) as error:
        return f"no page: {error}"
