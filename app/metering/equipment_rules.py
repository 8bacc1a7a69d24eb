"""Meters as a house has them: which reckoned ones make sense, and what they come to. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from app.kernel.errors import Refused
from app.metering.allocation_rules import Wh

Key = TypeVar("Key")


def in_order(terms: Mapping[Key, Sequence[Key]]) -> list[Key] | None:
    """Reckoned meters, each after those that it is reckoned from; None where one would be a part of itself."""
    order: list[Key] = []
    state: dict[Key, bool] = {}  # False: being looked at

    def visit(meter: Key) -> bool:
        if meter in state:
            return state[meter]
        state[meter] = False
        if not all(visit(part) for part in terms.get(meter, ())):
            return False
        state[meter] = True
        if meter in terms:
            order.append(meter)
        return True

    return order if all(visit(meter) for meter in terms) else None


def reckon(wh: Wh, terms: Mapping[int, Sequence[tuple[int, int]]], missing: int) -> None:
    """Fill the rows of reckoned meters: their parts added and subtracted, never below zero; missing where a part is."""
    for row in in_order({row: [part for part, _ in parts] for row, parts in terms.items()}) or ():
        parts = terms[row]
        total = sum(wh[part] * sign for part, sign in parts)
        gap = sum((wh[part] == missing).astype(int) for part, _ in parts)
        wh[row] = total
        wh[row][wh[row] < 0] = 0
        wh[row][gap > 0] = missing


SERIAL = re.compile(r"[A-Z0-9][A-Z0-9./-]{2,39}")
CODE = re.compile(r"[A-Z0-9]{10,40}")
MOST_DIRECT_A = 80
BUS = {"electricity": (1, 247)}  # Modbus; everything else is on M-Bus
M_BUS = (1, 250)


class Wired(Protocol):
    """What is checked of a meter before it is entered."""

    @property
    def kind(self) -> str: ...
    @property
    def medium(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def gateway_id(self) -> UUID | None: ...
    @property
    def bus_address(self) -> int | None: ...
    @property
    def indirect(self) -> bool: ...
    @property
    def amperage_a(self) -> int | None: ...
    @property
    def terms(self) -> Sequence[object]: ...
    @property
    def address(self) -> str: ...
    @property
    def relay(self) -> bool: ...
    @property
    def led(self) -> bool: ...
    @property
    def metering_code(self) -> str | None: ...


def serial_of(text: str) -> str:
    """The serial number as it is kept: in capitals, without spaces. Raises Refused bad_serial."""
    plain = "".join(text.split()).upper()
    if not SERIAL.fullmatch(plain):
        raise Refused("bad_serial", 422, "Write the serial number as it stands on the device: 3 to 40 letters, digits, '.', '/' or '-'.",
                      fields=["serial"])  # fmt: skip
    return plain


def check_meter(meter: Wired) -> None:
    """Whether a meter can be as it is entered.

    Raises Refused bad_kind, not_on_a_bus, bus_address_needed, bad_bus_address, indirect_needed, amperage_needed, terms_needed,
    relay_on_electricity, bad_metering_code.
    """
    if meter.medium != "electricity" and meter.kind != "use":
        raise Refused("bad_kind", 422, "Heat and water meters count use. Choose consumption.", fields=["kind"])
    if meter.source != "physical" and (meter.gateway_id or meter.bus_address is not None or meter.address):
        raise Refused("not_on_a_bus", 422, "Only a physical meter hangs on a gateway. Leave gateway and address empty.",
                      fields=["gateway_id", "bus_address", "address"])  # fmt: skip
    least, most = BUS.get(meter.medium, M_BUS)
    if meter.bus_address is not None and not least <= meter.bus_address <= most:
        raise Refused("bad_bus_address", 422, f"The bus address is a number from {least} to {most}.", least=least, most=most,
                      fields=["bus_address"])  # fmt: skip
    if meter.gateway_id is not None and meter.bus_address is None and not meter.address:
        raise Refused("bus_address_needed", 422, "Write the address at which the gateway finds this meter.", fields=["bus_address"])
    if meter.indirect and meter.amperage_a is None:
        raise Refused("amperage_needed", 422, "Write the amperage of the current transformers.", fields=["amperage_a"])
    if not meter.indirect and (meter.amperage_a or 0) > MOST_DIRECT_A:
        raise Refused("indirect_needed", 422, f"Above {MOST_DIRECT_A} A a meter is indirect, with current transformers.",
                      most=MOST_DIRECT_A, fields=["indirect", "amperage_a"])  # fmt: skip
    if (meter.source == "rule") != bool(meter.terms):
        raise Refused("terms_needed", 422, "A reckoned meter names the meters that are added or subtracted; others name none.",
                      fields=["terms"])  # fmt: skip
    if (meter.relay or meter.led) and (meter.medium != "electricity" or meter.source != "physical" or not meter.relay):
        raise Refused("relay_on_electricity", 422, "Only a physical electricity meter switches, and only one that switches has a light.",
                      fields=["relay", "led"])  # fmt: skip
    if meter.metering_code is not None and (meter.source != "dso" or not CODE.fullmatch(meter.metering_code)):
        raise Refused("bad_metering_code", 422, "A grid operator's meter has the code of its metering point: 10 to 40 letters and digits.",
                      fields=["metering_code"])  # fmt: skip


def code_of(text: str | None) -> str | None:
    """A metering point's code as it is kept: in capitals, without blanks and dots."""
    return re.sub(r"[\s.-]", "", text or "").upper() or None


def above_itself(parents: Mapping[Key, Key | None], meter: Key) -> bool:
    """Whether a meter stands above itself."""
    at, passed = parents.get(meter), 0
    while at is not None and at != meter and passed < len(parents):
        at, passed = parents.get(at), passed + 1
    return at is not None
