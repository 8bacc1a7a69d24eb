"""Settings that a station must have before it goes to work: read and written while its boot is pending, both versions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from app.charging.asking import queue
from app.charging.intents import (
    SECRET_SETTINGS,
    Answer,
    Intent,
    ReadConfiguration,
    Reset,
    Setting,
    Trigger,
    WriteConfiguration,
)
from app.charging.model import Command, Station
from app.database.transaction import as_machine, execute, fetch, fetchval, in_account
from app.kernel.errors import Refused, not_found

MOST_BOOTS = 3  # then the station goes to work without what it never answered
RETRY_SECONDS = 30  # when a pending station boots again by itself
MOST_SETTINGS = 30

WANT = """
INSERT INTO station_setup (account_id, station_id, name, value, changed_at) SELECT $1, $2, one.name, one.value, $5
FROM unnest($3::text[], $4::text[]) AS one (name, value)
"""
FLAG = (
    "UPDATE station SET awaits_setup = EXISTS (SELECT 1 FROM station_setup x WHERE x.station_id = $1 AND x.state = 'wanted') WHERE id = $1"
)
WANTED = "SELECT name, value FROM station_setup WHERE account_id = $1 AND station_id = $2 AND state = 'wanted' ORDER BY name FOR UPDATE"
BOOTED = """
UPDATE station_setup SET boots = boots + 1, state = CASE WHEN boots < $3 THEN state ELSE 'no_answer' END, changed_at = $4
WHERE account_id = $1 AND station_id = $2 AND state = 'wanted' RETURNING name, state
"""
SETTLE = """
UPDATE station_setup SET state = $4, needs_restart = $5, changed_at = $6
WHERE account_id = $1 AND station_id = $2 AND name = ANY($3) AND state = 'wanted'
"""
UNDER_WAY = """
SELECT 1 FROM station_command WHERE account_id = $1 AND station_id = $2 AND state IN ('queued', 'sent')
    AND action IN ('ReadConfiguration', 'WriteConfiguration') LIMIT 1
"""


async def want(account_id: UUID, station_id: UUID, settings: list[Setting], now: datetime) -> None:
    """What the station must have from its next boot on; the list before it is gone. Raises Refused: not_found, invalid_input,
    secret_setting."""
    names = [one.name.strip() for one in settings]
    odd = any(not 0 < len(name) <= 150 for name in names) or any(len(one.value) > 1000 for one in settings)
    if odd or len(set(names)) < len(names) or len(names) > MOST_SETTINGS:
        raise Refused("invalid_input", 422, "Name each setting once, with its value.", fields=["settings"])
    if SECRET_SETTINGS & set(names):
        raise Refused("secret_setting", 409, "The station's password is changed by key rotation, which keeps it connected.")
    async with in_account(account_id):
        if await fetchval("SELECT 1 FROM station WHERE id = $1 FOR UPDATE", station_id) is None:
            raise not_found("station")
        await execute("DELETE FROM station_setup WHERE station_id = $1", station_id)
        await execute(WANT, account_id, station_id, names, [one.value for one in settings], now)
        await execute(FLAG, station_id)


async def pending_at_boot(station: Station, secret: bytes, now: datetime) -> bool:
    """Whether a boot is answered Pending; what is wanted is then asked for. After a few boots without an answer it is not."""
    async with as_machine():
        rows = await fetch(BOOTED, station.account_id, station.id, MOST_BOOTS, now)
        waiting = sorted(row["name"] for row in rows if row["state"] == "wanted")
        if rows and not waiting:
            await execute(FLAG, station.id)
        if waiting and await fetchval(UNDER_WAY, station.account_id, station.id) is None:
            await queue(station.account_id, station.id, ReadConfiguration(names=tuple(waiting)), secret, now)
    return bool(waiting)


async def settings_read(command: Command, answer: Answer, now: datetime) -> None:
    """The station told its settings: what is right already is settled, the rest is written (inside the caller's transaction)."""
    wanted = {row["name"]: row["value"] for row in await fetch(WANTED, command.account_id, command.station_id)}
    if not wanted:
        return
    told = {one.name: one.value for one in answer.settings}
    right = [name for name, value in wanted.items() if told.get(name) == value]
    await _settle(command, right, "applied", False, now)
    missing = [Setting(name=name, value=value) for name, value in wanted.items() if name not in right]
    if missing:
        for one in missing:  # each by itself: 1.6 knows no more, and each has its own verdict
            await queue(command.account_id, command.station_id, WriteConfiguration(settings=(one,)), b"", now)
    else:
        await _settled(command, now)


async def settings_written(command: Command, intent: Intent, answer: Answer, now: datetime) -> None:
    """The station took or refused settings (inside the caller's transaction)."""
    if not isinstance(intent, WriteConfiguration):
        return
    wanted = {row["name"]: row["value"] for row in await fetch(WANTED, command.account_id, command.station_id)}
    said = [one.name for one in intent.settings if wanted.get(one.name) == one.value]
    if not said:
        return
    await _settle(command, said, "applied" if answer.accepted else "refused", answer.verdict == "reboot_required", now)
    if len(said) == len(wanted):
        await _settled(command, now)


async def _settle(command: Command, names: list[str], state: str, needs_restart: bool, now: datetime) -> None:
    await execute(SETTLE, command.account_id, command.station_id, names, state, needs_restart, now)


async def _settled(command: Command, now: datetime) -> None:
    """Nothing is wanted any more: the station is asked to boot again, and is accepted then."""
    await execute(FLAG, command.station_id)
    restart = await fetchval(
        "SELECT 1 FROM station_setup WHERE account_id = $1 AND station_id = $2 AND needs_restart LIMIT 1", command.account_id,
        command.station_id,
    )  # fmt: skip
    await execute("UPDATE station_setup SET needs_restart = false WHERE account_id = $1 AND station_id = $2 AND needs_restart",
                  command.account_id, command.station_id)  # fmt: skip
    intent: Intent = Trigger(message="BootNotification") if restart is None else Reset()
    await queue(command.account_id, command.station_id, intent, b"", now)


async def setup_of(station_id: UUID) -> list[Mapping[str, Any]]:
    """What a station must have, and what became of it (inside the caller's transaction)."""
    rows = await fetch("SELECT name, value, state, changed_at FROM station_setup WHERE station_id = $1 ORDER BY name", station_id)
    return [dict(row) for row in rows]
