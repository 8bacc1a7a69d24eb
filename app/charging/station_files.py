"""Files for stations and of stations: firmware that they fetch, diagnostics that they leave, under links that work once."""

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import msgspec

from app.charging.model import Changed
from app.database.transaction import as_machine, execute, fetch, fetchrow, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id, new_token, token_hash

LARGEST_FIRMWARE = 256 * 1024 * 1024
LARGEST_DIAGNOSTICS = 64 * 1024 * 1024
LINK_LIFE = timedelta(hours=24)
CHUNK = 64 * 1024
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class StationFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file in the store. `sha256` in hex, `size` in bytes."""

    id: UUID
    kind: str
    name: str
    size: int
    sha256: str
    station_id: UUID | None
    command_id: UUID | None
    created_at: datetime


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """An open link. `file_id` None: the station may leave a file."""

    token_hash: bytes
    account_id: UUID
    station_id: UUID
    command_id: UUID
    file_id: UUID | None


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that lie in the store and have no row yet."""

    id: UUID
    path: Path
    size: int
    sha256: bytes


def safe_name(name: str, otherwise: str) -> str:
    """The last part of a name in harmless letters: it is shown and downloaded, and never part of a path here."""
    last = re.split(r"[/\\]", name)[-1]
    return UNSAFE.sub("_", last).lstrip(".")[-100:] or otherwise


def path_of(folder: Path, account_id: UUID, file_id: UUID) -> Path:
    """Where the bytes of a file lie."""
    return folder / "station-files" / str(account_id) / str(file_id)


async def store(folder: Path, account_id: UUID, body: AsyncIterator[bytes], largest: int) -> Stored:
    """Write a body to the store, flushed to the disk. Raises Refused too_large, empty_file; nothing stays behind then."""
    file_id = new_id()
    path = path_of(folder, account_id, file_id)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with path.open("xb") as target:
            size, digest = await _pour(body, target, largest)
            await asyncio.to_thread(_flush, target)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Stored(id=file_id, path=path, size=size, sha256=digest)


