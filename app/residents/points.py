"""Billing points: places where energy or water is used and for which one bill or statement is made."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
import msgspec

from app.audit.commands import note, save
from app.audit.model import Actor
from app.database.transaction import execute, fetch, fetchrow, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.residents import rules
from app.residents.moves import fill_vacancies

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
Assignment = Literal["owner_occupied", "rented", "common_area", "vacant"]
Priority = Annotated[int, msgspec.Meta(ge=0, le=1000)]


class NewPoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form of a billing point. `share`: surface in m2 or thousandths, as the site counts. `since`: known from then on."""

    building_id: UUID
    name: Name
    assignment: Assignment = "rented"
    share: Decimal | None = None
    activated: bool = True
    consumer_billing: bool = True
    expense_statement: bool = True
    priority: Priority = 0
    since: date | None = None


class PointChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another value of some fields; `version` is the one that the editor saw."""

    version: int
    building_id: UUID | msgspec.UnsetType = msgspec.UNSET
    name: Name | msgspec.UnsetType = msgspec.UNSET
    assignment: Assignment | msgspec.UnsetType = msgspec.UNSET
    share: Decimal | msgspec.UnsetType | None = msgspec.UNSET
    activated: bool | msgspec.UnsetType = msgspec.UNSET
    consumer_billing: bool | msgspec.UnsetType = msgspec.UNSET
    expense_statement: bool | msgspec.UnsetType = msgspec.UNSET
    priority: Priority | msgspec.UnsetType = msgspec.UNSET


async def create_point(actor: Actor, form: NewPoint, now: datetime) -> UUID:
    """A new billing point of a building, which the owner occupies until somebody is put on it.

    Raises Refused not_found, name_of_a_person, name_taken, bad_share, too_many_thousandths.
    """
    async with in_account(actor.account_id):
        return await insert_point(actor, form, now)


async def insert_point(actor: Actor, form: NewPoint, now: datetime) -> UUID:
    """The same inside the caller's transaction."""
    building = await fetchrow("SELECT site_id FROM building WHERE id = $1", form.building_id)
    if building is None:
        raise not_found("building")
    name = await place_name(form.name)
    await _check_share(building["site_id"], None, form.share)
    point_id, since = new_id(), form.since or now.date()
    values = {**msgspec.structs.asdict(form), "name": name, "since": since}
    try:
        await execute(
            "INSERT INTO billing_point (account_id, id, site_id, building_id, name, assignment, share, activated,"
            " consumer_billing, expense_statement, priority, since) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)",
            actor.account_id, point_id, building["site_id"], form.building_id, name, form.assignment, form.share,
            form.activated, form.consumer_billing, form.expense_statement, form.priority, since,
        )  # fmt: skip
    except asyncpg.UniqueViolationError as error:
        raise _taken() from error
    await fill_vacancies(actor.account_id, point_id, since, building["site_id"])
    await note(actor, "billing_point", point_id, "created", now, after=values)
    return point_id


async def change_point(actor: Actor, point_id: UUID, change: PointChange, now: datetime) -> int:
    """Change a billing point; bills already issued keep what they printed. Returns the version.

    Raises Refused not_found, changed_meanwhile, name_of_a_person, name_taken, bad_share, other_site.
    """
    values: dict[str, Any] = {
        name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET and name != "version"
    }  # fmt: skip
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT site_id, name FROM billing_point WHERE id = $1", point_id)
        if row is None:
            raise not_found("billing point")
        if "name" in values and values["name"] != row["name"]:
            values["name"] = await place_name(values["name"])
        if "share" in values:
            await _check_share(row["site_id"], point_id, values["share"])
        if "building_id" in values:
            await _same_site(row["site_id"], values["building_id"])
        try:
            saved = await save(actor, "billing_point", point_id, change.version, values, now)
        except asyncpg.UniqueViolationError as error:
            raise _taken() from error
    return int(saved["version"])


