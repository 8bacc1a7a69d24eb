"""The resident's side of `make bench-start`: requests over a connection that stays open, and the page's event stream."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def open_line(address: str) -> Line:
    parts = urlsplit(address)
    return await asyncio.open_connection(parts.hostname, parts.port)


def head(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: bench", f"authorization: Bearer {token}"]
    if body:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def exchange(line: Line, request: bytes) -> tuple[int, bytes]:
    """Send a request and read the whole answer: status and body."""
    reader, writer = line
    writer.write(request)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = next(int(row.split(b":")[1]) for row in answer.split(b"\r\n") if row.lower().startswith(b"content-length"))
    return int(answer.split(b" ", 2)[1]), await reader.readexactly(length)


class Page:
    """An open page: its events with the moment at which each was complete."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def event(self) -> tuple[float, str, dict[str, Any]]:
        """The next event: (moment, name, data)."""
        name, data = "", ""
        while True:
            row = (await self._reader.readuntil(b"\n")).decode().rstrip("\r\n")
            field, _, value = row.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                data = value
            elif not row and data:
                return time.perf_counter(), name, json.loads(data)

    async def until(self, wanted: str, **where: Any) -> tuple[float, dict[str, Any]]:
        """The first event of a name whose data have these values."""
        while True:
            at, name, data = await self.event()
            if name == wanted and all(data.get(key) == value for key, value in where.items()):
                return at, data


@asynccontextmanager
async def open_page(address: str, token: str, code: str) -> AsyncIterator[Page]:
    """The page of one place, once it listens."""
    reader, writer = await open_line(address)
    try:
        writer.write(head("GET", f"/api/events?code={code}", token))
        await reader.readuntil(b"\r\n\r\n")
        page = Page(reader)
        await page.until("ping")  # after everything present, it has subscribed before
        yield page
    finally:
        writer.close()
