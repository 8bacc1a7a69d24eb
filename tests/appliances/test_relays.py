"""Relays are set with their parameters, decided by what the entry meter shows, and told to the gateway output by output."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.appliances import commands
from app.appliances.commands import RelayForm
from app.appliances.model import Period
from app.audit.model import Actor
from app.database.transaction import as_owner, execute, in_account
from app.kernel.errors import Refused
from app.kernel.identifiers import new_id
from tests.charging.house import make_house

NOW = datetime(2026, 11, 25, 12, tzinfo=ZoneInfo("Europe/Zurich"))
NIGHT = Period(days=[1, 2, 3, 4, 5, 6, 7], from_time=time(22), to_time=time(5))


class Cellar:
    """A house with a relay module and an entry meter."""

    def __init__(self, house, module, entry):
        self.house, self.module, self.entry = house, module, entry
        self.actor = Actor(account_id=house.account_id, name="Ivo Installer")

    async def set(self, relay_id=None, at=NOW, **form):
        async with in_account(self.house.account_id):
            made = RelayForm(**({"device_id": self.module, "outputs": [1], "name": "Boiler", "power_w": 2000, "mode": "solar"} | form))
            return await commands.set_relay(self.actor, self.house.site_id, made, at, relay_id)

    async def measured(self, watts, at):
        """The entry meter's indexes of two minutes: what was fed in (negative: drawn) between them."""
        async with as_owner():
            for minutes, wh in ((2, 0), (0, watts // 30)):
                taken = at - timedelta(minutes=minutes)
                await execute("INSERT INTO index_reading (account_id, meter_id, taken_at, received_at, imported, exported, way)"
                              " VALUES ($1, $2, $3, $3, $4, $5, 1)", self.house.account_id, self.entry, taken,
                              100_000 - min(0, wh), 50_000 + max(0, wh))  # fmt: skip

    async def outputs(self, at):
        async with in_account(self.house.account_id):
            return {one.output: one.on for one in await commands.outputs_wanted(self.house.site_id, at) if one.module == "RM-1"}

    async def shown(self):
        async with in_account(self.house.account_id):
            return await commands.relays_of(self.house.site_id)


@pytest.fixture
async def cellar(database):
    house, module, entry = await make_house(), new_id(), new_id()
    async with as_owner():
        await execute("INSERT INTO device (account_id, id, site_id, kind, serial) VALUES ($1, $2, $3, 'relay_module', 'RM-1')",
                      house.account_id, module, house.site_id)  # fmt: skip
        await execute("INSERT INTO meter (account_id, id, site_id, kind, serial, created_at) VALUES ($1, $2, $3, 'entry', 'E-1', $4)",
                      house.account_id, entry, house.site_id, NOW)  # fmt: skip
    return Cellar(house, module, entry)


async def test_the_second_who_sets_a_relay_is_told_and_changes_nothing(cellar):
    relay = await cellar.set(mode="on")
    await cellar.set(relay, mode="off", version=1)
    with pytest.raises(Refused, match="Somebody else") as told:
        await cellar.set(relay, mode="solar", version=1)
    assert (told.value.code, told.value.params["version"]) == ("changed_meanwhile", 2)
    (kept,) = await cellar.shown()
    assert (kept.mode, kept.version) == ("off", 2)


@pytest.mark.row("M24")
async def test_power_least_time_mode_and_periods_are_kept_for_each_relay_and_decide(cellar):
    relay = await cellar.set(mode="solar_timer", min_on_min=30, periods=[NIGHT], priority=3)
    (kept,) = await cellar.shown()
    assert (kept.power_w, kept.min_on_min, kept.mode, kept.periods, kept.outputs, kept.module) == (
        2000,
        30,
        "solar_timer",
        [NIGHT],
        [1],
        "RM-1",
    )
    # Nobody has measured: no sun. Then it covers the appliance, then a cloud comes in its least time, then after it.
    assert await cellar.outputs(NOW) == {1: False}
    steps = ((1, 1980, False), (2, 2010, True), (12, -600, True), (31, -600, True), (33, -600, False))
    for minutes, watts, on in steps:
        at = NOW + timedelta(minutes=10 + minutes)
        await cellar.measured(watts, at)
        assert await cellar.outputs(at) == {1: on}, (minutes, watts)
        async with as_owner():
            await execute("DELETE FROM index_reading")
    assert (await cellar.shown())[0].reason == "too_little_sun"
    assert await cellar.outputs(NOW.replace(hour=23)) == {1: True}
    assert (await cellar.shown())[0].reason == "period"
    await cellar.set(relay, mode="solar_timer", min_on_min=30, periods=[], power_w=3000, at=NOW)
    assert await cellar.outputs(NOW.replace(hour=23) + timedelta(hours=1)) == {1: False}


async def test_a_heater_of_three_phases_is_told_output_by_output_and_by_hand_means_by_hand(cellar):
    heater = await cellar.set(kind="heater3", outputs=[2, 3, 4], power_w=6000, neutral=False, name="Heater")
    await cellar.set(name="Pump", kind="sg_ready", power_w=2500, priority=9)
    await cellar.measured(5700, NOW)
    assert await cellar.outputs(NOW) == {1: True, 2: True, 3: True, 4: False}  # the pump first, then half of the heater
    async with in_account(cellar.house.account_id):
        await commands.switch(cellar.actor, heater, True, NOW)
    assert await cellar.outputs(NOW + timedelta(minutes=20)) == {1: False, 2: True, 3: True, 4: True}
    async with in_account(cellar.house.account_id):
        await commands.remove(cellar.actor, heater, NOW)
    assert [one.name for one in await cellar.shown()] == ["Pump"]


async def test_what_makes_no_sense_is_refused(cellar):
    await cellar.set()
    wrong = (({"outputs": [1]}, "switches Boiler"), ({"outputs": [2, 3]}, "three outputs"), ({"outputs": [2], "power_w": 0}, "how much power"),
             ({"outputs": [2], "mode": "timer"}, "periods"), ({"outputs": [2], "device_id": new_id()}, "relay module"),
             ({"outputs": [2], "kind": "heater3"}, "three outputs"))  # fmt: skip
    for form, why in wrong:
        with pytest.raises(Refused, match=why):
            await cellar.set(name="Other", **form)
    for act in (commands.remove(cellar.actor, new_id(), NOW), commands.switch(cellar.actor, new_id(), True, NOW)):
        async with in_account(cellar.house.account_id):
            with pytest.raises(Refused):
                await act
    assert len(await cellar.shown()) == 1
