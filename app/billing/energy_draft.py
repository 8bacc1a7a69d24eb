"""Freeze a period of a house's electricity: read, allocate, price, and keep each party's draft with its warnings."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import numpy as np
import numpy.typing as npt

from app.audit.commands import note
from app.audit.model import Actor
from app.billing import energy_rules
from app.billing.energy_rules import PartyBill, Sums
from app.billing.fee_rules import Fees, with_fees
from app.billing.fees import fees_of
from app.database.transaction import execute, fetch, fetchrow, in_account
from app.kernel.calendar import local_midnight
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.metering import quarters
from app.metering.allocation_rules import Wh, allocate, net_of_children
from app.metering.model import Link
from app.sites import queries as sites
from app.tariffs.energy_rules import Slots, Stay, slots_of
from app.tariffs.model import PriceLine, Tariff
from app.tariffs.queries import tariffs_of

Gaps = npt.NDArray[np.int16]
DAY = timedelta(days=1)
POINTS = """
SELECT p.id, p.priority, p.consumer_billing, coalesce((SELECT r.rate FROM point_rate r WHERE r.account_id = p.account_id
       AND r.billing_point_id = p.id AND r.period @> $2::date), '') AS rate
FROM billing_point p WHERE p.site_id = $1 AND p.activated ORDER BY p.name, p.id
"""
STAYS = """
SELECT o.billing_point_id, o.person_id, lower(o.period) AS first, upper(o.period) - 1 AS last FROM occupancy o
JOIN billing_point p ON p.account_id = o.account_id AND p.id = o.billing_point_id
WHERE p.site_id = $1 AND o.period && daterange($2, $3, '[]') ORDER BY o.billing_point_id, lower(o.period)
"""
LAST_YEAR = """
SELECT i.billing_point_id, i.person_id, sum(v.energy_wh)::bigint AS wh, sum(v.period_end - v.period_start + 1)::int AS days
FROM energy_item i JOIN invoice v ON v.account_id = i.account_id AND v.id = i.invoice_id
JOIN energy_run r ON r.account_id = i.account_id AND r.id = i.run_id
WHERE r.site_id = $1 AND r.period && daterange($2, $3, '[]') GROUP BY 1, 2
"""


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """A party of a point with its bill."""

    point_id: UUID
    person_id: UUID
    bill: PartyBill
    missing: int
    unpriced_wh: int


async def freeze(actor: Actor, site_id: UUID, first: date, last: date, now: datetime) -> UUID:
    """The drafts of a period, made anew until it is issued. Raises Refused not_found, period_open, period_billed, no_price."""
    async with in_account(actor.account_id):
        site = await sites.site(site_id)
        if site is None:
            raise not_found("site")
        if last < first or now < local_midnight(last + DAY, site.time_zone):
            raise Refused("period_open", 409, "This period is not over yet. Run it from the day after its end.")
        run_id = await _run(actor.account_id, site_id, first, last, now)
        then = (first.replace(year=first.year - 1, day=min(first.day, 28)), last.replace(year=last.year - 1, day=min(last.day, 28)))
        before = {(row["billing_point_id"], row["person_id"]): row for row in await fetch(LAST_YEAR, site_id, *then)}
        await execute("DELETE FROM energy_item WHERE run_id = $1", run_id)
        await execute("DELETE FROM late_taken WHERE run_id = $1", run_id)
        for party in await _with_corrections(site, run_id, await parties(site, first, last), first, last):
            old = before.get((party.point_id, party.person_id))
            warned = energy_rules.warnings(party.bill, party.missing, party.unpriced_wh, old and old["wh"], old["days"] if old else 0)
            await execute(
                "INSERT INTO energy_item (account_id, id, run_id, billing_point_id, person_id, first, last, bill, warnings, gross_minor)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", actor.account_id, new_id(), run_id, party.point_id,
                party.person_id, party.bill.first, party.bill.last, msgspec.json.encode(party.bill).decode(),
                msgspec.json.encode(warned).decode(), party.bill.gross_minor,
            )  # fmt: skip
        await note(actor, "site", site_id, "energy_frozen", now, after={"first": first, "last": last})
    return run_id


async def _run(account_id: UUID, site_id: UUID, first: date, last: date, now: datetime) -> UUID:
    await execute("SELECT 1 FROM site WHERE id = $1 FOR NO KEY UPDATE", site_id)  # a bill that is issued meanwhile may name the site
    row = await fetchrow("SELECT id, state FROM energy_run WHERE site_id = $1 AND period = daterange($2, $3, '[]')", site_id, first, last)
    if row is not None and row["state"] == "draft":
        await execute("UPDATE energy_run SET frozen_at = $2, readings_since = false WHERE id = $1", row["id"], now)
        # While its bills go out, or where that was cut short, what is issued holds and the rest goes by the same drafts.
        if not await fetch("SELECT 1 FROM energy_item WHERE run_id = $1 AND invoice_id IS NOT NULL LIMIT 1", row["id"]):
            return UUID(str(row["id"]))
    run_id = new_id()
    try:
        if row is None:
            await execute("INSERT INTO energy_run (account_id, id, site_id, period, frozen_at)"
                          " VALUES ($1, $2, $3, daterange($4, $5, '[]'), $6)", account_id, run_id, site_id, first, last, now)  # fmt: skip
            return run_id
    except asyncpg.ExclusionViolationError as error:
        raise Refused("period_billed", 409, "A part of this period is in another run already.") from error
    raise Refused("period_billed", 409, "This period is billed already. Late readings go on the next bill.")


async def parties(
    site: sites.Site, first: date, last: date, *, late: Collection[UUID] = (), instead: Tariff | None = None
) -> list[Party]:  # fmt: skip
    """Every party of every activated point with what it owes (inside the caller's transaction). Raises Refused no_price.

    What was used before the day from which the site is billed, or while electricity was no solution of it, counts for nobody.
    `instead` stands in place of all prices of its rate.
    """
    first, found = max(first, site.billing_from or first), []
    for start, end in await sites.days_of_solution(site.id, "electricity", first, last):
        found += await _parties(site, start, end, late, instead)
    return found


async def _parties(site: sites.Site, first: date, last: date, late: Collection[UUID], instead: Tariff | None) -> list[Party]:
    points = await fetch(POINTS, site.id, last)
    slots = slots_of(first, last, site.time_zone)
    use, missing, production = await energy_of(site, points, slots, late)
    solar = allocate(production, use, [row["priority"] for row in points]) if points else use
    grid = use - solar
    stays: dict[UUID, list[Any]] = {}
    for row in await fetch(STAYS, site.id, first, last):
        stays.setdefault(row["billing_point_id"], []).append(row)
    priced = await tariffs_of(site.id, "electricity")
    if instead is not None:
        priced = [*(tariff for tariff in priced if tariff.rate != instead.rate), instead]
    tariffs = [energy_rules.with_owners_vat(tariff, site.vat_liable) for tariff in priced]
    fees = await fees_of(site.id, first, last)
    found: list[Party] = []
    for rate in sorted({row["rate"] for row in points}):
        rows = [n for n, row in enumerate(points) if row["rate"] == rate]
        cut = energy_rules.segments([tariff for tariff in tariffs if tariff.rate == rate], site.country, first, last)
        if not cut or cut[0].first > first:
            raise Refused("no_price", 422, f"There is no price for the whole period (rate '{rate}'). Enter it first.")
        its = (solar, grid, use) if len(rows) == len(points) else (solar[rows], grid[rows], use[rows])
        parts = [energy_rules.sums_of(part, its[0], its[1], slots, its[2]) for part in cut]
        for place, row in enumerate(rows):
            if points[row]["consumer_billing"]:
                point_id = points[row]["id"]
                found += _of_point(parts, place, point_id, stays.get(point_id, []), missing[row], slots, fees, site.currency)
    return found


# One draft at a time carries what came late: two would bill it twice, or each what only both together come to.
CARRIED = """
SELECT 1 FROM late_taken t JOIN energy_run r ON r.account_id = t.account_id AND r.id = t.run_id
WHERE r.site_id = $1 AND r.state = 'draft' LIMIT 1
"""
EARLIER = """
SELECT lower(r.period) AS first, upper(r.period) - 1 AS last, array_agg(l.id) AS late,
       coalesce(array_agg(l.id) FILTER (WHERE t.run_id IS NOT NULL), '{}') AS taken
FROM energy_run r JOIN meter m ON m.account_id = r.account_id AND m.site_id = r.site_id
JOIN late_day l ON l.account_id = m.account_id AND l.meter_id = m.id AND r.period @> l.day
LEFT JOIN late_taken t ON t.account_id = l.account_id AND t.late_id = l.id
WHERE r.site_id = $1 AND r.state = 'issued' AND upper(r.period) <= $2
GROUP BY r.id, r.period HAVING bool_or(t.run_id IS NULL) ORDER BY lower(r.period)
"""
TAKE = "INSERT INTO late_taken (account_id, late_id, run_id) SELECT account_id, id, $2 FROM late_day WHERE id = ANY($1::uuid[])"


async def _with_corrections(site: sites.Site, run_id: UUID, found: list[Party], first: date, last: date) -> list[Party]:
    """The parties with what late readings of billed periods change; a bill of an earlier period itself never changes."""
    if await fetch(CARRIED, site.id):
        return found
    for run in await fetch(EARLIER, site.id, first):
        before = await parties(site, run["first"], run["last"], late=run["taken"])
        after = await parties(site, run["first"], run["last"], late=run["late"])
        await execute(TAKE, sorted(set(run["late"]) - set(run["taken"])), run_id)
        for old, new in zip(before, after, strict=True):
            lines = energy_rules.correction_lines(old.bill, new.bill)
            if lines:
                _correct(found, old, lines, first, last)
    return found


def _correct(found: list[Party], whose: Party, lines: Sequence[PriceLine], first: date, last: date) -> None:
    """Put the lines on the party's bill; one that no longer lives there gets a bill for them alone."""
    mine = next((n for n, party in enumerate(found) if (party.point_id, party.person_id) == (whose.point_id, whose.person_id)), None)
    if mine is None:
        nothing = PartyBill(first=first, last=last, lines=(), vat=(), solar_wh=0, grid_wh=0, peak_wh=0)
        found.append(Party(point_id=whose.point_id, person_id=whose.person_id, bill=nothing, missing=0, unpriced_wh=0))
        mine = len(found) - 1
    found[mine] = msgspec.structs.replace(found[mine], bill=energy_rules.with_lines(found[mine].bill, lines))


def _of_point(
    parts: Sequence[Sums], place: int, point_id: UUID, rows: Sequence[Any], missing: Gaps, slots: Slots, fees: Fees, currency: str
) -> list[Party]:  # fmt: skip
    stays = [Stay(row["first"], row["last"]) for row in rows]
    unpriced = sum(int(part.unpriced_wh[place]) for part in parts)
    found = []
    for mine, row in enumerate(rows):
        bill = energy_rules.party_bill(parts, place, stays, mine, slots.first, slots.last)
        bill = with_fees(bill, fees, point_id, stays, mine, parts[-1].segment.vat_rate, currency)
        inside = _linked(Link(point_id, bill.first, bill.last), slots)
        found.append(
            Party(point_id=point_id, person_id=row["person_id"], bill=bill, missing=int(missing[inside].sum()), unpriced_wh=unpriced)
        )
    return found


async def energy_of(site: sites.Site, points: Sequence[Any], slots: Slots, late: Collection[UUID] = ()) -> tuple[Wh, Gaps, Wh]:
    """(use, missing) of the points and the production, children taken out of the meters above them."""
    meters = [meter for meter in await quarters.meters_of(site.id) if meter.medium == "electricity"]
    wh, gaps = await quarters.quarters_of(meters, slots.first, slots.last, site.time_zone, late=late)
    places = {meter.id: n for n, meter in enumerate(meters)}
    first_in_place = [_root(meter, meters, places) for meter in meters]
    above = [
        None if meter.parent_id is None or first_in_place[n] != n else first_in_place[places[meter.parent_id]]
        for n, meter in enumerate(meters)
    ]
    net, _ = net_of_children(wh, above)
    rows = {row["id"]: n for n, row in enumerate(points)}
    use, missing = np.zeros((len(points), slots.count), dtype=np.int64), np.zeros((len(points), slots.count), dtype=np.int16)
    production = np.zeros(slots.count, dtype=np.int64)
    for n, meter in enumerate(meters):
        if meter.kind == "production" and first_in_place[n] == n:
            production += net[n]
        elif meter.kind == "use":
            for link in meter.links:
                if link.billing_point_id in rows:
                    row, inside = rows[link.billing_point_id], _linked(link, slots)
                    np.add(use[row, inside], net[first_in_place[n], inside], out=use[row, inside])
                    if gaps[n].any():
                        missing[row, inside] += gaps[n, inside]
    return use, missing, production


def _linked(link: Link, slots: Slots) -> slice:
    """The quarter-hours of the days on which a link holds."""
    if (link.first is None or link.first <= slots.first) and (link.last is None or link.last >= slots.last):
        return slice(0, slots.count)
    first = 0 if link.first is None else (link.first - slots.first).days
    last = ((slots.last if link.last is None else link.last) - slots.first).days
    return slice(*np.searchsorted(slots.day, (first, max(first, last + 1))).tolist())


def _root(meter: quarters.Meter, meters: Sequence[quarters.Meter], places: Mapping[UUID, int]) -> int:
    """The row of the meter that was first in a meter's place: it holds the energy of all that came after it."""
    while meter.replaces_id is not None:
        meter = meters[places[meter.replaces_id]]
    return places[meter.id]
