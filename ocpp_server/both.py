"""Handlers of the messages that both versions have alike."""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.charging import station_setup, stations
from ocpp_server import translate as t
from ocpp_server.call import Call, Handler, Reply
from ocpp_server.pace import heartbeat_seconds

Requests = Mapping[str, type[Any]]


def handlers(requests: Requests) -> dict[str, Handler]:
    """The handlers over a version's Structs."""

    async def heartbeat(call: Call) -> Reply:
        """The station lives."""
        t.strict(call.payload, requests["Heartbeat"])
        await stations.seen(call.station, call.now)
        return {"currentTime": t.iso(call.now)}, []

    return {
        "Heartbeat": heartbeat,
        # A maker's own message: none is known here.
        "DataTransfer": answered(requests["DataTransfer"], {"status": "UnknownVendorId"}),
    }


async def boot_answer(call: Call) -> dict[str, Any]:
    """The answer to a boot that is stored: Pending while the station lacks a setting that it must have."""
    waits = call.station.awaits_setup and await station_setup.pending_at_boot(call.station, call.secret, call.now)
    if waits:
        return {"currentTime": t.iso(call.now), "interval": station_setup.RETRY_SECONDS, "status": "Pending"}
    return {"currentTime": t.iso(call.now), "interval": heartbeat_seconds(), "status": "Accepted"}


def answered(kind: type[msgspec.Struct], answer: dict[str, Any]) -> Handler:
    """The handler of a message that is read and answered always alike."""

    async def handler(call: Call) -> Reply:
        t.strict(call.payload, kind)
        await stations.seen(call.station, call.now)
        return dict(answer), []

    return handler
