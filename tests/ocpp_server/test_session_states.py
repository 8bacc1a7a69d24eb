"""What a resident sees of a running charge: its state in every case, its figures, and plainly when load management holds it back."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from app.charging.intents import V16, V201
from app.database.transaction import as_owner
from app.tariffs.commands import enter_tariff
from app.tariffs.model import Component
from tests.charging.house import BADGE_ANNA, BADGE_BEN
from tests.ocpp_server.conftest import rows
from tests.ocpp_server.staff import staffed
from tests.ocpp_server.test_balance import charging, circuit, turn, utc


@pytest.fixture(params=[V16, V201])
def version(request):
    return request.param


async def told(charger, charge, state, at, **more):
    """The state of the place, as each version tells it."""
    if charger.version == V16:
        await charger.station.said("StatusNotification", charger.station.status(state, 1) | more)
    elif state == "Faulted":
        await charger.station.said("StatusNotification", charger.station.status("Faulted", 1, at))
    else:
        names = {"Preparing": "EVConnected", "Finishing": "EVConnected"}
        await charge._event("Updated", at, None, state=names.get(state, state))


@pytest.mark.row("R21")
async def test_a_session_shows_its_state_its_figures_and_that_load_management_holds_it_back(site, version, settings_for, tmp_path):
    await circuit(site, 8)
    charger, charge = await charging(site, "CP-1", version, BADGE_ANNA)
    _, before = await charging(site, "CP-3", version, BADGE_BEN)
    at = utc()
    async with as_owner():
        price = (Component(dimension="kwh", unit_price=Decimal("0.30")),)
        await enter_tariff(site.house.account_id, site.house.site_id, "t", "CHF", Decimal("0.081"), date(2026, 1, 1), price)
    async with staffed(site, settings_for(), tmp_path) as staff:
        resident = staff.clients["resident"]
        # Another car has the whole of the fuse, and keeps it for its hour.
        await before.begin(at, 1000)
        await turn(site, at)
        await charge.begin(at + timedelta(seconds=1), 5000)
        (found,) = await rows("SELECT id FROM charging_session WHERE person_id = $1", site.house.anna)

        async def seen():
            answer = await resident.get(f"/api/sessions/{found['id']}")
            assert answer.status_code == 200, answer.text
            return answer.json()

        await told(charger, charge, "Preparing", at + timedelta(seconds=2))
        assert (await seen())["state"]["key"] == "waiting_for_car"
        await turn(site, at + timedelta(seconds=4))
        await told(charger, charge, "SuspendedEVSE", at + timedelta(seconds=6))
        assert (await seen())["state"]["key"] == "paused_by_station"
        share = (await resident.get(f"/api/sessions/{found['id']}/share")).json()
        assert (share["steps"][0]["reason"], share["steps"][0]["limit_ma"], share["steps"][0]["shared_ma"]) == ("waiting_capacity", 0, 8000)
        # The other one leaves: it is given its current, and the figures follow the meter.
        await before.end(at + timedelta(seconds=20), 1100)
        for seconds in (24, 26, 58, 60, 62):
            await turn(site, at + timedelta(seconds=seconds))
        share = (await resident.get(f"/api/sessions/{found['id']}/share")).json()
        assert share["steps"][0]["limit_ma"] == 8000 and share["steps"][0]["reason"] != "waiting_capacity"
        await told(charger, charge, "Charging", at + timedelta(seconds=64))
        await charge.values([(at + timedelta(seconds=70), 5600)], power_w=5520)
        whole = await seen()
        assert (whole["state"]["key"], whole["power_w"], whole["energy_wh"]) == ("charging", 5520, 600)
        assert whole["cost"] is not None and whole["cost"]["gross_minor"] > 0
        await told(charger, charge, "SuspendedEV", at + timedelta(seconds=80))
        assert (await seen())["state"]["key"] == "paused_by_car"
        await told(charger, charge, "Faulted", at + timedelta(seconds=90), errorCode="GroundFailure")
        assert (await seen())["state"]["key"] == "faulted"
        await told(charger, charge, "Charging", at + timedelta(seconds=100))
        await charge.end(at + timedelta(seconds=121), 5700)
        whole = await seen()
        assert (whole["state"]["key"], whole["energy_wh"], whole["duration_s"]) == ("ended", 700, 120)
