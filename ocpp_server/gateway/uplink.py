"""Readings of the house's meters on their way to the platform: taken from a folder, kept, sent in order as soon as it can be.

Whoever reads the bus writes a file of readings (`[{"meter": SERIAL, "at": TIME, "import": WH}, ...]`) beside the folder and
moves it in under a name that ends in .json: whole or not at all. The time is that of the reading, however late it is sent.
What flows now on each phase (`[{"meter": SERIAL, "at": TIME, "ma": [L1, L2, L3]}, ...]`) goes under a name that ends in .currents: it
is sent at once or never, since a late word of it is of no use.
"""

import asyncio
import gzip
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import structlog

from ocpp_server.gateway.store import Store

log = structlog.get_logger()

MOST = 1000  # readings in a batch
SECONDS = 20.0
BAD_REQUEST, UNREADABLE = 400, 422


class Uplink:
    """`work` takes in and sends until it is cancelled. `url`: the platform's web address."""

    def __init__(self, url: str, token: str, store: Store, folder: Path, every_s: float = 5.0) -> None:
        self.url, self.token, self.store, self.folder, self.every_s = url.rstrip("/"), token, store, folder, every_s
        self._most = MOST

    async def work(self) -> None:
        """Until cancelled."""
        while True:
            self.take_in()
            try:
                await self.send_currents()
                while await self.send():
                    pass
            except (OSError, ValueError) as error:
                log.info("readings wait", waiting=self.store.waiting()["readings"], why=str(error))
            await asyncio.sleep(self.every_s)

    def take_in(self) -> None:
        """Keep what lies in the folder. A file is removed once its readings are on the disk; one that is none is set aside."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self.folder.glob("*.json")):
            try:
                found = json.loads(path.read_text())
                if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
                    raise ValueError("no list of readings")
            except ValueError as error:
                log.warning("not a file of readings", file=path.name, why=str(error))
                path.rename(path.with_suffix(".bad"))
                continue
            self.store.keep_readings(found)
            path.unlink()

    async def send_currents(self) -> None:
        """Send the newest currents that lie in the folder, and drop what is older. Raises OSError while the platform is away."""
        found = sorted(self.folder.glob("*.currents"), key=lambda path: path.stat().st_mtime_ns)
        if not found:
            return
        try:
            told = json.loads(found[-1].read_text())
        except ValueError as error:
            log.warning("not a file of currents", file=found[-1].name, why=str(error))
            told = None
        for path in found:
            path.unlink()
        if told is None:
            return
        try:
            await self.ask("POST", "/api/gateway/currents", {"currents": told})
        except urllib.error.HTTPError as refused:
            if refused.code != BAD_REQUEST and refused.code != UNREADABLE:
                raise
            log.warning("currents were refused", why=refused.read(300).decode(errors="replace"))

    async def send(self) -> bool:
        """Send the oldest batch; whether there was one. Raises OSError while the platform is away."""
        kept = self.store.readings(self._most)
        if not kept:
            return False
        try:
            report = await self.ask("POST", "/api/gateway/readings", {"readings": [one for _, one in kept]}, packed=True)
        except urllib.error.HTTPError as refused:
            if refused.code != UNREADABLE:
                raise
            self._find(kept)
            return True
        self._most = MOST
        for one in report.get("refused", []):
            log.warning("a reading was refused", **{name: one.get(name) for name in ("meter", "at", "code")})
        self.store.readings_stored(kept[-1][0])
        return True

    def _find(self, kept: list[tuple[int, dict[str, Any]]]) -> None:
        """One of these makes no sense to the platform: found by halves and set aside, so that the others go on."""
        self._most = max(1, len(kept) // 2)
        if len(kept) == 1:
            log.error("a reading makes no sense", reading=kept[0][1])
            with (self.folder / "refused.lines").open("a") as file:
                file.write(json.dumps(kept[0][1]) + "\n")
            self.store.readings_stored(kept[0][0])

    async def ask(self, method: str, path: str, body: dict[str, Any], *, packed: bool = False) -> dict[str, Any]:
        """A call to the platform with the gateway's token. Raises OSError."""
        data = json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        if packed:
            data, headers = gzip.compress(data), headers | {"content-encoding": "gzip"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310  the platform's own address
        return await asyncio.to_thread(_answer, request)


def _answer(request: urllib.request.Request) -> dict[str, Any]:
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
        found = json.loads(answer.read() or b"{}")
    return found if isinstance(found, dict) else {}
