"""Handlers of the messages that both versions have alike."""

from collections.abc import Mapping
from typing import Any

import msgspec

from app.charging import station_states, stations
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

    async def security_event(call: Call) -> Reply:
        """Something about the station's security."""
        message = t.strict_but_for_time(call.payload, requests["SecurityEventNotification"], call.now)
        at = min(t.moment(message.timestamp, call.now), call.now)
        await station_states.report_security(call.station, t.clean(message.type), t.optional(message.tech_info) or "", at)
        return {}, []

    return {
        "Heartbeat": heartbeat,
        "SecurityEventNotification": security_event,
        # A maker's own message: none is known here.
        "DataTransfer": answered(requests["DataTransfer"], {"status": "UnknownVendorId"}),
        # A station wants a certificate: none is issued here.
        "SignCertificate": answered(requests["SignCertificate"], {"status": "Rejected"}),
    }


def answered(kind: type[msgspec.Struct], answer: dict[str, Any]) -> Handler:
    """The handler of a message that is read and answered always alike."""

    async def handler(call: Call) -> Reply:
        t.strict(call.payload, kind)
        await stations.seen(call.station, call.now)
        return dict(answer), []

    return handler
