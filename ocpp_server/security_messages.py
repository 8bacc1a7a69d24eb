"""Security messages of both versions: translate, one command, reply."""

from typing import Any

import msgspec

from app.charging import stations
from app.charging.security_events import report_event
from app.charging.station_certificates import request_certificate
from ocpp_server import messages16, messages201
from ocpp_server import translate as t
from ocpp_server.call import Call, Handler, Reply

Kind = type[Any]


def security_event(kind: Kind) -> Handler:
    """SecurityEventNotification: kept once, however often it comes; a time that cannot be read is taken for now."""

    async def handle(call: Call) -> Reply:
        message = t.strict_but_for_time(call.payload, kind, call.now)
        at = t.moment(message.timestamp, call.now)
        await report_event(call.station, t.clean(message.type), t.optional(message.tech_info), at, call.now)
        return {}, []

    return handle


def sign_certificate(kind: Kind) -> Handler:
    """SignCertificate: the request is kept and signed after the answer, as the standard wants; V2G is not ours to sign."""

    async def handle(call: Call) -> Reply:
        message = t.strict(call.payload, kind)
        if getattr(message, "certificate_type", msgspec.UNSET) == "V2GCertificate":
            await stations.seen(call.station, call.now)
            return {"status": "Rejected"}, []
        accepted = await request_certificate(call.station, t.clean(message.csr), call.now)
        return {"status": "Accepted" if accepted else "Rejected"}, []

    return handle


HANDLERS_16: dict[str, Handler] = {
    "SecurityEventNotification": security_event(messages16.SecurityEventNotificationRequest),
    "SignCertificate": sign_certificate(messages16.SignCertificateRequest),
}
HANDLERS_201: dict[str, Handler] = {
    "SecurityEventNotification": security_event(messages201.SecurityEventNotificationRequest),
    "SignCertificate": sign_certificate(messages201.SignCertificateRequest),
}