async def place_name(name: str) -> str:
    """The trimmed name. Raises Refused name_of_a_person where it is that of somebody in the account."""
    trimmed = " ".join(name.split())
    if not trimmed:
        raise Refused("invalid_input", 422, "Write a name that says where this place is, such as 'Flat 2.1'.", fields=["name"])
    people = await fetch("SELECT given_name, family_name FROM person WHERE lower(family_name) = ANY($1::text[]) OR"
                         " lower(given_name || ' ' || family_name) = $2 OR lower(family_name || ' ' || given_name) = $2",
                         [trimmed.lower()], trimmed.lower())  # fmt: skip
    if rules.names_a_person(trimmed, [(row["given_name"], row["family_name"]) for row in people]):
        raise Refused("name_of_a_person", 422, "A place is never named after a person. Say where it is, such as 'Flat 2.1, second floor'.",
                      fields=["name"])  # fmt: skip
    return trimmed


async def _check_share(site_id: UUID, point_id: UUID | None, share: Decimal | None) -> None:
    if share is None:
        return
    if not share.is_finite() or share <= 0:
        raise Refused("bad_share", 422, "The surface or the thousandths must be above zero.", fields=["share"])
    row = await fetchrow(
        "SELECT s.share_unit, coalesce((SELECT sum(p.share) FROM billing_point p WHERE p.account_id = s.account_id AND p.site_id = s.id"
        " AND p.id IS DISTINCT FROM $2), 0) AS others FROM site s WHERE s.id = $1 FOR UPDATE OF s", site_id, point_id,
    )  # fmt: skip
    if row is not None and row["share_unit"] == "thousandth" and row["others"] + share > 1000:
        left = 1000 - row["others"]
        raise Refused("too_many_thousandths", 422, f"The thousandths of a site sum to 1000; {left} are left.", left=str(left),
                      fields=["share"])  # fmt: skip


async def _same_site(site_id: UUID, building_id: UUID) -> None:
    row = await fetchrow("SELECT site_id FROM building WHERE id = $1", building_id)
    if row is None:
        raise not_found("building")
    if row["site_id"] != site_id:
        raise Refused("other_site", 422, "This building belongs to another site. Choose one of the same site.", fields=["building_id"])


def _taken() -> Refused:
    return Refused("name_taken", 409, "Another place of this building has that name. Choose a name that tells them apart.", fields=["name"])


async def set_advance(actor: Actor, point_id: UUID, amount_minor: int, valid_from: date, now: datetime) -> UUID:
    """The monthly advance of a point from a day on; what was agreed before ends the day before. Safe to repeat.

    Raises Refused not_found, bad_amount, advance_exists where a later one is entered already.
    """
    if amount_minor < 0:
        raise Refused("bad_amount", 422, "An advance cannot be below zero.", fields=["amount_minor"])
    async with in_account(actor.account_id):
        if await fetchrow("SELECT 1 FROM billing_point WHERE id = $1 FOR UPDATE", point_id) is None:
            raise not_found("billing point")
        same = await fetchrow("SELECT id, amount_minor FROM default_advance WHERE billing_point_id = $1 AND lower(period) = $2",
                              point_id, valid_from)  # fmt: skip
        if same is not None:
            if same["amount_minor"] != amount_minor:
                await execute("UPDATE default_advance SET amount_minor = $2 WHERE id = $1", same["id"], amount_minor)
                await note(actor, "billing_point", point_id, "advance", now, before={"amount_minor": same["amount_minor"]},
                           after={"amount_minor": amount_minor, "from": valid_from})  # fmt: skip
            return UUID(str(same["id"]))
        await execute("UPDATE default_advance SET period = daterange(lower(period), $2) WHERE billing_point_id = $1 AND period @> $2::date",
                      point_id, valid_from)  # fmt: skip
        advance_id = new_id()
        try:
            await execute("INSERT INTO default_advance (account_id, id, billing_point_id, amount_minor, period)"
                          " VALUES ($1, $2, $3, $4, daterange($5, NULL))", actor.account_id, advance_id, point_id, amount_minor,
                          valid_from)  # fmt: skip
        except asyncpg.ExclusionViolationError as error:
            raise Refused("advance_exists", 409, "A later advance stands already. Choose a day after it.", fields=["valid_from"]) from error
        await note(actor, "billing_point", point_id, "advance", now, after={"amount_minor": amount_minor, "from": valid_from})
    return advance_id
