"""Who may come in: path, subprotocol, password or certificate, security profile. The reason is logged, never told."""

import asyncio
import base64
import binascii
import hashlib
import time
from collections.abc import Callable
from urllib.parse import unquote

import structlog

from app.charging import admission
from app.charging.admission import Entry, Held, Shown, Verdict
from app.charging.model import Station
from app.charging.stations import security_event
from app.kernel.clock import Clock
from ocpp_server.commands_in import DATABASE_ERRORS
from ocpp_server.protocols import choose
from ocpp_server.transport import Knock

log = structlog.get_logger()

PREFIX = "/ocpp/"
BURST = 10  # wrong passwords from one address for one station before guesses are answered slowly
REFILL_SECONDS = 1.0
SLOW_SECONDS = 0.5
MOST_SLOW = 500  # answers that wait at a time; more guesses than these are refused at once
MOST_REMEMBERED = 20_000
MOST_EVENTS = 200  # refusals of strangers kept in a burst, then one a second; each known station has a burst of its own
MOST_EVENTS_A_STATION = 20
CRITICAL = ("downgrade", "invalid_certificate")


class Throttle:
    """A bucket per key: how often something failed of late."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, burst: int = BURST) -> None:
        self._monotonic = monotonic
        self._burst = burst
        self._failures: dict[tuple[str, str], tuple[float, float]] = {}

    def allows(self, key: tuple[str, str]) -> bool:
        """Whether the bucket has room."""
        failures, since = self._failures.get(key, (0.0, 0.0))
        return failures - (self._monotonic() - since) / REFILL_SECONDS < self._burst

    def failed(self, key: tuple[str, str]) -> None:
        """Count a failure."""
        now = self._monotonic()
        failures, since = self._failures.pop(key, (0.0, now))
        self._failures[key] = (max(0.0, failures - (now - since) / REFILL_SECONDS) + 1, now)
        while len(self._failures) > MOST_REMEMBERED:
            self._failures.pop(next(iter(self._failures)))


class Register:
    """Looks up all who wait in one query, one query at a time: a thousand guesses cost the database what one costs, and
    every answer is read after its question came, so that a key that another node has just settled is known."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, bytes | None, asyncio.Future[tuple[Entry | None, Held | None]]]] = []
        self._work: asyncio.Task[None] | None = None

    async def find(self, identity: str, fingerprint: bytes | None) -> tuple[Entry | None, Held | None]:
        """The station and the certificate. Raises what the database raises."""
        future: asyncio.Future[tuple[Entry | None, Held | None]] = asyncio.get_running_loop().create_future()
        self._waiting.append((identity, fingerprint, future))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._look())
        return await future

    async def _look(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                entries, held = await admission.look_up(
                    list({identity for identity, _, _ in batch}), list({print_ for _, print_, _ in batch if print_ is not None})
                )
            except Exception as error:  # every one who waits is told, whatever it is
                for _, _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            for identity, print_, future in batch:
                if not future.done():
                    future.set_result((entries.get(identity), None if print_ is None else held.get(print_)))


class Door:
    """Admits stations."""

    def __init__(self, secret: bytes, clock: Clock, slow_s: float = SLOW_SECONDS) -> None:
        self._secret = secret
        self._clock = clock
        self._slow_s = slow_s
        self._slow = 0
        self._register = Register()
        self._guesses = Throttle()
        self._strangers = Throttle(burst=MOST_EVENTS)
        self._events = Throttle(burst=MOST_EVENTS_A_STATION)

    async def admit(self, knock: Knock) -> tuple[int, object, str]:
        """(101, Station, version), or the HTTP status of the refusal; 503 while the database is away."""
        try:
            return await self._admit(knock)
        except DATABASE_ERRORS as error:
            log.error("database away", error=repr(error))
            return 503, None, ""

    async def foreign_certificate(self, reason: str) -> None:
        """TLS refused a client certificate before anybody could say whose it is, or from where."""
        log.warning("station refused", reason=reason)
        try:
            await self._keep(None, "", "invalid_certificate", reason)
        except DATABASE_ERRORS as error:
            log.error("event not stored", error=repr(error))

    async def _admit(self, knock: Knock) -> tuple[int, object, str]:
        identity = identity_in(knock.path)
        if identity is None:
            log.warning("station refused", status=404, reason="path", address=knock.address)
            return 404, None, ""
        name, password = basic(knock.authorization)
        fingerprint = None if knock.certificate is None else hashlib.sha256(knock.certificate).digest()
        entry, held = await self._register.find(identity, fingerprint)
        shown = Shown(
            tls=knock.tls, password=password if name == identity else b"", certificate=fingerprint is not None, held=held,
        )  # fmt: skip
        now = self._clock()
        verdict = admission.judge(entry, shown, self._secret, now)
        if verdict.reason is None and name not in ("", identity):
            verdict = Verdict(reason="another name than in the address", guess=True)
        if verdict.reason is not None or entry is None:
            return await self._refuse(verdict, entry, identity, knock)
        version = choose(knock.protocols, entry.station.pinned_version)
        if version is None:
            await self._note(400, entry.station, identity, Verdict(reason="subprotocol"), knock)
            return 400, None, ""
        if admission.proves_more(entry, verdict):
            await admission.settle(entry, verdict, now)
        return 101, entry.station, version

    async def _refuse(self, verdict: Verdict, entry: Entry | None, identity: str, knock: Knock) -> tuple[int, object, str]:
        """Guesses beyond the burst wait for their answer; a right key or certificate never comes here, so it never waits."""
        key = (identity, knock.address)
        status = 401
        if verdict.guess:
            status = 401 if self._guesses.allows(key) else 429
            self._guesses.failed(key)
        await self._note(status, None if entry is None else entry.station, identity, verdict, knock)
        if status == 429 and self._slow < MOST_SLOW:
            self._slow += 1
            try:
                await asyncio.sleep(self._slow_s)  # the pace of guessing, not a wait for a condition
            finally:
                self._slow -= 1
        return status, None, ""

    async def _note(self, status: int, station: Station | None, identity: str, verdict: Verdict, knock: Knock) -> None:
        log.warning("station refused", status=status, identity=identity, reason=verdict.reason, address=knock.address)
        await self._keep(station, identity, verdict.event, f"{verdict.reason} from {knock.address}")

    async def _keep(self, station: Station | None, identity: str, kind: str, detail: str) -> None:
        """Whoever knocks without end leaves a bounded trace in the database, and hides nobody else's."""
        bucket, key = (self._strangers, ("", kind)) if station is None else (self._events, (identity, kind))
        if bucket.allows(key):
            bucket.failed(key)
            await security_event(station, identity, kind, detail, self._clock(), critical=kind in CRITICAL)


def identity_in(path: str) -> str | None:
    """The identity in /ocpp/IDENTITY, or None where the path is anything else."""
    if not path.startswith(PREFIX) or "?" in path:
        return None
    identity = unquote(path.removeprefix(PREFIX))
    plain = identity.isascii() and identity.isprintable() and "/" not in identity and ".." not in identity
    return identity if plain and 0 < len(identity) <= 48 else None


def basic(header: str) -> tuple[str, bytes]:
    """Name and password (octets) of a Basic header; both empty when it is none."""
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", b""
    try:
        name, _, password = base64.b64decode(coded.strip(), validate=True).partition(b":")
        return name.decode(), password
    except (binascii.Error, UnicodeDecodeError):
        return "", b""
