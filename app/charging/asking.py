"""Ask something of a station: one row a command, whoever asks; the node that holds the socket works it."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.charging import intents, rules
from app.charging.model import Changed
from app.database.transaction import execute, fetchrow, fetchval, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.kernel.sealing import seal
from app.outbox.commands import record

SEALED_FOR = "station command"
WHY_NOT = {
    "station_offline": "The station is not connected, so nothing can be sent to it. Try again when it is back.",
    "not_in_version": "This station's version of OCPP has no such command. Nothing was sent.",
    "no_connector": "The station has no such connector. Nothing was sent.",
}

INSERT = """
INSERT INTO station_command (account_id, id, station_id, action, payload, sealed, request_id, session_id, asked_by, ticket,
    idempotency_key, created_at, deadline) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""


async def queue(
    account_id: UUID, station_id: UUID, intent: intents.Intent, secret: bytes, now: datetime, *, asked_by: UUID | None = None,
    request_id: UUID | None = None, session_id: UUID | None = None, ticket: str | None = None, key: UUID | None = None,
) -> UUID:  # fmt: skip
    """Queue a command inside the caller's transaction; it is sent after the commit. Returns its id.

    What the log may not show (tags, passwords, one-time links) is kept sealed and nowhere else.
    """
    command_id, shown = new_id(), intents.shown(intent)
    sealed = None if shown == intent else seal(secret, SEALED_FOR, intents.encode(intent), command_id.bytes)
    await execute(
        INSERT, account_id, command_id, station_id, intents.kind_of(intent), intents.encode(shown), sealed, request_id,
        session_id, asked_by, ticket, key, now, now + timedelta(seconds=rules.COMMAND_SECONDS),
    )  # fmt: skip
    return command_id


async def ask(
    account_id: UUID, login_id: UUID, station_id: UUID, intent: intents.Intent, key: UUID, secret: bytes, now: datetime,
    ticket: str | None = None, first: Callable[[UUID], Awaitable[None]] | None = None,
) -> tuple[UUID, list[Changed]]:  # fmt: skip
    """Ask a station, for an operator. The same key asks once. Returns the command's id. `first`: what is stored with it.

    Raises Refused: not_found, station_offline, not_in_version, no_connector; nothing is queued then.
    """
    async with in_account(account_id):
        command_id = await _known(key)
        if command_id is None:
            station = await fetchrow("SELECT id, online, ocpp_version FROM station WHERE id = $1 FOR UPDATE", station_id)
            if station is None:
                raise not_found("station")
            command_id = await _known(key)
        if command_id is None:
            await _refuse(station, intent)
            command_id = await queue(account_id, station_id, intent, secret, now, asked_by=login_id, ticket=ticket, key=key)
            if first is not None:
                await first(command_id)
            await record("CommandDeadlinePassed", {"command_id": command_id}, account_id=account_id,
                         at=now + timedelta(seconds=rules.COMMAND_SECONDS) + rules.COMMAND_GRACE)  # fmt: skip
    return command_id, [Changed(account_id=account_id, kind="command", id=command_id, station_id=station_id)]


async def _known(key: UUID) -> UUID | None:
    found = await fetchval("SELECT id FROM station_command WHERE idempotency_key = $1", key)
    return None if found is None else UUID(str(found))


async def _refuse(station: Any, intent: intents.Intent) -> None:
    reason = why_not(intents.kind_of(intent), station["online"], station["ocpp_version"])
    connector = getattr(intent, "connector", None)
    if reason is None and isinstance(intent, intents.Reset) and connector and station["ocpp_version"] == intents.V16:
        reason = "not_in_version"
    if reason is None and connector:
        exists = await fetchval("SELECT 1 FROM connector WHERE station_id = $1 AND number = $2", station["id"], connector)
        reason = None if exists else "no_connector"
    if reason is not None:
        raise Refused(reason, 409, WHY_NOT[reason])


def why_not(kind: str, online: bool, version: str | None) -> str | None:
    """Why a command cannot be asked now, as the code of a sentence, or None."""
    if not online:
        return "station_offline"
    if version is not None and version not in intents.versions_of(kind):
        return "not_in_version"
    return None
