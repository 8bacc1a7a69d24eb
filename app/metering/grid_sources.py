"""Grid operators' folders on SFTP servers: entered for a house, looked into by the timetable, each file taken once."""

import asyncio
import posixpath
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import asyncssh
import msgspec
import structlog

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import as_machine, execute, fetch, fetchrow, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.kernel.sealing import CannotOpen, seal, unseal
from app.metering.grid_folder import MOST_FILES, UNFINISHED, take_content
from app.metering.interval_import import MOST_BYTES

log = structlog.get_logger()
PURPOSE = "grid operator's folder"
HOST = re.compile(r"[A-Za-z0-9.:_-]{1,253}")
SETTLED = timedelta(seconds=60)
PATIENCE_S = 20
ROUND_S = 300  # for one server
FILE = 1  # of SFTP's kinds: a regular file
ISSUED = "SELECT id, host, port, username, folder, host_key, created_at, tried_at, failed FROM grid_source"


class NewSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form. `host_key`: as in known_hosts, such as `ssh-ed25519 AAAA...`; `secret`: a password, or a private key without one."""

    host: Annotated[str, msgspec.Meta(min_length=1, max_length=253)]
    username: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    host_key: Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]
    secret: Annotated[str, msgspec.Meta(min_length=1, max_length=12_000)]
    folder: Annotated[str, msgspec.Meta(min_length=1, max_length=400)] = "."
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 22


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A folder that is looked into. `failed`: why not, the last time."""

    id: UUID
    host: str
    port: int
    username: str
    folder: str
    host_key: str
    created_at: datetime
    tried_at: datetime | None
    failed: str | None


async def add_source(actor: Actor, site_id: UUID, form: NewSource, secret_key: bytes, now: datetime) -> UUID:
    """A folder for a house. Raises Refused bad_host, bad_host_key, bad_private_key."""
    if not HOST.fullmatch(form.host):
        raise Refused("bad_host", 422, "This is no name or address of a server.", fields=["host"])
    host_key, source_id = _host_key(form.host_key), new_id()
    _credentials(form.secret)
    async with in_account(actor.account_id):
        await execute(
            "INSERT INTO grid_source (account_id, id, site_id, host, port, username, folder, host_key, secret, created_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", actor.account_id, source_id, site_id, form.host, form.port,
            form.username, form.folder, host_key, seal(secret_key, PURPOSE, form.secret, source_id.bytes), now,
        )  # fmt: skip
        await note(actor, "site", site_id, "grid_source", now, after={"host": form.host, "username": form.username, "folder": form.folder})
    return source_id


async def end_source(actor: Actor, source_id: UUID, now: datetime) -> None:
    """Nothing is fetched from here any more; the secret is forgotten (inside the caller's transaction)."""
    row = await fetchrow("UPDATE grid_source SET ended_at = $2, secret = NULL WHERE id = $1 AND ended_at IS NULL RETURNING site_id, host",
                         source_id, now)  # fmt: skip
    if row is not None:
        await note(actor, "site", row["site_id"], "grid_source_ended", now, after={"host": row["host"]})


async def sources_of(site_id: UUID) -> list[Source]:
    """A house's folders (inside the caller's transaction)."""
    rows = await fetch(f"{ISSUED} WHERE site_id = $1 AND ended_at IS NULL ORDER BY host, folder, id", site_id)
    return [Source(**row) for row in rows]


