"""Readings over MQTT: a message is acknowledged once what came of it is committed, and the gateway is told.

hofstrom/v1/TOKEN_ID/readings   from the gateway, QoS 1: a batch as over HTTP, plain or gzipped
hofstrom/v1/TOKEN_ID/report     to the gateway, QoS 1: what became of it

The broker lets a gateway write and read below its own token's id alone, so the topic says who sends; whether the token still
holds is asked of the database each time. The session persists: what comes while this is away waits at the broker, and what was
taken without an acknowledgement comes again and is known.
"""

import asyncio
import signal
import ssl
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import aiomqtt
import asyncpg
import msgspec
import structlog

from app.database.engine import close_database, open_when_it_answers
from app.database.transaction import execute, in_account
from app.kernel.clock import Clock, shifted_clock, utc_now
from app.kernel.errors import Refused
from app.kernel.settings import BadSetting, Settings
from app.kernel.tasks import ended
from app.metering.batches import BrokerReport, batch_of
from app.metering.broker_files import keep_files
from app.metering.intake import BROKER, THIRD_PARTY, take
from app.metering.tokens import Holder, holder_of_id

log = structlog.get_logger()
ROOT = "hofstrom/v1"
CLIENT_ID = "hofstrom"
PORT = 8883
AWAY_S = 2.0
GZIP = b"\x1f\x8b"
ISSUE = """
INSERT INTO reading_issue (account_id, site_id, serial, code, value, source, received_at) VALUES ($1, $2, '', $3, '', $4, $5)
ON CONFLICT DO NOTHING
"""


class Client(aiomqtt.Client):
    """A session that outlives its connection, and acknowledges a message when it is told to.

    The library acknowledges by itself before anybody has seen a message; what it is made of can wait.
    """

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        parts = urlsplit(url)
        super().__init__(
            parts.hostname or "", parts.port or PORT, username=unquote(parts.username or "") or None,
            password=unquote(parts.password or "") or None, identifier=CLIENT_ID, clean_session=False, tls_context=context,
        )  # fmt: skip
        self._client.manual_ack_set(True)

    def acknowledge(self, message: aiomqtt.Message) -> None:
        """The broker may forget a message."""
        self._client.ack(message.mid, message.qos)


async def answer_to(topic: str, payload: bytes, now: datetime) -> tuple[str, BrokerReport] | None:
    """What came of a message, stored when this returns, and where to tell it. None: nobody is there to be told."""
    sender = topic.removeprefix(f"{ROOT}/").removesuffix("/readings")
    try:
        holder = await holder_of_id(UUID(sender), now)
    except ValueError:
        holder = None
    if holder is None:
        log.warning("readings of nobody", topic=topic[:80])
        return None
    return f"{ROOT}/{sender}/report", await _report(holder, payload, now)


async def _report(holder: Holder, payload: bytes, now: datetime) -> BrokerReport:
    try:
        batch = batch_of(payload, "gzip" if payload[:2] == GZIP else "")
    except Refused as error:
        async with in_account(holder.account_id):
            await execute(ISSUE, holder.account_id, holder.site_id, error.code, holder.name[:80], now)
        return BrokerReport(code=error.code, detail=error.detail[:400])
    way = THIRD_PARTY if holder.third_party else BROKER
    report = await take(holder.account_id, holder.site_id, batch.readings, way, holder.name, now, gateway_id=holder.gateway_id)
    return BrokerReport(id=batch.id, stored=report.stored, known=report.known, refused=report.refused)


async def take_messages(client: Client, clock: Clock) -> None:
    """Take what the broker has, one message after another, in its order. Ends with an error of the broker or the database."""
    await client.subscribe(f"{ROOT}/+/readings", qos=1)
    log.info("readings are taken from the broker")
    async for message in client.messages:
        payload = message.payload if isinstance(message.payload, bytes) else b""
        told = await answer_to(str(message.topic), payload, clock())
        if told is not None:
            await client.publish(told[0], msgspec.json.encode(told[1]), qos=1)
        client.acknowledge(message)


async def listen(settings: Settings, clock: Clock) -> None:
    """Take readings for ever. Where the broker or the database is away, nothing is acknowledged, and it is tried again."""
    context = ssl.create_default_context(cafile=settings.mqtt_ca or None)
    while True:
        try:
            async with Client(settings.mqtt_url, context) as client:
                await take_messages(client, clock)
        except (aiomqtt.MqttError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            log.warning("readings wait at the broker", error=repr(error)[:300])
        await asyncio.sleep(AWAY_S)


async def serve(settings: Settings, clock: Clock) -> None:
    """The process of `hofstrom mqtt`: until SIGTERM or SIGINT."""
    await open_when_it_answers(settings.database_url)
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(listen(settings, clock)), asyncio.create_task(keep_files(settings, clock))]
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({*tasks, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()  # neither ends by itself: its error ends the process, and whoever started it starts it again
    finally:
        await ended((*tasks, stopping))
        await close_database()


def run(settings: Settings) -> None:
    """The process of `hofstrom mqtt`."""
    if not settings.mqtt_url:
        raise BadSetting("MQTT_URL is empty: write the broker's address, such as mqtts://hofstrom:password@host:8883.")
    asyncio.run(serve(settings, utc_now if settings.test_clock is None else shifted_clock(settings.test_clock)))
