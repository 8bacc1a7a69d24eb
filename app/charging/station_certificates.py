"""Certificates of stations: asked for by their station, signed, installed, renewed, taken back."""

from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from app.charging import intents
from app.charging.asking import queue
from app.charging.authority import Authority, fingerprint
from app.charging.csr import BadRequest, StationRequest, read_csr
from app.charging.intents import Answer, Intent
from app.charging.model import Changed, Command, Station
from app.charging.stations import note_security_event
from app.database.transaction import as_machine, execute, fetch, fetchrow, fetchval, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.outbox.commands import record

MOST_REQUESTS_AN_HOUR = 5
RENEW_BEFORE = timedelta(days=30)
WARN_BEFORE = timedelta(days=14)
ASK_AGAIN = timedelta(days=1)
OVER = ("refused", "replaced", "revoked")


async def request_certificate(station: Station, csr: str, now: datetime) -> bool:
    """A station asks for a certificate: kept to be signed after the commit, or refused with an event. The same request again
    is answered the same, and what was signed is sent again."""
    async with as_machine():
        row = await fetchrow("SELECT certificate_name, serial FROM station WHERE id = $1 FOR UPDATE", station.id)
        try:
            request = read_csr(csr)
            certificate_id = await _accept(station, row, request, csr, now)
        except BadRequest as bad:
            await _note_refused(station, str(bad), now)
            return False
        await record("CertificateRequested", {"certificate_id": certificate_id}, account_id=station.account_id,
                     key=f"certificate:{certificate_id}")  # fmt: skip
    return True


async def _note_refused(station: Station, reason: str, now: datetime) -> None:
    """The same reason is told once an hour, however often the station asks."""
    told = await fetchval(
        "SELECT 1 FROM security_event WHERE account_id = $1 AND station_id = $2 AND kind = 'certificate_refused' AND detail = $3"
        " AND at > $4", station.account_id, station.id, reason, now - timedelta(hours=1),
    )  # fmt: skip
    if not told:
        await note_security_event(station, station.identity, "certificate_refused", reason, now, critical=True)


async def _accept(station: Station, row: asyncpg.Record | None, request: StationRequest, csr: str, now: datetime) -> UUID:
    known = await fetchrow("SELECT id, state FROM station_certificate WHERE station_id = $1 AND csr_hash = $2", station.id, request.digest)
    if known is not None:
        if known["state"] in OVER:
            raise BadRequest(f"the request was used before; its certificate is {known['state']}")
        return UUID(str(known["id"]))
    await _check_names(station, row, request)
    recent = await fetchval(
        "SELECT count(*) FROM station_certificate WHERE station_id = $1 AND asked_at > $2", station.id, now - timedelta(hours=1)
    )
    if recent >= MOST_REQUESTS_AN_HOUR:
        raise BadRequest(f"more than {MOST_REQUESTS_AN_HOUR} requests within an hour")
    certificate_id = new_id()
    await execute(
        "INSERT INTO station_certificate (account_id, id, station_id, csr, csr_hash, organisation, common_name, asked_at, changed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)", station.account_id, certificate_id, station.id, csr, request.digest,
        request.organisation, request.common_name, now,
    )  # fmt: skip
    return certificate_id


async def _check_names(station: Station, row: asyncpg.Record | None, request: StationRequest) -> None:
    """O is the operator's account, CN the serial number of this station: entered by hand, else as it told at its start."""
    operator = await fetchval("SELECT name FROM account WHERE id = $1", station.account_id)
    if request.organisation != operator[:64]:
        raise BadRequest(f"the organisation (O) is '{request.organisation}', not '{operator[:64]}'")
    bound, told = (None, None) if row is None else (row["certificate_name"], row["serial"])
    if request.common_name != (bound or told):
        raise BadRequest(f"the common name (CN) is '{request.common_name}', not the serial number '{bound or told or '(unknown)'}'")
    if bound is not None:
        return
    taken = await fetchval(
        "SELECT 1 FROM station WHERE account_id = $1 AND lower(certificate_name) = lower($2) AND id <> $3",
        station.account_id, request.common_name, station.id,
    )  # fmt: skip
    if taken:
        raise BadRequest(f"the serial number '{request.common_name}' belongs to another station")
    await execute("UPDATE station SET certificate_name = $2 WHERE id = $1", station.id, request.common_name)


async def bind_serial(account_id: UUID, station_id: UUID, serial_number: str) -> None:
    """Say which common name the station's certificates must bear. Raises Refused: not_found, serial_number_taken."""
    async with in_account(account_id):
        if not await fetchval("SELECT 1 FROM station WHERE id = $1 FOR UPDATE", station_id):
            raise not_found("station")
        taken = await fetchval(
            "SELECT 1 FROM station WHERE lower(certificate_name) = lower($1) AND id <> $2", serial_number, station_id
        )  # fmt: skip
        if taken:
            raise Refused("serial_number_taken", 409, "Another station has this serial number. Check both type plates.")
        await execute("UPDATE station SET certificate_name = $2 WHERE id = $1", station_id, serial_number)


async def register_by_hand(authority: Authority, identity: str, csr: str, request: StationRequest, now: datetime) -> str:
    """Sign for a station that has no way in yet. Returns leaf and issuing certificate, PEM. Raises BadRequest, ValueError."""
    async with as_machine():
        row = await fetchrow("SELECT * FROM station WHERE identity = $1 FOR UPDATE", identity)
        if row is None:
            raise ValueError(f"there is no station '{identity}'")
        station = Station(**{name: row[name] for name in Station.__struct_fields__ if row[name] is not None})
        certificate_id = await _accept(station, row, request, csr, now)
        found = await fetchrow("SELECT * FROM station_certificate WHERE id = $1", certificate_id)
        assert found is not None  # noqa: S101 - written or found by the line above, in this transaction
        return found["chain"] or await _issue(authority, found, now)


