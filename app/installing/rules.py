"""What each device's step asks for, and what of it is still open. Pure."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from app.installing.model import Fact, Facts, Kind, OpenPoint, Thing

LIVE_FOR = timedelta(minutes=15)
LEAST_DBM = -100  # RSRP below this is weak: an LTE modem loses the cell now and then
OCPP_PORT = 9000
MOST_IDLE_W = 5  # what a relay meter may show with its relay off: its own use
TEXT = re.compile(r"^[^\x00-\x1f]{1,120}$")
IPV4 = re.compile(r"^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)$")
MODBUS, M_BUS = (1, 247), (1, 250)
INDEX = 10**12


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a step. yes: a test that must come out well; addresses: bus addresses that answered; index: Wh or litres.

    `about`: the name of the other device or the output that it is about.
    """

    name: str
    kind: Literal["yes", "number", "text", "addresses", "index"]
    needed: bool = True
    least: int = 0
    most: int = 0
    about: str = ""


class Each(msgspec.Struct, frozen=True, kw_only=True):
    """An entry for each other device of some kinds."""

    prefix: str
    kinds: tuple[Kind, ...]
    kind: Literal["yes", "number"]
    least: int = 0
    most: int = 0


class Guide(msgspec.Struct, frozen=True, kw_only=True):
    """A kind's step: what is entered, and whether the platform has to hear of the device before the step is done."""

    asks: tuple[Question, ...] = ()
    each: tuple[Each, ...] = ()
    heard: bool = False


def _yes(*names: str) -> tuple[Question, ...]:
    return tuple(Question(name=name, kind="yes") for name in names)


RELAY_TEST = (Question(name="on_w", kind="number", most=100_000), Question(name="off_w", kind="number", most=100_000))
GUIDES: dict[Kind, Guide] = {
    "router_4g": Guide(asks=(Question(name="signal_dbm", kind="number", least=-150, most=-30),
                             Question(name="antenna_extension", kind="yes", needed=False))),
    "router_lan": Guide(asks=_yes("outbound")),
    "gateway": Guide(asks=(*_yes("power", "bus", "network"), Question(name="ip", kind="text")), heard=True),
    "rs485_converter": Guide(asks=(Question(name="ip", kind="text"), Question(name="answering", kind="addresses", least=1, most=247))),
    "mbus_converter": Guide(asks=(Question(name="answering", kind="addresses", least=1, most=250),)),
    "switch": Guide(each=(Each(prefix="port", kinds=("reader", "access_point"), kind="number", least=1, most=96),)),
    "access_point": Guide(asks=(Question(name="ssid", kind="text"), Question(name="channel", kind="number", least=1, most=233)),
                          each=(Each(prefix="reach", kinds=("wifi_meter",), kind="yes"),)),
    "meter": Guide(heard=True),
    "thermal": Guide(asks=(Question(name="address", kind="number", least=1, most=250),
                           Question(name="start_index", kind="index", most=INDEX))),
    "relay_meter": Guide(asks=RELAY_TEST, heard=True),
    "wifi_meter": Guide(asks=(*_yes("joined"), Question(name="shown_name", kind="text"), *RELAY_TEST), heard=True),
    "station": Guide(asks=(Question(name="url", kind="text"),), heard=True),
    "remote_station": Guide(heard=True),
    "reader": Guide(asks=_yes("known_accepted", "unknown_refused")),
    "relay_module": Guide(),
}  # fmt: skip


def asks_of(thing: Thing, house: Iterable[Thing]) -> list[Question]:
    """Everything that a device's step asks for, in the order in which it is done."""
    guide = GUIDES[thing.kind]
    asks = list(guide.asks)
    if thing.kind == "meter" and thing.use == "production":
        asks += _yes("wired_as_consumer")  # the grid above, the PV below: its power then shows as negative
    asks += [Question(name=f"out_{number}", kind="yes", about=label) for number, label in thing.outputs]
    for each in guide.each:
        asks += [Question(name=f"{each.prefix}_{other.id}", kind=each.kind, about=other.name, least=each.least, most=each.most)
                 for other in house if other.kind in each.kinds]  # fmt: skip
    return asks


def fits(ask: Question, value: Fact) -> bool:
    """Whether a value can be the answer."""
    if ask.kind == "yes":
        return isinstance(value, bool)
    if ask.kind in ("number", "index"):
        return isinstance(value, int) and not isinstance(value, bool) and ask.least <= value <= ask.most
    if ask.kind == "addresses":
        return isinstance(value, list) and len(value) <= 250 and all(ask.least <= one <= ask.most for one in value)
    return isinstance(value, str) and TEXT.match(value) is not None and (ask.name != "ip" or IPV4.match(value) is not None)


def wrong(facts: Facts, asks: Sequence[Question]) -> list[str]:
    """The names of entries that nobody asked for or that cannot be."""
    known = {ask.name: ask for ask in asks}
    return sorted(name for name, value in facts.items() if name not in known or not fits(known[name], value))


