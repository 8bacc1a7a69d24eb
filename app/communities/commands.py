"""Found a community, let people take part, and create their meters with what holds from when."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from app.audit.commands import note
from app.audit.model import Actor
from app.communities import queries
from app.communities.model import NewCommunityMeter, NewConfiguration, Settings, State
from app.communities.sharing_rules import in_force
from app.database.transaction import execute, fetchrow, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id

DAY = timedelta(days=1)
SETTINGS = ("phases", "reading_frequency", "tariff_group", "sampling_power_kw", "generating_capacity_kw", "amperage_a", "production_chain",
            "injection_status", "grid_operator", "rate", "client_type", "member_id")  # fmt: skip
FIGURES = ("sampling_power_kw", "generating_capacity_kw", "amperage_a")


async def create_community(actor: Actor, site_id: UUID, name: str, now: datetime) -> UUID:
    """A community of a site. Raises Refused not_found, name_taken, name_needed."""
    name = " ".join(name.split())
    if not 0 < len(name) <= 80:
        raise Refused("name_needed", 422, "Write a name of at most 80 letters.", fields=["name"])
    community_id = new_id()
    async with in_account(actor.account_id):
        try:
            await execute("INSERT INTO community (account_id, id, site_id, name, created_at) VALUES ($1, $2, $3, $4, $5)",
                          actor.account_id, community_id, site_id, name, now)  # fmt: skip
        except asyncpg.ForeignKeyViolationError as error:
            raise not_found("site") from error
        except asyncpg.UniqueViolationError as error:
            raise Refused(
                "name_taken", 409, "This name is in use already. Choose a name that tells them apart.", fields=["name"]
            ) from error
        await note(actor, "site", site_id, "community", now, after={"name": name})
    return community_id


async def add_member(actor: Actor, community_id: UUID, person_id: UUID, first: date, now: datetime) -> UUID:
    """Somebody takes part from a day on. The same again is the same membership. Raises Refused not_found, member_already."""
    member_id = new_id()
    async with in_account(actor.account_id):
        known = await fetchrow("SELECT id FROM community_member WHERE community_id = $1 AND person_id = $2 AND lower(period) = $3",
                               community_id, person_id, first)  # fmt: skip
        if known is not None:
            return UUID(str(known["id"]))
        try:
            await execute("INSERT INTO community_member (account_id, id, community_id, person_id, period)"
                          " VALUES ($1, $2, $3, $4, daterange($5, NULL))",
                          actor.account_id, member_id, community_id, person_id, first)  # fmt: skip
        except asyncpg.ForeignKeyViolationError as error:
            raise not_found("community or person") from error
        except asyncpg.ExclusionViolationError as error:
            raise Refused("member_already", 409, "This person takes part at that time already.", fields=["person_id"]) from error
        await note(actor, "community", community_id, "member", now, after={"person_id": person_id, "from": first})
    return member_id


async def create_meter(actor: Actor, community_id: UUID, form: NewCommunityMeter, now: datetime) -> UUID:
    """A meter and its first configuration, together or not at all.

    Raises Refused not_found, ean_taken, meter_number_taken, not_a_member, bad_figure.
    """
    meter_id = new_id()
    async with in_account(actor.account_id):
        community = await queries.community(community_id)
        try:
            await execute(
                "INSERT INTO meter (account_id, id, site_id, kind, source, serial, phases, installed_on, created_at)"
                " VALUES ($1, $2, $3, 'entry', 'dso', $4, $5, $6, $7)", actor.account_id, meter_id, community.site_id,
                form.meter_number.strip(), 1 if form.phases < 3 else 3, form.activation_date, now,
            )  # fmt: skip
            await execute(
                "INSERT INTO community_meter (account_id, id, community_id, ean, street, postcode, city, country, created_at)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", actor.account_id, meter_id, community_id, form.ean, form.street.strip(),
                form.postcode.strip(), form.city.strip(), form.country, now,
            )  # fmt: skip
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name == "community_meter_ean":
                raise Refused("ean_taken", 409, "A meter with this EAN exists already. Look it up in the list.", fields=["ean"]) from error
            raise Refused("meter_number_taken", 409, "A meter with this number exists already. Check the number.",
                          fields=["meter_number"]) from error  # fmt: skip
        await _configure(actor.account_id, community_id, meter_id, form, form.activation_date, "active", now)
        await note(actor, "community", community_id, "meter", now, after={"ean": form.ean, "from": form.activation_date})
    return meter_id


async def _configure(
    account_id: UUID, community_id: UUID, meter_id: UUID, settings: Settings, first: date, state: State, now: datetime
) -> UUID:
    """Insert a configuration without an end (inside the caller's transaction). Raises Refused not_a_member, bad_figure."""
    if not await fetchrow("SELECT 1 FROM community_member WHERE community_id = $1 AND person_id = $2 AND period @> $3::date",
                          community_id, settings.member_id, first):  # fmt: skip
        raise Refused("not_a_member", 422, "This person does not take part in the community on that day. Add the member first.",
                      fields=["member_id"])  # fmt: skip
    odd = [name for name in FIGURES if (figure := getattr(settings, name)) is not None and not 0 <= figure <= 999_999]
    if odd:
        raise Refused("bad_figure", 422, "Write a number from 0 to 999999, or leave it empty.", fields=odd)
    configuration_id = new_id()
    places = ", ".join(f"${place}" for place in range(7, 7 + len(SETTINGS)))
    await execute(
        f"INSERT INTO community_configuration (account_id, id, meter_id, period, state, created_at, {', '.join(SETTINGS)})"
        f" VALUES ($1, $2, $3, daterange($4, NULL), $5, $6, {places})", account_id, configuration_id, meter_id, first, state, now,
        *(getattr(settings, name) for name in SETTINGS),
    )  # fmt: skip
    return configuration_id


async def add_configuration(actor: Actor, meter_id: UUID, form: NewConfiguration, now: datetime) -> UUID:
    """What holds from a day on; what held before ends the day before.

    Raises Refused not_found, configuration_exists (one begins that day or later), before_activation, not_a_member, bad_figure.
    """
    async with in_account(actor.account_id):
        community_id = await _locked(meter_id)
        listed = (await queries.configurations([meter_id]))[meter_id]
        if any(one.first >= form.first for one in listed):
            raise Refused("configuration_exists", 409, "A configuration begins on that day or later already. Delete it first, or choose a"
                          " later day.", fields=["first"])  # fmt: skip
        await _end(listed[-1].id, form.first)
        made = await _configure(actor.account_id, community_id, meter_id, form, form.first, form.state, now)
        await note(actor, "community", community_id, "configuration", now, after={"meter_id": meter_id, "from": form.first})
    return made


async def set_state(actor: Actor, meter_id: UUID, state: State, first: date, now: datetime) -> UUID:
    """Another state from a day on; rate, type, holder and all else stay. Safe to repeat. Raises Refused as `add_configuration` does."""
    async with in_account(actor.account_id):
        await _locked(meter_id)
        listed = (await queries.configurations([meter_id]))[meter_id]
    place = in_force(listed, first)
    if place is None:
        raise Refused("before_activation", 422, "The meter is not activated on that day yet. Choose a later day.", fields=["first"])
    present = listed[place]
    if present.state == state:
        return present.id
    kept: dict[str, Any] = {name: getattr(present, name) for name in SETTINGS}
    return await add_configuration(actor, meter_id, NewConfiguration(**kept, first=first, state=state), now)


async def delete_configuration(actor: Actor, configuration_id: UUID, reopen: bool, now: datetime, today: date) -> None:
    """Take a configuration back that has not begun; with `reopen` the one before it holds on without an end.

    Raises Refused not_found, configuration_begun, only_configuration.
    """
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT meter_id, lower(period) AS first, upper(period) AS upper FROM community_configuration WHERE id = $1",
                             configuration_id)  # fmt: skip
        if row is None:
            raise not_found("configuration")
        community_id = await _locked(row["meter_id"])
        if row["first"] <= today:
            raise Refused("configuration_begun", 409, "This configuration holds already. Enter a new one from a later day on.")
        listed = (await queries.configurations([row["meter_id"]]))[row["meter_id"]]
        before = [one for one in listed if one.first < row["first"]]
        if not before:
            raise Refused("only_configuration", 409, "A meter keeps its first configuration.")
        await execute("DELETE FROM community_configuration WHERE id = $1", configuration_id)
        if reopen:
            await _end(before[-1].id, row["upper"])
        await note(
            actor, "community", community_id, "configuration_deleted", now, before={"meter_id": row["meter_id"], "from": row["first"]}
        )


async def _end(configuration_id: UUID, upper: date | None) -> None:
    await execute("UPDATE community_configuration SET period = daterange(lower(period), $2) WHERE id = $1", configuration_id, upper)


async def _locked(meter_id: UUID) -> UUID:
    """The community of a meter, whose row is locked. Raises Refused not_found."""
    row = await fetchrow("SELECT m.community_id FROM community_meter m JOIN meter r ON r.account_id = m.account_id AND r.id = m.id"
                         " WHERE m.id = $1 FOR UPDATE OF r", meter_id)  # fmt: skip
    if row is None:
        raise not_found("meter")
    return UUID(str(row["community_id"]))
