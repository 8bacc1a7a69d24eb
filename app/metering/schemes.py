"""Validation schemes, locks and corrections of a house."""

from datetime import date, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import execute, fetch, fetchrow, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.metering.intake import MOST_PER_HOUR

SchemeKind = Literal["electricity", "heating", "cold_water", "hot_water", "cooling", "reactive"]
DEFAULTS: dict[str, int] = {**MOST_PER_HOUR, "reactive": MOST_PER_HOUR["electricity"]}


class Scheme(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How readings of a kind become validated ones. A day on or before `locked_until` never changes; the lock only moves on."""

    most_per_hour: Annotated[int, msgspec.Meta(ge=1, le=10**12)]
    longest_gap_h: Annotated[int, msgspec.Meta(ge=1, le=8784)] | None = None
    locked_until: date | None = None
    validated_only: bool = False
    validate_on_view: bool = True
    version: int = 0


class KindScheme(msgspec.Struct, frozen=True, kw_only=True):
    """The scheme of one kind of meter."""

    kind: SchemeKind
    scheme: Scheme


class NewCorrection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A correction of a meter from a day, to a day or until further notice."""

    kind: Literal["swap", "term", "behind"]
    first: date
    last: date | None = None
    part_id: UUID | None = None
    sign: Literal[1, -1] | None = None


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """A correction that is entered."""

    id: UUID
    kind: str
    part_id: UUID | None
    sign: int | None
    first: date | None
    last: date | None


COLUMNS = "most_per_hour, longest_gap_h, locked_until, validated_only, validate_on_view, version"


async def schemes_of(site_id: UUID) -> list[KindScheme]:
    """The scheme of every kind, the usual one where none was entered (inside the caller's transaction)."""
    rows = {row["kind"]: row for row in await fetch(f"SELECT kind, {COLUMNS} FROM validation_scheme WHERE site_id = $1", site_id)}
    found = []
    for kind, most in DEFAULTS.items():
        row = rows.get(kind)
        scheme = Scheme(most_per_hour=most) if row is None else Scheme(**{name: row[name] for name in Scheme.__struct_fields__})
        found.append(KindScheme(kind=msgspec.convert(kind, SchemeKind), scheme=scheme))
    return found


async def set_scheme(actor: Actor, site_id: UUID, kind: SchemeKind, form: Scheme, now: datetime) -> int:
    """Another scheme; `version` is the one that its editor saw. Returns the version. Raises Refused changed_meanwhile, lock_moves_on."""
    async with in_account(actor.account_id):
        if await fetchrow("SELECT 1 FROM site WHERE id = $1 FOR UPDATE", site_id) is None:
            raise not_found("site")
        row = await fetchrow(f"SELECT {COLUMNS} FROM validation_scheme WHERE site_id = $1 AND kind = $2 FOR UPDATE", site_id, kind)
        if (0 if row is None else row["version"]) != form.version:
            raise Refused("changed_meanwhile", 409, "Somebody else has changed this meanwhile. Load it again.")
        if row is not None and row["locked_until"] is not None and (form.locked_until is None or form.locked_until < row["locked_until"]):
            raise Refused(
                "lock_moves_on", 409, "What was locked stays locked: choose the same day or a later one.", fields=["locked_until"]
            )
        await execute(f"INSERT INTO validation_scheme (account_id, site_id, kind, {COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
                      " ON CONFLICT (account_id, site_id, kind) DO UPDATE SET most_per_hour = $4, longest_gap_h = $5, locked_until = $6,"
                      " validated_only = $7, validate_on_view = $8, version = $9", actor.account_id, site_id, kind, form.most_per_hour,
                      form.longest_gap_h, form.locked_until, form.validated_only, form.validate_on_view, form.version + 1)  # fmt: skip
        await note(actor, "site", site_id, "validation_scheme", now, after={"kind": kind, **msgspec.structs.asdict(form)})
    return form.version + 1


async def add_correction(actor: Actor, meter_id: UUID, form: NewCorrection, now: datetime) -> UUID:
    """A correction; all days that it touches are validated again.

    Raises Refused not_found, isolated_meter, bad_correction, corrected_already, rule_in_a_ring, day_locked.
    """
    if (form.kind == "swap") != (form.part_id is None) or (form.kind == "term") != (form.sign is not None) or form.part_id == meter_id:
        raise Refused("bad_correction", 422, "Swapping names no other meter; a rule names another one, added or taken off.")
    if form.last is not None and form.last < form.first:
        raise Refused("exit_before_entry", 422, "The last day lies before the first one. Correct one of the two.", fields=["last"])
    correction_id = new_id()
    async with in_account(actor.account_id):
        site_id = await _check_meters(meter_id, form)
        try:
            await execute("INSERT INTO meter_correction (account_id, id, meter_id, kind, part_id, sign, period)"
                          " VALUES ($1, $2, $3, $4, $5, $6, $7)", actor.account_id, correction_id, meter_id, form.kind, form.part_id,
                          form.sign, asyncpg.Range(form.first, None if form.last is None else form.last + timedelta(days=1)))  # fmt: skip
        except asyncpg.ExclusionViolationError as error:
            raise Refused("corrected_already", 409, "This correction holds on some of these days already.") from error
        await _validate_again(actor.account_id, meter_id, form.first, form.last)
        await note(actor, "site", site_id, "meter_correction", now, after=msgspec.structs.asdict(form))
    return correction_id


async def _check_meters(meter_id: UUID, form: NewCorrection) -> UUID:
    rows = await fetch("SELECT m.id, m.site_id, m.medium, m.isolated, v.locked_until FROM meter m LEFT JOIN validation_scheme v"
                       " ON v.account_id = m.account_id AND v.site_id = m.site_id AND v.kind = CASE m.medium WHEN 'heat' THEN 'heating'"
                       " ELSE m.medium END WHERE m.id = ANY($1::uuid[]) ORDER BY m.id", [meter_id, form.part_id or meter_id])  # fmt: skip
    mine = next((row for row in rows if row["id"] == meter_id), None)
    if mine is None or {row["id"] for row in rows} != {meter_id, form.part_id or meter_id} or len({row["site_id"] for row in rows}) > 1:
        raise not_found("meter in this house")
    if form.part_id is not None and any(row["isolated"] for row in rows):
        raise Refused("isolated_meter", 409, "An isolated meter stands for itself alone and takes part in no rule.")
    if len({row["medium"] for row in rows}) > 1:
        raise Refused("bad_correction", 422, "Only meters of the same kind can be added to or taken off each other.")
    if mine["locked_until"] is not None and form.first <= mine["locked_until"]:
        raise Refused("day_locked", 409, "This day is locked: what was billed stays as it is.", fields=["first"])
    if form.part_id is not None and await fetchrow(
        "WITH RECURSIVE below (id) AS (SELECT $1::uuid UNION SELECT c.part_id FROM meter_correction c JOIN below b ON c.meter_id = b.id"
        " WHERE c.part_id IS NOT NULL) SELECT 1 FROM below WHERE id = $2", form.part_id, meter_id,
    ):  # fmt: skip
        raise Refused("rule_in_a_ring", 409, "This rule would make a meter a part of itself.")
    return UUID(str(mine["site_id"]))


async def _validate_again(account_id: UUID, meter_id: UUID, first: date | None, last: date | None) -> None:
    await execute("INSERT INTO stale_day (account_id, meter_id, day) SELECT $1, $2, day FROM validated_day WHERE meter_id = $2"
                  " AND ($3::date IS NULL OR day >= $3) AND ($4::date IS NULL OR day <= $4) ORDER BY day ON CONFLICT DO NOTHING",
                  account_id, meter_id, first, last)  # fmt: skip


async def corrections_of(meter_id: UUID) -> list[Correction]:
    """The corrections of a meter (inside the caller's transaction)."""
    rows = await fetch("SELECT id, kind, part_id, sign, lower(period) AS first, upper(period) - 1 AS last FROM meter_correction"
                       " WHERE meter_id = $1 ORDER BY lower(period), id", meter_id)  # fmt: skip
    return [Correction(**row) for row in rows]
