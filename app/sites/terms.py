"""What is agreed about a site, dated: owner and other stakeholders, solutions, operating method, financial conditions."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec

from app.audit.commands import note, save
from app.audit.model import Actor
from app.database.transaction import execute, fetchrow, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.outbox.commands import record
from app.sites.model import RHYTHM, Method, Rhythm, Solution, StakeholderKind

DAY = timedelta(days=1)


class NewStakeholder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody with a part in a site from a day on."""

    kind: StakeholderKind
    person_id: UUID
    first: date


async def add_stakeholder(actor: Actor, site_id: UUID, form: NewStakeholder, now: datetime) -> None:
    """Name a stakeholder. A new owner ends the present one the day before: there is exactly one at a time. Safe to repeat.

    Raises Refused not_found, owner_exists where a later owner is entered already.
    """
    async with in_account(actor.account_id):
        await _lock(site_id)
        try:
            if form.kind == "owner":
                await _new_owner(actor.account_id, site_id, form)
            else:
                await _new_stakeholder(actor.account_id, site_id, form)
        except asyncpg.ForeignKeyViolationError as error:
            raise not_found("person") from error
        await note(actor, "site", site_id, "stakeholder", now, after=msgspec.structs.asdict(form))
        if form.kind == "owner":
            await record("OwnerChanged", {"site_id": site_id}, account_id=actor.account_id)


async def _new_owner(account_id: UUID, site_id: UUID, form: NewStakeholder) -> None:
    row = await fetchrow("SELECT owner_id, lower(period) AS first, internal_permille, external_permille FROM owner_terms"
                         " WHERE site_id = $1 AND period @> $2::date", site_id, form.first)  # fmt: skip
    if row is not None and row["owner_id"] == form.person_id:
        return
    if row is not None and row["first"] == form.first:
        raise Refused("owner_exists", 409, "Another owner begins on that day. Choose a later day.", fields=["first"])
    shares = (1000, 900) if row is None else (row["internal_permille"], row["external_permille"])
    await execute("UPDATE owner_terms SET period = daterange(lower(period), $2) WHERE site_id = $1 AND period @> $2::date",
                  site_id, form.first)  # fmt: skip
    try:
        await execute(
            "INSERT INTO owner_terms (account_id, id, site_id, owner_id, internal_permille, external_permille, period)"
            " VALUES ($1, $2, $3, $4, $5, $6, daterange($7, NULL))",
            account_id, new_id(), site_id, form.person_id, *shares, form.first,
        )  # fmt: skip
    except asyncpg.ExclusionViolationError as error:
        raise Refused("owner_exists", 409, "A later owner is entered already. Choose a day after that change.", fields=["first"]) from error


async def _new_stakeholder(account_id: UUID, site_id: UUID, form: NewStakeholder) -> None:
    known = await fetchrow("SELECT 1 FROM stakeholder WHERE site_id = $1 AND kind = $2 AND person_id = $3"
                           " AND period && daterange($4, NULL)",
                           site_id, form.kind, form.person_id, form.first)  # fmt: skip
    if known is None:
        await execute("INSERT INTO stakeholder (account_id, id, site_id, kind, person_id, period)"
                      " VALUES ($1, $2, $3, $4, $5, daterange($6, NULL))",
                      account_id, new_id(), site_id, form.kind, form.person_id, form.first)  # fmt: skip


async def end_stakeholder(actor: Actor, stakeholder_id: UUID, last: date, now: datetime) -> None:
    """The last day of a stakeholder's part. Raises Refused not_found, exit_before_entry."""
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT site_id, lower(period) AS first FROM stakeholder WHERE id = $1 FOR UPDATE", stakeholder_id)
        if row is None:
            raise not_found("stakeholder")
        if last < row["first"]:
            raise Refused("exit_before_entry", 422, "The last day lies before the first one. Correct one of the two.", fields=["last"])
        await execute("UPDATE stakeholder SET period = daterange(lower(period), $2) WHERE id = $1", stakeholder_id, last + DAY)
        await note(actor, "site", row["site_id"], "stakeholder_ended", now, after={"stakeholder_id": stakeholder_id, "last": last})


async def set_solution(
    actor: Actor, site_id: UUID, solution: Solution, active: bool, day: date, rhythm: Rhythm | None, now: datetime
) -> None:
    """Activate a solution from a day on, or end it the day before. Safe to repeat.

    Raises Refused not_found, solution_planned where the other way round is entered for later.
    """
    async with in_account(actor.account_id):
        await _lock(site_id)
        row = await fetchrow("SELECT id, lower(period) AS first FROM site_solution WHERE site_id = $1 AND solution = $2"
                             " AND period @> $3::date",
                             site_id, solution, day)  # fmt: skip
        if active and row is None:
            try:
                await execute(
                    "INSERT INTO site_solution (account_id, id, site_id, solution, rhythm, period)"
                    " VALUES ($1, $2, $3, $4, $5, daterange($6, NULL))",
                    actor.account_id, new_id(), site_id, solution, rhythm or RHYTHM[solution], day,
                )  # fmt: skip
            except asyncpg.ExclusionViolationError as error:
                raise Refused("solution_planned", 409, "This solution is activated from a later day already.", fields=["day"]) from error
        elif not active and row is not None:
            if row["first"] == day:
                raise Refused("solution_planned", 409, "It begins on that very day. Choose a later day to end it.", fields=["day"])
            await execute("UPDATE site_solution SET period = daterange(lower(period), $2) WHERE id = $1", row["id"], day)
        else:
            return
        await note(actor, "site", site_id, "solution", now, after={"solution": solution, "active": active, "from": day})


