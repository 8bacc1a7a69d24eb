"""Commands for stations as the node that holds the socket works them: claimed, sent, answered, or given up."""

from datetime import datetime, timedelta
from uuid import UUID

from app.charging import rules
from app.charging.model import Changed, Command
from app.database.transaction import as_machine, execute, fetchrow
from app.outbox.commands import record

CLAIM = """
UPDATE station_command SET state = 'sent', sent_at = $2 WHERE id = (
    SELECT id FROM station_command WHERE station_id = $1 AND state = 'queued' AND deadline > $2
    ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING account_id, id, station_id, action, payload, request_id, session_id, deadline
"""


async def claim(station_id: UUID, now: datetime) -> tuple[Command | None, list[Changed]]:
    """Take the next command of a station: it is sent at most once, whichever node asks."""
    async with as_machine():
        row = await fetchrow(CLAIM, station_id, now)
        if row is None:
            return None, []
        command = Command(**row)
        changed = await _step_request(command, "sent", None, now, now + timedelta(seconds=rules.COMMAND_SECONDS))
    return command, changed


async def answered(command: Command, accepted: bool, answer: str, now: datetime) -> list[Changed]:
    """The station answered, in time or late. An accepted start waits for the plug, a refused one is over."""
    async with as_machine():
        await execute(
            "UPDATE station_command SET state = 'answered', answered_at = $2, answer = $3 WHERE id = $1",
            command.id, now, answer[:4000],
        )  # fmt: skip
        if accepted:
            deadline = now + timedelta(seconds=rules.PLUG_IN_SECONDS)
            return await _step_request(command, "plug_in", None, now, deadline)
        changed = await _step_request(command, "refused", "rejected_by_station", now, now)
        return changed + await _stop_failed(command)


async def failed(command: Command, state: str, reason: str, now: datetime) -> list[Changed]:
    """The command came to nothing: `state` is failed (connection lost, error answer) or timed_out."""
    async with as_machine():
        await execute(
            "UPDATE station_command SET state = $2, error = $3 WHERE id = $1 AND state = 'sent'",
            command.id, state, reason[:2000],
        )  # fmt: skip
        outcome = "no_answer" if state == "timed_out" else "failed"
        changed = await _step_request(command, outcome, reason, now, now)
        return changed + await _stop_failed(command)


async def _step_request(command: Command, state: str, reason: str | None, now: datetime, deadline: datetime) -> list[Changed]:
    """Move the request of a command on, where its state machine allows it."""
    if command.request_id is None:
        return []
    row = await fetchrow("SELECT * FROM charge_request WHERE id = $1 FOR UPDATE", command.request_id)
    if row is None or not rules.may_step(row["state"], state):
        return []
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
