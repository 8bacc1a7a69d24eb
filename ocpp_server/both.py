"""Handlers of the messages that both versions have alike."""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.charging import stations
from ocpp_server import translate as t
from ocpp_server.call import Call, Handler, Reply

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


def answered(kind: type[msgspec.Struct], answer: dict[str, Any]) -> Handler:
    """The handler of a message that is read and answered always alike."""

    async def handler(call: Call) -> Reply:
        t.strict(call.payload, kind)
        await stations.seen(call.station, call.now)
        return dict(answer), []

    return handler
