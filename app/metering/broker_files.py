"""What Mosquitto reads to know the gateways: a password file and an access list, kept up to date in `mqtt` of the data folder.

A token is checked by the broker against PBKDF2-SHA-512 in Mosquitto's own notation; as tokens are random and long, few rounds do.
"""

import asyncio
import base64
import hashlib
import os
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg
import structlog

from app.database.transaction import as_machine, fetch
from app.kernel.clock import Clock
from app.kernel.settings import Settings

log = structlog.get_logger()
ROUNDS = 101
LOOK_S = 20.0
ACCESS = """\
# Who may read and write what. Each gateway signs in with its token's id and the token, and has its own branch alone.
user {ours}
topic read hofstrom/v1/+/readings
topic write hofstrom/v1/+/report

pattern write hofstrom/v1/%u/readings
pattern read hofstrom/v1/%u/report
"""
HOLDING = """
SELECT t.id, t.broker_hash FROM gateway_token t LEFT JOIN gateway g ON g.account_id = t.account_id AND g.id = t.gateway_id
WHERE t.revoked_at IS NULL AND t.broker_hash IS NOT NULL AND (g.removed_on IS NULL OR g.removed_on >= $1::date) ORDER BY t.id
"""


def broker_hash(token: str, salt: bytes | None = None) -> str:
    """What a broker holds a token against."""
    salt = os.urandom(12) if salt is None else salt
    made = hashlib.pbkdf2_hmac("sha512", token.encode(), salt, ROUNDS)
    return f"$7${ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(made).decode()}"


async def files(settings: Settings, now: datetime) -> dict[str, str]:
    """The content of each file by its name. Our own account is the one of MQTT_URL."""
    parts = urlsplit(settings.mqtt_url)
    ours, password = unquote(parts.username or ""), unquote(parts.password or "")
    async with as_machine():
        rows = await fetch(HOLDING, now.date())
    salt = hashlib.sha256(settings.secret_key + ours.encode()).digest()[:12]  # the same file as long as the password is the same
    lines = [f"{ours}:{broker_hash(password, salt)}", *(f"{row['id']}:{row['broker_hash']}" for row in rows)]
    return {"passwords": "\n".join(lines) + "\n", "access": ACCESS.format(ours=ours)}


def write(folder: Path, content: dict[str, str]) -> bool:
    """Write what has changed, each file at once. Returns whether anything has."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = False
    for name, text in content.items():
        file, made = folder / name, folder / f"{name}.new"
        if file.exists() and file.read_text() == text:
            continue
        made.write_text(text)
        made.chmod(0o640)
        made.rename(file)
        changed = True
    return changed


async def keep_files(settings: Settings, clock: Clock) -> None:
    """Write them now, and whenever a token was made or taken away."""
    while True:
        try:
            content = await files(settings, clock())
            if await asyncio.to_thread(write, settings.data / "mqtt", content):
                log.info("the broker's files have changed: let it read them again", folder=str(settings.data / "mqtt"))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("the broker's files are not written", error=repr(error)[:300])
        await asyncio.sleep(LOOK_S)
