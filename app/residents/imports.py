"""The residents' spreadsheet becomes accounts and assignments, row by row; a bad row is reported and changes nothing."""

from datetime import date, datetime
from typing import Literal, get_args
from uuid import UUID

import msgspec

from app.audit.model import Actor
from app.database.transaction import fetchrow, in_account
from app.kernel.errors import Refused
from app.residents.model import Stay
from app.residents.moves import assign, stays_of
from app.residents.people import Locale, NewPerson, check_person, create_person
from app.residents.points import NewPoint, create_point, place_name
from app.residents.rules import with_stay
from app.residents.spreadsheet import NEEDED, Row, parse_day, rows_of

LANGUAGES = {"deutsch": "de", "german": "de", "français": "fr", "francais": "fr", "french": "fr", "italiano": "it", "italian": "it",
             "english": "en", "englisch": "en", "nederlands": "nl", "dutch": "nl"}  # fmt: skip
TAKEN = ("given_name", "family_name", "phone", "street", "postcode", "city")


class RowReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a row: done, there already, or refused with a code and a sentence."""

    row: int
    outcome: Literal["done", "unchanged", "refused"]
    place: str = ""
    code: str = ""
    detail: str = ""
    params: dict[str, str] = {}


async def import_residents(actor: Actor, site_id: UUID, name: str, content: bytes, now: datetime) -> list[RowReport]:
    """Read a sheet and carry out its rows, each in full or not at all. The same sheet again changes nothing.

    Raises Refused as `rows_of` does, before anything is done.
    """
    return [await _carry_out(actor, site_id, row, now) for row in rows_of(name, content)]


async def _carry_out(actor: Actor, site_id: UUID, row: Row, now: datetime) -> RowReport:
    place = row.cells.get("place", "")
    try:
        form, entry, last = _person(row), _day(row, "entry"), _day(row, "exit") if row.cells.get("exit") else None
        building = await _building(actor, site_id, row.cells["building"])
        known = await _known_stay(actor, building, place, form, entry)
        if known:
            return RowReport(row=row.number, outcome="unchanged", place=place)
        check_person(form)
        await _refuse_what_cannot_be(actor, building, place, entry, last)
        person_id = await _person_id(actor, form, now)
        point_id = await _point_id(actor, building, place, entry, now)
        await assign(actor, point_id, person_id, entry, last, now)
    except Refused as refused:
        params = {key: str(value) for key, value in refused.params.items()}
        return RowReport(row=row.number, outcome="refused", place=place, code=refused.code, detail=refused.detail, params=params)
    return RowReport(row=row.number, outcome="done", place=place)


def _person(row: Row) -> NewPerson:
    cells = row.cells
    for column in NEEDED:
        if not cells.get(column):
            raise Refused("missing_cell", 422, f"'{column}' is empty. Fill it in.", column=column)
    language = cells.get("locale", "de").casefold()
    language = LANGUAGES.get(language, language[:2])
    if language not in get_args(Locale):
        raise Refused("bad_language", 422, "Write the language as de, fr, it, en or nl.", column="locale")
    values: dict[str, str] = {name: cells[name] for name in TAKEN if name in cells}
    values |= {"kind": "natural" if cells.get("given_name") else "legal", "locale": language, "country": cells.get("country", "CH").upper(),
               "correspondence": "email" if cells.get("email") else "post"}  # fmt: skip
    try:
        return msgspec.convert({**values, "email": cells.get("email")}, NewPerson)
    except msgspec.ValidationError as error:
        raise Refused("bad_cell", 422, f"A value of this row cannot be used: {error}.") from error


def _day(row: Row, column: str) -> date:
    try:
        return parse_day(row.cells[column])
    except ValueError as error:
        raise Refused("bad_day", 422, f"'{row.cells[column]}' is not a day. Write it as 31.12.2026.", column=column) from error


async def _building(actor: Actor, site_id: UUID, name: str) -> UUID:
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT id FROM building WHERE site_id = $1 AND lower(name) = lower($2)", site_id, name)
    if row is None:
        raise Refused("no_such_building", 422, f"This site has no building '{name}'. Create it, or correct the name.", column="building")
    return UUID(str(row["id"]))


POINT = "SELECT id, since FROM billing_point WHERE building_id = $1 AND lower(name) = lower($2)"


async def _known_stay(actor: Actor, building: UUID, place: str, form: NewPerson, entry: date) -> bool:
    async with in_account(actor.account_id):
        row = await fetchrow(
            "SELECT 1 FROM occupancy o JOIN billing_point b ON b.account_id = o.account_id AND b.id = o.billing_point_id"
            " JOIN person p ON p.account_id = o.account_id AND p.id = o.person_id WHERE b.building_id = $1 AND lower(b.name) = lower($2)"
            " AND lower(o.period) = $3 AND NOT o.vacancy AND lower(p.given_name) = lower($4) AND lower(p.family_name) = lower($5)",
            building, place, entry, form.given_name, form.family_name,
        )  # fmt: skip
    return row is not None


async def _refuse_what_cannot_be(actor: Actor, building: UUID, place: str, entry: date, last: date | None) -> None:
    """Try the stay before an account or a place is made for it: a refused row must leave nothing behind."""
    async with in_account(actor.account_id):
        row = await fetchrow(POINT, building, place)
        stays: list[Stay] = [] if row is None else await stays_of(row["id"])
        if row is None:
            await place_name(place)
    with_stay(stays, UUID(int=0), entry, last)
    if row is not None and entry < row["since"]:
        raise Refused("before_the_place", 422, f"This place is known from {row['since']} on. Choose that day or a later one.",
                      since=str(row["since"]), column="entry")  # fmt: skip


async def _person_id(actor: Actor, form: NewPerson, now: datetime) -> UUID:
    """The account of this person: the one that exists with the same name and e-mail (or address), else a new one."""
    async with in_account(actor.account_id):
        row = await fetchrow(
            "SELECT id FROM person WHERE lower(given_name) = lower($1) AND lower(family_name) = lower($2) AND erased_at IS NULL"
            " AND (lower(email) = lower($3) OR ($3::text IS NULL AND lower(street) = lower($4) AND postcode = $5))",
            form.given_name, form.family_name, form.email, form.street, form.postcode,
        )  # fmt: skip
    return UUID(str(row["id"])) if row is not None else await create_person(actor, form, now)


async def _point_id(actor: Actor, building: UUID, place: str, entry: date, now: datetime) -> UUID:
    async with in_account(actor.account_id):
        row = await fetchrow(POINT, building, place)
    return (
        UUID(str(row["id"])) if row is not None else await create_point(actor, NewPoint(building_id=building, name=place, since=entry), now)
    )
