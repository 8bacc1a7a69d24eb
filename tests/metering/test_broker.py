"""Readings over MQTT, with a real Mosquitto over TLS: acknowledged after the commit, once, each gateway in its own branch."""

import asyncio
import gzip
import json
import os
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import asyncpg
import jsonschema
import msgspec
import pytest

from app.audit.model import Actor
from app.database.transaction import as_owner, fetch
from app.kernel.settings import Settings, settings_from
from app.kernel.tasks import ended
from app.metering import tokens
from app.metering.batches import BrokerReport, schema
from app.metering.broker import Client, listen, take_messages
from app.metering.broker_files import files, write
from app.metering.equipment import GatewayChange, NewGateway, NewMeter, add_gateway, add_meter, change_gateway
from tests.charging.house import House, make_house
from tests.metering.mosquitto import Mosquitto
from tests.metering.test_interval_import import until

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
Q = timedelta(minutes=15)


class Cellar(msgspec.Struct):
    """A house with two gateways, a meter on the first one, and the broker between."""

    house: House
    actor: Actor
    settings: Settings
    broker: Mosquitto
    one: tokens.TokenShown
    two: tokens.TokenShown
    gateways: list[Any]

    def line(self, kind: type[Client] = Client) -> Client:
        """Our own line to the broker."""
        return kind(self.settings.mqtt_url, ssl.create_default_context(cafile=self.settings.mqtt_ca))

    async def renew(self) -> bool:
        return write(self.settings.data / "mqtt", await files(self.settings, NOW))

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        task = asyncio.create_task(listen(self.settings, lambda: NOW))
        try:
            yield
        finally:
            await ended([task])

    async def count(self) -> int:
        async with as_owner():
            return (await fetch("SELECT count(*)::int AS n FROM index_reading"))[0]["n"]


def batch(count: int = 40, first: int = 0, **more: Any) -> dict[str, Any]:
    readings = [{"meter": "E-1", "at": (NOW - (200 - n) * Q).isoformat(), "import": n * 50} for n in range(first, first + count)]
    return {"readings": readings, **more}


@pytest.fixture
async def cellar(database: str, dsn: str, tmp_path: Path) -> AsyncIterator[Cellar]:
    house = await make_house()
    actor = Actor(account_id=house.account_id, name="Ivan")
    gateways = [await add_gateway(actor, house.site_id, NewGateway(serial=f"GW-{n}"), NOW) for n in (1, 2)]
    await add_meter(actor, house.site_id, NewMeter(serial="E-1", kind="production", gateway_id=gateways[0], bus_address=1), NOW)
    one, two = [await tokens.make_token(actor, house.site_id, f"Cellar {n}", NOW, gateway) for n, gateway in enumerate(gateways, 1)]
    broker = Mosquitto(tmp_path, tmp_path / "mqtt")
    settings = settings_from({
        "HOFSTROM_DATA": str(tmp_path), "HOFSTROM_SECRET_KEY": "s" * 40, "DATABASE_URL": dsn, "MQTT_URL": broker.url,
        "MQTT_CA": str(tmp_path / "ca.pem"),
    })  # fmt: skip
    made = Cellar(house, actor, settings, broker, one, two, gateways)
    assert await made.renew() and not await made.renew()
    await broker.start()
    async with made.line() as client:  # from now on the broker keeps for us what comes while we are away
        await client.subscribe("hofstrom/v1/+/readings", qos=1)
    yield made
    await broker.stop()


class Gateway:
    """A gateway that hears what becomes of what it sends."""

    def __init__(self, line: aiomqtt.Client, branch: Any) -> None:
        self.line, self.branch = line, branch

    async def send(self, body: Any, branch: Any = None) -> None:
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        await self.line.publish(f"hofstrom/v1/{branch or self.branch}/readings", payload, qos=1)

    async def told(self) -> BrokerReport:
        message = await asyncio.wait_for(anext(self.line.messages), 60)
        answer = json.loads(message.payload)
        jsonschema.validate(answer, schema(BrokerReport))
        return msgspec.convert(answer, BrokerReport)

    async def ask(self, body: Any) -> BrokerReport:
        await self.send(body)
        return await self.told()


@asynccontextmanager
async def standing(cellar: Cellar, shown: tokens.TokenShown) -> AsyncIterator[Gateway]:
    """It has come in with its token."""
    async with cellar.broker.gateway(shown) as line:
        await line.subscribe(f"hofstrom/v1/{shown.id}/report", qos=1)
        yield Gateway(line, shown.id)