async def fetch_all(secret_key: bytes, now: datetime) -> int:
    """Look into every folder. Returns how many files were taken. A server that fails stops no other."""
    async with as_machine():
        rows = await fetch("SELECT * FROM grid_source WHERE ended_at IS NULL ORDER BY account_id, id")
    taken = 0
    for row in rows:
        failed = None
        try:
            async with asyncio.timeout(ROUND_S):
                taken += await _fetch(row, unseal(secret_key, PURPOSE, row["secret"], row["id"].bytes), now)
        except asyncssh.HostKeyNotVerifiable:
            failed = "host_key_changed"
        except asyncssh.PermissionDenied:
            failed = "sign_in_refused"
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath, asyncssh.SFTPPermissionDenied):
            failed = "folder_unreadable"
        except (OSError, asyncssh.Error, TimeoutError):
            failed = "server_unreachable"
        except CannotOpen:
            failed = "secret_lost"
        if failed:
            log.warning("grid operator's folder not read", source=str(row["id"]), host=row["host"], failed=failed)
        async with in_account(row["account_id"]):
            await execute("UPDATE grid_source SET tried_at = $2, failed = $3 WHERE id = $1", row["id"], now, failed)
    return taken


async def _fetch(source: Any, secret: str, now: datetime) -> int:
    password, keys = _credentials(secret)
    trusted: Any = ([asyncssh.import_public_key(source["host_key"])], [], [])
    async with asyncssh.connect(
        source["host"], source["port"], username=source["username"], password=password, client_keys=keys or None, known_hosts=trusted,
        config=None, agent_path=None, connect_timeout=PATIENCE_S, login_timeout=PATIENCE_S,
    ) as line, line.start_sftp_client() as sftp:  # fmt: skip
        async with in_account(source["account_id"]):
            rows = await fetch("SELECT name, size, modified_at FROM grid_file WHERE source_id = $1", source["id"])
        known = {(row["name"], row["size"], row["modified_at"]) for row in rows}
        new = sorted(one for one in await _there(sftp, source["folder"], now) if (one[1], one[2], one[0]) not in known)
        for modified_at, name, size in new[:MOST_FILES]:
            async with sftp.open(posixpath.join(source["folder"], name), "rb") as opened:
                content = await opened.read(MOST_BYTES + 1)
            stored, refused = await take_content(
                source["account_id"], source["site_id"], name, content if isinstance(content, bytes) else content.encode(), now
            )
            # Stored by now: if this does not come to be written, the file is read once more, and all of it is known.
            async with in_account(source["account_id"]):
                await execute(
                    "INSERT INTO grid_file (account_id, source_id, name, size, modified_at, taken_at, stored, bad)"
                    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
                    source["account_id"], source["id"], name, size, modified_at, now, stored, len(refused),
                )  # fmt: skip
    return len(new[:MOST_FILES])


async def _there(sftp: asyncssh.SFTPClient, folder: str, now: datetime) -> list[tuple[datetime, str, int]]:
    """Files that are whole: (when they were written, name, size)."""
    found = []
    async for entry in sftp.scandir(folder):
        name = entry.filename if isinstance(entry.filename, str) else entry.filename.decode(errors="replace")
        if entry.attrs.type != FILE or name.startswith(".") or name.lower().endswith(UNFINISHED):
            continue
        at = datetime.fromtimestamp(entry.attrs.mtime or 0, UTC)
        if at <= now - SETTLED:
            found.append((at, name, entry.attrs.size or 0))
    return found


def _host_key(text: str) -> str:
    try:
        return asyncssh.import_public_key(text.strip()).export_public_key("openssh").decode().strip()
    except asyncssh.KeyImportError as error:
        raise Refused(
            "bad_host_key", 422, "This is no public key of a server, such as: ssh-ed25519 AAAA...", fields=["host_key"]
        ) from error


def _credentials(secret: str) -> tuple[str | None, list[asyncssh.SSHKey]]:
    """(password, keys): the one or the others."""
    if not secret.lstrip().startswith("-----BEGIN"):
        return secret, []
    try:
        return None, [asyncssh.import_private_key(secret)]
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise Refused("bad_private_key", 422, "This private key cannot be read. Paste it whole, without a passphrase.",
                      fields=["secret"]) from error  # fmt: skip


async def site_of_source(source_id: UUID) -> Any:
    """The site of a folder (inside the caller's transaction). Raises Refused not_found."""
    row = await fetchrow("SELECT site_id FROM grid_source WHERE id = $1", source_id)
    if row is None:
        raise not_found("folder")
    return row["site_id"]
