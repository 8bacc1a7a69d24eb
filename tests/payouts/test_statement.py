"""The owner's statement: by station, by class, and what is paid; figures that do not add up are not printed."""

import io
from datetime import UTC, date, datetime
from uuid import UUID

import msgspec
import pdfplumber
import pytest

from app.billing.documents.bill import DoesNotAddUp
from app.payouts.documents.statement import render_statement, statement_data
from app.payouts.rules import Revenue
from app.residents.queries import Person
from app.sites.queries import OwnerTerms, Site

NOBODY = UUID(int=7)


def filled(kind: type, **given: object) -> object:
    """A Struct with the fields that matter here; the others hold something of their type that is never printed."""
    rest = {str: "-", int: 0, UUID: NOBODY, date: date(2026, 1, 1), datetime: datetime(2026, 1, 1, tzinfo=UTC), bool: True}
    fields = msgspec.structs.fields(kind)
    return kind(**{field.name: given.get(field.name, rest.get(field.type)) for field in fields})


def station(name: str, internal: int, external: int, vat: int, reimbursed: int, sessions: int, energy_wh: int) -> Revenue:
    net = internal + external
    return Revenue(
        station_id=None, name=name, sessions=sessions, energy_wh=energy_wh, gross_minor=net + vat, net_minor=net, vat_minor=vat,
        internal_net_minor=internal, external_net_minor=external, reimbursed_minor=reimbursed, withheld_minor=net - reimbursed,
    )  # fmt: skip


STATIONS = [station("Platz 7", 20_000, 5_000, 2_025, 24_500, 12, 500_250), station("Platz 8", 10_000, 15_000, 2_025, 23_500, 30, 601_000)]
TOTAL = station("", 30_000, 20_000, 4_050, 48_000, 42, 1_101_250)


def data(locale: str = "de", stations: list[Revenue] = STATIONS, total: Revenue = TOTAL) -> dict[str, object]:
    place = {"street": "Lindenweg 12", "postcode": "8045", "city": "Zürich", "country": "CH"}
    owner = filled(Person, name="Linden Immobilien AG", locale=locale, iban="CH9300762011623852957", **place)
    site = filled(
        Site, name="Lindenhof", currency="CHF", creditor_name="Musterhof Genossenschaft", creditor_street="Lindenweg 1",
        creditor_postcode="8045", creditor_city="Zürich", creditor_country="CH",
    )  # fmt: skip
    terms = filled(OwnerTerms, internal_permille=1000, external_permille=900)
    assert isinstance(owner, Person)
    assert isinstance(site, Site)
    assert isinstance(terms, OwnerTerms)
    return statement_data(site, owner, terms, stations, total, date(2026, 10, 1), date(2026, 11, 2), "P202610-AB12CD")


def text_of(pdf: bytes) -> str:
    with pdfplumber.open(io.BytesIO(pdf)) as document:
        return "\n".join(page.extract_text() for page in document.pages).replace("’", "'")


def test_200_external_and_300_internal_are_reimbursed_with_480() -> None:
    text = text_of(render_statement(data(), date(2026, 11, 2)))
    assert "Platz 7 12 500.250 270.25 20.25 250.00 200.00 50.00" in text
    assert "Total 42 1'101.250 540.50 40.50 500.00 300.00 200.00" in text
    assert "Intern 300.00 100 % 300.00 0.00" in text
    assert "Extern 200.00 90 % 180.00 20.00" in text
    assert "Total 500.00 480.00 20.00" in text


@pytest.mark.parametrize("locale", ["de", "fr", "it", "en"])
def test_each_language_sets_the_same_bytes_twice(locale: str) -> None:
    first = render_statement(data(locale), date(2026, 11, 2))
    assert first == render_statement(data(locale), date(2026, 11, 2))


@pytest.mark.parametrize(
    "field", ["gross_minor", "net_minor", "vat_minor", "internal_net_minor", "external_net_minor", "reimbursed_minor", "withheld_minor"]
)
def test_a_statement_that_does_not_add_up_is_not_printed(field: str) -> None:
    wrong = msgspec.structs.replace(TOTAL, **{field: getattr(TOTAL, field) + 1})
    with pytest.raises(DoesNotAddUp, match="P202610-AB12CD"):
        data(total=wrong)


def test_a_station_that_is_left_out_is_noticed() -> None:
    with pytest.raises(DoesNotAddUp, match="sessions of the stations"):
        data(stations=STATIONS[:1])
