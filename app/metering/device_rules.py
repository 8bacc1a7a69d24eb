"""Devices that are neither gateway, meter nor station: which fields belong to which kind, and which values can be. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

import msgspec

from app.kernel.errors import Refused

DeviceKind = Literal["router", "rs485_converter", "mbus_converter", "switch", "access_point", "relay_module", "reader", "pv", "battery"]
Drives = Literal["nothing", "heat_pump", "water_heater", "washing_machine", "dryer", "ebike_socket", "other"]
Uplink = Literal["lan", "4g"]
OUTPUTS = (1, 2, 3, 4)
SIM = re.compile(r"[0-9]{18,22}")
# Fields that other kinds do not have, and which of them a kind cannot do without.
OWN: dict[str, tuple[str, ...]] = {
    "router": ("uplink", "sim"),
    "relay_module": ("outputs",),
    "reader": ("keypad", "targets"),
    "pv": ("peak_w", "inverter", "meter_id"),
    "battery": ("usable_wh", "charge_w", "discharge_w", "meter_id"),
}
NEEDED: dict[str, tuple[str, ...]] = {
    "router": ("serial", "uplink"),
    "relay_module": ("outputs",),
    "reader": ("serial", "place", "keypad"),
    "pv": ("peak_w", "installed_on"),
    "battery": ("usable_wh", "charge_w", "discharge_w"),
}
# Which way the meter of a kind counts.
MEASURED_BY = {"pv": "production", "battery": "battery"}


class Output(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An output of a relay module: its label, and what it switches."""

    position: int
    label: str = ""
    drives: Drives = "nothing"


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a reader switches: a relay meter, or an output of a relay module. `socket`: the number on the keypad, else 0."""

    socket: int = 0
    meter_id: UUID | None = None
    module_id: UUID | None = None
    output: int | None = None


def check_device(device: Mapping[str, Any]) -> None:
    """Whether a device can be as it is entered.

    Raises Refused not_of_this_kind, field_needed, bad_sim, sim_needed, four_outputs, bad_targets.
    """
    kind = device["kind"]
    mine = set(OWN.get(kind, ()))
    odd = sorted({name for names in OWN.values() for name in names} - mine)
    wrong = [name for name in odd if device.get(name) not in (None, "", (), [])]
    if wrong:
        raise Refused("not_of_this_kind", 422, "A device of this kind has no such value. Leave it empty.", fields=wrong)
    missing = [name for name in NEEDED.get(kind, ()) if device.get(name) in (None, "", (), [])]
    if missing:
        raise Refused("field_needed", 422, "Something is still missing. Fill in what is marked.", fields=missing)
    if kind == "router":
        _check_sim(device["uplink"], device.get("sim"))
    if kind == "relay_module":
        _check_outputs(device["outputs"])
    if kind == "reader":
        _check_targets(device["keypad"], device.get("targets") or ())


def sim_of(text: str | None) -> str | None:
    """A SIM card's number without the blanks that it is printed with."""
    return "".join((text or "").split()) or None


def _check_sim(uplink: str, sim: str | None) -> None:
    if (uplink == "4g") != bool(sim):
        raise Refused("sim_needed", 422, "A 4G router has a SIM card, a LAN router has none. Write the card's number, or leave it empty.",
                      fields=["sim"])  # fmt: skip
    if sim and not SIM.fullmatch(sim):
        raise Refused("bad_sim", 422, "The number on the SIM card (ICCID) has 18 to 22 digits.", fields=["sim"])


def _check_outputs(outputs: Sequence[Output]) -> None:
    if sorted(one.position for one in outputs) != list(OUTPUTS) or any(one.drives != "nothing" and not one.label for one in outputs):
        raise Refused("four_outputs", 422, "The module has four outputs. Say of each what it switches, with a label, or nothing.",
                      fields=["outputs"])  # fmt: skip


def _check_targets(keypad: bool, targets: Sequence[Target]) -> None:
    sockets = [one.socket for one in targets]
    numbered = all(1 <= socket <= 99 for socket in sockets) and len(set(sockets)) == len(sockets)
    plain = not targets or sockets == [0]
    whole = all((one.meter_id is None) != (one.module_id is None) and (one.module_id is None) == (one.output is None) for one in targets)
    if not whole or not (numbered if keypad else plain):
        raise Refused("bad_targets", 422, "With a keypad each socket has a number of its own from 1 to 99; without one a reader switches"
                      " one thing: a relay meter, or an output of a relay module.", fields=["targets"])  # fmt: skip