async def _pour(body: AsyncIterator[bytes], target: BinaryIO, largest: int) -> tuple[int, bytes]:
    size, digest = 0, hashlib.sha256()
    async for chunk in body:
        size += len(chunk)
        if size > largest:
            raise Refused("too_large", 413, f"The file is larger than {largest // 2**20} MB. Nothing was kept.", most=largest // 2**20)
        digest.update(chunk)
        await asyncio.to_thread(target.write, chunk)
    if size == 0:
        raise Refused("empty_file", 422, "The file is empty. Nothing was kept.")
    return size, digest.digest()


def _flush(target: BinaryIO) -> None:
    target.flush()
    os.fsync(target.fileno())


async def add_firmware(
    folder: Path, account_id: UUID, login_id: UUID, name: str, body: AsyncIterator[bytes], now: datetime
) -> StationFile:  # fmt: skip
    """Keep a firmware for stations. The same bytes under the same name are the same file."""
    stored = await store(folder, account_id, body, LARGEST_FIRMWARE)
    try:
        async with in_account(account_id):
            known = await fetchrow(
                f"{FILE} WHERE kind = 'firmware' AND sha256 = $1 AND name = $2", stored.sha256, safe_name(name, "firmware.bin")
            )
            if known is None:
                await _insert(account_id, stored, "firmware", safe_name(name, "firmware.bin"), now, created_by=login_id)
            row = known or await fetchrow(f"{FILE} WHERE id = $1", stored.id)
    except BaseException:
        stored.path.unlink(missing_ok=True)
        raise
    if known is not None:
        stored.path.unlink(missing_ok=True)
    if row is None:
        raise LookupError("a file that was just kept is found")
    return StationFile(**row)


FILE = "SELECT id, kind, name, size, encode(sha256, 'hex') AS sha256, station_id, command_id, created_at FROM station_file"


async def _insert(
    account_id: UUID, stored: Stored, kind: str, name: str, now: datetime, *, created_by: UUID | None = None, link: Link | None = None
) -> None:  # fmt: skip
    await execute(
        "INSERT INTO station_file (account_id, id, kind, name, size, sha256, station_id, command_id, created_by, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", account_id, stored.id, kind, name, stored.size, stored.sha256,
        link and link.station_id, link and link.command_id, created_by, now,
    )  # fmt: skip


async def firmware_files() -> list[StationFile]:
    """The firmware of the account, newest first (inside the caller's transaction)."""
    return [StationFile(**row) for row in await fetch(f"{FILE} WHERE kind = 'firmware' ORDER BY created_at DESC LIMIT 100")]


async def files_of_station(station_id: UUID) -> list[StationFile]:
    """What a station left, newest first (inside the caller's transaction)."""
    return [StationFile(**row) for row in await fetch(f"{FILE} WHERE station_id = $1 ORDER BY created_at DESC LIMIT 50", station_id)]


async def file(file_id: UUID) -> StationFile:
    """One file (inside the caller's transaction). Raises Refused not_found."""
    row = await fetchrow(f"{FILE} WHERE id = $1", file_id)
    if row is None:
        raise not_found("file")
    return StationFile(**row)


def new_link(public_url: str) -> tuple[str, str]:
    """A token and the link that carries it. It ends in a slash: stations of 1.6 add the name of their file to it."""
    token = new_token()
    return token, f"{public_url}/station-files/{token}/"


async def keep_link(account_id: UUID, station_id: UUID, command_id: UUID, token: str, file_id: UUID | None, now: datetime) -> None:
    """Remember a link for a command (inside the caller's transaction)."""
    await execute(
        "INSERT INTO station_link (token_hash, account_id, station_id, command_id, file_id, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
        token_hash(token), account_id, station_id, command_id, file_id, now + LINK_LIFE,
    )  # fmt: skip


async def open_link(token: str, now: datetime, *, upload: bool) -> Link:
    """The link behind a token. Raises Refused: not_found (404), link_used (410)."""
    async with as_machine():
        row = await fetchrow(
            "SELECT token_hash, account_id, station_id, command_id, file_id, expires_at, used_at FROM station_link WHERE token_hash = $1",
            token_hash(token),
        )
    if row is None or (row["file_id"] is None) != upload:
        raise not_found("link")
    if row["used_at"] is not None or row["expires_at"] <= now:
        raise Refused("link_used", 410, "This link was used, or its time is over. Ask for a new one.")
    return Link(**{name: row[name] for name in Link.__struct_fields__})


USE = "UPDATE station_link SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL RETURNING command_id"
ARRIVED = """
UPDATE station_command SET progress = 'Uploaded', progress_at = $2, following = false WHERE id = $1
"""


async def keep_diagnostics(folder: Path, token: str, name: str, body: AsyncIterator[bytes], now: datetime) -> tuple[UUID, list[Changed]]:
    """Keep what a station leaves. Only a complete upload uses the link up: a broken one may be repeated.

    Raises Refused: not_found, link_used, too_large, empty_file."""
    link = await open_link(token, now, upload=True)
    stored = await store(folder, link.account_id, body, LARGEST_DIAGNOSTICS)
    try:
        async with as_machine():
            if await fetchrow(USE, link.token_hash, now) is None:
                raise Refused("link_used", 410, "This link was used, or its time is over. Ask for a new one.")
            await _insert(link.account_id, stored, "diagnostics", safe_name(name, "diagnostics"), now, link=link)
            await execute(ARRIVED, link.command_id, now)
    except BaseException:
        stored.path.unlink(missing_ok=True)
        raise
    return stored.id, [Changed(account_id=link.account_id, kind="command", id=link.command_id, station_id=link.station_id)]


async def firmware_for(token: str, now: datetime) -> tuple[Link, StationFile]:
    """The file that a link stands for. Raises Refused: not_found, link_used."""
    link = await open_link(token, now, upload=False)
    async with as_machine():
        row = await fetchrow(f"{FILE} WHERE account_id = $1 AND id = $2", link.account_id, link.file_id)
    if row is None:
        raise not_found("file")
    return link, StationFile(**row)


async def chunks(path: Path) -> AsyncIterator[bytes]:
    """The bytes of a file, piece by piece."""
    with path.open("rb") as source:
        while piece := await asyncio.to_thread(source.read, CHUNK):
            yield piece


async def md5(path: Path) -> str:
    """The checksum by which OCPP names a published firmware, in hex. It proves nothing about who made it."""
    digest = hashlib.md5(usedforsecurity=False)
    async for piece in chunks(path):
        digest.update(piece)
    return digest.hexdigest()


async def fetched(link: Link, now: datetime) -> None:
    """The station has the whole file: its link is used up. Safe to repeat."""
    async with as_machine():
        await execute(USE, link.token_hash, now)
