"""The operator's view of security: how each station comes in, its certificate, and what happened; and what to ask of it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from app.accounts.rules import OPERATORS, STAFF
from app.accounts.web.access import Caller, HttpRequest
from app.charging import intents
from app.charging.asking import queue
from app.charging.authority import Authority, names_for_server, passphrase_of
from app.charging.security_events import SecurityEvent, events, mark_seen
from app.charging.station_certificates import bind_serial, revoke
from app.charging.station_keys import connected_station, raise_profile, rotate_key
from app.charging.station_roots import ask_root
from app.database.transaction import fetch, in_account
from app.kernel.settings import Settings
from app.outbox.wake import COMMANDS, publish

SEE = {"roles": sorted(STAFF)}
OPERATOR = {"roles": sorted(OPERATORS)}
ASKS = {**OPERATOR, "problems": (409,)}
PATH = "/api/operator/stations/{station_id:uuid}/security"


class StationSecurity(msgspec.Struct, frozen=True, kw_only=True):
    """How a station comes in. Profiles 1 to 3; `next_profile` and `new_key`: asked for, the station has not come with it yet."""

    station_id: UUID
    identity: str
    name: str
    online: bool
    profile: int
    next_profile: int | None
    new_key: bool
    key_changed_at: datetime | None
    serial_number: str | None
    certificate_id: UUID | None
    certificate_state: str | None
    certificate_until: datetime | None


class Asked(msgspec.Struct, frozen=True):
    """The command that was queued for the station."""

    command_id: UUID


class WantedProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    profile: Annotated[int, msgspec.Meta(ge=2, le=3)]


class SerialNumber(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As on the type plate: the common name that the station's certificate must bear."""

    serial_number: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


STATIONS = """
SELECT s.id AS station_id, s.identity, s.name, s.online, s.security_profile AS profile, s.next_profile,
       s.next_password_hash IS NOT NULL AS new_key, s.key_changed_at, s.certificate_name AS serial_number,
       c.id AS certificate_id, c.state AS certificate_state, c.not_after AS certificate_until
FROM station s LEFT JOIN LATERAL (
    SELECT id, state, not_after FROM station_certificate x WHERE x.account_id = s.account_id AND x.station_id = s.id
    ORDER BY x.state = 'in_use' DESC, x.asked_at DESC LIMIT 1) c ON true
ORDER BY s.name, s.identity
"""


def authority_of(settings: Settings) -> Authority:
    """The authority of this installation."""
    return Authority(settings.ca, passphrase_of(settings.secret_key))


def address_for_stations(settings: Settings) -> str | None:
    """Where stations come over TLS, or None."""
    if settings.ocpp_tls_port is None:
        return None
    return f"wss://{names_for_server(settings.ocpp_names, settings.public_url, settings.host)[0]}:{settings.ocpp_tls_port}/ocpp"


async def _sent(request: HttpRequest, station_id: UUID, **hint: int) -> None:
    await publish(request.app.state.redis, COMMANDS, {"station_id": station_id, **hint})


@get("/api/operator/security/events", opt=SEE, summary="Security events, those to look at first", tags=["security"])
async def security_events(identity: Caller, station_id: FromQuery[UUID | None] = None,
                          only_open: FromQuery[bool] = False) -> list[SecurityEvent]:  # fmt: skip
    async with in_account(identity.account_id):
        return await events(station_id, only_open=only_open)


@post("/api/operator/security/events/{event_id:uuid}/seen", status_code=204, opt=OPERATOR, summary="Somebody has looked at an event",
      tags=["security"])  # fmt: skip
async def event_seen(request: HttpRequest, identity: Caller, event_id: FromPath[UUID]) -> None:
    await mark_seen(identity.account_id, identity.login_id, event_id, request.app.state.clock())


@get("/api/operator/security/stations", opt=SEE, summary="How each station comes in", tags=["security"])
async def stations_security(identity: Caller) -> list[StationSecurity]:
    async with in_account(identity.account_id):
        return [StationSecurity(**dict(row)) for row in await fetch(STATIONS)]


