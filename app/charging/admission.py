"""May this station come in, with what it shows and the way it came? And what a good visit proves about it."""

import hmac
from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

from app.charging.model import Station
from app.charging.stations import note_security_event
from app.database.transaction import as_machine, execute, fetch
from app.kernel.identifiers import keyed_hash

BASIC, TLS_BASIC, TLS_CERTIFICATE = 1, 2, 3  # OCPP's security profiles
KEY_BYTES = range(16, 21)
HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
NEVER_AGAIN = ("refused", "replaced", "revoked")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A station with what decides about its way in."""

    station: Station
    password_hash: bytes
    next_password_hash: bytes | None
    security_profile: int
    next_profile: int | None
    reached_profile: int


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that we have issued."""

    id: UUID
    station_id: UUID
    state: str
    not_before: datetime
    not_after: datetime


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What came to the door: over TLS or not, the password, and the client certificate with its row, if it is ours."""

    tls: bool
    password: bytes
    certificate: bool = False
    held: Held | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """`reason` None: come in, by `profile`. Else why not; `guess`: nothing that was shown is right; `event`: its kind."""

    reason: str | None = None
    event: str = "refused"
    guess: bool = False
    profile: int = 0
    next_key: bool = False
    held: Held | None = None


def password_texts(password: bytes) -> list[str]:
    """How a key may be meant. 1.6 sends the octets of its hexadecimal key, or that text; 2.0.1 sends the text."""
    texts = []
    if len(password) in KEY_BYTES:
        texts.append(password.hex())
    try:
        text = password.decode()
    except UnicodeDecodeError:
        return texts
    texts.append(text)
    if len(text) in range(32, 41) and HEX_DIGITS.issuperset(text):
        texts.append(text.lower())
    return texts


def matching_key(entry: Entry, password: bytes, secret: bytes) -> Literal["current", "next"] | None:
    """Which key of the station a password is. A keyed hash of a few microseconds: the right one can always be looked at."""
    hashes = [keyed_hash(secret, text) for text in password_texts(password)] if password else []
    for name, expected in (("current", entry.password_hash), ("next", entry.next_password_hash)):
        for found in hashes:
            if expected is not None and hmac.compare_digest(found, expected):
                return "current" if name == "current" else "next"
    return None


def judge(entry: Entry | None, shown: Shown, secret: bytes, now: datetime) -> Verdict:
    """Decide by security profile: only the one set (or the next one, asked for), and never below one reached."""
    if entry is None:
        return Verdict(reason="unknown station", guess=True)
    key = matching_key(entry, shown.password, secret)
    wrong = why_not_certificate(entry, shown, now)
    proven = set()
    if key is not None:
        proven.add(TLS_BASIC if shown.tls else BASIC)
    if shown.certificate and wrong is None:
        proven.add(TLS_CERTIFICATE)
    allowed = {p for p in (entry.security_profile, entry.next_profile) if p is not None and p >= entry.reached_profile}
    good = proven & allowed
    if good:
        profile = max(good)
        return Verdict(
            profile=profile, next_key=key == "next" and profile < TLS_CERTIFICATE,
            held=shown.held if profile == TLS_CERTIFICATE else None,
        )  # fmt: skip
    if shown.certificate and wrong is not None:
        return Verdict(reason=wrong, event="invalid_certificate", guess=not proven)
    if not proven:
        return Verdict(reason="wrong password" if shown.password else "no password", guess=True)
    way, least = max(proven), min(allowed)
    if way < least:
        exposed = "; its key went over an open line: change it" if way == BASIC else ""
        return Verdict(reason=f"security profile {way} where {least} is set{exposed}", event="downgrade")
    return Verdict(reason=f"security profile {way} where only {least} is set")


def why_not_certificate(entry: Entry, shown: Shown, now: datetime) -> str | None:
    """What is wrong with the client certificate, None where nothing is. Its signature has been checked by TLS."""
    held = shown.held
    if held is None:
        return "a certificate that was not issued here"
    if held.station_id != entry.station.id:
        return "another station's certificate"
    if held.state in NEVER_AGAIN:
        return f"a {held.state} certificate"
    if not held.not_before <= now < held.not_after:
        return "a certificate that is not valid at this time"
    return None


LOOK_UP = """
SELECT account_id, id, identity, site_id, name, max_power_w, commissioned_at, connection_no, pinned_version,
       coalesce(ocpp_version, 'ocpp1.6') AS ocpp_version, password_hash, next_password_hash, security_profile, next_profile,
       reached_profile, awaits_setup FROM station WHERE identity = ANY($1::text[])
