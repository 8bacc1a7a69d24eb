"""Occupancy: assign, end, move. Gaps become the owner's in the same transaction."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import asyncpg

from app.audit.commands import changed_meanwhile, note
from app.audit.model import Actor
from app.database.transaction import execute, fetch, fetchrow, in_account
from app.kernel.calendar import local_midnight
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.outbox.commands import record
from app.residents import rules
from app.residents.model import Move, Stay, Tenure

DAY = timedelta(days=1)

PRICED = """
SELECT occurred_at FROM charge WHERE billing_point_id = $1 AND person_id = $2 AND occurred_at >= $3
    AND ($4::timestamptz IS NULL OR occurred_at < $4) ORDER BY occurred_at DESC LIMIT 1
"""
POINT = """
SELECT b.id, b.site_id, b.since, s.time_zone FROM billing_point b JOIN site s ON s.account_id = b.account_id AND s.id = b.site_id
WHERE b.id = $1 FOR UPDATE OF b
"""


async def assign(actor: Actor, point_id: UUID, person_id: UUID, entry: date, last: date | None, now: datetime) -> UUID:
    """Put a person on a billing point from an entry day; billing starts on that day. Returns the stay's id.

    The same again gives the same stay. Raises Refused not_found, occupied, exit_before_entry, before_the_place.
    """
    async with in_account(actor.account_id):
        point = await _locked(point_id)
        before = await stays_of(point_id)
        same = next((s for s in before if (s.person_id, s.first, s.last, s.vacancy) == (person_id, entry, last, False)), None)
        if same is not None and same.id is not None:
            return same.id
        await _store(actor, point, before, rules.with_stay(before, person_id, entry, last), "assigned", now)
        fresh = next(s for s in await stays_of(point_id) if s.person_id == person_id and s.first == entry)
    if fresh.id is None:
        raise LookupError("a stored stay has an id")
    return fresh.id


async def end_stay(actor: Actor, stay_id: UUID, version: int, last: date | None, now: datetime) -> int:
    """Set the last day of a stay (None: open again). Returns the version; the same day again changes nothing.

    Raises Refused not_found, occupied, period_billed, changed_meanwhile where somebody else has set another day.
    """
    async with in_account(actor.account_id):
        point_id = await _point_of(stay_id)
        point, before = await _locked(point_id), await stays_of(point_id)
        row = await fetchrow("SELECT version, upper(period) - 1 AS last FROM occupancy WHERE id = $1", stay_id)
        if row is None:
            raise not_found("stay")
        if row["last"] == last:
            return int(row["version"])
        if row["version"] != version:
            raise changed_meanwhile(row, {"last": last})
        await _store(actor, point, before, rules.with_end(before, stay_id, last), "ended", now)
        return version + 1


async def register_move(actor: Actor, point_id: UUID, move: Move, now: datetime) -> list[Stay]:
    """A move as one act; returns the time line as it then is. The same move again changes nothing.

    Raises Refused not_found, occupied, exit_after_entry, nobody_leaves, period_billed.
    """
    async with in_account(actor.account_id):
        point, before = await _locked(point_id), await stays_of(point_id)
        done = any(
            s.person_id == move.newcomer_id and s.first == move.entry and s.last is None for s in before if not s.vacancy
        )  # fmt: skip
        if not done:
            await _store(actor, point, before, rules.moved(before, move), "moved", now)
        return await stays_of(point_id)


async def stays_of(point_id: UUID) -> list[Stay]:
    """The time line of a point, vacancies included (inside the caller's transaction)."""
    rows = await fetch(
        "SELECT id, person_id, lower(period) AS first, upper(period) AS upto, vacancy FROM occupancy"
        " WHERE billing_point_id = $1 ORDER BY lower(period)", point_id,
    )  # fmt: skip
    return [
        Stay(id=row["id"], person_id=row["person_id"], first=row["first"], last=row["upto"] and row["upto"] - DAY, vacancy=row["vacancy"])
        for row in rows
    ]


async def fill_vacancies(account_id: UUID, point_id: UUID, since: date, site_id: UUID) -> None:
    """Give every day that nobody has entered to the owner (inside the caller's transaction). Safe to repeat."""
    rows = await fetch(
        "SELECT owner_id, lower(period) AS first, upper(period) AS upto FROM owner_terms WHERE site_id = $1 ORDER BY lower(period)", site_id
    )
    tenures = [
        Tenure(owner_id=row["owner_id"], first=row["first"] or date.min, last=row["upto"] and row["upto"] - DAY) for row in rows
    ]  # fmt: skip
    line = await stays_of(point_id)
    wanted = rules.vacancies(line, tenures, since)
    present = [s for s in line if s.vacancy]
    if [(s.person_id, s.first, s.last) for s in present] == [(s.person_id, s.first, s.last) for s in wanted]:
        return
    await execute("DELETE FROM occupancy WHERE billing_point_id = $1 AND vacancy", point_id)
    for stay in wanted:
        await _insert(account_id, point_id, stay)


async def refill_site(account_id: UUID, site_id: UUID) -> None:
    """After a change of owner: rebuild the vacancies of every point of a site. Safe to repeat."""
    async with in_account(account_id):
        for row in await fetch("SELECT id, since FROM billing_point WHERE site_id = $1 ORDER BY id FOR UPDATE", site_id):
            await fill_vacancies(account_id, row["id"], row["since"], site_id)


LAST_STAY = """
SELECT CASE WHEN bool_or(upper(period) IS NULL) THEN NULL ELSE max(upper(period)) - 1 END AS last
FROM occupancy WHERE person_id = $1 AND NOT vacancy
"""


ADD_FORMER = """
INSERT INTO role_grant (account_id, login_id, role, person_id, valid_from)
SELECT g.account_id, g.login_id, 'former_resident', g.person_id, $2::date FROM role_grant g
WHERE g.person_id = $1 AND g.role = 'resident' AND NOT EXISTS (
    SELECT 1 FROM role_grant f WHERE f.account_id = g.account_id AND f.login_id = g.login_id AND f.person_id = g.person_id
        AND f.role = 'former_resident')
ON CONFLICT DO NOTHING
"""


async def retire_residents(account_id: UUID, person_id: UUID) -> None:
    """Let a resident's logins follow the last stay: resident until its last day, then former resident with the past only.

    Safe to repeat, also when the last day changes again.
    """
    async with in_account(account_id):
        row = await fetchrow(LAST_STAY, person_id)
        last: date | None = None if row is None else row["last"]
        await execute("UPDATE role_grant SET valid_to = $2::date WHERE person_id = $1 AND role = 'resident'"
                      " AND valid_from <= coalesce($2, valid_from)", person_id, last)  # fmt: skip
        if last is None:
            await execute("UPDATE role_grant SET valid_to = valid_from WHERE person_id = $1 AND role = 'former_resident'", person_id)
            return
        await execute("UPDATE role_grant SET valid_from = $2::date, valid_to = NULL WHERE person_id = $1 AND role = 'former_resident'",
                      person_id, last + DAY)  # fmt: skip
        await execute(ADD_FORMER, person_id, last + DAY)


async def _locked(point_id: UUID) -> asyncpg.Record:
    row = await fetchrow(POINT, point_id)
    if row is None:
        raise not_found("billing point")
    return row


async def _point_of(stay_id: UUID) -> UUID:
    row = await fetchrow("SELECT billing_point_id FROM occupancy WHERE id = $1 AND NOT vacancy", stay_id)
    if row is None:
        raise not_found("stay")
    return UUID(str(row["billing_point_id"]))


async def _store(actor: Actor, point: asyncpg.Record, before: Sequence[Stay], after: Sequence[Stay], action: str, now: datetime) -> None:
    entered = rules.entered(before)
    if after and after[0].first < point["since"]:
        raise Refused("before_the_place", 422, f"This place is known from {point['since']} on. Choose that day or a later one.",
                      since=str(point["since"]), fields=["entry"])  # fmt: skip
    await _refuse_priced_days(point, rules.days_taken(entered, after))
    await execute("DELETE FROM occupancy WHERE billing_point_id = $1 AND vacancy", point["id"])
    known = {stay.id: stay for stay in entered}
    for stay in after:
        if stay.id is None:
            await _insert(actor.account_id, point["id"], stay)
        elif known[stay.id].last != stay.last:
            await execute("UPDATE occupancy SET period = $2, version = version + 1 WHERE id = $1", stay.id, _range(stay))
            await record("OccupancyEnded", {"person_id": stay.person_id}, account_id=actor.account_id)
    await fill_vacancies(actor.account_id, point["id"], point["since"], point["site_id"])
    await note(actor, "billing_point", point["id"], action, now, before=_as_text(entered), after=_as_text(after))


def _as_text(stays: Sequence[Stay]) -> dict[str, list[str]]:
    return {"occupancy": [f"{s.person_id} {s.first}..{s.last or ''}" for s in stays]}


async def _refuse_priced_days(point: asyncpg.Record, lost: list[tuple[UUID, date, date]]) -> None:
    """A change must not take away days whose charges are priced already: bills never move by themselves."""
    for person_id, first, last in lost:
        end = None if last == rules.FOREVER else local_midnight(last + DAY, point["time_zone"])
        row = await fetchrow(PRICED, point["id"], person_id, local_midnight(first, point["time_zone"]), end)
        if row is not None:
            raise Refused(
                "period_billed", 409, f"Charges up to {row['occurred_at']:%Y-%m-%d} are billed to this person already. Choose a later day.",
                day=f"{row['occurred_at']:%Y-%m-%d}", fields=["exit"],
            )  # fmt: skip


async def _insert(account_id: UUID, point_id: UUID, stay: Stay) -> None:
    try:
        await execute(
            "INSERT INTO occupancy (account_id, id, billing_point_id, person_id, period, vacancy) VALUES ($1, $2, $3, $4, $5, $6)",
            account_id, new_id(), point_id, stay.person_id, _range(stay), stay.vacancy,
        )  # fmt: skip
    except asyncpg.ForeignKeyViolationError as error:
        raise not_found("person") from error


def _range(stay: Stay) -> asyncpg.Range:
    return asyncpg.Range(stay.first, None if stay.last is None else stay.last + DAY)
