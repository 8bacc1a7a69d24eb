"""Calls of the application in this process, each inside a transaction that is taken back afterwards: the world stays as it was made."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

import asyncpg
import msgspec
from litestar import Litestar

from app.database.engine import DB

FIRST_EVENTS_S = 0.25  # how long a stream of events is listened to once it has begun


class Answer(msgspec.Struct):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of a refusal."""
        return str(json.loads(self.body).get("code", "")) if b"problem+json" in self.headers.get("content-type", "").encode() else ""


class OneConnection:
    """A pool of one connection, inside a transaction: what the application commits is a savepoint of it."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection

    async def acquire(self) -> asyncpg.Connection:
        return self.connection

    async def release(self, connection: asyncpg.Connection) -> None:
        """Nothing: it is kept."""


@contextlib.asynccontextmanager
async def taken_back() -> AsyncIterator[asyncpg.Connection]:
    """Everything inside happens and is undone. Constraints that wait for the end are checked by `settle`."""
    pool = DB.pool
    async with pool.acquire() as connection:
        outer = connection.transaction()
        await outer.start()
        DB.pool = OneConnection(connection)
        try:
            yield connection
        finally:
            DB.pool = pool
            await outer.rollback()


async def settle(connection: asyncpg.Connection) -> None:
    """What a commit would check."""
    await connection.execute("SET LOCAL ROLE NONE")
    await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")


async def call(app: Litestar, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
    """One request. A stream of events is left after its first ones."""
    plain, _, query = path.partition("?")
    sent = {"host": "haus.example", "content-length": str(len(body)), **(headers or {})}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "https", "path": unquote(plain),
        "raw_path": plain.encode(), "query_string": query.encode(), "root_path": "", "server": ("haus.example", 443),
        "client": ("192.0.2.1", 4711), "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()], "state": {},
    }  # fmt: skip
    answer, begun, gone = Answer(0, {}, b""), asyncio.Event(), asyncio.Event()
    told = False

    async def receive() -> dict[str, Any]:
        nonlocal told
        if not told:
            told = True
            return {"type": "http.request", "body": body, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            for name, value in message["headers"]:
                known = answer.headers.get(name.decode().lower())
                answer.headers[name.decode().lower()] = value.decode() if known is None else f"{known}\n{value.decode()}"
            begun.set()
        elif message["type"] == "http.response.body":
            answer.body += message.get("body", b"")
            if not message.get("more_body"):
                gone.set()

    work = asyncio.create_task(app(scope, receive, send))  # type: ignore[arg-type]
    started = asyncio.create_task(begun.wait())
    await asyncio.wait({work, started}, return_when=asyncio.FIRST_COMPLETED)
    if "event-stream" in answer.headers.get("content-type", ""):
        await asyncio.wait({work}, timeout=FIRST_EVENTS_S)
        gone.set()
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
    else:
        await work
    started.cancel()
    return answer