async def test_a_message_is_stored_once_told_and_a_broken_one_is_answered_with_its_reason(cellar: Cellar) -> None:
    async with cellar.listening(), standing(cellar, cellar.one) as gateway:
        first = await gateway.ask(batch(id="7"))
        assert (first.id, first.stored, first.known, first.refused) == ("7", 40, 0, [])
        packed = gzip.compress(json.dumps(batch(count=41)).encode())
        again = await gateway.ask(packed)
        assert (again.stored, again.known) == (1, 40) and await cellar.count() == 41
        for body, code in ((packed[:-9], "bad_gzip"), (b"{", "bad_batch"), (b'{"readings": [{"meter": "\\u0000"', "bad_batch"),
                           (gzip.compress(b" " * 40_000_000), "too_large")):  # fmt: skip
            assert (await gateway.ask(body)).code == code
        odd = await gateway.ask({"readings": [{"meter": "E-1", "at": "1970-01-01T00:00:00Z", "import": 5}]})
        assert [one.code for one in odd.refused] == ["too_long_ago"]
    async with as_owner():
        codes = {row["code"] for row in await fetch("SELECT code FROM reading_issue")}
        seen = await fetch("SELECT seen_at FROM gateway WHERE seen_at IS NOT NULL")
    assert codes == {"bad_gzip", "bad_batch", "too_large", "too_long_ago"} and [row["seen_at"] for row in seen] == [NOW]


async def test_each_gateway_has_its_own_branch_and_its_own_meters_and_a_revoked_token_opens_nothing(cellar: Cellar) -> None:
    async with cellar.listening():
        async with standing(cellar, cellar.two) as gateway:
            await gateway.send(batch(), branch=cellar.one.id)  # the broker lets it through to nobody
            refused = await gateway.ask(batch(count=1))
            assert [one.code for one in refused.refused] == ["other_gateway"] and await cellar.count() == 0
            await change_gateway(cellar.actor, cellar.gateways[1], GatewayChange(version=1, removed_on=NOW.date() - timedelta(days=1)), NOW)
            await gateway.send(batch())  # at the broker still, and with us no more
        with pytest.raises(aiomqtt.MqttError):
            async with cellar.broker.gateway(cellar.one, "x" * 43):
                pass
        async with standing(cellar, cellar.one) as gateway:
            assert (await gateway.ask(batch(count=2))).stored == 2 == await cellar.count()
            await tokens.revoke_token(cellar.actor, cellar.house.site_id, cellar.one.id, NOW)
        assert await cellar.renew()
        cellar.broker.reload()
        for shown in (cellar.one, cellar.two):
            while True:  # until the broker has read its file again
                try:
                    async with cellar.broker.gateway(shown):
                        await asyncio.sleep(0.05)
                except aiomqtt.MqttError:
                    break


class Forgetful(Client):
    """Goes down in the moment between the commit and the acknowledgement."""

    def acknowledge(self, message: aiomqtt.Message) -> None:
        raise aiomqtt.MqttError("gone")


async def test_what_was_stored_and_not_acknowledged_comes_again_and_is_known(cellar: Cellar) -> None:
    async with standing(cellar, cellar.one) as gateway:
        await gateway.send(batch(id="kept by the broker"))
        with pytest.raises(aiomqtt.MqttError, match="gone"):
            async with cellar.line(Forgetful) as client:
                await take_messages(client, lambda: NOW)
        assert await cellar.count() == 40
        async with cellar.listening():
            first = await gateway.ask(batch(count=1, first=40, id="next"))
            assert (first.id, first.stored) == ("kept by the broker", 40)
            again, after = await gateway.told(), await gateway.told()
    assert (again.id, again.stored, again.known) == ("kept by the broker", 0, 40)
    assert (after.id, after.stored) == ("next", 1) and await cellar.count() == 41


async def process(cellar: Cellar) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.cli", "mqtt", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "DATABASE_URL": cellar.settings.database_url, "HOFSTROM_DATA": str(cellar.settings.data),
             "MQTT_URL": cellar.settings.mqtt_url, "MQTT_CA": cellar.settings.mqtt_ca, "HOFSTROM_SECRET_KEY": "s" * 40,
             "HOFSTROM_ENV": "test", "HOFSTROM_TEST_CLOCK": NOW.isoformat()},
    )  # fmt: skip


WAITS = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'stale_day'::regclass"


async def test_a_listener_that_is_killed_in_mid_batch_loses_nothing_and_counts_nothing_twice(cellar: Cellar, dsn: str) -> None:
    lock = await asyncpg.connect(dsn)
    running = None
    try:
        async with standing(cellar, cellar.one) as gateway:
            async with lock.transaction():
                await lock.execute("LOCK TABLE stale_day IN ACCESS EXCLUSIVE MODE")  # the readings are in by then
                running = await process(cellar)
                await gateway.send(batch(id="a"))
                waits = await until(lock, WAITS)
                running.kill()
                await running.wait()
            await until(lock, "SELECT NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = $1)", waits)
            assert await cellar.count() == 0
            running = await process(cellar)
            again = await gateway.ask(batch(id="b"))
            assert (again.id, again.stored) == ("a", 40)
    finally:
        if running is not None and running.returncode is None:
            running.terminate()
            await running.wait()
        await lock.close()
    assert await cellar.count() == 40
