"""Commands for stations as the node that holds the socket works them: claimed, sent, answered, or given up."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.charging import intents, rules
from app.charging.answers import take_effect
from app.charging.asking import SEALED_FOR, queue
from app.charging.intents import Answer, Intent
from app.charging.local_lists import tags_of
from app.charging.model import Changed, Command, Station
from app.charging.reservations import not_asked
from app.database.transaction import as_machine, execute, fetch, fetchrow, in_account
from app.kernel.sealing import unseal
from app.outbox.commands import record

LONGEST_ANSWER = 64_000

COLUMNS = "account_id, id, station_id, action, payload, request_id, session_id, deadline, request_no, sealed"
# Fenced by the connection's number: a socket that a newer one has replaced gets no command.
CLAIM = f"""
UPDATE station_command SET state = 'sent', sent_at = $2 WHERE id = (
    SELECT c.id FROM station_command c JOIN station s ON s.account_id = c.account_id AND s.id = c.station_id
    WHERE c.station_id = $1 AND c.state = 'queued' AND c.deadline > $2 AND s.connection_no = $3
    ORDER BY c.created_at, c.id LIMIT 1 FOR UPDATE OF c SKIP LOCKED)
RETURNING {COLUMNS}
"""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the node must know to put an intent into the words of one station."""

    rate_unit: str = "A"
    phases: int = 3
    tags: dict[UUID, str] = {}


class Sent(msgspec.Struct, frozen=True):
    """What went over the wire, as the log shows it."""

    action: str
    payload: str


NOTHING_SENT = Sent("", "")


async def claim(station: Station, now: datetime) -> tuple[Command | None, list[Changed]]:
    """Take the next command of a station for its newest connection: it is sent at most once, whichever node asks."""
    async with as_machine():
        row = await fetchrow(CLAIM, station.id, now, station.connection_no)
        if row is None:
            return None, []
        command = Command(**row)
        changed = await _step_request(command, "sent", None, now, command.deadline)
    return command, [*changed, command_changed(command)]


def intent_of(command: Command, secret: bytes) -> Intent:
    """What is asked, in full. Raises CannotOpen, msgspec.ValidationError (a row that a newer release wrote)."""
    text = command.payload if command.sealed is None else unseal(secret, SEALED_FOR, command.sealed, command.id.bytes)
    found: Intent = intents.decode(text)
    return found


async def facts_for(command: Command, intent: Intent, secret: bytes) -> Facts:
    """The facts that this intent needs; most need none."""
    if isinstance(intent, intents.SendLocalList):
        async with as_machine():
            return Facts(tags=await tags_of(command.account_id, [entry.badge_id for entry in intent.entries], secret))
    limits = isinstance(intent, intents.SetProfile | intents.GetCompositeSchedule) or getattr(intent, "profile", None) is not None
    if not limits:
        return Facts()
    async with as_machine():
        row = await fetchrow(
            "SELECT s.phases, (SELECT string_agg(value, ',') FROM station_setting x WHERE x.station_id = s.id AND x.name IN"
            " ('ChargingScheduleAllowedChargingRateUnit', 'SmartChargingCtrlr.RateUnit')) AS units FROM station s WHERE s.id = $1",
            command.station_id,
        )  # fmt: skip
    return Facts() if row is None else Facts(rate_unit=rules.rate_unit(row["units"]), phases=row["phases"])


async def waiting_stations(now: datetime) -> list[UUID]:
    """Stations that have a queued command: the poll behind the wake-ups."""
    async with as_machine():
        rows = await fetch("SELECT DISTINCT station_id FROM station_command WHERE state = 'queued' AND deadline > $1", now)
    return [row["station_id"] for row in rows]


async def given_up(station_id: UUID, command_id: UUID) -> Command | None:
    """A command of this station that was given up: its answer comes late and still tells the truth."""
    async with as_machine():
        row = await fetchrow(
            f"SELECT {COLUMNS} FROM station_command WHERE id = $1 AND station_id = $2 AND state IN ('timed_out', 'failed')",
            command_id, station_id,
        )  # fmt: skip
    return None if row is None else Command(**row)


async def give_up_overdue(now: datetime) -> list[Changed]:
    """End commands whose node died or whose station never came back. Safe to repeat; for the timetable and the nodes."""
    async with as_machine():
        rows = await fetch(
            f"SELECT {COLUMNS} FROM station_command WHERE state IN ('queued', 'sent') AND deadline < $1", now - rules.COMMAND_GRACE
        )
    changed: list[Changed] = []
    for row in rows:
        changed += await failed(Command(**row), "timed_out", "no_answer", now)
    return changed


async def lost_with_connection(station: Station, now: datetime) -> list[Changed]:
    """End what was sent over an earlier connection of this station and not answered there, at a node that may have died with
    it: nobody knows whether the station has it, so it fails visibly and is not sent again."""
    async with as_machine():
        rows = await fetch(
            f"SELECT {COLUMNS} FROM station_command WHERE station_id = $1 AND state = 'sent' AND EXISTS"
            " (SELECT 1 FROM station s WHERE s.id = $1 AND s.connection_no = $2)", station.id, station.connection_no,
        )  # fmt: skip
    changed: list[Changed] = []
    for row in rows:
        changed += await failed(Command(**row), "failed", "connection_lost", now)
    return changed


