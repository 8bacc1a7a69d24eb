"""Where an installation keeps what: its secret, its instance, and the state folder of the embedded servers."""

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

import msgspec

from app.kernel.settings import Settings
from infra.local.accounts import STATE_ROOT
from infra.local.orphans import belongs_to
from infra.local.ready import unwritable

LONGEST_SOCKET_PATH = 107


def with_secret(settings: Settings) -> Settings:
    """The settings with the secret that hashes badges and passwords: the one given, else made once and kept."""
    if settings.secret_key:
        return settings
    path = settings.data / "secret"
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            partial = path.with_suffix(f".{os.getpid()}")
            partial.touch(mode=0o600)
            partial.write_text(secrets.token_hex(32))
            partial.rename(path)
        return msgspec.structs.replace(settings, secret_key=path.read_text().strip().encode())
    except OSError as error:
        raise unwritable(settings.data, error) from error


def existing_state(settings: Settings) -> Path | None:
    """The servers' folder where there is one already; nothing is made."""
    if os.geteuid() != 0:
        folder = settings.data / "servers"
    else:
        name = settings.data / "instance"
        if not name.exists():
            return None
        folder = STATE_ROOT / name.read_text().strip()
    return folder if folder.is_dir() else None


def state_folder(settings: Settings) -> Path:
    """The servers' folder. As root it lies under /var/lib/hofstrom, where their accounts may read; the data folder names it,
    and it names the data folder."""
    try:
        if os.geteuid() != 0:
            folder = settings.data / "servers"
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        settings.data.mkdir(parents=True, exist_ok=True)
        name = settings.data / "instance"
        if not name.exists():
            name.write_text(secrets.token_hex(6))
        folder = STATE_ROOT / name.read_text().strip()
        folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        belongs_to(folder, settings.data)
    except OSError as error:
        raise unwritable(settings.data, error) from error
    return folder


def socket_folder(wanted: Path, longest_name: str) -> Path:
    """`wanted`, or a short folder of our own where a socket's path would be longer than the kernel takes (107 bytes)."""
    if len(os.fsencode(wanted / longest_name)) <= LONGEST_SOCKET_PATH:
        return wanted
    digest = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:12]
    short = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"hofstrom-{os.geteuid()}-{digest}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.is_symlink() or short.stat().st_uid != os.geteuid():
        raise PermissionError(f"{short} belongs to somebody else. Remove it, or set HOFSTROM_DATA to a shorter folder.")
    return short
