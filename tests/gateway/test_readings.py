"""Readings of a house's meters through days without the internet: in order, with their own times, each once."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from app.database.transaction import as_owner, execute
from ocpp_server.gateway.store import Store
from ocpp_server.gateway.uplink import MOST, Uplink
from tests.ocpp_server.conftest import rows

DAYS, QUARTER = 8, timedelta(minutes=15)
AWAY = "http://127.0.0.1:9"


@pytest.fixture
async def link(site, staff, tmp_path):
    """The way of a gateway to a platform with one meter of its house."""
    house = site.house
    async with as_owner():
        await execute("INSERT INTO meter (account_id, site_id, kind, serial, name, created_at) VALUES ($1, $2, 'use', 'M-1', '', $3)",
                      house.account_id, house.site_id, datetime.now(UTC))  # fmt: skip
    made = await staff.clients["operator"].post(f"/api/sites/{house.site_id}/gateway-tokens", json={"name": "Basement"})
    assert made.status_code == 201, made.text
    store = Store(tmp_path / "gateway.sqlite")
    yield Uplink(staff.url, made.json()["token"], store, tmp_path / "readings")
    store.close()


def left(link, name, readings):
    """What whoever reads the bus leaves in the folder."""
    link.folder.mkdir(exist_ok=True)
    (link.folder / f"{name}.new").write_text(json.dumps(readings))
    (link.folder / f"{name}.new").rename(link.folder / f"{name}.json")
    link.take_in()


def read(at, wh, meter="M-1"):
    return {"meter": meter, "at": at.isoformat(), "import": wh, "unit": "Wh"}


async def stored():
    found = await rows("SELECT extract(epoch FROM taken_at)::bigint AS at, imported FROM index_reading ORDER BY taken_at")
    return [(one["at"], one["imported"]) for one in found]


@pytest.mark.row("M45")
async def test_a_week_of_readings_is_kept_and_sent_in_order_with_its_times(link):
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    taken = [now - timedelta(days=DAYS) + n * QUARTER for n in range(DAYS * 96)]
    there, link.url = link.url, AWAY
    for day in range(DAYS):
        left(link, f"day-{day}", [read(at, 1000 + n) for n, at in enumerate(taken) if n // 96 == day])
        with pytest.raises(OSError, match="refused"):
            await link.send()
    assert list(link.folder.iterdir()) == []
    assert link.store.waiting()["readings"] == DAYS * 96
    link.url = there
    first = link.store.readings(MOST)
    assert [one["import"] for _, one in first] == list(range(1000, 1000 + len(first)))
    while await link.send():
        pass
    assert await stored() == [(int(at.timestamp()), 1000 + n) for n, at in enumerate(taken)]
    # The answer was lost: sent again, nothing is stored twice.
    left(link, "again", [read(at, 1000 + n) for n, at in enumerate(taken[:10])])
    assert await link.send() and not await link.send()
    assert len(await stored()) == DAYS * 96


async def test_what_makes_no_sense_is_set_aside_and_the_others_go_on(link):
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    good = [read(now - n * QUARTER, 2000 - n) for n in range(5, 0, -1)]
    left(link, "a", [*good[:3], {"meter": "M-1", "at": "yesterday", "import": 1}, *good[3:]])
    (link.folder / "b.json").write_text("{no list")
    link.take_in()
    assert (link.folder / "b.bad").exists()
    while await link.send():
        pass
    assert [wh for _, wh in await stored()] == [1995, 1996, 1997, 1998, 1999]
    assert "yesterday" in (link.folder / "refused.lines").read_text()
    assert link.store.waiting()["readings"] == 0


async def test_a_token_that_opens_nothing_loses_nothing(link):
    left(link, "a", [read(datetime.now(UTC), 1)])
    link.token = "wrong"
    with pytest.raises(OSError, match="401"):
        await link.send()
    assert link.store.waiting()["readings"] == 1


async def test_currents_go_at_once_or_never_and_only_the_newest(link):
    now = datetime.now(UTC)
    link.take_in()

    def told(name, amperes, at=now):
        words = [{"meter": "M-1", "at": at.isoformat(), "ma": [round(1000 * one) for one in amperes]}]
        (link.folder / f"{name}.new").write_text(json.dumps(words))
        (link.folder / f"{name}.new").rename(link.folder / f"{name}.currents")

    told("1", (1, 2, 3))
    there, link.url = link.url, AWAY
    with pytest.raises(OSError, match="refused"):
        await link.send_currents()
    link.url = there
    assert list(link.folder.iterdir()) == []  # too old by the time that it could be sent
    told("2", (4, 5, 6), now + timedelta(milliseconds=10))
    told("3", (7, 8, 9), now + timedelta(milliseconds=20))
    await link.send_currents()
    (kept,) = await rows("SELECT ma FROM meter_current")
    assert kept["ma"] == [7000, 8000, 9000]
    for wrong in ("{no list", json.dumps([{"meter": "M-1"}])):
        (link.folder / "x.currents").write_text(wrong)
        await link.send_currents()
    assert list(link.folder.iterdir()) == []
