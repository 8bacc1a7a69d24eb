"""Where an installation keeps what: its secret, its instance, and the state folder of the embedded servers."""

import os
import secrets
from pathlib import Path

import msgspec

from app.kernel.settings import Settings
from infra.local.accounts import STATE_ROOT


def with_secret(settings: Settings) -> Settings:
    """The settings with the secret that hashes badges and passwords: the one given, else made once and kept."""
    if settings.secret_key:
        return settings
    settings.data.mkdir(parents=True, exist_ok=True)
    path = settings.data / "secret"
    if not path.exists():
        partial = path.with_suffix(f".{os.getpid()}")
        partial.touch(mode=0o600)
        partial.write_text(secrets.token_hex(32))
        partial.rename(path)
    return msgspec.structs.replace(settings, secret_key=path.read_text().strip().encode())


def state_folder(settings: Settings) -> Path:
    """The servers' folder. As root it lies under /var/lib/hofstrom, where their accounts may read; the data folder names it."""
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
    return folder
