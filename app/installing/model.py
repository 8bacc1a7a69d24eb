"""What is installed in a house, what was entered about it, and what came of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

Kind = Literal["router_4g", "router_lan", "gateway", "rs485_converter", "mbus_converter", "switch", "access_point", "meter", "thermal",
               "relay_meter", "wifi_meter", "station", "remote_station", "reader", "relay_module"]  # fmt: skip
# In the order in which an installer goes about: what carries the others comes first.
ORDER: tuple[Kind, ...] = ("router_4g", "router_lan", "switch", "access_point", "gateway", "rs485_converter", "mbus_converter", "meter",
                           "relay_meter", "wifi_meter", "thermal", "relay_module", "reader", "station", "remote_station")  # fmt: skip
Fact = bool | int | str | list[int]
Facts = Mapping[str, Fact]


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    """A device of the house as it was entered. `address`: on its bus (a number) or in its network.

    `use`: a meter's kind. `heard_at`: when the platform heard of it last. `outputs`: of a relay module, number and label.
    """

    kind: Kind
    id: UUID
    name: str
    serial: str = ""
    place: str = ""
    address: str = ""
    gateway_id: UUID | None = None
    use: str = ""
    medium: str = ""
    outputs: tuple[tuple[int, str], ...] = ()
    heard_at: datetime | None = None


class OpenPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What is still open about something, by a code that every language has a sentence for. `about`: which part of it."""

    code: str
    about: str = ""
    params: dict[str, str | int] = {}


class Obstacle(msgspec.Struct, frozen=True, kw_only=True):
    """Why a house cannot be handed over: the code, and the device that it is about."""

    code: str
    name: str = ""
    kind: str = ""
    id: UUID | None = None


class Photo(msgspec.Struct, frozen=True, kw_only=True):
    """A photo of a device; its bytes are fetched apart."""

    id: UUID
    taken_at: datetime
    by: str
