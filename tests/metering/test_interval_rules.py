"""Quarter-hours of grid operators, by themselves: times, amounts, slips of a thousand, E66 and CSV."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.kernel.errors import Refused
from app.metering.e66 import read_e66
from app.metering.interval_rules import SENTENCES, Quarter, amount_of, kilo_slip, one_of_each, time_of
from app.metering.interval_sheet import read_sheet
from tests.metering.grid_files import COMMUNITY, POINT, e66, series, sheet

ZURICH = ZoneInfo("Europe/Zurich")
START = datetime(2026, 11, 19, 23, tzinfo=UTC)
HOUSE = Path(__file__).parents[2]


def code_of(work, *args) -> str:
    with pytest.raises(Refused) as refused:
        work(*args)
    return refused.value.code


@pytest.mark.parametrize(("text", "utc"), [
    ("2026-10-25T02:15:00+02:00", "2026-10-25T00:15:00+00:00"), ("2026-10-25T02:15:00+01:00", "2026-10-25T01:15:00+00:00"),
    ("2026-10-25T00:15:00Z", "2026-10-25T00:15:00+00:00"), ("25.10.2026 03:00", "2026-10-25T02:00:00+00:00"),
    ("1/7/2026 0:45", "2026-06-30T22:45:00+00:00"), ("2026-07-01 00:45:00", "2026-06-30T22:45:00+00:00"),
])  # fmt: skip
def test_a_time_is_taken_with_its_zone_or_as_the_sites_where_it_means_one(text: str, utc: str) -> None:
    assert datetime.fromtimestamp(time_of(text, ZURICH), UTC).isoformat() == utc


@pytest.mark.parametrize(("text", "code"), [
    ("2026-10-25T02:15:00", "hour_twice"), ("25.10.2026 02:45", "hour_twice"), ("2026-03-29T02:15:00", "hour_skipped"),
    ("2026-11-20T08:10:00Z", "not_a_quarter"), ("2026-11-20T08:15:00.5Z", "not_a_quarter"), ("2026-11-20", "bad_time"), ("", "bad_time"),
    ("0001-01-01T00:00:00+01:00", "bad_time"), ("31.2.2026 08:00", "bad_time"), ("20.11.9999 08:00", "bad_time"), ("yesterday", "bad_time"),
])  # fmt: skip
def test_a_time_that_is_none_or_two_is_refused(text: str, code: str) -> None:
    assert code_of(time_of, text, ZURICH) == code


@pytest.mark.parametrize(("text", "unit", "wh"), [
    ("0.250", "KWH", 250), ("0,25", "kWh", 250), ("250", "Wh", 250), ("0.0005", "kWh", 0), ("0.0015", "kWh", 2), ("0.00125", "MWh", 1250),
])  # fmt: skip
def test_an_amount_is_whole_watt_hours(text: str, unit: str, wh: int) -> None:
    assert amount_of(text, unit) == wh


@pytest.mark.parametrize(("text", "unit", "code"), [
    ("1", "", "no_energy_unit"), ("1", "kW", "no_energy_unit"), ("-1", "kWh", "bad_energy"), ("1'000", "kWh", "bad_energy"),
    ("1e3", "kWh", "bad_energy"), ("NaN", "kWh", "bad_energy"), ("", "kWh", "bad_energy"), ("9" * 5000, "kWh", "bad_energy"),
], ids=["no-unit", "power", "negative", "thousands", "power-of-ten", "nan", "nothing", "endless"])  # fmt: skip
def test_what_is_no_amount_is_refused(text: str, unit: str, code: str) -> None:
    assert code_of(amount_of, text, unit) == code


def test_a_slip_of_a_thousand_is_seen_by_the_same_times_or_by_the_middle_of_many() -> None:
    known = {at * 900: 100 + at % 7 for at in range(96)}
    assert kilo_slip(known, {0: 100_000}) and kilo_slip({0: 100_000}, {0: 100})
    assert not kilo_slip(known, {0: 180}) and not kilo_slip(known, {0: 0})
    later = {(at + 96) * 900: (100 + at % 5) * 1000 for at in range(96)}
    assert kilo_slip(known, later) and kilo_slip(later, known)
    assert not kilo_slip(known, dict(list(later.items())[:10]))  # too few to tell
    assert not kilo_slip({}, later) and not kilo_slip(known, {at: 20 * wh // 1000 for at, wh in later.items()})


def test_both_directions_become_one_and_two_different_amounts_are_refused() -> None:
    found, bad = one_of_each([Quarter(1, "A", 0, 5), Quarter(2, "A", 0, None, 7), Quarter(3, "A", 0, 5), Quarter(4, "A", 0, 6)])
    assert found == {("A", 0): Quarter(1, "A", 0, 5, 7)}
    assert [(one.line, one.code) for one in bad] == [(4, "two_amounts")]


def test_an_e66_gives_the_active_energy_of_each_point_and_direction() -> None:
    content = e66(
        series(["0.1", "0.25"], START),
        series(["1", "0"], START, way="Production", condition="56"),
        series(["0.05", "0.1"], START, product=COMMUNITY),
    )
    begin = int(START.timestamp())
    for form in (content, content.decode().replace("UTF-8", "UTF-16").encode("utf-16")):
        read = read_e66(form)
        assert read.left_out == 1 and read.bad == []
        assert [(one.line, one.meter, one.at - begin, one.imported, one.exported, one.estimated) for one in read.quarters] == [
            (3, POINT, 0, 100, None, False), (4, POINT, 900, 250, None, False), (6, POINT, 0, None, 1000, True), (7, POINT, 900, None, 0, True),
        ]  # fmt: skip


@pytest.mark.parametrize(("content", "code"), [
    (e66(series(["1"], START), before='<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'), "xml_entities"),
    (e66(series(["1"], START), before='<!DOCTYPE x SYSTEM "file:///etc/passwd">'), "xml_entities"),
    (e66(series(["&a;"], START)), "bad_xml"), (e66(series(["1"], START))[:-9], "bad_xml"), (b"<", "bad_xml"),
    (b'<?xml version="1.0" encoding="nobody"?><a/>', "bad_xml"), (b'<?xml version="1.0" encoding="shift_jis"?><a/>', "bad_xml"),
    (e66(series(["1"], START), kind="E31"), "not_e66"), (b"<html/>", "not_e66"), (b"<ValidatedMeteredData_12/>", "not_e66"),
    (b"<ValidatedMeteredData_12>" + b"<a>" * 100_000, "not_e66"),
], ids=["entities", "doctype", "entity", "cut", "nothing", "encoding", "multibyte", "E31", "html", "empty", "deep"])  # fmt: skip
def test_an_xml_that_is_no_e66_is_refused_whole(content: bytes, code: str) -> None:
    assert code_of(read_e66, content) == code


def test_no_more_of_a_text_is_kept_than_a_number_can_have() -> None:
    read = read_e66(e66(series(["1" * 5_000_000], START)))
    assert read.quarters == [] and [(one.line, one.code, len(one.value) < 1000) for one in read.bad] == [(3, "bad_energy", True)]


@pytest.mark.parametrize(("block", "line", "code"), [
    (series(["1"], START, minutes=60), 2, "not_a_quarter"), (series(["1"], START, unit="KWT"), 3, "no_energy_unit"),
    (series(["1"], START).replace("<rsm:Sequence>1<", "<rsm:Sequence>2<"), 3, "not_a_quarter"),
    (series(["1"], START).replace("<rsm:Sequence>1<", "<rsm:Sequence>x<"), 3, "not_a_quarter"),
    (series(["1", "-1"], START), 4, "bad_energy"), (series(["1"], START, point=" "), 2, "unknown_meter"),
    (series(["1"], START).replace("23:00:00Z", "23:00:00"), 2, "bad_time"),
], ids=["hours", "power", "beyond", "no-place", "negative", "nobody", "no-zone"])  # fmt: skip
def test_a_series_or_an_observation_that_cannot_be_is_told_with_its_line(block: str, line: int, code: str) -> None:
    assert [(one.line, one.code) for one in read_e66(e66(block)).bad] == [(line, code)]


def test_a_value_that_does_not_exist_is_a_gap() -> None:
    assert read_e66(e66(series(["0"], START, condition="46"), series(["1"], START, way="Production"))).quarters[0].exported == 1000


def test_a_sheet_is_read_with_the_words_and_numbers_of_each_language() -> None:
    read = read_sheet("q.csv", sheet(f"{POINT.lower()};20.11.2026 00:00;kWh;0,25;", f"{POINT};2026-11-20T00:15:00+01:00;Wh;;40"), ZURICH)
    begin = int(START.timestamp())
    assert [(one.line, one.at - begin, one.imported, one.exported) for one in read.quarters] == [(2, 0, 250, None), (3, 900, None, 40)]
    french = sheet(f"{POINT},2026-11-20 00:00,0.5,kWh", heading="point de mesure,début,soutirage,unité")
    assert read_sheet("q.csv", french, ZURICH).quarters[0].imported == 500
    odd = read_sheet(
        "q.csv", sheet(f"{POINT};25.10.2026 02:15;kWh;1;", f"{POINT};25.10.2026 03:15;;1;", f"{POINT};25.10.2026 03:15;kWh;;"), ZURICH
    )
    assert [(one.line, one.code) for one in odd.bad] == [(2, "hour_twice"), (3, "no_energy_unit"), (4, "bad_energy")]
    assert code_of(read_sheet, "q.csv", sheet(heading="Messpunkt;Zeitstempel;Bezug"), ZURICH) == "missing_columns"


def test_every_reason_has_its_sentence_in_every_language() -> None:
    sources = [(HOUSE / f"app/metering/{name}.py").read_text() for name in ("e66", "interval_sheet", "interval_import", "interval_rules")]
    codes = set(SENTENCES) | {code for text in sources for code in re.findall(r'Refused\("(\w+)"', text)}
    for language in ("de", "fr", "it", "en", "nl"):
        words = {**json.loads((HOUSE / f"pwa/src/locales/{language}.json").read_text()),
                 **json.loads((HOUSE / f"pwa/src/locales/console/{language}.json").read_text())}  # fmt: skip
        assert {code for code in codes if not words.get(f"problem_{code}")} == set(), language
