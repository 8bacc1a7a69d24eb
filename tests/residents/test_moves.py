"""Places, people and moves on a real database."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from app.audit.model import Actor
from app.audit.queries import trail
from app.database.transaction import as_owner, execute, fetchval, in_account
from app.kernel.errors import Refused
from app.kernel.identifiers import new_id
from app.residents import administration, moves, people, points
from app.residents.model import Move
from app.sites import commands as site_commands
from app.sites import terms
from tests.charging.house import House, make_house

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
TODAY = NOW.date()


class Place(msgspec.Struct):
    """A house with an owner and a flat that nobody has entered yet."""

    house: House
    actor: Actor
    owner: UUID
    building: UUID
    flat: UUID


def form(given: str = "Nora", family: str = "Berger", **more) -> people.NewPerson:
    return people.NewPerson(given_name=given, family_name=family, email=f"{given}.{family}@example.org".lower().strip(".").replace(" ", "-"), street="S 1",
                            postcode="8000", city="Zürich", **more)  # fmt: skip


@pytest.fixture
async def place(database: str) -> Place:
    house = await make_house()
    actor = Actor(account_id=house.account_id, name="Olga Operator")
    owner = await people.create_person(actor, form("", "Lindenhof AG", kind="legal"), NOW)
    stake = terms.NewStakeholder(kind="owner", person_id=owner, first=date(2026, 1, 1))
    await terms.add_stakeholder(actor, house.site_id, stake, NOW)
    async with in_account(house.account_id):
        building = await fetchval("SELECT id FROM building")
    flat = await points.create_point(actor, points.NewPoint(building_id=building, name="Wohnung 2.1", since=date(2026, 1, 1)), NOW)
    return Place(house, actor, owner, building, flat)


async def line(place: Place, flat: UUID | None = None) -> list[tuple[str, str, str, bool]]:
    async with in_account(place.house.account_id):
        found = await administration.time_line(flat or place.flat)
    return [(s.name, str(s.first), str(s.last or ""), s.vacancy) for s in found]


async def test_a_new_place_is_the_owners_until_somebody_is_put_on_it(place):
    assert await line(place) == [("Lindenhof AG", "2026-01-01", "", True)]


@pytest.mark.row("O37")
async def test_somebody_is_put_on_a_place_from_an_entry_day_and_twice_is_once(place):
    nora = await people.create_person(place.actor, form(), NOW)
    first = await moves.assign(place.actor, place.flat, nora, date(2026, 12, 1), None, NOW)
    assert await moves.assign(place.actor, place.flat, nora, date(2026, 12, 1), None, NOW) == first
    assert await line(place) == [("Lindenhof AG", "2026-01-01", "2026-11-30", True), ("Nora Berger", "2026-12-01", "", False)]


@pytest.mark.row("O35")
@pytest.mark.row("O36")
async def test_a_move_creates_the_newcomer_ends_the_leaver_and_gives_the_gap_to_the_owner(place):
    nora = await people.create_person(place.actor, form(), NOW)
    await moves.assign(place.actor, place.flat, nora, date(2026, 2, 1), None, NOW)
    max_ = await people.create_person(place.actor, form("Max", "Frei"), NOW)
    move = Move(newcomer_id=max_, entry=date(2026, 12, 10), exit=date(2026, 11, 30))
    await moves.register_move(place.actor, place.flat, move, NOW)
    await moves.register_move(place.actor, place.flat, move, NOW)
    assert await line(place) == [
        ("Lindenhof AG", "2026-01-01", "2026-01-31", True), ("Nora Berger", "2026-02-01", "2026-11-30", False),
        ("Lindenhof AG", "2026-12-01", "2026-12-09", True), ("Max Frei", "2026-12-10", "", False),
    ]  # fmt: skip


@pytest.mark.row("O38")
async def test_two_assignments_never_overlap_and_the_database_refuses_it_too(place):
    nora, max_ = [await people.create_person(place.actor, form(name, "B"), NOW) for name in ("Nora", "Max")]
    await moves.assign(place.actor, place.flat, nora, date(2026, 2, 1), date(2026, 3, 31), NOW)
    with pytest.raises(Refused) as refused:
        await moves.assign(place.actor, place.flat, max_, date(2026, 3, 31), None, NOW)
    assert refused.value.code == "occupied"
    with pytest.raises(Refused) as refused:
        await moves.assign(place.actor, place.flat, max_, date(2026, 5, 2), date(2026, 5, 1), NOW)
    assert refused.value.code == "exit_before_entry"
    await moves.assign(place.actor, place.flat, max_, date(2026, 4, 1), None, NOW)
    assert [(row[0], row[1]) for row in await line(place)][1:] == [("Nora B", "2026-02-01"), ("Max B", "2026-04-01")]
    with pytest.raises(Exception, match="exclusion"):
        async with in_account(place.house.account_id):
            await execute("INSERT INTO occupancy (account_id, id, billing_point_id, person_id, period) VALUES ($1, $2, $3, $4, '[2026-04-05,)')",
                          place.house.account_id, new_id(), place.flat, nora)  # fmt: skip


async def test_only_vacancies_can_be_deleted(place):
    nora = await people.create_person(place.actor, form(), NOW)
    await moves.assign(place.actor, place.flat, nora, date(2026, 2, 1), None, NOW)
    async with in_account(place.house.account_id):
        await execute("DELETE FROM occupancy WHERE billing_point_id = $1", place.flat)
    assert [row[0] for row in await line(place)] == ["Nora Berger"]


async def test_days_whose_charges_are_priced_cannot_be_taken_away(place):
    house = place.house
    async with as_owner():
        tariff, session, station = new_id(), new_id(), next(iter(house.stations.values()))
        await execute("INSERT INTO tariff (account_id, id, site_id, name, currency, vat_rate, vat_included, period)"
                      " VALUES ($1, $2, $3, 't', 'CHF', 0.081, true, '[2026-01-01,)')", house.account_id, tariff, house.site_id)  # fmt: skip
        await execute("INSERT INTO charging_session (account_id, id, station_id, connector_no, tag_hash, tag_status, source, class,"
                      " started_at, started_raw, start_received_at, meter_start_wh) VALUES ($1, $2, $3, 1, 'x', 'Accepted', 'badge',"
                      " 'internal', $4, '', $4, 0)", house.account_id, session, station, NOW)  # fmt: skip
        await execute("INSERT INTO charge (account_id, session_id, revision, site_id, station_id, person_id, billing_point_id, tariff_id,"
                      " class, period, occurred_at, energy_wh, currency, vat_rate, net_minor, vat_minor, gross_minor, lines, created_at)"
                      " VALUES ($1, $2, 1, $3, $4, $5, $6, $7, 'internal', '2026-11-01', $8, 1, 'CHF', 0.081, 1, 0, 1, '[]', $8)",
                      house.account_id, session, house.site_id, station, house.anna, house.flat_anna, tariff, NOW)  # fmt: skip
        stay = await fetchval("SELECT id FROM occupancy WHERE billing_point_id = $1", house.flat_anna)
    with pytest.raises(Refused) as refused:
        await moves.end_stay(place.actor, stay, 1, date(2026, 11, 23), NOW)
    assert refused.value.code == "period_billed" and refused.value.params["day"] == "2026-11-24"
    await moves.end_stay(place.actor, stay, 1, date(2026, 11, 24), NOW)


async def test_a_resident_who_has_left_keeps_the_past_only(place):
    house = place.house
    async with as_owner():
        await execute("INSERT INTO login (id, email, created_at) VALUES ($1, 'anna@example.org', $2)", house.login, NOW)
        await execute("INSERT INTO role_grant (account_id, login_id, role, person_id, valid_from) VALUES ($1, $2, 'resident', $3, $4)",
                      house.account_id, house.login, house.anna, date(2026, 1, 1))  # fmt: skip
        stay = await fetchval("SELECT id FROM occupancy WHERE billing_point_id = $1", house.flat_anna)

    async def grants() -> list[tuple[str, str, str]]:
        async with as_owner():
            found = await fetchval("SELECT json_agg(json_build_array(role, valid_from, valid_to) ORDER BY role) FROM role_grant")
        return [(role, first, last or "") for role, first, last in msgspec.json.decode(found)]

    for version, last in enumerate((date(2026, 12, 31), date(2027, 1, 31)), start=1):
        assert await moves.end_stay(place.actor, stay, version, last, NOW) == version + 1
        for _ in range(2):
            await moves.retire_residents(house.account_id, house.anna)
    assert await grants() == [("former_resident", "2027-02-01", ""), ("resident", "2026-01-01", "2027-01-31")]


@pytest.mark.row("O26")
async def test_a_place_is_never_named_after_a_person_on_create_and_on_rename(place):
    await people.create_person(place.actor, form(), NOW)
    for name in ("Berger", "nora  BERGER", "Berger Nora"):
        with pytest.raises(Refused) as refused:
            await points.create_point(place.actor, points.NewPoint(building_id=place.building, name=name), NOW)
        assert refused.value.code == "name_of_a_person"
        with pytest.raises(Refused) as refused:
            await points.change_point(place.actor, place.flat, points.PointChange(version=1, name=name), NOW)
        assert refused.value.code == "name_of_a_person"


async def test_of_two_who_save_the_same_place_the_second_is_told_and_the_trail_tells_who_did_what(place):
    assert await points.change_point(place.actor, place.flat, points.PointChange(version=1, name="Wohnung 2.2", priority=3), NOW) == 2
    with pytest.raises(Refused) as refused:
        await points.change_point(place.actor, place.flat, points.PointChange(version=1, name="Wohnung 2.3"), NOW)
    assert (refused.value.code, refused.value.params["present"]) == ("changed_meanwhile", {"name": "Wohnung 2.2"})
    async with in_account(place.house.account_id):
        newest = (await trail("billing_point", place.flat))[0]
    assert newest.actor == "Olga Operator" and newest.changes == {"name": ["Wohnung 2.1", "Wohnung 2.2"], "priority": [0, 3]}


@pytest.mark.row("O29")
async def test_a_share_is_positive_and_thousandths_sum_to_a_thousand_at_most(place):
    async with as_owner():
        await execute("UPDATE site SET share_unit = 'thousandth'")
    for share, code in ((Decimal(0), "bad_share"), (Decimal(-1), "bad_share"), (Decimal("1000.1"), "too_many_thousandths")):
        with pytest.raises(Refused) as refused:
            await points.change_point(place.actor, place.flat, points.PointChange(version=1, share=share), NOW)
        assert refused.value.code == code
    await points.change_point(place.actor, place.flat, points.PointChange(version=1, share=Decimal(600)), NOW)
    with pytest.raises(Refused) as refused:
        await points.create_point(place.actor, points.NewPoint(building_id=place.building, name="Keller 1", share=Decimal(401)), NOW)
    assert refused.value.params["left"] == "400.000"
    await points.create_point(place.actor, points.NewPoint(building_id=place.building, name="Keller 1", share=Decimal(400)), NOW)


@pytest.mark.row("A41")
async def test_the_default_advance_of_a_place_is_dated(place):
    first = await points.set_advance(place.actor, place.flat, 12000, date(2026, 1, 1), NOW)
    assert await points.set_advance(place.actor, place.flat, 12000, date(2026, 1, 1), NOW) == first
    await points.set_advance(place.actor, place.flat, 14500, date(2027, 1, 1), NOW)
    async with in_account(place.house.account_id):
        found = [(a.amount_minor, str(a.first), str(a.last or "")) for a in await administration.advances(place.flat)]
    assert found == [(12000, "2026-01-01", "2026-12-31"), (14500, "2027-01-01", "")]


async def test_when_the_site_changes_hands_the_vacancies_follow(place):
    heir = await people.create_person(place.actor, form("Erika", "Erbin"), NOW)
    stake = terms.NewStakeholder(kind="owner", person_id=heir, first=date(2027, 1, 1))
    await terms.add_stakeholder(place.actor, place.house.site_id, stake, NOW)
    for _ in range(2):
        await moves.refill_site(place.house.account_id, place.house.site_id)
    assert await line(place) == [("Lindenhof AG", "2026-01-01", "2026-12-31", True), ("Erika Erbin", "2027-01-01", "", True)]


@pytest.mark.row("A32")
async def test_an_account_holds_kind_name_address_mail_phone_language_and_way_of_writing(place):
    whole = people.NewPerson(kind="legal", family_name="Bäckerei Kern GmbH", email="post@kern.example", phone="+41 44 000 00 00", locale="fr",
                             correspondence="ebill", street="R 2", postcode="1200", city="Genève")  # fmt: skip
    person = await people.create_person(place.actor, whole, NOW)
    async with in_account(place.house.account_id):
        found = await administration.person_detail(person)
    assert found is not None
    assert {name: getattr(found, name) for name in whole.__struct_fields__} == msgspec.structs.asdict(whole)
    for wrong, code in ((form("", "X"), "name_needed"), (msgspec.structs.replace(form(), email=None), "email_needed"),
                        (msgspec.structs.replace(form(), email="nobody"), "bad_email"), (whole, "person_exists")):  # fmt: skip
        with pytest.raises(Refused) as refused:
            await people.create_person(place.actor, wrong, NOW)
        assert refused.value.code == code


@pytest.mark.row("A33")
async def test_an_account_may_have_several_contacts(place):
    first = await people.add_contact(place.actor, place.owner, people.NewContact(name="Frau Meier", role="Buchhaltung"), NOW)
    await people.add_contact(place.actor, place.owner, people.NewContact(name="Herr Zen", email="zen@lindenhof.example"), NOW)
    async with in_account(place.house.account_id):
        assert [c.name for c in await administration.contacts(place.owner)] == ["Frau Meier", "Herr Zen"]
    for _ in range(2):
        await people.end_contact(place.actor, first, NOW)
    async with in_account(place.house.account_id):
        assert [c.name for c in await administration.contacts(place.owner)] == ["Herr Zen"]


@pytest.mark.row("O25")
@pytest.mark.row("O27")
@pytest.mark.row("O28")
async def test_a_place_has_a_telling_name_in_a_building_of_its_site_and_follows_the_occupation_type(place):
    for wrong in ({"name": "X"}, {"building_id": str(place.building)}, {"building_id": str(place.building), "name": ""},
                  {"building_id": str(place.building), "name": "X", "assignment": "squatted"}):  # fmt: skip
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, points.NewPoint)
    made = {}
    for number, assignment in enumerate(("owner_occupied", "rented", "common_area", "vacant")):
        new = points.NewPoint(building_id=place.building, name=f"  Haus A,  Platz {number} ", assignment=assignment)
        made[await points.create_point(place.actor, new, NOW)] = (f"Haus A, Platz {number}", assignment)
    other = await make_house("XX")
    async with in_account(place.house.account_id):
        rows = {row.id: (row.name, row.assignment) for row in await administration.points(place.house.site_id, TODAY)}
        names = {row.id: row.building_name for row in await administration.points(place.house.site_id, TODAY)}
    assert {one: rows[one] for one in made} == made and set(names.values()) == {"A"}
    async with as_owner():
        foreign = await fetchval("SELECT id FROM building WHERE site_id = $1", other.site_id)
    second = await site_commands.create_site(
        place.actor, site_commands.NewSite(name="Zweites", street="S", postcode="1", city="C"), frozenset({"operator"}), NOW
    )
    elsewhere = await site_commands.add_building(place.actor, second, "B", NOW)
    point = next(iter(made))
    for building, code in ((foreign, "not_found"), (elsewhere, "other_site")):
        with pytest.raises(Refused) as refused:
            await points.change_point(place.actor, point, points.PointChange(version=1, building_id=building), NOW)
        assert refused.value.code == code
    for code, name in (("invalid_input", "   "), ("name_taken", "Haus A, Platz 1")):
        with pytest.raises(Refused) as refused:
            await points.change_point(place.actor, point, points.PointChange(version=1, name=name), NOW)
        assert refused.value.code == code
    await points.change_point(place.actor, point, points.PointChange(version=1, assignment="rented"), NOW)
    async with in_account(place.house.account_id):
        assert (await administration.point(point, TODAY)).assignment == "rented"
