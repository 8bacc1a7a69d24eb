"""OCPP-J frames: [2, id, action, payload], [3, id, payload], [4, id, code, text, details]. Pure."""

import json
from typing import Any

import msgspec

LONGEST_ID = 255
LONGEST_ACTION = 100
NO_ID = "-1"  # stands for the id of a frame that has none that can be read


class BadFrame(ValueError):
    """Not an OCPP-J frame."""


class Frame(msgspec.Struct, frozen=True):
    """A frame: `kind` 2, 3 or 4; `action` of a CALL or code of a CALLERROR; the payload still undecoded."""

    kind: int
    id: str
    action: str
    payload: msgspec.Raw


def parse(text: str | bytes) -> Frame:
    """Read a frame. Raises BadFrame."""
    if isinstance(text, bytes):
        raise BadFrame("binary")
    try:
        parts = msgspec.json.decode(text, type=list[msgspec.Raw])
        kind = msgspec.json.decode(parts[0], type=int)
        if kind == 2 and len(parts) == 4:
            return Frame(2, _id(parts[1]), _action(parts[2]), parts[3])
        if kind == 3 and len(parts) == 3:
            return Frame(3, _id(parts[1]), "", parts[2])
        if kind == 4 and 3 <= len(parts) <= 5:
            return Frame(4, _id(parts[1]), _action(parts[2]), parts[-1])
    except (msgspec.DecodeError, RecursionError, IndexError, UnicodeEncodeError) as error:
        raise BadFrame(type(error).__name__) from None
    raise BadFrame("unknown message type or length")


def _id(raw: msgspec.Raw) -> str:
    text = msgspec.json.decode(raw, type=str)
    if not 0 < len(text) <= LONGEST_ID:
        raise BadFrame("message id")
    return text


def _action(raw: msgspec.Raw) -> str:
    text = msgspec.json.decode(raw, type=str)
    if not 0 < len(text) <= LONGEST_ACTION:
        raise BadFrame("action")
    return text


def call(message_id: str, action: str, payload: dict[str, Any]) -> str:
    """A CALL."""
    return json.dumps([2, message_id, action, payload], separators=(",", ":"))


def result(message_id: str, payload: dict[str, Any]) -> str:
    """A CALLRESULT."""
    return json.dumps([3, message_id, payload], separators=(",", ":"))


def error(message_id: str, code: str, text: str) -> str:
    """A CALLERROR."""
    return json.dumps([4, message_id, code, text[:255], {}], separators=(",", ":"))
