"""The residents' spreadsheet: good rows become accounts and assignments, bad ones are listed and change nothing."""

import io
import zipfile
from datetime import UTC, date, datetime

import pytest
from openpyxl import Workbook

from app.audit.model import Actor
from app.database.transaction import fetch, in_account
from app.kernel.errors import Refused
from app.residents.imports import import_residents
from app.residents.spreadsheet import HEADINGS, MOST_BYTES, NEEDED, parse_day, rows_of
from tests.charging.house import House, make_house

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
HEAD = "Gebäude;Wohnung;Vorname;Name;E-Mail;Strasse;PLZ;Ort;Sprache;Einzug;Auszug"
GOOD = "A;1. OG links;Nora;Berger;nora@example.org;Linde 1;8000;Zürich;deutsch;01.12.2026;"
FIRM = "A;Laden;;Bäckerei Kern GmbH;;Linde 1;8000;Zürich;fr;2026-12-01;"
BAD = [
    ("B;2. OG;Max;Frei;m@example.org;L 1;8000;Z;de;01.12.2026;", "no_such_building"),
    ("A;2. OG;Max;Frei;m@example.org;L 1;8000;Z;de;31.02.2026;", "bad_day"),
    ("A;2. OG;Max;Frei;keine;L 1;8000;Z;de;01.12.2026;", "bad_email"),
    ("A;2. OG;Max;Frei;m@example.org;L 1;8000;Z;xx;01.12.2026;", "bad_language"),
    ("A;2. OG;Max;;m@example.org;L 1;8000;Z;de;01.12.2026;", "missing_cell"),
    ("A;anna;Max;Frei;m@example.org;L 1;8000;Z;de;01.12.2026;", "occupied"),
    ("A;2. OG;Max;Frei;m@example.org;L 1;8000;Z;de;01.12.2026;30.11.2026", "exit_before_entry"),
    ("A;Berger;Max;Frei;m@example.org;L 1;8000;Z;de;01.12.2026;", "name_of_a_person"),
]  # fmt: skip


def sheet(*lines: str) -> bytes:
    return "\n".join([HEAD, *lines]).encode()


@pytest.fixture
async def house(database: str) -> House:
    return await make_house()


async def run(house: House, content: bytes, name: str = "liste.csv"):
    return await import_residents(Actor(account_id=house.account_id, name="Olga"), house.site_id, name, content, NOW)


async def people_and_places(house: House) -> tuple[list[str], list[str]]:
    async with in_account(house.account_id):
        people = [row["family_name"] for row in await fetch("SELECT family_name FROM person ORDER BY family_name")]
        places = [row["name"] for row in await fetch("SELECT name FROM billing_point ORDER BY name")]
    return people, places


@pytest.mark.row("O10")
async def test_good_rows_become_accounts_and_assignments_and_bad_rows_are_listed_and_change_nothing(house):
    before = await people_and_places(house)
    report = await run(house, sheet(GOOD, *[line for line, _ in BAD], FIRM))
    assert [(r.row, r.outcome, r.code) for r in report] == [
        (2, "done", ""), *[(number, "refused", code) for number, (_, code) in enumerate(BAD, start=3)], (11, "done", "")]  # fmt: skip
    assert all(r.detail for r in report if r.outcome == "refused")
    people, places = await people_and_places(house)
    assert sorted(set(people) - set(before[0])) == ["Berger", "Bäckerei Kern GmbH"]
    assert sorted(set(places) - set(before[1])) == ["1. OG links", "Laden"]
    async with in_account(house.account_id):
        stays = await fetch(
            "SELECT b.name, p.family_name, p.kind, p.correspondence, p.locale, lower(o.period) AS first FROM occupancy o"
            " JOIN billing_point b ON b.id = o.billing_point_id JOIN person p ON p.id = o.person_id WHERE lower(o.period) > '2026-11-01'"
            " ORDER BY b.name")  # fmt: skip
    assert [tuple(row) for row in stays] == [
        ("1. OG links", "Berger", "natural", "email", "de", date(2026, 12, 1)),
        ("Laden", "Bäckerei Kern GmbH", "legal", "post", "fr", date(2026, 12, 1)),
    ]


async def test_the_same_sheet_again_changes_nothing(house):
    await run(house, sheet(GOOD, FIRM))
    before = await people_and_places(house)
    assert [r.outcome for r in await run(house, sheet(GOOD, FIRM))] == ["unchanged", "unchanged"]
    assert await people_and_places(house) == before


async def test_an_excel_sheet_reads_like_the_csv(house):
    book = Workbook()
    book.active.append(HEAD.split(";"))
    book.active.append(["A", "1. OG links", "Nora", "Berger", "nora@example.org", "Linde 1", 8000, "Zürich", "it", date(2026, 12, 1), None])
    packed = io.BytesIO()
    book.save(packed)
    assert [(r.outcome, r.detail) for r in await run(house, packed.getvalue(), "liste.xlsx")] == [("done", "")]


def refusal(name: str, content: bytes) -> Refused:
    with pytest.raises(Refused) as refused:
        rows_of(name, content)
    return refused.value


def test_a_formula_is_named_by_row_and_column_but_a_phone_number_is_none():
    found = refusal("x.csv", sheet(GOOD, GOOD.replace("Nora", '=HYPERLINK("x")')))
    assert (found.code, found.params["row"], found.params["column"]) == ("formula", 3, "given_name")
    head = HEAD.replace("E-Mail", "Telefon")
    assert (
        rows_of("x.csv", "\n".join([head, GOOD.replace("nora@example.org", "+41 44 123 45 67")]).encode())[0].cells["phone"]
        == "+41 44 123 45 67"
    )


def test_latin_1_is_refused_with_its_line_and_what_to_do():
    found = refusal("x.csv", "\n".join([HEAD.replace("Gebäude", "Haus"), FIRM]).encode("latin-1"))
    assert (found.code, found.params["line"]) == ("not_utf8", 2)


def test_files_that_are_no_sheet_are_refused():
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * 60_000_000)
    assert len(bomb.getvalue()) < 100_000
    assert refusal("x.xlsx", bomb.getvalue()).code == "too_large"
    assert refusal("x.csv", b"x" * (MOST_BYTES + 1)).code == "too_large"
    for content in (b"PK\x03\x04 broken", b"\x89PNG\r\n\x00\x00", b""):
        assert refusal("x.xlsx", content).code == "not_a_sheet"


def test_missing_and_unknown_columns_are_named():
    assert refusal("x.csv", b"Haus;Wohnung\nA;1\n").params["columns"] == ["family_name", "street", "postcode", "city", "entry"]
    assert refusal("x.csv", (HEAD + ";Lieblingsfarbe\n").encode()).params["columns"] == ["Lieblingsfarbe"]


def test_every_heading_has_one_meaning():
    words = [word for name, said in HEADINGS.items() for word in {name, *said}]
    assert len(words) == len(set(words)) and set(NEEDED) <= set(HEADINGS)


def test_days_are_read_as_people_write_them():
    assert {parse_day(text) for text in ("2026-12-31", "31.12.2026", "31/12/2026")} == {date(2026, 12, 31)}