async def sign_certificate(authority: Authority, account_id: UUID, certificate_id: UUID, now: datetime) -> UUID | None:
    """Sign what was asked and send it to its station. Again sends the same certificate, once at a time. Returns the station."""
    async with as_machine():
        row = await fetchrow("SELECT * FROM station_certificate WHERE account_id = $1 AND id = $2 FOR UPDATE", account_id, certificate_id)
        if row is None or row["state"] in OVER or await _on_its_way(row["command_id"]):
            return None
        chain = row["chain"] or await _issue(authority, row, now)
        command_id = await queue(account_id, row["station_id"], intents.CertificateSigned(chain=chain), b"", now)
        await execute("UPDATE station_certificate SET command_id = $2 WHERE id = $1", certificate_id, command_id)
        return UUID(str(row["station_id"]))


async def _issue(authority: Authority, row: asyncpg.Record, now: datetime) -> str:
    leaf, number = authority.issue_for_station(row["csr"], row["organisation"], row["common_name"], now)
    chain = authority.chain(leaf, number)
    await execute(
        "UPDATE station_certificate SET state = 'issued', changed_at = $2, authority = $3, serial = $4, fingerprint = $5,"
        " not_before = $6, not_after = $7, chain = $8 WHERE id = $1", row["id"], now, number, f"{leaf.serial_number:x}",
        fingerprint(leaf), leaf.not_valid_before_utc, leaf.not_valid_after_utc, chain,
    )  # fmt: skip
    return chain


async def _on_its_way(command_id: UUID | None) -> bool:
    if command_id is None:
        return False
    return bool(await fetchval("SELECT 1 FROM station_command WHERE id = $1 AND state IN ('queued', 'sent')", command_id))


async def certificate_answered(command: Command, _: Intent, answer: Answer, now: datetime) -> list[Changed]:
    """The station has taken its certificate, or refused it."""
    state = "installed" if answer.accepted else "refused"
    row = await fetchrow(
        "UPDATE station_certificate SET state = $2, changed_at = $3, reason = $4 WHERE command_id = $1 AND state = 'issued'"
        " RETURNING station_id", command.id, state, now, None if answer.accepted else f"{answer.status} {answer.reason}".strip(),
    )  # fmt: skip
    if row is not None and not answer.accepted:
        detail = f"the station refused its certificate: {answer.status} {answer.reason}".strip()
        await _event_of(command, "certificate_refused", detail, now)
    return []


async def _event_of(command: Command, kind: str, detail: str, now: datetime) -> None:
    await execute(
        "INSERT INTO security_event (account_id, station_id, identity, at, kind, detail, critical)"
        " SELECT account_id, id, identity, $2, $3, $4, true FROM station WHERE id = $1", command.station_id, now, kind, detail,
    )  # fmt: skip


async def revoke(account_id: UUID, certificate_id: UUID, reason: str, now: datetime) -> tuple[UUID, int]:
    """Take a certificate back: it opens nothing any more, and the station's present socket is fenced off.

    Returns the station and the number that its present connection is now behind. Raises Refused not_found. Safe to repeat.
    """
    async with in_account(account_id):
        row = await fetchrow(
            "UPDATE station_certificate SET state = 'revoked', changed_at = $2, reason = coalesce(reason, $3)"
            " WHERE id = $1 AND serial IS NOT NULL RETURNING station_id", certificate_id, now, reason[:200],
        )  # fmt: skip
        if row is None:
            raise not_found("certificate")
        number = await fetchval(
            "UPDATE station SET connection_no = connection_no + 1 WHERE id = $1 RETURNING connection_no", row["station_id"]
        )
    return row["station_id"], int(number)


DUE = """
SELECT c.account_id, c.id, c.station_id, c.serial, c.not_after FROM station_certificate c
JOIN station s ON s.account_id = c.account_id AND s.id = c.station_id
WHERE c.state = 'in_use' AND s.online AND (c.not_after < $1 OR c.authority <> $2)
  AND NOT EXISTS (SELECT 1 FROM station_command k WHERE k.station_id = s.id AND k.action = 'Trigger'
                  AND k.payload LIKE '%SignCertificate%' AND k.created_at > $3)
"""
ENDING = """
INSERT INTO security_event (account_id, station_id, identity, at, kind, detail, critical)
SELECT c.account_id, c.station_id, s.identity, $1, 'certificate_ends',
       'certificate ' || c.serial || ' ends on ' || to_char(c.not_after AT TIME ZONE 'UTC', 'YYYY-MM-DD'), true
FROM station_certificate c JOIN station s ON s.account_id = c.account_id AND s.id = c.station_id
WHERE c.state = 'in_use' AND c.not_after < $2 AND NOT EXISTS (
    SELECT 1 FROM security_event e WHERE e.account_id = c.account_id AND e.station_id = c.station_id AND e.kind = 'certificate_ends'
    AND e.detail LIKE 'certificate ' || c.serial || '%')
"""


async def renew_certificates(current: int, now: datetime) -> list[UUID]:
    """On the timetable: ask connected stations to ask for a new certificate before theirs ends, or when another generation of
    the authority signs; once a day. What still ends soon is told to the operator once. Returns the stations asked."""
    async with as_machine():
        rows = await fetch(DUE, now + RENEW_BEFORE, current, now - ASK_AGAIN)
        for row in rows:
            await queue(row["account_id"], row["station_id"], intents.Trigger(message="SignCertificate"), b"", now)
        await execute(ENDING, now, now + WARN_BEFORE)
    return [row["station_id"] for row in rows]
