"""The demo stations of one installation, in one process, each in its version of OCPP, with their handles."""

import asyncio
import contextlib
import logging
import signal
from pathlib import Path
from typing import Any

import structlog

from app.kernel.settings import Settings
from infra.demo import gateway
from infra.demo.houses import VERSIONS
from infra.demo.passwords import station_password
from infra.demo.station import DemoStation
from infra.demo.station_connection import Connection
from infra.demo.station_control import forget, listen

log = structlog.get_logger()

IDENTITIES = tuple(VERSIONS)


def order(station: DemoStation, message: dict[str, Any]) -> dict[str, Any]:
    """Do what a control line says, but for the badge, which has to ask the server."""
    command = message["command"]
    if command in ("plug", "unplug"):
        station.plug(command == "plug")
    elif command in ("fault", "clear"):
        station.fault = message.get("error", "GroundFailure") if command == "fault" else None
        if station.fault:
            station.end("Other")
        station.wake()
    elif command in ("offline", "online"):
        (station.network.pull if command == "offline" else station.network.plug)()
    elif command in ("flaky", "steady"):
        (station.network.loosen if command == "flaky" else station.network.fasten)()
    elif command == "refuse_next_start":
        station.refuse_next_start = True
    elif command == "silent_next_start":
        station.silent_next_start = True
        station.wake()
    elif command == "battery":
        station.memory.car.set_percent(int(message.get("value") or 0))
    elif command != "status":
        return {"ok": False, "error": f"unknown command '{command}'"}
    return {"ok": True, **report(station)}


def report(station: DemoStation) -> dict[str, Any]:
    """What the station shows."""
    charge = station.memory.charge
    return {
        "station": station.identity,
        "online": station.link is not None,
        "flaky": station.network.flaky,
        "status": station.status(),
        "plugged": station.memory.plugged,
        "register_wh": station.memory.register_wh,
        "power_w": 0 if charge is None else charge.power_w,
        "transaction_id": None if charge is None else charge.number,
        "charging": charge is not None,
        "battery_percent": station.memory.car.permille // 10,
        "limit_w": station.limit().power_w,
        "queued": len(station.memory.queue),
    }


async def run_station(identity: str, url: str, password: str, data_dir: Path, version: str = "1.6") -> None:
    """One station until cancelled."""
    station = DemoStation(identity, data_dir)

    async def answer(message: dict[str, Any]) -> dict[str, Any]:
        if message["command"] == "badge":
            return await station.present(str(message["uid"]))
        return order(station, message)

    handle = await listen(data_dir, identity, answer)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(station.live())
            tasks.create_task(station.network.come_and_go())
            tasks.create_task(Connection(station, url, password, version).stay())
    finally:
        handle.close()
        forget(data_dir, identity)
        station.keep()


async def run_all(settings: Settings) -> None:
    """All demo stations until SIGTERM or SIGINT."""
    url = f"ws://{settings.host}:{settings.ocpp_port}/ocpp"
    main = asyncio.gather(*(
        run_station(name, url, station_password(settings.secret_key, name), settings.data, version)
        for name, version in VERSIONS.items()
    ), gateway.live(settings))  # fmt: skip
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, main.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await main


def run(settings: Settings) -> None:
    """The process of `hofstrom demo-stations`."""
    logging.getLogger("ocpp").setLevel(logging.WARNING)
    asyncio.run(run_all(settings))
