"""Installers order hardware from a site's list of meters, once they have accepted the general terms of sale."""

import json
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import execute, fetch, fetchrow, fetchval, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.metering.quarters import meters_of
from app.onboarding import order_rules
from app.onboarding.order_rules import Late, OrderLine, State
from app.outbox.commands import record
from app.sites import queries as sites

ORDER = """
SELECT o.*, s.name AS site_name FROM hardware_order o JOIN site s ON s.account_id = o.account_id AND s.id = o.site_id
"""


class NewOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is ordered. `terms_version`: the terms that were shown and are accepted with this order; needed at the first one."""

    lines: tuple[OrderLine, ...]
    comment: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    terms_version: str | None = None


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order with its days, and what is late."""

    id: UUID
    site_id: UUID
    site_name: str
    state: State
    late: Late
    lines: list[OrderLine]
    comment: str
    ordered_at: datetime
    ordered_by: UUID
    ordered_by_name: str
    terms_version: str
    confirm_by: datetime
    confirmed_at: datetime | None
    deliver_by: date
    delivered_on: date | None
    reason: str


class OrdersPage(msgspec.Struct, frozen=True, kw_only=True):
    """A site's orders, the newest first, and what its list of meters still asks for."""

    proposed: list[OrderLine]
    orders: list[Order]


class TermsOfSale(msgspec.Struct, frozen=True, kw_only=True):
    """The general terms of sale of today, in a language; `accepted_at`: when this person accepted them."""

    version: str
    title: str
    paragraphs: list[str]
    accepted_at: datetime | None


@cache
def _terms() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(__file__).parent / "terms_of_sale.json").read_text())
    return found


def terms_version() -> str:
    """The version that is in force."""
    return str(_terms()["version"])


async def terms_of_sale(login_id: UUID, locale: str) -> TermsOfSale:
    """The terms in a language, and whether this person has accepted them (inside the caller's transaction)."""
    told = _terms()["texts"].get(locale) or _terms()["texts"]["en"]
    accepted = await fetchval(ACCEPTED, login_id, terms_version())
    return TermsOfSale(version=terms_version(), title=told["title"], paragraphs=told["paragraphs"], accepted_at=accepted)


ACCEPTED = "SELECT accepted_at FROM terms_acceptance WHERE login_id = $1 AND terms_version = $2"


async def orders_of(site_id: UUID, now: datetime) -> OrdersPage:
    """A site's orders and what its meters ask for (inside the caller's transaction)."""
    rows = await fetch(f"{ORDER} WHERE o.site_id = $1 ORDER BY o.ordered_at DESC, o.id", site_id)
    return OrdersPage(proposed=order_rules.proposed(await meters_of(site_id)), orders=[await _order(row, now) for row in rows])


async def order_of(order_id: UUID, now: datetime) -> Order:
    """One order (inside the caller's transaction). Raises Refused not_found."""
    row = await fetchrow(f"{ORDER} WHERE o.id = $1", order_id)
    if row is None:
        raise not_found("order")
    return await _order(row, now)


async def _order(row: Any, now: datetime) -> Order:
    state = order_rules.state_of(row["confirmed_at"], row["delivered_on"], row["cancelled_at"])
    lines = await fetch("SELECT article, quantity FROM hardware_order_line WHERE order_id = $1 ORDER BY position", row["id"])
    derived: dict[str, Any] = {"state": state, "late": order_rules.late(state, row["confirm_by"], row["deliver_by"], now),
               "lines": [OrderLine(**line) for line in lines]}  # fmt: skip
    return Order(**{name: row[name] for name in Order.__struct_fields__ if name not in derived}, **derived)