async def set_method(actor: Actor, site_id: UUID, method: Method, first: date, now: datetime) -> None:
    """Who bills and collects from a day on; only at the beginning of a month that has not begun. Safe to repeat.

    Raises Refused not_found, not_a_boundary, method_planned.
    """
    async with in_account(actor.account_id):
        await _lock(site_id)
        row = await fetchrow("SELECT method, lower(period) AS first FROM operating_method WHERE site_id = $1 AND period @> $2::date",
                             site_id, first)  # fmt: skip
        if row is not None and row["method"] == method:
            return
        if first.day != 1 or first <= now.date():
            raise Refused("not_a_boundary", 422, "This changes only with a new period. Choose the first day of a coming month.",
                          fields=["first"])  # fmt: skip
        await execute("UPDATE operating_method SET period = daterange(lower(period), $2) WHERE site_id = $1 AND period @> $2::date"
                      " AND lower(period) < $2", site_id, first)  # fmt: skip
        try:
            await execute("INSERT INTO operating_method (account_id, site_id, method, period) VALUES ($1, $2, $3, daterange($4, NULL))",
                          actor.account_id, site_id, method, first)  # fmt: skip
        except asyncpg.ExclusionViolationError as error:
            raise Refused("method_planned", 409, "A change is entered for that day or later already.", fields=["first"]) from error
        await note(
            actor, "site", site_id, "method", now, before={"method": row and row["method"]}, after={"method": method, "first": first}
        )


class NewCondition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fee of the operator: currency units, or per cent of the turnover."""

    label: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    amount: Decimal
    unit: Literal["month", "billing_point", "station", "bill", "monthly_bill", "mailing", "badge", "percent_of_turnover"]
    payer: Literal["resident", "owner"]
    first: date
    last: date | None = None


async def add_condition(actor: Actor, site_id: UUID, form: NewCondition, now: datetime) -> UUID:
    """Agree on a fee. Raises Refused not_found, bad_amount, exit_before_entry."""
    _check_condition(form)
    condition_id = new_id()
    async with in_account(actor.account_id):
        await _lock(site_id)
        await execute(
            "INSERT INTO financial_condition (account_id, id, site_id, label, amount, unit, payer, period)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            actor.account_id, condition_id, site_id, form.label.strip(), form.amount, form.unit, form.payer, _days(form.first, form.last),
        )  # fmt: skip
        await note(actor, "financial_condition", condition_id, "created", now, after=msgspec.structs.asdict(form))
    return condition_id


async def change_condition(actor: Actor, condition_id: UUID, version: int, form: NewCondition, now: datetime) -> int:
    """Change a fee that was never billed. Returns the version. Raises Refused not_found, condition_billed, changed_meanwhile."""
    _check_condition(form)
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT billed_until FROM financial_condition WHERE id = $1 AND removed_at IS NULL FOR UPDATE", condition_id)
        if row is None:
            raise not_found("condition")
        if row["billed_until"] is not None:
            raise Refused("condition_billed", 409, "This fee stands on bills already. End it, and agree on a new one.")
        values = {"label": form.label.strip(), "amount": form.amount, "unit": form.unit, "payer": form.payer,
                  "period": _days(form.first, form.last)}  # fmt: skip
        saved = await save(actor, "financial_condition", condition_id, version, values, now)
    return int(saved["version"])


async def remove_condition(actor: Actor, condition_id: UUID, now: datetime) -> str:
    """Take a fee away: "removed" where it was never billed, else "ended" with the last day billed. Safe to repeat."""
    async with in_account(actor.account_id):
        row = await fetchrow(
            "SELECT billed_until, removed_at, version, period FROM financial_condition WHERE id = $1 FOR UPDATE", condition_id
        )
        if row is None:
            raise not_found("condition")
        if row["billed_until"] is None:
            if row["removed_at"] is None:
                await save(actor, "financial_condition", condition_id, row["version"], {"removed_at": now}, now, action="removed")
            return "removed"
        period = asyncpg.Range(row["period"].lower, row["billed_until"] + DAY)
        await save(actor, "financial_condition", condition_id, row["version"], {"period": period}, now, action="ended")
        return "ended"


def _check_condition(form: NewCondition) -> None:
    if not form.amount.is_finite() or form.amount < 0 or (form.unit == "percent_of_turnover" and form.amount > 100):
        raise Refused("bad_amount", 422, "Write an amount of zero or more; a percentage is at most 100.", fields=["amount"])
    if form.last is not None and form.last < form.first:
        raise Refused("exit_before_entry", 422, "The last day lies before the first one. Correct one of the two.", fields=["last"])


def _days(first: date, last: date | None) -> asyncpg.Range:
    return asyncpg.Range(first, None if last is None else last + DAY)


async def _lock(site_id: UUID) -> None:
    if await fetchrow("SELECT 1 FROM site WHERE id = $1 FOR UPDATE", site_id) is None:
        raise not_found("site")
