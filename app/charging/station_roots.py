"""Our roots at stations: which station trusts which, asked to take a new one and to forget an old one."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.charging import intents
from app.charging.asking import queue
from app.charging.authority import Authority, hash_data
from app.charging.intents import Answer, Intent
from app.charging.model import Changed, Command
from app.database.transaction import as_machine, execute, fetch

ASK_AGAIN = timedelta(hours=6)


async def ask_root(account_id: UUID, station_id: UUID, number: int, pem: str, now: datetime, login_id: UUID | None) -> UUID:
    """Have a station trust one of our roots (inside the caller's transaction). Returns the command's id."""
    command_id = await queue(account_id, station_id, intents.InstallCertificate(use="csms", certificate=pem), b"", now, asked_by=login_id)
    await _root_state(account_id, station_id, number, "asked", command_id, now)
    return command_id


async def ask_root_gone(account_id: UUID, station_id: UUID, number: int, pem: str, now: datetime, login_id: UUID | None) -> UUID:
    """Have a station forget one of our roots (inside the caller's transaction)."""
    named = hash_data(pem)
    intent = intents.DeleteCertificate(
        hash_algorithm="SHA256", issuer_name_hash=named["issuerNameHash"], issuer_key_hash=named["issuerKeyHash"],
        serial_number=named["serialNumber"],
    )  # fmt: skip
    command_id = await queue(account_id, station_id, intent, b"", now, asked_by=login_id)
    await _root_state(account_id, station_id, number, "deleting", command_id, now)
    return command_id


async def _root_state(account_id: UUID, station_id: UUID, number: int, state: str, command_id: UUID, now: datetime) -> None:
    await execute(
        "INSERT INTO station_root (account_id, station_id, authority, state, command_id, changed_at) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (account_id, station_id, authority) DO UPDATE SET state = $4, command_id = $5, changed_at = $6",
        account_id, station_id, number, state, command_id, now,
    )  # fmt: skip


async def root_answered(command: Command, intent: Intent, answer: Answer, now: datetime) -> list[Changed]:
    """A station took or forgot a root, or refused to. What it has forgotten already counts as forgotten."""
    if isinstance(intent, intents.DeleteCertificate):
        state = "deleted" if answer.accepted or answer.status == "NotFound" else "installed"
    else:
        state = "installed" if answer.accepted else "refused"
    await execute("UPDATE station_root SET state = $2, changed_at = $3 WHERE command_id = $1", command.id, state, now)
    return []


LACKING = """
SELECT s.account_id, s.id, s.identity FROM station s
WHERE (s.security_profile > 1 OR s.next_profile IS NOT NULL) AND (s.online OR NOT $2) AND NOT EXISTS (
    SELECT 1 FROM station_root r WHERE r.account_id = s.account_id AND r.station_id = s.id AND r.authority = $1
    AND (r.state = 'installed' OR ($2 AND r.changed_at > $3))) ORDER BY s.identity
"""
OUTDATED = """
SELECT s.account_id, s.id, r.authority FROM station s JOIN station_root r ON r.account_id = s.account_id AND r.station_id = s.id
WHERE s.online AND NOT r.authority = ANY($1::int[]) AND (r.state = 'installed' OR (r.state = 'deleting' AND r.changed_at < $2))
"""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


async def lacking_root(number: int) -> list[str]:
    """Stations on TLS, connected or not, that have not taken a root."""
    async with as_machine():
        return [row["identity"] for row in await fetch(LACKING, number, False, LONG_AGO)]


async def offer_roots(authority: Authority, now: datetime) -> list[UUID]:
    """Ask connected stations on TLS to take the newest root; a few times a day. Returns the stations asked."""
    number = max(authority.state().trusted)
    async with as_machine():
        rows = await fetch(LACKING, number, True, now - ASK_AGAIN)
        for row in rows:
            await ask_root(row["account_id"], row["id"], number, authority.root(number), now, None)
    return [row["id"] for row in rows]


async def withdraw_roots(authority: Authority, now: datetime) -> list[UUID]:
    """Ask connected stations to forget roots that are over. Returns the stations asked."""
    async with as_machine():
        rows = await fetch(OUTDATED, authority.state().trusted, now - ASK_AGAIN)
        for row in rows:
            await ask_root_gone(row["account_id"], row["id"], row["authority"], authority.root(row["authority"]), now, None)
    return [row["id"] for row in rows]