@get("/api/operator/security/root", opt=SEE, media_type="application/x-pem-file",
     summary="The roots that stations have to trust", tags=["security"])  # fmt: skip
async def roots(request: HttpRequest) -> Response[bytes]:
    authority = authority_of(request.app.state.settings)
    authority.make(request.app.state.clock())
    pem = "".join(authority.root(number) for number in authority.state().trusted)
    return Response(pem.encode(), media_type="application/x-pem-file")


@post(f"{PATH}/key", status_code=202, opt=ASKS, summary="Give a station a new key", tags=["security"])
async def new_key(request: HttpRequest, identity: Caller, station_id: FromPath[UUID]) -> Asked:
    state = request.app.state
    command_id = await rotate_key(identity.account_id, identity.login_id, station_id, state.settings.secret_key, state.clock())
    await _sent(request, station_id)
    return Asked(command_id)


@post(f"{PATH}/profile", status_code=202, opt=ASKS, summary="Move a station to a higher security profile", tags=["security"])
async def profile(request: HttpRequest, identity: Caller, station_id: FromPath[UUID], data: JSONBody[WantedProfile]) -> None:
    settings, now = request.app.state.settings, request.app.state.clock()
    authority = authority_of(settings)
    authority.make(now)
    url = address_for_stations(settings)
    await raise_profile(identity.account_id, identity.login_id, station_id, data.profile, authority, url, now)
    await _sent(request, station_id)


@put(f"{PATH}/serial-number", status_code=204, opt=ASKS, summary="Say which serial number a station's certificate bears",
     tags=["security"])  # fmt: skip
async def serial_number(identity: Caller, station_id: FromPath[UUID], data: JSONBody[SerialNumber]) -> None:
    await bind_serial(identity.account_id, station_id, data.serial_number)


async def _ask(request: HttpRequest, identity: Caller, station_id: UUID, intent: intents.Intent) -> Asked:
    async with in_account(identity.account_id):
        await connected_station(station_id)
        command_id = await queue(identity.account_id, station_id, intent, b"", request.app.state.clock(), asked_by=identity.login_id)
    await _sent(request, station_id)
    return Asked(command_id)


@post(f"{PATH}/certificate", status_code=202, opt=ASKS, summary="Have a station ask for a new certificate", tags=["security"])
async def new_certificate(request: HttpRequest, identity: Caller, station_id: FromPath[UUID]) -> Asked:
    return await _ask(request, identity, station_id, intents.Trigger(message="SignCertificate"))


@post(f"{PATH}/installed", status_code=202, opt=ASKS, summary="Ask a station which roots it has", tags=["security"])
async def installed(request: HttpRequest, identity: Caller, station_id: FromPath[UUID]) -> Asked:
    return await _ask(request, identity, station_id, intents.GetInstalledCertificates(use="csms"))


@post(f"{PATH}/root", status_code=202, opt=ASKS, summary="Have a station trust our present root", tags=["security"])
async def install_root(request: HttpRequest, identity: Caller, station_id: FromPath[UUID]) -> Asked:
    authority, now = authority_of(request.app.state.settings), request.app.state.clock()
    authority.make(now)
    number = max(authority.state().trusted)
    async with in_account(identity.account_id):
        await connected_station(station_id)
        command_id = await ask_root(identity.account_id, station_id, number, authority.root(number), now, identity.login_id)
    await _sent(request, station_id)
    return Asked(command_id)


@post("/api/operator/certificates/{certificate_id:uuid}/revoke", status_code=204, opt=OPERATOR,
      summary="Take a station's certificate back, for ever", tags=["security"])  # fmt: skip
async def revoke_certificate(request: HttpRequest, identity: Caller, certificate_id: FromPath[UUID], data: JSONBody[Reason]) -> None:
    station_id, number = await revoke(identity.account_id, certificate_id, data.reason, request.app.state.clock())
    await _sent(request, station_id, connection_no=number)


ROUTES = [
    security_events, event_seen, stations_security, roots, new_key, profile, serial_number, new_certificate, installed, install_root,
    revoke_certificate,
]  # fmt: skip
