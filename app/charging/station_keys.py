"""New keys and higher security profiles for stations: pending beside the old ones until the station has come with them.

Nothing here ends what is valid. Only a visit with the new key or by the higher profile does (admission.settle), so a crash
between any two steps leaves the station a way in. A repetition sends the same pending key again: a third one would lock out a
station that has taken the second.
"""

import secrets
from datetime import datetime
from uuid import UUID

import asyncpg

from app.charging import intents
from app.charging.admission import TLS_CERTIFICATE
from app.charging.asking import queue, why_not
from app.charging.authority import Authority
from app.charging.intents import Answer, Intent, Setting
from app.charging.model import Changed, Command
from app.charging.station_roots import ask_root
from app.database.transaction import execute, fetchrow, fetchval, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import keyed_hash
from app.kernel.sealing import seal, unseal

SEALED_FOR = "station key"
NEW_KEY_BYTES = 20
PRIORITY = "OCPPCommCtrlr.NetworkConfigurationPriority"
SENTENCES = {
    "station_offline": "The station is not connected, so nothing can be sent to it. Try again when it is back.",
    "profile_not_higher": "A station can only move to a higher security profile than the one it has.",
    "no_certificate": "The station has no certificate yet. Ask it for one first; then it can move to profile 3.",
    "no_tls": "Stations cannot come over TLS here yet. Set HOFSTROM_OCPP_TLS_PORT first.",
}


def refusal(code: str) -> Refused:
    """Why nothing was asked of the station."""
    return Refused(code, 409, SENTENCES[code])


async def connected_station(station_id: UUID) -> asyncpg.Record:
    """The row of a station that is connected, locked (inside the caller's transaction). Raises Refused."""
    row = await fetchrow("SELECT * FROM station WHERE id = $1 FOR UPDATE", station_id)
    if row is None:
        raise not_found("station")
    if why_not("WriteConfiguration", row["online"], row["ocpp_version"]) is not None:
        raise refusal("station_offline")
    return row


async def rotate_key(account_id: UUID, login_id: UUID, station_id: UUID, secret: bytes, now: datetime) -> UUID:
    """Give a station a new random key (20 octets, as 40 hexadecimal digits). Returns the command's id. Raises Refused."""
    async with in_account(account_id):
        row = await connected_station(station_id)
        if row["next_password_sealed"] is not None:
            key = unseal(secret, SEALED_FOR, row["next_password_sealed"], station_id.bytes)
        else:
            key = secrets.token_hex(NEW_KEY_BYTES)
            await execute(
                "UPDATE station SET next_password_hash = $2, next_password_sealed = $3 WHERE id = $1", station_id,
                keyed_hash(secret, key), seal(secret, SEALED_FOR, key, station_id.bytes),
            )  # fmt: skip
        intent = intents.WriteConfiguration(settings=(Setting(name="AuthorizationKey", value=key),))
        return await queue(account_id, station_id, intent, secret, now, asked_by=login_id)


async def raise_profile(account_id: UUID, login_id: UUID, station_id: UUID, profile: int, authority: Authority, url: str | None,
                        now: datetime) -> None:  # fmt: skip
    """Ask a station to come by a higher security profile from now on; the present one stays open until it has.

    `url`: where stations come over TLS, wss://HOST:PORT/ocpp; None: nowhere. Raises Refused.
    """
    async with in_account(account_id):
        row = await connected_station(station_id)
        if not row["security_profile"] < profile <= TLS_CERTIFICATE:
            raise refusal("profile_not_higher")
        if url is None:
            raise refusal("no_tls")
        if profile == TLS_CERTIFICATE and not await fetchval(
            "SELECT 1 FROM station_certificate WHERE station_id = $1 AND state IN ('installed', 'in_use')", station_id
        ):
            raise refusal("no_certificate")
        await execute("UPDATE station SET next_profile = $2 WHERE id = $1", station_id, profile)
        current = authority.state().current
        if not await fetchval(
            "SELECT 1 FROM station_root WHERE station_id = $1 AND authority = $2 AND state = 'installed'", station_id, current
        ):
            await ask_root(account_id, station_id, current, authority.root(current), now, login_id)
        await queue(account_id, station_id, _by_profile(row["ocpp_version"], profile, url), b"", now, asked_by=login_id)


def _by_profile(version: str | None, profile: int, url: str) -> Intent:
    """1.6 has a key for it and keeps its address; 2.0.1 gets a network profile in a slot of the same number."""
    if version == intents.V201:
        return intents.SetNetworkProfile(slot=profile, url=url, security_profile=profile)
    return intents.WriteConfiguration(settings=(Setting(name="SecurityProfile", value=str(profile)),))


async def network_answered(command: Command, intent: Intent, answer: Answer, now: datetime) -> list[Changed]:
    """2.0.1: the new network profile is stored; now it goes first. The old slot stays behind it as a way back."""
    asked = intent.security_profile if isinstance(intent, intents.SetNetworkProfile) else 0
    if answer.accepted and await _pending(command.station_id) == asked:
        order = ",".join(str(slot) for slot in range(asked, 0, -1))
        wanted = intents.WriteConfiguration(settings=(Setting(name=PRIORITY, value=order),))
        await queue(command.account_id, command.station_id, wanted, b"", now)
    return []


async def priority_answered(command: Command, intent: Intent, answer: Answer, now: datetime) -> list[Changed]:
    """2.0.1: the order of the network profiles counts from the next start on, when nobody charges."""
    is_priority = isinstance(intent, intents.WriteConfiguration) and any(one.name == PRIORITY for one in intent.settings)
    if is_priority and answer.accepted and await _pending(command.station_id):
        await queue(command.account_id, command.station_id, intents.Reset(hard=False), b"", now)
    return []


async def _pending(station_id: UUID) -> int:
    return int(await fetchval("SELECT next_profile FROM station WHERE id = $1", station_id) or 0)