async def expire_command(account_id: UUID, command_id: UUID, now: datetime) -> list[Changed]:
    """End one command whose time is over, should no node have done so. Safe to repeat."""
    async with in_account(account_id):
        row = await fetchrow(f"SELECT {COLUMNS} FROM station_command WHERE id = $1 AND state IN ('queued', 'sent')", command_id)
    return [] if row is None or row["deadline"] > now else await failed(Command(**row), "timed_out", "no_answer", now)


async def ask_state(station: Station, now: datetime) -> None:
    """Queue a request for the state of all connectors."""
    async with as_machine():
        await queue(station.account_id, station.id, intents.Trigger(message="StatusNotification"), b"", now)


async def answered(command: Command, intent: Intent, answer: Answer, text: str, now: datetime, sent: Sent | None = None) -> list[Changed]:
    """The station answered, in time or late (`sent` None then). An accepted start waits for the plug, a refused one is over."""
    async with as_machine():
        await execute(
            "UPDATE station_command SET state = 'answered', answered_at = $2, ended_at = $2, answer = $3, verdict = $4, said = $5,"
            " error = NULL, following = $6, wire_action = coalesce($7, wire_action), wire_payload = coalesce($8, wire_payload)"
            " WHERE id = $1",
            command.id, now, text[:LONGEST_ANSWER], answer.verdict, f"{answer.status} {answer.reason}".strip()[:1000],
            answer.accepted and command.action in intents.LONG, sent and sent.action, sent and sent.payload,
        )  # fmt: skip
        changed = [command_changed(command)]
        if answer.accepted:
            deadline = now + timedelta(seconds=rules.PLUG_IN_SECONDS)
            changed += await _step_request(command, "plug_in", None, now, deadline)
        else:
            changed += await _step_request(command, "refused", "rejected_by_station", now, now)
            changed += await _stop_failed(command)
        return changed + await take_effect(command, intent, answer, now)


async def failed(
    command: Command, state: str, reason: str, now: datetime, detail: str = "", sent: Sent | None = None, text: str | None = None
) -> list[Changed]:
    """The command came to nothing. `state`: timed_out, or failed with the reason no_answer, connection_lost, station_error,
    not_supported or cannot_say; `detail`: the station's own words, for the operator; `text`: its answer as received."""
    async with as_machine():
        done = await fetchrow(
            "UPDATE station_command SET state = $2, error = $3, ended_at = $4, wire_action = coalesce($5, wire_action),"
            " wire_payload = coalesce($6, wire_payload), answer = $7 WHERE id = $1 AND state IN ('queued', 'sent') RETURNING id",
            command.id, state, f"{reason} {detail}".strip()[:2000], now, sent and sent.action, sent and sent.payload,
            None if text is None else text[:LONGEST_ANSWER],
        )  # fmt: skip
        if done is None:
            return []
        if command.action == "Reserve":
            await not_asked(command, reason, now)
        outcome = "no_answer" if state == "timed_out" else "failed"
        changed = [command_changed(command), *await _step_request(command, outcome, reason, now, now)]
        return changed + await _stop_failed(command)


def command_changed(command: Command) -> Changed:
    """The wake-up for pages that show the log of a station."""
    return Changed(account_id=command.account_id, kind="command", id=command.id, station_id=command.station_id)


OTHER_OPEN_REQUEST = """
SELECT 1 FROM charge_request WHERE station_id = $1 AND connector_no = $2 AND state IN ('asked', 'sent', 'plug_in')
"""


async def _step_request(command: Command, state: str, reason: str | None, now: datetime, deadline: datetime) -> list[Changed]:
    """Move the request of a command on, where its state machine allows it."""
    if command.request_id is None:
        return []
    row = await fetchrow("SELECT * FROM charge_request WHERE id = $1 FOR UPDATE", command.request_id)
    if row is None or not rules.may_step(row["state"], state):
        return []
    reopened = state in rules.OPEN_REQUEST_STATES and row["state"] not in rules.OPEN_REQUEST_STATES
    if reopened and await fetchrow(OTHER_OPEN_REQUEST, row["station_id"], row["connector_no"]) is not None:
        return []  # somebody else asks for this place by now; should the late start still come, it finds its resident
    await execute(
        "UPDATE charge_request SET state = $2, reason = $3, changed_at = $4, deadline = $5 WHERE id = $1",
        command.request_id, state, reason, now, deadline,
    )  # fmt: skip
    if state == "plug_in":
        await record("RequestDeadlinePassed", {"request_id": command.request_id}, account_id=command.account_id,
                     at=deadline)  # fmt: skip
    return [
        Changed(account_id=command.account_id, kind="request", id=command.request_id, person_id=row["person_id"]),
        Changed(account_id=command.account_id, kind="connector", station_id=row["station_id"],
                connector=row["connector_no"]),
    ]  # fmt: skip


async def _stop_failed(command: Command) -> list[Changed]:
    """A stop that came to nothing: the session's page says so at once."""
    if command.session_id is None:
        return []
    row = await fetchrow(
        "UPDATE charging_session SET stop_asked_at = stop_asked_at - interval '1 hour' WHERE id = $1 RETURNING person_id",
        command.session_id,
    )
    if row is None:
        return []
    return [Changed(account_id=command.account_id, kind="session", id=command.session_id, person_id=row["person_id"])]
