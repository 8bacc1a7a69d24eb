"""How diagnostics and firmware go on, as stations of either version tell it. One request, one answer: an empty one."""

from collections.abc import Mapping
from typing import Any

from app.charging import progress
from app.charging.station_states import State, tell
from ocpp_server import messages16 as m16
from ocpp_server import messages201 as m201
from ocpp_server import translate as t
from ocpp_server.call import Call, Handler, Reply

DIAGNOSTICS, FIRMWARE, PUBLISHED = "GetDiagnostics", "UpdateFirmware", "PublishFirmware"
STATES = {DIAGNOSTICS: "log", FIRMWARE: "firmware", PUBLISHED: "published_firmware"}


def following(requests: Mapping[str, type[Any]], action: str, kind: str) -> Handler:
    """The handler of a status notification: the last one is kept, and moves the command that it belongs to."""

    async def handler(call: Call) -> Reply:
        message = t.strict(call.payload, requests[action])
        said = getattr(message, "request_id", None)
        number = said if isinstance(said, int) else None
        body = t.text_of(call.payload)
        state = State(kind=STATES[kind], key="" if number is None else str(number), status=message.status, body=body)
        await tell(call.station, action, call.message_id, body, [state], call.now)
        known = number if number is not None and 0 < number <= t.LARGEST_INT else None
        return {}, await progress.follow(call.station, kind, message.status, known, call.now)

    return handler


HANDLERS_16: dict[str, Handler] = {
    "DiagnosticsStatusNotification": following(m16.REQUESTS, "DiagnosticsStatusNotification", DIAGNOSTICS),
    "FirmwareStatusNotification": following(m16.REQUESTS, "FirmwareStatusNotification", FIRMWARE),
    "LogStatusNotification": following(m16.REQUESTS, "LogStatusNotification", DIAGNOSTICS),
    "SignedFirmwareStatusNotification": following(m16.REQUESTS, "SignedFirmwareStatusNotification", FIRMWARE),
}
HANDLERS_201: dict[str, Handler] = {
    "FirmwareStatusNotification": following(m201.REQUESTS, "FirmwareStatusNotification", FIRMWARE),
    "LogStatusNotification": following(m201.REQUESTS, "LogStatusNotification", DIAGNOSTICS),
    "PublishFirmwareStatusNotification": following(m201.REQUESTS, "PublishFirmwareStatusNotification", PUBLISHED),
}
