"""Set up a site: its data, buildings, status, steps. Every change is by version and leaves a line in the trail."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import available_timezones

import asyncpg
import msgspec

from app.audit.commands import note, save
from app.audit.model import Actor
from app.database.transaction import execute, fetchrow, fetchval, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.sites import administration, queries, rules
from app.sites.rules import Status

Text = Annotated[str, msgspec.Meta(max_length=120)]
Needed = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Country = Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")]
Language = Literal["de", "fr", "it", "en", "nl"]
CURRENCIES = frozenset({"CHF", "EUR"})


class NewSite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form of a new site. `creditor_id` None: the account's only creditor."""

    name: Needed
    street: Needed
    postcode: Needed
    city: Needed
    country: Country = "CH"
    currency: Needed = "CHF"
    time_zone: Needed = "Europe/Zurich"
    reference: Text = ""
    kind: Literal["single", "community", "microgrid"] = "single"
    creditor_id: UUID | None = None


class SiteChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another value of some fields; `version` is the one that the editor saw."""

    version: int
    name: Needed | msgspec.UnsetType = msgspec.UNSET
    reference: Text | msgspec.UnsetType = msgspec.UNSET
    street: Needed | msgspec.UnsetType = msgspec.UNSET
    postcode: Needed | msgspec.UnsetType = msgspec.UNSET
    city: Needed | msgspec.UnsetType = msgspec.UNSET
    country: Country | msgspec.UnsetType = msgspec.UNSET
    latitude: Decimal | msgspec.UnsetType | None = msgspec.UNSET
    longitude: Decimal | msgspec.UnsetType | None = msgspec.UNSET
    time_zone: Needed | msgspec.UnsetType = msgspec.UNSET
    vat_liable: bool | msgspec.UnsetType = msgspec.UNSET
    languages: tuple[Language, ...] | msgspec.UnsetType = msgspec.UNSET
    share_unit: Literal["square_metre", "thousandth"] | msgspec.UnsetType = msgspec.UNSET
    billing_from: date | msgspec.UnsetType | None = msgspec.UNSET


async def create_site(actor: Actor, form: NewSite, roles: frozenset[str], now: datetime) -> UUID:
    """A new, planned site with a first building. Only an operator makes a microgrid.

    Raises Refused name_taken, bad_time_zone, bad_currency, operator_needed, creditor_needed.
    """
    if form.kind == "microgrid" and not roles & {"operator", "superadmin"}:
        raise Refused("operator_needed", 403, "A microgrid is set up with the operator. Ask the operator to create it.", fields=["kind"])
    if form.currency not in CURRENCIES:
        raise Refused("bad_currency", 422, "Choose CHF or EUR.", fields=["currency"])
    _check_zone(form.time_zone)
    site_id = new_id()
    async with in_account(actor.account_id):
        creditor_id = form.creditor_id or await _only_creditor()
        try:
            await execute(
                "INSERT INTO site (account_id, id, creditor_id, name, street, postcode, city, country, currency, time_zone, reference,"
                " kind, created_at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13)",
                actor.account_id, site_id, creditor_id, form.name.strip(), form.street, form.postcode, form.city, form.country,
                form.currency, form.time_zone, form.reference, form.kind, now,
            )  # fmt: skip
        except asyncpg.UniqueViolationError as error:
            raise _taken() from error
        except asyncpg.ForeignKeyViolationError as error:
            raise not_found("creditor") from error
        await execute("INSERT INTO operating_method (account_id, site_id, method, period) VALUES ($1, $2, 'operator_bills',"
                      " daterange($3, NULL))", actor.account_id, site_id, now.date())  # fmt: skip
        await note(actor, "site", site_id, "created", now, after=msgspec.structs.asdict(form))
    return site_id


async def _only_creditor() -> UUID:
    row = await fetchrow("SELECT (array_agg(id))[1] AS id, count(*) AS many FROM creditor")
    if row is None or row["many"] != 1:
        raise Refused("creditor_needed", 422, "Choose who issues the bills of this site.", fields=["creditor_id"])
    return UUID(str(row["id"]))


async def change_site(actor: Actor, site_id: UUID, change: SiteChange, now: datetime) -> int:
    """Change a site's data and parameters. Returns the version. Raises Refused not_found, changed_meanwhile, name_taken."""
    values: dict[str, Any] = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET and name != "version"
    }  # fmt: skip
    if "time_zone" in values:
        _check_zone(values["time_zone"])
    if ("latitude" in values) != ("longitude" in values):
        raise Refused("invalid_input", 422, "A place needs both latitude and longitude.", fields=["latitude", "longitude"])
    async with in_account(actor.account_id):
        try:
            saved = await save(actor, "site", site_id, change.version, values, now)
        except asyncpg.UniqueViolationError as error:
            raise _taken() from error
        except asyncpg.CheckViolationError as error:
            raise Refused("invalid_input", 422, "These coordinates or languages cannot be.", fields=["latitude", "languages"]) from error
    return int(saved["version"])


# Why a house cannot be handed over by its installer; what is installed is known higher up.
Reasons = Callable[[UUID, datetime], Awaitable[Sequence[msgspec.Struct]]]


