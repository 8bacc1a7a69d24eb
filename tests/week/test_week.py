"""Two hours of the week with failures as dense as in months: 40 stations of both versions on real sockets, and no limit is passed."""

from datetime import UTC, datetime

from app.kernel.settings import settings_from
from infra.simulation.faults import Faults
from infra.simulation.optimum import optimum_wh
from infra.simulation.report import figures, picture
from infra.simulation.twin import run_twin
from tests.charging.house import SECRET
from tests.week.house import apartment_twin

NIGHT = 4 * 1440 + 22 * 60.0
SECONDS, STEP_S = 120 * 60.0, 60.0


async def test_forty_stations_keep_every_limit_while_links_and_meters_fail(database):
    place = apartment_twin(SECONDS / 86_400, NIGHT)
    assert {one.version for one in place.stations} == {"ocpp1.6", "ocpp2.0.1"} and len(place.stations) == 40
    faults = Faults(seed=3, link_a_day=14, link_min=(1, 20), meter_a_day=40, meter_min=(0.5, 8))
    settings = settings_from({"DATABASE_URL": database, "HOFSTROM_SECRET_KEY": SECRET.decode()})
    outcome = await run_twin(place, settings, datetime(2026, 11, 6, 22, tzinfo=UTC), SECONDS, faults, STEP_S)
    found = figures(place, outcome, optimum_wh(place, SECONDS))
    assert found["overloads"] == 0, found
    assert found["links_cut"] > 10 and found["meter_steps_silent"] > 5 and found["steps"] == 120, found
    assert found["messages"] > 1000 and found["kwh"] > 10, found
    assert picture(place, outcome.samples).count("<polygon") == 2 * len(place.circuits)
