"""Stations as they are entered and changed, on a real database."""

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from app.audit.model import Actor
from app.charging import station_entry
from app.charging.station_entry import EnteredStation, NewStation, StationChange, StationMade
from app.charging.station_rules import amperes_of
from app.charging.wiring import CircuitPart, CircuitWiring, StationPart, wire
from app.database.transaction import as_owner, execute, fetch, in_account
from app.kernel.identifiers import keyed_hash
from app.metering import equipment
from app.metering.equipment import NewGateway
from tests.charging.house import SECRET, House, make_house
from tests.metering.test_equipment import refusal

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


class Desk(msgspec.Struct):
    """A house with one zone."""

    house: House
    actor: Actor

    async def add(self, identity: str, **values: Any) -> StationMade:
        form = NewStation(**{"identity": identity, "name": "Bay 9", **values})
        return await station_entry.add_station(self.actor, self.house.site_id, form, SECRET, NOW)

    async def change(self, station_id: Any, version: int = 1, **values: Any) -> int:
        return await station_entry.change_station(self.actor, station_id, StationChange(version=version, **values), NOW)

    async def shown(self, identity: str) -> EnteredStation:
        async with in_account(self.house.account_id):
            return next(one for one in await station_entry.stations_of(self.house.site_id) if one.identity == identity)


@pytest.fixture
async def desk(database: str) -> Desk:
    house = await make_house()
    async with in_account(house.account_id):
        await wire(house.account_id, house.site_id, CircuitWiring(circuits=[CircuitPart(name="Garage")]))
    return Desk(house, Actor(account_id=house.account_id, name="Ines Installer"))


@pytest.mark.row("A21")
@pytest.mark.row("I24")
async def test_a_station_is_entered_with_gateway_and_zone_and_its_identity_is_nobody_elses(desk):
    gateway = await equipment.add_gateway(desk.actor, desk.house.site_id, NewGateway(serial="GW-1"), NOW)
    made = await desk.add("CP-09", gateway_id=gateway, circuit="Garage", connectors=2, max_power_w=22_000, installed_on=date(2026, 3, 1))
    terra = await desk.add("tacw 22-41122 g0001", make="abb_terra")
    assert terra.identity == "TACW2241122G0001"
    for identity in ("CP-09", "cp-09", " CP-09 "):
        assert await refusal(desk.add(identity)) == "identity_taken"
    other = await make_house("XX")
    stranger = Desk(other, Actor(account_id=other.account_id, name="Other"))
    assert await refusal(stranger.add("CP-09")) == "identity_taken"
    assert await refusal(desk.add("CP 09/1")) == "bad_identity"
    assert await refusal(desk.add("CP-10", make="abb_terra")) == "bad_identity"
    assert await refusal(desk.add("CP-10", gateway_id=other.site_id)) == "not_found"
    assert await refusal(desk.add("CP-10", circuit="Attic")) == "invalid_input"
    shown = await desk.shown("CP-09")
    assert (shown.gateway_id, shown.circuit, shown.connectors, shown.remote, shown.registered) == (gateway, "Garage", 2, False, False)
    async with as_owner():
        (row,) = await fetch("SELECT password_hash, commissioned_at FROM station WHERE id = $1", made.id)
        (wired,) = await fetch("SELECT phases, max_ma FROM station_wiring WHERE station_id = $1", made.id)
        codes = await fetch("SELECT public_code FROM connector WHERE station_id = $1", made.id)
    assert row["password_hash"] == keyed_hash(SECRET, made.key) and row["commissioned_at"] == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert (wired["phases"], wired["max_ma"], len(codes)) == (["L1", "L2", "L3"], 32_000, 2)


async def test_a_station_is_changed_and_keeps_its_identity_once_it_has_come(desk):
    made = await desk.add("CP-09")
    assert await desk.change(made.id, identity="CP-10", name="Bay 10", max_power_w=7_400, phases=1) == 2
    assert await refusal(desk.change(made.id, 1, name="Bay 11")) == "changed_meanwhile"
    known = next(iter(desk.house.stations))
    assert await refusal(desk.change(made.id, 2, identity=known)) == "identity_taken"
    async with as_owner():
        await execute("UPDATE station SET registered = true WHERE id = $1", made.id)
    assert await refusal(desk.change(made.id, 2, identity="CP-11")) == "identity_in_use"
    assert await desk.change(made.id, 2, identity="CP-10", place="Garage") == 3
    shown = await desk.shown("CP-10")
    assert (shown.name, shown.place, shown.max_power_w, shown.phases) == ("Bay 10", "Garage", 7_400, 1)


@pytest.mark.row("I25")
async def test_a_remote_station_has_no_gateway_and_takes_part_in_no_load_management(desk):
    gateway = await equipment.add_gateway(desk.actor, desk.house.site_id, NewGateway(serial="GW-1"), NOW)
    made = await desk.add("RM-1", remote=True)
    assert await refusal(desk.add("rm-1", remote=True)) == "identity_taken"
    assert await refusal(desk.add("RM-2", remote=True, gateway_id=gateway)) == "no_gateway"
    assert await refusal(desk.add("RM-2", remote=True, circuit="Garage")) == "not_balanced"
    part = StationPart(station_id=made.id, circuit="Garage", phases=["L1"], max_ma=16_000)
    async with in_account(desk.house.account_id):
        assert await refusal(wire(desk.house.account_id, desk.house.site_id, CircuitWiring(stations=[part]))) == "not_balanced"
    local = await desk.add("LO-1", circuit="Garage")
    assert await refusal(desk.change(local.id, remote=True)) == "not_balanced"
    assert (await desk.shown("RM-1")).remote


@pytest.mark.parametrize(("power_w", "phases", "amperes"), [(11_000, 3, 16), (22_000, 3, 32), (7_400, 1, 33), (3_680, 1, 16)])
def test_full_power_in_amperes_is_rounded_up(power_w: int, phases: int, amperes: int):
    assert amperes_of(power_w, phases) == amperes
