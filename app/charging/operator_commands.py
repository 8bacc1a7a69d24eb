"""What operators and support may ask of a station, checked, logged with their name and ticket, and queued."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from app.charging import asking, intents, limits, local_lists, place_bounds, requests, reservations, station_files
from app.charging.model import Changed
from app.database.transaction import as_machine, fetchrow, fetchval, in_account
from app.kernel.errors import Refused, not_found

# The fixed list, in the order of the page.
KINDS = (
    "Reset", "UnlockConnector", "RemoteStart", "RemoteStop", "ChangeAvailability", "Trigger", "ClearCache", "PushLocalList",
    "ReadConfiguration", "WriteConfiguration", "GetDiagnostics", "UpdateFirmware", "LimitPlace", "GetCompositeSchedule", "Reserve",
    "CancelReservation", "ShowMessage", "SetMonitors", "ClearMonitors", "GetMonitoringReport", "CustomerInformation",
    "PublishFirmware", "UnpublishFirmware",
)  # fmt: skip

MOST_A = 500


class StartFor(msgspec.Struct, frozen=True, kw_only=True, tag="RemoteStart", tag_field="kind", forbid_unknown_fields=True):
    """Start a charge for a resident who may charge here; the resident pays for it. `limit_a`: amperes a phase for this charge."""

    connector: int
    person_id: UUID
    limit_a: Decimal | None = None


class StopSession(msgspec.Struct, frozen=True, kw_only=True, tag="RemoteStop", tag_field="kind", forbid_unknown_fields=True):
    """Stop a session that runs at this station."""

    session_id: UUID


class FetchDiagnostics(msgspec.Struct, frozen=True, kw_only=True, tag="GetDiagnostics", tag_field="kind", forbid_unknown_fields=True):
    """Have the station upload its log (`security`: its security log) under a link that works once."""

    security: bool = False
    since: datetime | None = None
    until: datetime | None = None


class InstallFirmware(msgspec.Struct, frozen=True, kw_only=True, tag="UpdateFirmware", tag_field="kind", forbid_unknown_fields=True):
    """Have the station fetch a firmware of the store under a link that works once. `signature` with `certificate`: signed."""

    file_id: UUID
    retrieve_at: datetime | None = None
    certificate: str | None = None
    signature: str | None = None


class OfferFirmware(msgspec.Struct, frozen=True, kw_only=True, tag="PublishFirmware", tag_field="kind", forbid_unknown_fields=True):
    """Have a local controller fetch a firmware of the store under a link that works once and offer it to the stations behind it."""

    file_id: UUID


class WithdrawFirmware(msgspec.Struct, frozen=True, kw_only=True, tag="UnpublishFirmware", tag_field="kind", forbid_unknown_fields=True):
    """Have a local controller offer a firmware of the store no longer."""

    file_id: UUID


class PushLocalList(msgspec.Struct, frozen=True, kw_only=True, tag="PushLocalList", tag_field="kind", forbid_unknown_fields=True):
    """Send the whole local list anew."""


class LimitPlace(msgspec.Struct, frozen=True, kw_only=True, tag="LimitPlace", tag_field="kind", forbid_unknown_fields=True):
    """Limit a place to this many amperes a phase until it is lifted (None). Below 6 A there is only 0."""

    connector: int
    limit_a: Decimal | None


class ReserveFor(msgspec.Struct, frozen=True, kw_only=True, tag="Reserve", tag_field="kind", forbid_unknown_fields=True):
    """Keep a place (None: any of the station) for a resident, who alone may charge there until then."""

    connector: int | None = None
    person_id: UUID
    until: datetime


class CancelFor(msgspec.Struct, frozen=True, kw_only=True, tag="CancelReservation", tag_field="kind", forbid_unknown_fields=True):
    """Give a place free again."""

    reservation_id: UUID


Plain = (
    intents.Reset | intents.UnlockConnector | intents.ChangeAvailability | intents.ReadConfiguration | intents.WriteConfiguration
    | intents.Trigger | intents.ClearCache | intents.GetLocalListVersion | intents.GetCompositeSchedule | intents.ClearProfile
    | intents.GetProfiles | intents.ReadReport | intents.SetMonitoringBase | intents.SetMonitoringLevel
    | intents.GetMonitoringReport | intents.ClearMonitors | intents.ShowMessage | intents.GetMessages | intents.ClearMessage
    | intents.SetMonitors | intents.SetProfile | intents.CustomerInformation
    | intents.DataTransfer | intents.GetInstalledCertificates | intents.GetTransactionStatus
)  # fmt: skip
OperatorCommand = (
    Plain | StartFor | StopSession | FetchDiagnostics | InstallFirmware | OfferFirmware | WithdrawFirmware | PushLocalList | LimitPlace
    | ReserveFor | CancelFor
)  # fmt: skip


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, of which station, why. `folder`: where files lie."""

    account_id: UUID
    login_id: UUID
    station_id: UUID
    key: UUID
    ticket: str | None
    secret: bytes
    public_url: str
    folder: Path


