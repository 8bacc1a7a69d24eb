"""How diagnostics and firmware go on, as stations of either version tell it. One request, one answer: an empty one."""

import msgspec

from app.charging import progress, stations
from ocpp_server import messages16 as m16
from ocpp_server import messages201 as m201
from ocpp_server import translate as t
from ocpp_server.call import Call, Handler, Reply

DIAGNOSTICS, FIRMWARE = "GetDiagnostics", "UpdateFirmware"


async def _follow(call: Call, kind: str, status: str, request_no: int | None) -> Reply:
    await stations.seen(call.station, call.now)
    return {}, await progress.follow(call.station, kind, status, request_no, call.now)


def _number(request_id: int | msgspec.UnsetType) -> int | None:
    known = isinstance(request_id, int) and 0 < request_id <= t.LARGEST_INT
    return int(request_id) if known else None  # type: ignore[arg-type]


async def diagnostics16(call: Call) -> Reply:
    """1.6: how far an upload is."""
    message = t.strict(call.payload, m16.DiagnosticsStatusNotificationRequest)
    return await _follow(call, DIAGNOSTICS, message.status, None)


async def firmware16(call: Call) -> Reply:
    """1.6: how far an update is."""
    message = t.strict(call.payload, m16.FirmwareStatusNotificationRequest)
    return await _follow(call, FIRMWARE, message.status, None)


async def signed_firmware16(call: Call) -> Reply:
    """1.6 with security: how far a signed update is."""
    message = t.strict(call.payload, m16.SignedFirmwareStatusNotificationRequest)
    return await _follow(call, FIRMWARE, message.status, _number(message.request_id))


async def log16(call: Call) -> Reply:
    """1.6 with security: how far the upload of a log is."""
    message = t.strict(call.payload, m16.LogStatusNotificationRequest)
    return await _follow(call, DIAGNOSTICS, message.status, _number(message.request_id))


async def firmware201(call: Call) -> Reply:
    """2.0.1: how far an update is."""
    message = t.strict(call.payload, m201.FirmwareStatusNotificationRequest)
    return await _follow(call, FIRMWARE, message.status, _number(message.request_id))


async def log201(call: Call) -> Reply:
    """2.0.1: how far the upload of a log is."""
    message = t.strict(call.payload, m201.LogStatusNotificationRequest)
    return await _follow(call, DIAGNOSTICS, message.status, _number(message.request_id))


HANDLERS_16: dict[str, Handler] = {
    "DiagnosticsStatusNotification": diagnostics16,
    "FirmwareStatusNotification": firmware16,
    "LogStatusNotification": log16,
    "SignedFirmwareStatusNotification": signed_firmware16,
}
HANDLERS_201: dict[str, Handler] = {"FirmwareStatusNotification": firmware201, "LogStatusNotification": log201}
