"""Staff reach a gateway: for a while, with a reason, everything kept. The gateway comes and asks; nobody dials in to it."""

from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import as_machine, execute, fetch, fetchrow, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id, token_hash

MOST_MINUTES = 60
LONGEST_ANSWER = 65_536
SHOWN = 20  # sessions of a gateway


class Opening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why, and for how many minutes at most."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
    minutes: Annotated[int, msgspec.Meta(ge=1, le=MOST_MINUTES)] = 15


class NewAsk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked: how it stands, a page of a device on its own network (`address`), or a restart."""

    kind: Literal["status", "page", "restart"]
    address: Annotated[str, msgspec.Meta(max_length=300)] | None = None


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked and answered. `state`: queued, sent, answered."""

    id: UUID
    kind: str
    address: str | None
    state: str
    asked_at: datetime
    answered_at: datetime | None
    answer: str | None


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """An access: who, why, how long."""

    id: UUID
    by: str
    reason: str
    opened_at: datetime
    ends_at: datetime
    asks: list[Ask]


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A gateway's answer to something asked."""

    id: UUID
    answer: Annotated[str, msgspec.Meta(max_length=LONGEST_ANSWER)]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway has to do, and until when it may."""

    id: UUID
    kind: str
    address: str | None
    until: datetime


async def open_access(actor: Actor, token_id: UUID, site_id: UUID, wish: Opening, now: datetime) -> UUID:
    """Let this person reach the gateway for a while (inside the caller's transaction)."""
    row = await fetchrow("SELECT name FROM gateway_token WHERE id = $1 AND revoked_at IS NULL", token_id)
    if row is None or actor.login_id is None:
        raise not_found("gateway")
    access_id, ends_at = new_id(), now + timedelta(minutes=wish.minutes)
    await execute(
        "INSERT INTO gateway_access (account_id, id, token_id, login_id, by, reason, opened_at, ends_at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)",
        actor.account_id, access_id, token_id, actor.login_id, actor.name, wish.reason, now, ends_at,
    )  # fmt: skip
    await note(actor, "site", site_id, "gateway_access_opened", now, after={"gateway": row["name"], "minutes": wish.minutes},
               reason=wish.reason)  # fmt: skip
    return access_id


async def close_access(actor: Actor, access_id: UUID, site_id: UUID, now: datetime) -> None:
    """End an access now (inside the caller's transaction). Safe to repeat."""
    row = await fetchrow("UPDATE gateway_access SET ends_at = $2 WHERE id = $1 AND ends_at > $2 AND opened_at < $2 RETURNING opened_at",
                         access_id, now)  # fmt: skip
    if row is not None:
        length = int((now - row["opened_at"]).total_seconds())
        await note(actor, "site", site_id, "gateway_access_closed", now, after={"seconds": length})


async def ask(account_id: UUID, access_id: UUID, login_id: UUID, wish: NewAsk, now: datetime) -> UUID:
    """Ask something of the gateway (inside the caller's transaction). Raises Refused: access_ended, not_your_access, invalid_input."""
    row = await fetchrow("SELECT login_id, ends_at FROM gateway_access WHERE id = $1", access_id)
    if row is None:
        raise not_found("access")
    if row["login_id"] != login_id:
        raise Refused("not_your_access", 409, "Somebody else has opened this access. Open one of your own, with your reason.")
    if row["ends_at"] <= now:
        raise Refused("access_ended", 409, "This access has ended. Open a new one, with its reason.")
    if (wish.kind == "page") != (wish.address is not None) or (wish.address is not None and not is_local(wish.address)):
        raise Refused("invalid_input", 422, "Name a page on the house's own network, such as http://192.168.1.20/.", fields=["address"])
    ask_id = new_id()
    await execute("INSERT INTO gateway_ask (account_id, id, access_id, kind, address, asked_at) VALUES ($1, $2, $3, $4, $5, $6)",
                  account_id, ask_id, access_id, wish.kind, wish.address, now)  # fmt: skip
    return ask_id


def is_local(address: str) -> bool:
    """Whether an address is a page of a device on a private network: named by its number, so nothing is looked up."""
    try:
        parts = urlsplit(address)
        found = ip_address(parts.hostname or "")
        return parts.scheme == "http" and parts.username is None and found.is_private and not found.is_loopback and not found.is_link_local
    except ValueError:
        return False


async def accesses(token_id: UUID) -> list[Access]:
    """The last accesses to a gateway, the newest first (inside the caller's transaction)."""
    rows = await fetch("SELECT id, by, reason, opened_at, ends_at FROM gateway_access WHERE token_id = $1"
                       " ORDER BY opened_at DESC, id DESC LIMIT $2", token_id, SHOWN)  # fmt: skip
    asked: dict[UUID, list[Ask]] = {row["id"]: [] for row in rows}
    for one in await fetch("SELECT * FROM gateway_ask WHERE access_id = ANY($1) ORDER BY asked_at, id", list(asked)):
        asked[one["access_id"]].append(_ask(one))
    return [Access(**row, asks=asked[row["id"]]) for row in rows]


def _ask(row: asyncpg.Record) -> Ask:
    return Ask(**{name: row[name] for name in Ask.__struct_fields__})


FETCH = """
WITH mine AS (SELECT a.account_id, a.id, a.ends_at FROM gateway_access a JOIN gateway_token t ON t.account_id = a.account_id
    AND t.id = a.token_id WHERE t.token_hash = $1 AND t.revoked_at IS NULL AND a.ends_at > $2 AND a.opened_at <= $2)
UPDATE gateway_ask q SET state = 'sent', sent_at = $2 FROM mine
WHERE q.account_id = mine.account_id AND q.access_id = mine.id AND q.state = 'queued'
RETURNING q.id, q.kind, q.address, q.asked_at, mine.ends_at AS until
"""
TELL = """
UPDATE gateway_ask q SET state = 'answered', answered_at = $4, answer = $3
FROM gateway_access a JOIN gateway_token t ON t.account_id = a.account_id AND t.id = a.token_id
WHERE q.id = $2 AND q.state = 'sent' AND a.account_id = q.account_id AND a.id = q.access_id AND t.token_hash = $1 AND t.revoked_at IS NULL
"""


async def come_and_ask(token: str, told: list[Told], now: datetime) -> list[Wanted] | None:
    """A gateway tells what came of what was asked, and takes what is asked now: each thing once. None: the token opens nothing."""
    digest = token_hash(token)
    async with as_machine():
        if await fetchrow("SELECT 1 FROM gateway_token WHERE token_hash = $1 AND revoked_at IS NULL", digest) is None:
            return None
        for one in told:
            await execute(TELL, digest, one.id, one.answer.replace("\x00", ""), now)
        rows = sorted(await fetch(FETCH, digest, now), key=lambda row: (row["asked_at"], row["id"]))
    return [Wanted(id=row["id"], kind=row["kind"], address=row["address"], until=row["until"]) for row in rows]


async def site_of_token(token_id: UUID) -> Any:
    """The site of a gateway's token (inside the caller's transaction)."""
    row = await fetchrow("SELECT site_id FROM gateway_token WHERE id = $1", token_id)
    return None if row is None else row["site_id"]


async def site_of_access(account_id: UUID, access_id: UUID) -> Any:
    """The site that an access is about."""
    async with in_account(account_id):
        row = await fetchrow("SELECT t.site_id FROM gateway_access a JOIN gateway_token t ON t.account_id = a.account_id"
                             " AND t.id = a.token_id WHERE a.id = $1", access_id)  # fmt: skip
    return None if row is None else row["site_id"]