async def ask(who: Asker, command: Any, now: datetime) -> list[Changed]:
    """Ask a station. The same key asks once. Raises Refused: not_found, station_offline, not_in_version, no_connector,
    secret_setting, and for a start what a resident is told."""
    if isinstance(command, StartFor):
        return await _start(who, command, now)
    if isinstance(command, StopSession):
        return await _stop(who, command, now)
    if isinstance(command, PushLocalList):
        return await _push_list(who, now)
    if isinstance(command, ReserveFor):
        return await reservations.reserve(who.account_id, who.login_id, who.station_id, command.connector, command.person_id,
                                          command.until, who.key, who.secret, now, who.ticket)  # fmt: skip
    if isinstance(command, CancelFor):
        return await reservations.cancel(who.account_id, who.login_id, who.station_id, command.reservation_id, who.key, who.secret, now,
                                         who.ticket)  # fmt: skip
    if isinstance(command, LimitPlace):
        return await _limit(who, command, now)
    if isinstance(command, FetchDiagnostics | InstallFirmware | OfferFirmware):
        return await _with_link(who, command, now)
    if isinstance(command, WithdrawFirmware):
        command = intents.UnpublishFirmware(checksum=await _checksum(who, await _firmware(who, command.file_id)))
    if isinstance(command, intents.WriteConfiguration):
        _check_settings(command)
    if place_bounds.is_bound(command) and await _balanced(who):
        return await _bound(who, command, now)
    _, changed = await asking.ask(who.account_id, who.login_id, who.station_id, command, who.key, who.secret, now, who.ticket)
    return changed


def _check_settings(command: intents.WriteConfiguration) -> None:
    names = [one.name for one in command.settings]
    if not names or any(not 0 < len(name) <= 150 for name in names) or any(len(one.value) > 1000 for one in command.settings):
        raise Refused("invalid_input", 422, "Name one setting and its value.", fields=["settings"])
    if intents.SECRET_SETTINGS & set(names):
        raise Refused("secret_setting", 409, "The station's password is changed by key rotation, which keeps it connected.")


async def _start(who: Asker, command: StartFor, now: datetime) -> list[Changed]:
    _check_amperes(command.limit_a)
    async with in_account(who.account_id):
        code = await fetchval("SELECT public_code FROM connector WHERE station_id = $1 AND number = $2", who.station_id, command.connector)
        person = await fetchval("SELECT id FROM person WHERE id = $1", command.person_id)
    if code is None or person is None:
        raise not_found("place" if code is None else "resident")
    _, changed = await requests.request_start(
        who.account_id, command.person_id, who.login_id, code, who.key, who.secret, now, who.ticket, command.limit_a
    )  # fmt: skip
    return changed


def _check_amperes(limit_a: Decimal | None) -> None:
    if limit_a is not None and not 0 <= limit_a <= MOST_A:
        raise Refused("invalid_input", 422, f"A place takes from 0 to {MOST_A} amperes.", fields=["limit_a"])


async def _stop(who: Asker, command: StopSession, now: datetime) -> list[Changed]:
    async with in_account(who.account_id):
        row = await fetchrow("SELECT station_id, person_id FROM charging_session WHERE id = $1", command.session_id)
    if row is None or row["station_id"] != who.station_id:
        raise not_found("session")
    return await requests.request_stop(
        who.account_id, row["person_id"], who.login_id, command.session_id, now, key=who.key, ticket=who.ticket
    )  # fmt: skip


