"""Who may come in: path, subprotocol, Basic password, throttling. The reason is logged, never told."""

import base64
import binascii
import time
from collections.abc import Callable
from urllib.parse import unquote

import structlog

from app.charging.model import Station
from app.charging.stations import security_event, station_login
from app.kernel.clock import Clock
from ocpp_server.commands_in import DATABASE_ERRORS
from ocpp_server.protocols import choose
from ocpp_server.transport import Knock

log = structlog.get_logger()

PREFIX = "/ocpp/"
BURST = 10  # wrong passwords from one address for one station before guesses are slowed
REFILL_SECONDS = 1.0
MOST_REMEMBERED = 20_000
MOST_EVENTS = 200  # refusals kept in a burst, then one a second
EVENTS = ("", "")


class Throttle:
    """A bucket per (station, address): guesses beyond the burst are looked at once a second, so the true station gets in."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, burst: int = BURST) -> None:
        self._monotonic = monotonic
        self._burst = burst
        self._failures: dict[tuple[str, str], tuple[float, float]] = {}

    def allows(self, key: tuple[str, str]) -> bool:
        """Whether a guess is looked at now."""
        failures, since = self._failures.get(key, (0.0, 0.0))
        return failures - (self._monotonic() - since) / REFILL_SECONDS < self._burst

    def failed(self, key: tuple[str, str]) -> None:
        """Count a wrong password."""
        now = self._monotonic()
        failures, since = self._failures.pop(key, (0.0, now))
        self._failures[key] = (max(0.0, failures - (now - since) / REFILL_SECONDS) + 1, now)
        while len(self._failures) > MOST_REMEMBERED:
            self._failures.pop(next(iter(self._failures)))


class Door:
    """Admits stations."""

    def __init__(self, secret: bytes, clock: Clock) -> None:
        self._secret = secret
        self._clock = clock
        self._throttle = Throttle()
        self._events = Throttle(burst=MOST_EVENTS)

    async def admit(self, knock: Knock) -> tuple[int, object, str]:
        """(101, Station, version), or the HTTP status of the refusal; 503 while the database is away."""
        try:
            return await self._admit(knock)
        except DATABASE_ERRORS as error:
            log.error("database away", error=repr(error))
            return 503, None, ""

    async def _admit(self, knock: Knock) -> tuple[int, object, str]:
        identity = identity_in(knock.path)
        if identity is None:
            log.warning("station refused", status=404, reason="path", address=knock.address)
            return 404, None, ""
        key = (identity, knock.address)
        if not self._throttle.allows(key):
            return 429, None, ""
        name, password = basic(knock.authorization)
        station = None
        if name == identity and password:
            station = await station_login(identity, password, self._secret)
        if station is None:
            self._throttle.failed(key)
            reason = "wrong password or unknown station" if name == identity and password else "no password or another name"
            return await self._refuse(401, None, identity, reason, knock)
        version = choose(knock.protocols, station.pinned_version)
        if version is None:
            return await self._refuse(400, station, identity, "subprotocol", knock)
        return 101, station, version

    async def _refuse(self, status: int, station: Station | None, identity: str, reason: str, knock: Knock) -> tuple[int, object, str]:
        log.warning("station refused", status=status, identity=identity, reason=reason, address=knock.address)
        # Strangers may knock without end: what they leave in the database is bounded.
        if self._events.allows(EVENTS):
            self._events.failed(EVENTS)
            await security_event(station, identity, "refused", f"{reason} from {knock.address}", self._clock())
        return status, None, ""


def identity_in(path: str) -> str | None:
    """The identity in /ocpp/IDENTITY, or None where the path is anything else."""
    if not path.startswith(PREFIX) or "?" in path:
        return None
    identity = unquote(path.removeprefix(PREFIX))
    plain = identity.isascii() and identity.isprintable() and "/" not in identity and ".." not in identity
    return identity if plain and 0 < len(identity) <= 48 else None


def basic(header: str) -> tuple[str, str]:
    """Name and password of a Basic header; two empty texts when it is none."""
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(coded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, password
