"""Gateways' tokens: with one a gateway, or a third party's system, brings the readings of a house."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import as_machine, execute, fetch, fetchrow, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id, new_token, token_hash
from app.metering.broker_files import broker_hash

HOLDER = """
SELECT t.account_id, t.site_id, t.name, t.gateway_id, t.third_party FROM gateway_token t
LEFT JOIN gateway g ON g.account_id = t.account_id AND g.id = t.gateway_id
WHERE t.revoked_at IS NULL AND (g.removed_on IS NULL OR g.removed_on >= $1::date) AND
"""


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token, without the token: of an installed gateway where `gateway_id` says so, or of a third party's system."""

    id: UUID
    name: str
    gateway_id: UUID | None
    third_party: bool
    created_at: datetime
    revoked_at: datetime | None


class TokenShown(msgspec.Struct, frozen=True):
    """The token, shown this once; at an MQTT broker `id` is the name that goes with it."""

    id: UUID
    token: str


class Holder(msgspec.Struct, frozen=True):
    """Whose readings a token brings."""

    account_id: UUID
    site_id: UUID
    name: str
    gateway_id: UUID | None = None
    third_party: bool = False


async def make_token(
    actor: Actor, site_id: UUID, name: str, now: datetime, gateway_id: UUID | None = None, *, third_party: bool = False
) -> TokenShown:
    """A token for a house, of an installed gateway or of a third party. Raises Refused not_found, gateway_removed, invalid_input."""
    if third_party and gateway_id is not None:
        raise Refused("invalid_input", 422, "A token is a gateway's or a third party's, not both.", fields=["gateway_id"])
    token, token_id = new_token(), new_id()
    async with in_account(actor.account_id):
        if gateway_id is not None:
            row = await fetchrow("SELECT site_id, removed_on FROM gateway WHERE id = $1 FOR SHARE", gateway_id)
            if row is None or row["site_id"] != site_id:
                raise not_found("gateway")
            if row["removed_on"] is not None:
                raise Refused("gateway_removed", 409, "This gateway has been removed. Choose the one in its place.", fields=["gateway_id"])
        await execute("INSERT INTO gateway_token (account_id, id, site_id, gateway_id, third_party, name, token_hash, broker_hash,"
                      " created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", actor.account_id, token_id, site_id, gateway_id,
                      third_party, " ".join(name.split()) or "gateway", token_hash(token), broker_hash(token), now)  # fmt: skip
        await note(actor, "site", site_id, "gateway_token", now, after={"name": name, "gateway_id": gateway_id})
    return TokenShown(token_id, token)


async def revoke_token(actor: Actor, site_id: UUID, token_id: UUID, now: datetime) -> None:
    """Nothing comes in with this token any more. Raises Refused not_found."""
    async with in_account(actor.account_id):
        row = await fetchrow("UPDATE gateway_token SET revoked_at = coalesce(revoked_at, $3) WHERE id = $1 AND site_id = $2 RETURNING id",
                             token_id, site_id, now)  # fmt: skip
        if row is None:
            raise not_found("token")
        await note(actor, "site", site_id, "gateway_token_revoked", now)


async def tokens_of(site_id: UUID) -> list[Token]:
    """The tokens of a house (inside the caller's transaction)."""
    rows = await fetch("SELECT id, name, gateway_id, third_party, created_at, revoked_at FROM gateway_token WHERE site_id = $1"
                       " ORDER BY created_at, id", site_id)  # fmt: skip
    return [Token(**row) for row in rows]


async def holder_of(token: str, now: datetime) -> Holder | None:
    """The house that a token opens; one of a gateway that was removed opens nothing."""
    async with as_machine():
        return _holder(await fetchrow(f"{HOLDER} t.token_hash = $2", now, token_hash(token)))


async def holder_of_id(token_id: UUID, now: datetime) -> Holder | None:
    """The house of the token with this id, whose holder a broker has let in."""
    async with as_machine():
        return _holder(await fetchrow(f"{HOLDER} t.id = $2", now, token_id))


def _holder(row: Any) -> Holder | None:
    return None if row is None else Holder(**row)
