"""An intent in the words of a station's version, and its answer in ours. Pure."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from app.charging.intents import Answer, Intent, Profile, kind_of

VOLTS = 230
Payload = dict[str, Any]
Wire = tuple[str, Payload]
# Decimals travel as JSON numbers: no binary fraction ever stands between a price or a limit and the station.
ENCODER = msgspec.json.Encoder(decimal_format="number")
GOOD = {"Accepted": "accepted", "Unlocked": "accepted", "Unpublished": "accepted", "AcceptedCanceled": "accepted", "Scheduled": "scheduled",
        "RebootRequired": "reboot_required"}  # fmt: skip


class CannotSay(ValueError):
    """This version, or this station, has no way to say it; the text says why. Nothing is sent."""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a translation needs beside the intent. `request_no`: numbers the request towards the station. `rate_unit`:
    what its charging profiles count in (some chargers take watts and refuse amperes). `tags`: UIDs for a local list."""

    request_no: int
    rate_unit: str = "A"
    phases: int = 3
    tags: Mapping[UUID, str] = {}


Say = Callable[[Any, Context], Wire]
Hear = Callable[[Any, Payload], Answer]


def say(words: Mapping[type[Intent], Say], version: str, intent: Intent, context: Context) -> Wire:
    """Action and payload for the station. Raises CannotSay."""
    word = words.get(type(intent))
    if word is None:
        raise CannotSay(f"{version} has no message for {kind_of(intent)}")
    return word(intent, context)


def call_frame(message_id: str, action: str, payload: Payload) -> str:
    """The CALL as it is sent."""
    return ENCODER.encode([2, message_id, action, payload]).decode()


def verdict(payload: Payload) -> Answer:
    """The usual answer: a status, in 2.0.1 with a reason code and text. No status at all is an acknowledgement."""
    status = str(payload.get("status", "Accepted"))
    info = payload.get("statusInfo")
    reason = ""
    if isinstance(info, dict):
        reason = " ".join(str(info[name]) for name in ("reasonCode", "additionalInfo") if info.get(name))
    return Answer(verdict=GOOD.get(status, "rejected"), status=status, reason=reason)


def only_given(**fields: Any) -> Payload:
    """A payload without what is None: OCPP knows absent fields, not null."""
    return {name: value for name, value in fields.items() if value is not None}


def of_start(profile: Profile) -> Profile:
    """A profile as a remote start may carry it: for the transaction that it begins (both versions). Raises CannotSay."""
    if profile.purpose != "transaction" or profile.transaction is not None:
        raise CannotSay("a remote start carries a profile for its own transaction only")
    return profile


def limit_in(unit: str, limit_a: Decimal, phases: int) -> Decimal:
    """A limit in a station's unit, rounded down to tenths as 1.6 demands: never more than was granted."""
    value = limit_a if unit == "A" else limit_a * VOLTS * phases
    return value.quantize(Decimal("0.1"), rounding="ROUND_DOWN")
