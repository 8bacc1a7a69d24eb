"""A request of a station, and what a version of the protocol does with it."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from app.charging.model import Changed, Station

Reply = tuple[dict[str, Any], list[Changed]]


class Call(msgspec.Struct, frozen=True):
    """A request of a station with what is needed to do it."""

    station: Station
    payload: bytes
    message_id: str
    secret: bytes
    now: datetime


Handler = Callable[[Call], Awaitable[Reply]]
# (action, call, reason) -> the answer, after the message has been kept for a person.
Keep = Callable[[str, Call, str], Awaitable[dict[str, Any]]]


class Protocol(msgspec.Struct, frozen=True, kw_only=True):
    """One version of OCPP. `version` is its subprotocol's name.

    `acknowledged`: the actions about money, which are kept and answered even where they cannot be read.
    `known`: every action that a station may send; one of them without a handler is NotSupported, any other NotImplemented.
    `answers_bad_frames`: 2.0.1 tells the station of a frame that is none; 1.6 has no word for it.
    `codes`: this version's words for the ways to break it, by 1.6's word.
    """

    version: str
    handlers: Mapping[str, Handler]
    acknowledged: frozenset[str]
    keep_unreadable: Keep
    known: frozenset[str]
    answers_bad_frames: bool = False
    codes: Mapping[str, str] = {}

    def code(self, word: str) -> str:
        """This version's word for a violation."""
        return self.codes.get(word, word)

    def missing(self, action: str) -> str:
        """The error for an action that has no handler."""
        return "NotSupported" if action in self.known else "NotImplemented"