async def order(actor: Actor, site_id: UUID, form: NewOrder, now: datetime) -> UUID:
    """Order hardware; the confirmation goes out by mail. The acceptance of the terms is kept with its day.

    Raises Refused not_found, nothing_ordered, bad_quantity, terms_not_accepted (with the version that is in force).
    """
    lines, order_id, version = order_rules.check_lines(form.lines), new_id(), terms_version()
    async with in_account(actor.account_id):
        site = await sites.site(site_id)
        if site is None or actor.login_id is None:
            raise not_found("site")
        if await fetchval(ACCEPTED, actor.login_id, version) is None:
            if form.terms_version != version:
                raise Refused("terms_not_accepted", 409, f"Read the general terms of sale (version {version}) and accept them first.",
                              version=version, fields=["terms_version"])  # fmt: skip
            await execute("INSERT INTO terms_acceptance (account_id, login_id, terms_version, accepted_at) VALUES ($1, $2, $3, $4)"
                          " ON CONFLICT DO NOTHING", actor.account_id, actor.login_id, version, now)  # fmt: skip
            await note(actor, "terms_of_sale", actor.login_id, "accepted", now, after={"version": version})
        confirm_by, deliver_by = order_rules.deadlines(now, site.time_zone)
        await execute(
            "INSERT INTO hardware_order (account_id, id, site_id, ordered_at, ordered_by, ordered_by_name, terms_version, comment,"
            " confirm_by, deliver_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            actor.account_id, order_id, site_id, now, actor.login_id, actor.name, version, form.comment.strip(), confirm_by, deliver_by,
        )  # fmt: skip
        for position, line in enumerate(lines, start=1):
            await execute("INSERT INTO hardware_order_line (account_id, order_id, position, article, quantity) VALUES ($1, $2, $3, $4, $5)",
                          actor.account_id, order_id, position, line.article, line.quantity)  # fmt: skip
        await note(actor, "site", site_id, "ordered", now, after={"order_id": order_id, "lines": len(lines)})
        await record("HardwareOrdered", {"order_id": order_id}, account_id=actor.account_id)
    return order_id


async def confirmed(account_id: UUID, order_id: UUID, now: datetime) -> None:
    """The confirmation is on its way. Safe to repeat."""
    async with in_account(account_id):
        await execute("UPDATE hardware_order SET confirmed_at = coalesce(confirmed_at, $2) WHERE id = $1", order_id, now)


async def delivered(actor: Actor, order_id: UUID, day: date, now: datetime) -> None:
    """The hardware has arrived. The same day again changes nothing. Raises Refused not_found, answered_already, day_ahead."""
    if day > now.date():
        raise Refused("day_ahead", 422, "This day is still to come. Enter the delivery once it has arrived.", fields=["day"])
    async with in_account(actor.account_id):
        row = await _open(order_id)
        if row["delivered_on"] == day:
            return
        if row["cancelled_at"] is not None or row["delivered_on"] is not None:
            raise Refused("answered_already", 409, "This has been answered already. Load the page again.")
        await execute("UPDATE hardware_order SET delivered_on = $2, answered_by = $3 WHERE id = $1", order_id, day, actor.name)
        await note(actor, "site", row["site_id"], "order_delivered", now, after={"order_id": order_id, "day": day})


async def cancel(actor: Actor, order_id: UUID, reason: str, now: datetime) -> None:
    """Call an order off with a reason. Again changes nothing. Raises Refused not_found, reason_needed, answered_already."""
    if not reason.strip():
        raise Refused("reason_needed", 422, "Say why, so that the installer knows what to do.", fields=["reason"])
    async with in_account(actor.account_id):
        row = await _open(order_id)
        if row["cancelled_at"] is not None:
            return
        if row["delivered_on"] is not None:
            raise Refused("answered_already", 409, "This has been answered already. Load the page again.")
        await execute("UPDATE hardware_order SET cancelled_at = $2, answered_by = $3, reason = $4 WHERE id = $1", order_id, now, actor.name,
                      reason.strip()[:500])  # fmt: skip
        await note(actor, "site", row["site_id"], "order_cancelled", now, after={"order_id": order_id}, reason=reason.strip())


async def site_of_order(order_id: UUID) -> UUID | None:
    """The site of an order (inside the caller's transaction)."""
    found: UUID | None = await fetchval("SELECT site_id FROM hardware_order WHERE id = $1", order_id)
    return found


async def _open(order_id: UUID) -> Any:
    row = await fetchrow("SELECT site_id, delivered_on, cancelled_at FROM hardware_order WHERE id = $1 FOR UPDATE", order_id)
    if row is None:
        raise not_found("order")
    return row