async def set_status(
    actor: Actor, site_id: UUID, status: Status, reason: str, now: datetime, *, reasons: Reasons | None = None
) -> None:  # fmt: skip
    """Move a site on, by an allowed transition only. Safe to repeat.

    From being installed to being verified it is handed over, for which there must be no `reasons` against it.
    Raises Refused not_found, not_allowed_now, not_ready.
    """
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT status, version FROM site WHERE id = $1 FOR UPDATE", site_id)
        if row is None:
            raise not_found("site")
        if row["status"] == status:
            return
        allowed = rules.TRANSITIONS[row["status"]]
        if status not in allowed:
            raise Refused("not_allowed_now", 409, f"From '{row['status']}' a site can become: {', '.join(allowed) or 'nothing else'}.",
                          allowed=list(allowed))  # fmt: skip
        if reasons is not None and (row["status"], status) == ("installing", "to_verify"):
            _check_ready(await reasons(site_id, now))
        await save(actor, "site", site_id, row["version"], {"status": status}, now, action="status", reason=reason)


def _check_ready(found: Sequence[msgspec.Struct]) -> None:
    if found:
        raise Refused("not_ready", 409, f"The house cannot be handed over yet: {len(found)} things are open.", n=len(found),
                      reasons=[msgspec.to_builtins(one) for one in found])  # fmt: skip


async def delete_site(actor: Actor, site_id: UUID, now: datetime) -> None:
    """Take away a site that was never used. Raises Refused site_in_use: then it is deactivated and its data are kept."""
    del now
    async with in_account(actor.account_id):
        if await queries.site(site_id) is None:
            raise not_found("site")
        try:
            if not await fetchval(USED, site_id):
                await execute("SELECT forget_site($1)", site_id)
                return
        except (asyncpg.ForeignKeyViolationError, asyncpg.RestrictViolationError) as error:
            raise _in_use() from error  # meters, gateways, circuits, grants: whatever else hangs on it
        raise _in_use()


USED = """
SELECT EXISTS (SELECT 1 FROM billing_point WHERE site_id = $1) OR EXISTS (SELECT 1 FROM station WHERE site_id = $1)
    OR EXISTS (SELECT 1 FROM invoice WHERE site_id = $1) OR EXISTS (SELECT 1 FROM tariff WHERE site_id = $1)
"""


async def add_building(actor: Actor, site_id: UUID, name: str, now: datetime) -> UUID:
    """A further building of a site. Raises Refused not_found, name_taken, name_needed."""
    building_id = new_id()
    async with in_account(actor.account_id):
        try:
            await execute("INSERT INTO building (account_id, id, site_id, name) VALUES ($1, $2, $3, $4)",
                          actor.account_id, building_id, site_id, _named(name))  # fmt: skip
        except asyncpg.ForeignKeyViolationError as error:
            raise not_found("site") from error
        except asyncpg.UniqueViolationError as error:
            raise _taken() from error
        await note(actor, "site", site_id, "building_added", now, after={"name": name})
    return building_id


async def rename_building(actor: Actor, building_id: UUID, version: int, name: str, now: datetime) -> int:
    """Another name of a building. Returns the version. Raises Refused not_found, changed_meanwhile, name_taken."""
    async with in_account(actor.account_id):
        try:
            saved = await save(actor, "building", building_id, version, {"name": _named(name)}, now)
        except asyncpg.UniqueViolationError as error:
            raise _taken() from error
    return int(saved["version"])


async def tick_step(actor: Actor, site_id: UUID, step: str, now: datetime) -> None:
    """Mark a step of the set-up that no data can prove. Safe to repeat. Raises Refused not_found, step_not_due."""
    async with in_account(actor.account_id):
        if await queries.site(site_id) is None:
            raise not_found("site")
        listed = await administration.setup_steps(site_id, now.date())
        if any(known.name == step and known.done for known in listed):
            return
        if not rules.may_tick(step, listed):
            raise Refused("step_not_due", 409, "The steps before this one come first, and some are seen from the data.", step=step)
        await execute("INSERT INTO site_step (account_id, site_id, step, done_at, done_by) VALUES ($1, $2, $3, $4, $5)"
                      " ON CONFLICT DO NOTHING", actor.account_id, site_id, step, now, actor.name)  # fmt: skip
        await note(actor, "site", site_id, "step", now, after={"step": step})


def _named(name: str) -> str:
    trimmed = " ".join(name.split())
    if not 0 < len(trimmed) <= 80:
        raise Refused("name_needed", 422, "Write a name of at most 80 letters.", fields=["name"])
    return trimmed


def _check_zone(name: str) -> None:
    if name not in available_timezones():
        raise Refused("bad_time_zone", 422, "This time zone is not known. Write it as Europe/Zurich.", fields=["time_zone"])


def _in_use() -> Refused:
    return Refused("site_in_use", 409, "This site has residents, stations, readings or bills. Deactivate it: its data are kept.")


def _taken() -> Refused:
    return Refused("name_taken", 409, "This name is in use already. Choose a name that tells them apart.", fields=["name"])
