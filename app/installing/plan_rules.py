"""What a house needs for its solutions, and what of it is there. Pure.

Sources of the scheme: one gateway and one way to the internet a building; one entry meter in series with the grid operator's;
a meter for each consumer, for PV, and for what is billed apart; heat and water meters a flat and at the boiler; a reader and a
relay meter for each machine; for bikes a network of their own.
"""

from collections.abc import Mapping, Sequence

import msgspec

from app.metering.equipment_rules import MOST_DIRECT_A


class House(msgspec.Struct, frozen=True, kw_only=True):
    """What the plan is made for. `flats`, `commons`: billing points of a building. `entry_a`: amperage of the house's connection."""

    solutions: frozenset[str]
    buildings: tuple[str, ...] = ()
    flats: Mapping[str, int] = {}
    commons: Mapping[str, int] = {}
    stations: int = 0
    machines: int = 0
    sockets: int = 0
    pv: bool = False
    battery: bool = False
    heat_pump: bool = False
    entry_a: int = 0


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """So many pieces of a kind: in a building, or in the house. `advised`: proposed, not required. `indirect`: with transformers.
    `there`: how many are entered; None: nothing of this kind is ever entered."""

    kind: str
    count: int
    building: str = ""
    advised: bool = False
    indirect: bool = False
    there: int | None = 0


def plan_of(house: House) -> list[Need]:
    """The hardware of a house, in the order in which it is installed."""
    if not house.solutions:
        return []
    needs = [Need(kind=kind, count=1, building=name) for name in house.buildings for kind in ("router", "gateway")]
    for solution, rule in RULES.items():
        if solution in house.solutions:
            needs += rule(house)
    return [need for need in needs if need.count > 0]


def _electricity(house: House) -> list[Need]:
    consumers = [Need(kind=kind, count=counts.get(name, 0), building=name) for name in house.buildings
                 for kind, counts in (("meter_flat", house.flats), ("meter_common", house.commons))]  # fmt: skip
    apart = [("meter_heat_pump", house.heat_pump), ("meter_charging", "charging" in house.solutions), ("meter_battery", house.battery)]
    return [
        Need(kind="meter_dso", count=1), Need(kind="meter_entry", count=1, indirect=house.entry_a > MOST_DIRECT_A), *consumers,
        Need(kind="meter_production", count=int(house.pv)), *(Need(kind=kind, count=int(there), advised=True) for kind, there in apart),
    ]  # fmt: skip


def _charging(house: House) -> list[Need]:
    own = [] if "electricity" in house.solutions else [Need(kind="meter_charging", count=1)]
    return [Need(kind="zone", count=1), *own, Need(kind="station", count=max(1, house.stations))]


def _heating_water(house: House) -> list[Need]:
    needs: list[Need] = []
    for name in house.buildings:
        flats = house.flats.get(name, 0)
        needs.append(Need(kind="mbus_converter", count=1, building=name))
        needs += [Need(kind=kind, count=flats, building=name) for kind in ("meter_heat", "meter_hot_water", "meter_cold_water")]
        needs += [Need(kind=kind, count=1, building=name) for kind in ("heat_source", "heater_inlet", "cold_water_common")]
    return needs


def _laundry(house: House) -> list[Need]:
    return [Need(kind="reader", count=house.machines), Need(kind="relay_meter", count=house.machines)]


def _ebike(house: House) -> list[Need]:
    once = [Need(kind=kind, count=1) for kind in ("switch", "access_point")]
    return [*once, Need(kind="wifi_controller", count=1, there=None), Need(kind="reader_keypad", count=1),
            Need(kind="socket_meter", count=house.sockets), Need(kind="socket_led", count=house.sockets, advised=True)]  # fmt: skip


RULES = {"electricity": _electricity, "charging": _charging, "heating_water": _heating_water, "laundry": _laundry, "ebike": _ebike}


def beside(needs: Sequence[Need], there: Mapping[tuple[str, str], int]) -> list[Need]:
    """The plan with what is entered of each kind, by building; what has no building counts for the house."""
    return [
        need if need.there is None else msgspec.structs.replace(need, there=there.get((need.kind, need.building), 0)) for need in needs
    ]  # fmt: skip
