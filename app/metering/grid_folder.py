"""Folders into which grid operators' files arrive, by SFTP or FTP: one for each site, named by its id; looked at every minute.

What is taken moves to `done`, what is refused to `refused`, with an issue of the site for each bad line. A file is left alone
until it has not grown for a while; one that was stored and not moved, because somebody pulled the plug, is known the next time.
"""

import asyncio
import time
from datetime import datetime
from pathlib import Path
from uuid import UUID

import structlog

from app.audit.model import Actor
from app.database.transaction import as_machine, execute, fetch, in_account
from app.kernel.errors import Refused
from app.metering.interval_command import content_of
from app.metering.interval_import import import_file
from app.metering.interval_rules import BadLine

log = structlog.get_logger()
SETTLED_S = 30
MOST_FILES = 200  # a round
MOST_ISSUES = 100  # a file
UNFINISHED = (".part", ".tmp", ".filepart")
ISSUE = """
INSERT INTO reading_issue (account_id, site_id, meter_id, serial, taken_at, code, value, source, received_at)
SELECT $1, $2, (SELECT id FROM meter WHERE site_id = $2 AND serial = n.serial), n.serial, NULL, n.code, n.value, $3, $4
FROM unnest($5::text[], $6::text[], $7::text[]) AS n (serial, code, value) ON CONFLICT DO NOTHING
"""


async def take_folder(folder: Path, now: datetime) -> int:
    """Import what has arrived, the oldest first. Returns how many files were dealt with."""
    waiting = await asyncio.to_thread(_waiting, folder)
    if not waiting:
        return 0
    async with as_machine():
        rows = await fetch("SELECT account_id, id FROM site WHERE id = ANY($1::uuid[])", sorted({site_id for site_id, _ in waiting}))
    accounts = {row["id"]: row["account_id"] for row in rows}
    done = 0
    for site_id, file in waiting[:MOST_FILES]:
        if site_id in accounts:
            try:
                await _take(accounts[site_id], site_id, file, now)
            except (OSError, ValueError):  # reported, and the other files must not wait for it
                log.exception("grid file left where it is", site=str(site_id), file=file.name)
                continue
            done += 1
    return done


def _waiting(folder: Path) -> list[tuple[UUID, Path]]:
    found = []
    settled = time.time() - SETTLED_S
    for place in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            site_id = UUID(place.name)
        except ValueError:
            continue
        if place.is_symlink() or not place.is_dir():
            continue
        for file in place.iterdir():
            if file.is_symlink() or not file.is_file() or file.name.startswith(".") or file.name.lower().endswith(UNFINISHED):
                continue
            at = file.stat().st_mtime
            if at <= settled:
                found.append((at, site_id, file))
    return [(site_id, file) for _, site_id, file in sorted(found)]


async def _take(account_id: UUID, site_id: UUID, file: Path, now: datetime) -> None:
    _, refused = await take_content(account_id, site_id, file.name, await asyncio.to_thread(content_of, file), now)
    await asyncio.to_thread(_move, file, "refused" if refused else "done", now)


async def take_content(account_id: UUID, site_id: UUID, name: str, content: bytes, now: datetime) -> tuple[int, list[BadLine]]:
    """Import a file that nobody stands beside: bad lines become issues. Returns how much was stored, and what was refused."""
    try:
        report = await import_file(Actor(account_id=account_id, name="grid files"), site_id, name, content, now)
        stored, refused = report.stored, report.refused
    except Refused as error:
        stored, refused = 0, [BadLine(line=0, code=error.code)]
    if refused:
        log.warning("grid file refused", site=str(site_id), file=name, lines=len(refused), code=refused[0].code)
        await _raise_issues(account_id, site_id, name, refused[:MOST_ISSUES], now)
    return stored, refused


async def _raise_issues(account_id: UUID, site_id: UUID, name: str, refused: list[BadLine], now: datetime) -> None:
    values = [f"line {one.line}: {one.value}".rstrip(": ") if one.line else "" for one in refused]
    async with in_account(account_id):
        await execute(
            ISSUE, account_id, site_id, name[:80], now, [one.meter[:80] for one in refused], [one.code for one in refused], values
        )


def _move(file: Path, where: str, now: datetime) -> None:
    """Into a folder beside it, with the time before its name: another file of that name may come."""
    place = file.parent / where
    place.mkdir(exist_ok=True)
    file.replace(place / f"{now:%Y%m%dT%H%M%S%f}-{file.name}")
