"""The search of the console: what bears a text, as far as the caller sees it."""

import pytest

from app.database.transaction import in_account
from app.residents import people, points
from app.residents.search import Found, search
from tests.residents.test_moves import NOW, Place, form, place

__all__ = ["place"]


@pytest.fixture
async def filled(place: Place) -> Place:
    await people.create_person(place.actor, form("Nora", "Berger"), NOW)
    await points.create_point(place.actor, points.NewPoint(building_id=place.building, name="Berghaus 100%"), NOW)
    return place


async def found(place: Place, text: str, *, sites=None, persons=None) -> list[Found]:
    async with in_account(place.house.account_id):
        return await search(text, sites, persons)


async def test_a_part_of_a_name_finds_places_and_people(filled):
    assert [(one.kind, one.name) for one in await found(filled, " BERG ")] == [
        ("billing_point", "Berghaus 100%"), ("person", "Nora Berger"),
    ]  # fmt: skip
    assert [one.name for one in await found(filled, "nora.berger@")] == ["Nora Berger"]


async def test_signs_of_patterns_are_ordinary_signs(filled):
    assert [one.name for one in await found(filled, "100%")] == ["Berghaus 100%"]
    assert await found(filled, "B%s") == []
    assert await found(filled, "  ") == []


async def test_places_and_people_out_of_reach_are_not_found(filled):
    assert [one.kind for one in await found(filled, "berg", persons=[])] == ["billing_point"]
    assert await found(filled, "berg", sites=[], persons=[]) == []
    assert [one.kind for one in await found(filled, "berg", sites=[filled.house.site_id], persons=[filled.house.site_id])] == [
        "billing_point"
    ]