async def _with_link(who: Asker, command: FetchDiagnostics | InstallFirmware | OfferFirmware, now: datetime) -> list[Changed]:
    token, link = station_files.new_link(who.public_url)
    intent: intents.Intent
    file_id: UUID | None = None
    if isinstance(command, FetchDiagnostics):
        intent = intents.GetDiagnostics(link=link, security=command.security, since=command.since, until=command.until)
    else:
        found = await _firmware(who, command.file_id)
        file_id = found.id
        intent = await _of_firmware(who, command, f"{link}{found.name}", found, now)
    _, changed = await asking.ask(
        who.account_id, who.login_id, who.station_id, intent, who.key, who.secret, now, who.ticket,
        first=lambda made: station_files.keep_link(who.account_id, who.station_id, made, token, file_id, now),
    )  # fmt: skip
    return changed


async def _of_firmware(
    who: Asker, command: InstallFirmware | OfferFirmware, link: str, found: station_files.StationFile, now: datetime
) -> intents.Intent:  # fmt: skip
    if isinstance(command, OfferFirmware):
        return intents.PublishFirmware(link=link, checksum=await _checksum(who, found))
    if bool(command.certificate) != bool(command.signature):
        raise Refused("invalid_input", 422, "A signed firmware has a certificate and a signature.", fields=["certificate", "signature"])
    return intents.UpdateFirmware(
        link=link, retrieve_at=command.retrieve_at or now, certificate=command.certificate or None, signature=command.signature or None
    )  # fmt: skip


async def _firmware(who: Asker, file_id: UUID) -> station_files.StationFile:
    async with in_account(who.account_id):
        found = await station_files.file(file_id)
    if found.kind != "firmware":
        raise not_found("firmware")
    return found


async def _checksum(who: Asker, found: station_files.StationFile) -> str:
    return await station_files.md5(station_files.path_of(who.folder, who.account_id, found.id))


async def _asked_before(who: Asker) -> bool:
    """Whether this key has asked already. Raises Refused: not_found, station_offline."""
    async with in_account(who.account_id):
        known = await fetchval("SELECT id FROM station_command WHERE idempotency_key = $1", who.key)
        row = await fetchrow("SELECT online FROM station WHERE id = $1", who.station_id)
    if row is None:
        raise not_found("station")
    if known is None and not row["online"]:
        raise Refused("station_offline", 409, asking.WHY_NOT["station_offline"])
    return known is not None


async def _push_list(who: Asker, now: datetime) -> list[Changed]:
    if not await _asked_before(who):
        async with as_machine():
            await local_lists.push(who.account_id, who.station_id, now, _by(who))
    return [Changed(account_id=who.account_id, kind="command", station_id=who.station_id)]


def _by(who: Asker) -> dict[str, Any]:
    return {"asked_by": who.login_id, "ticket": who.ticket, "key": who.key}


async def _limit(who: Asker, command: LimitPlace, now: datetime) -> list[Changed]:
    _check_amperes(command.limit_a)
    if not await _asked_before(who):
        async with in_account(who.account_id):
            place = await fetchval("SELECT 1 FROM connector WHERE station_id = $1 AND number = $2", who.station_id, command.connector)
            if place is None:
                raise Refused("no_connector", 409, asking.WHY_NOT["no_connector"])
            await place_bounds.keep_limit(who.account_id, who.station_id, command.connector, command.limit_a, now, who.login_id)
            balanced = await place_bounds.is_balanced(who.station_id)
        if balanced:
            await place_bounds.go_down(who.account_id, who.station_id, command.connector, now, _by(who))
        else:
            await limits.want(who.station_id, command.connector, command.limit_a, now, by=_by(who))
    return [Changed(account_id=who.account_id, kind="command", station_id=who.station_id)]


async def _balanced(who: Asker) -> bool:
    async with in_account(who.account_id):
        return await place_bounds.is_balanced(who.station_id)


async def _bound(who: Asker, command: intents.SetProfile | intents.ClearProfile, now: datetime) -> list[Changed]:
    """A profile by hand where load is balanced: the loop keeps it as a further bound."""
    if not await _asked_before(who):
        await place_bounds.keep(who.account_id, who.station_id, command, now, _by(who))
    return [Changed(account_id=who.account_id, kind="command", station_id=who.station_id)]


def reasons(online: bool, version: str | None) -> Mapping[str, str | None]:
    """Each command of the fixed list and why it cannot be asked now (None: it can)."""
    return {kind: asking.why_not(kind, online, version) for kind in KINDS}