def open_of(
    thing: Thing, facts: Facts, photos: int, house: Sequence[Thing], began: datetime | None, urls: Sequence[str] = ()
) -> list[OpenPoint]:
    """What is still to do about a device; none: its step is done.

    `began`: when the first entry or photo of it was made; what the platform heard before that proves nothing.
    `urls`: where the gateways of the house take stations.
    """
    asks = asks_of(thing, house)
    found = [OpenPoint(code="photo_missing")] if photos == 0 else []
    for ask in asks:
        if ask.needed and (ask.name not in facts or facts[ask.name] is False):
            found.append(
                OpenPoint(code="test_failed" if ask.name in facts else "entry_missing", about=ask.name, params={"about": ask.about})
            )
    found += url_finding(facts.get("url"), urls) if thing.kind == "station" else _judged(thing, facts, house)
    if GUIDES[thing.kind].heard and (thing.heard_at is None or began is None or thing.heard_at < began - LIVE_FOR):
        found.append(OpenPoint(code="not_seen"))
    return found


def is_live(heard_at: datetime | None, now: datetime) -> bool:
    """Whether something was heard of just now."""
    return heard_at is not None and heard_at >= now - LIVE_FOR


def _judged(thing: Thing, facts: Facts, house: Sequence[Thing]) -> list[OpenPoint]:
    if thing.kind == "router_4g":
        return _signal(facts)
    if thing.kind in ("rs485_converter", "mbus_converter"):
        return _bus(thing, facts, house)
    if thing.kind == "switch":
        return _ports(facts)
    if thing.kind in ("relay_meter", "wifi_meter"):
        return _relay(facts)
    if thing.kind == "thermal" and "address" in facts and thing.address and str(facts["address"]) != thing.address:
        return [OpenPoint(code="address_differs", about="address", params={"entered": thing.address, "found": str(facts["address"])})]
    return []


def _signal(facts: Facts) -> list[OpenPoint]:
    """A weak signal asks for an antenna extension; where it stays weak with one, for another place."""
    signal = facts.get("signal_dbm")
    if not isinstance(signal, int) or signal >= LEAST_DBM:
        return []
    code = "still_weak" if facts.get("antenna_extension") is True else "antenna_needed"
    return [OpenPoint(code=code, about="antenna_extension", params={"dbm": signal, "least": LEAST_DBM})]


def _on_bus(converter: Thing, house: Sequence[Thing]) -> dict[int, Thing]:
    """The meters that should answer behind a converter: those of its gateway, or of the house where it names none."""
    thermal = converter.kind == "mbus_converter"
    return {
        int(one.address): one for one in house if one.address.isdecimal() and (one.kind == "thermal") == thermal
        and one.kind in ("meter", "relay_meter", "thermal") and converter.gateway_id in (None, one.gateway_id)
    }  # fmt: skip


def _bus(converter: Thing, facts: Facts, house: Sequence[Thing]) -> list[OpenPoint]:
    """Every meter that was entered answers, and everything that answers was entered."""
    answering = facts.get("answering")
    if not isinstance(answering, list):
        return []
    expected = _on_bus(converter, house)
    silent = [OpenPoint(code="silent", about="answering", params={"address": address, "name": expected[address].name})
              for address in sorted(expected.keys() - set(answering))]  # fmt: skip
    strangers = [OpenPoint(code="stranger", about="answering", params={"address": address})
                 for address in sorted(set(answering) - expected.keys())]  # fmt: skip
    return silent + strangers


def _ports(facts: Facts) -> list[OpenPoint]:
    """One device on a port."""
    taken: dict[int, list[str]] = {}
    for name, value in facts.items():
        if name.startswith("port_") and isinstance(value, int):
            taken.setdefault(value, []).append(name)
    return [OpenPoint(code="port_twice", about=names[1], params={"port": port}) for port, names in sorted(taken.items()) if len(names) > 1]


def _relay(facts: Facts) -> list[OpenPoint]:
    """With the relay on, something flows; with it off, nothing."""
    on, off = facts.get("on_w"), facts.get("off_w")
    found = []
    if isinstance(on, int) and on <= MOST_IDLE_W:
        found.append(OpenPoint(code="relay_no_load", about="on_w", params={"watts": on}))
    if isinstance(off, int) and off > MOST_IDLE_W:
        found.append(OpenPoint(code="relay_stuck", about="off_w", params={"watts": off}))
    return found


def gateway_urls(ips: Iterable[str]) -> list[str]:
    """Where a station of the house is pointed to: a gateway's static address, port 9000."""
    return [f"ws://{ip}:{OCPP_PORT}" for ip in ips]


def url_finding(typed: Fact | None, urls: Sequence[str]) -> list[OpenPoint]:
    """Whether the address that a station was given is that of a gateway of the house."""
    if not isinstance(typed, str):
        return []
    if not urls:
        return [OpenPoint(code="gateway_first", about="url")]
    plain = typed.strip().rstrip("/").lower()
    if any(plain == url or plain.startswith(f"{url}/") for url in urls):
        return []
    return [OpenPoint(code="url_differs", about="url", params={"expected": urls[0]})]