"""
CERTIFICATES = """
SELECT fingerprint, id, station_id, state, not_before, not_after FROM station_certificate WHERE fingerprint = ANY($1::bytea[])
"""


async def look_up(identities: list[str], fingerprints: list[bytes]) -> tuple[dict[str, Entry], dict[bytes, Held]]:
    """Stations by identity (exact case) and certificates by fingerprint, for all who knock at this moment."""
    async with as_machine():
        rows = await fetch(LOOK_UP, identities)
        held = await fetch(CERTIFICATES, fingerprints) if fingerprints else []
    return (
        {row["identity"]: _entry(row) for row in rows},
        {row["fingerprint"]: Held(**{name: row[name] for name in Held.__struct_fields__}) for row in held},
    )


def _entry(row: asyncpg.Record) -> Entry:
    station = Station(**{name: row[name] for name in Station.__struct_fields__})
    return Entry(station=station, **{name: row[name] for name in Entry.__struct_fields__ if name != "station"})


def proves_more(entry: Entry, verdict: Verdict) -> bool:
    """Whether this visit settles something that was pending: a key, a profile, a certificate."""
    new_certificate = verdict.held is not None and verdict.held.state != "in_use"
    return verdict.next_key or new_certificate or verdict.profile > entry.reached_profile


async def settle(entry: Entry, verdict: Verdict, now: datetime) -> None:
    """The station has come with what was pending: from now on that alone is valid. Safe to repeat."""
    station = entry.station
    async with as_machine():
        if verdict.next_key and await _settle_key(entry, now):
            await note_security_event(station, station.identity, "key_changed", "the station came with its new key", now)
        if verdict.held is not None and verdict.held.state != "in_use":
            await _settle_certificate(station, verdict.held, now)
        raised = await execute(
            "UPDATE station SET security_profile = greatest(security_profile, $2), reached_profile = greatest(reached_profile, $2),"
            " next_profile = CASE WHEN next_profile > $2 THEN next_profile END WHERE id = $1 AND reached_profile < $2",
            station.id, verdict.profile,
        )  # fmt: skip
        if raised == "UPDATE 1" and verdict.profile > BASIC:
            await note_security_event(station, station.identity, "profile_reached", f"security profile {verdict.profile}", now)


async def _settle_key(entry: Entry, now: datetime) -> bool:
    done = await execute(
        "UPDATE station SET password_hash = next_password_hash, next_password_hash = NULL, next_password_sealed = NULL,"
        " key_changed_at = $3 WHERE id = $1 AND next_password_hash = $2", entry.station.id, entry.next_password_hash, now,
    )  # fmt: skip
    return done == "UPDATE 1"


async def _settle_certificate(station: Station, held: Held, now: datetime) -> None:
    await execute(
        "UPDATE station_certificate SET state = 'replaced', changed_at = $3 WHERE station_id = $1 AND state = 'in_use' AND id <> $2",
        station.id, held.id, now,
    )  # fmt: skip
    await execute(
        "UPDATE station_certificate SET state = 'in_use', changed_at = $2 WHERE id = $1 AND state IN ('issued', 'installed')",
        held.id, now,
    )  # fmt: skip
