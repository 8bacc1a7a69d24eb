"""What a person decides about doubtful sessions and lost messages: each once, with its reason, beside the original."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from app.charging import queries, settling
from app.charging.model import Changed, Station, StopReport
from app.charging.settling import CannotSettle, Doubtful, Settlement
from app.charging.transactions import LOCKED, close_session
from app.database.transaction import as_machine, execute, fetchrow, fetchval, in_account
from app.kernel.calendar import local_date
from app.kernel.errors import Refused, not_found
from app.metering.rules import LARGEST_WH
from app.outbox.commands import record

REFUSALS = {
    "not_held": "This session is not held any more. Load the list again to see what was decided.",
    "nothing_measured": "The registers give no energy that could be charged. Enter the energy with a correction, or discard it.",
    "still_running": "This session is still running. Nothing was changed; decide when it has ended.",
    "impossible_times": "The end lies before the start. Nothing was changed; check the two times.",
    "external": "This charge belongs to a roaming partner's customer. It cannot be charged to a resident.",
    "not_living_here": "This person lived in no flat of the house on that day. Nothing was changed; choose another resident.",
    "no_register": "The message names no register and time. Correct the session by hand instead.",
    "other_station": "The message is another station's. Nothing was changed; choose a session of the same station.",
    "settled_already": "This message has been settled already. Load the list again.",
    "key_used": "This request was sent before with other content. Load the page again and repeat what you did.",
}
LONGEST_REASON = 500


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Who decides and why; the same key is carried out once. `login_id` None: from the shell."""

    key: UUID
    reason: str
    login_id: UUID | None
    name: str


def refused(code: str) -> Refused:
    """A refusal as a person reads it."""
    return Refused(code, 409, REFUSALS[code])


async def release(account_id: UUID, session_id: UUID, decision: Decision, now: datetime) -> list[Changed]:
    """Charge a held session as measured. Raises Refused not_found, not_held, nothing_measured."""
    async with in_account(account_id):
        return await _settle(account_id, session_id, "release", {}, decision, now, settling.released)


async def correct(
    account_id: UUID, session_id: UUID, energy_wh: int, begun: datetime | None, over: datetime | None, decision: Decision,
    now: datetime,
) -> list[Changed]:  # fmt: skip
    """Charge another energy (Wh), if need be at other times. Raises Refused not_found, still_running, impossible_times."""
    if not 0 <= energy_wh <= LARGEST_WH:
        raise Refused("invalid_input", 422, "The energy must be zero or more, in whole watt-hours.", fields=["energy_wh"])
    asked = {"energy_wh": energy_wh, "started_at": begun, "stopped_at": over}
    async with in_account(account_id):
        return await _settle(account_id, session_id, "correct", asked, decision, now,
                             lambda session: settling.corrected(session, energy_wh, begun, over))  # fmt: skip


async def assign_resident(account_id: UUID, session_id: UUID, person_id: UUID, decision: Decision, now: datetime) -> list[Changed]:
    """Charge a session to a resident who lived in the house then. Raises Refused not_found, not_living_here, external."""
    async with in_account(account_id):
        billing_point_id = await _home(session_id, person_id)
        return await _settle(account_id, session_id, "assign_resident", {"person_id": person_id}, decision, now,
                             lambda session: settling.assigned(session, person_id, billing_point_id))  # fmt: skip


async def discard(account_id: UUID, session_id: UUID, decision: Decision, now: datetime) -> list[Changed]:
    """Charge a session to nobody; what was booked is taken back. Raises Refused not_found, still_running."""
    async with in_account(account_id):
        return await _settle(account_id, session_id, "discard", {}, decision, now, settling.discarded)


async def discard_message(account_id: UUID, message_id: UUID, decision: Decision, now: datetime) -> None:
    """Lay a kept message aside; its text stays. Raises Refused not_found, settled_already."""
    async with in_account(account_id):
        row = await _locked_message(account_id, message_id)
        if await _done_before(account_id, "discard", None, message_id, {}, decision):
            return
        await _settle_message(row, now)
        await _note(account_id, "discard", None, message_id, {}, decision, {"waiting": True}, {"waiting": False}, now)


async def assign_stop(account_id: UUID, message_id: UUID, session_id: UUID, decision: Decision, now: datetime) -> list[Changed]:
    """End or correct a session by a stop that could not be placed.

    Raises Refused not_found, settled_already, no_register, other_station, nothing_measured.
    """
    asked = {"session_id": session_id}
    async with as_machine():
        message = await _locked_message(account_id, message_id)
        if await _done_before(account_id, "assign_stop", session_id, message_id, asked, decision):
            return []
        said = settling.said_stop(message["body"])
        if said is None:
            raise refused("no_register")
        row = await fetchrow(f"SELECT {LOCKED}, class AS class_ FROM charging_session WHERE account_id = $1 AND id = $2 FOR UPDATE",
                             account_id, session_id)  # fmt: skip
        if row is None:
            raise not_found("session")
        if row["station_id"] != message["station_id"]:
            raise refused("other_station")
        await _settle_message(message, now)
        if row["state"] in ("open", "stop_missing"):
            report = StopReport(transaction_no=0, id_tag=None, meter_stop_wh=said.meter_stop_wh, stopped_at=said.at,
                                reason=said.reason, body=message["body"])  # fmt: skip
            before = _described(settling.present(await _doubtful(account_id, session_id)))
            changed = await close_session(await _station(account_id, row["station_id"]), row, report, now)
            after = _described(settling.present(await _doubtful(account_id, session_id)))
            await _note(account_id, "assign_stop", session_id, message_id, asked, decision, before, after, now)
            return changed

        def by_this_stop(session: Doubtful) -> Settlement:
            energy_wh = said.meter_stop_wh - session.meter_start_wh
            if energy_wh < 0 or said.at < session.started_at:
                raise CannotSettle("nothing_measured")
            return settling.corrected(session, energy_wh, None, said.at)

        return await _settle(account_id, session_id, "assign_stop", asked, decision, now, by_this_stop, message_id)


DOUBTFUL = "SELECT x.*, x.class AS class_ FROM charging_session x WHERE x.account_id = $1 AND x.id = $2"


async def _doubtful(account_id: UUID, session_id: UUID, lock: str = "") -> Doubtful:
    row = await fetchrow(f"{DOUBTFUL} {lock}", account_id, session_id)
    if row is None:
        raise not_found("session")
    return doubtful_of(row)


def doubtful_of(row: asyncpg.Record) -> Doubtful:
    """A row of sessions (with class as class_) as it is decided about."""
    return Doubtful(**{name: row[name] for name in Doubtful.__struct_fields__})


async def _settle(
    account_id: UUID, session_id: UUID, action: str, asked: dict[str, Any], decision: Decision, now: datetime,
    rule: Callable[[Doubtful], Settlement], message_id: UUID | None = None,
) -> list[Changed]:  # fmt: skip
    """Carry a decision out on a locked session: new columns beside the original, the audit row, the event."""
    session = await _doubtful(account_id, session_id, "FOR UPDATE")
    if await _done_before(account_id, action, session_id, message_id, asked, decision):
        return []
    try:
        made = rule(session)
    except CannotSettle as error:
        raise refused(error.code) from error
    await execute(
        "UPDATE charging_session SET state = $3, settled_wh = $4, settled_from = $5, settled_to = $6, person_id = $7,"
        " billing_point_id = $8, settled_at = $9, settled_reason = $10 WHERE account_id = $1 AND id = $2",
        account_id, session_id, made.state, made.energy_wh, made.begun, made.over, made.person_id, made.billing_point_id, now,
        decision.reason.strip(),
    )  # fmt: skip
    before, after = (_described(settling.present(one)) for one in (session, settling.settled(session, made)))
    await _note(account_id, action, session_id, message_id, asked, decision, before, after, now)
    await record("SessionCorrected", {"session_id": session_id}, account_id=account_id, key=f"session:{session_id}")
    people = {session.person_id, made.person_id}
    return [Changed(account_id=account_id, kind="session", id=session_id, person_id=person_id) for person_id in people]


async def _home(session_id: UUID, person_id: UUID) -> UUID:
    session = await queries.session(session_id)
    if session is None:
        raise not_found("session")
    day = local_date(session.started_at, session.time_zone)
    found = await queries.billing_point_of(person_id, session.site_id, day)
    if found is None:
        raise refused("not_living_here")
    return found


async def _locked_message(account_id: UUID, message_id: UUID) -> asyncpg.Record:
    row = await fetchrow(
        "SELECT id, station_id, body, settled_at FROM quarantine WHERE account_id = $1 AND id = $2 FOR UPDATE", account_id, message_id
    )
    if row is None:
        raise not_found("message")
    return row


async def _settle_message(row: asyncpg.Record, now: datetime) -> None:
    if row["settled_at"] is not None:
        raise refused("settled_already")
    await execute("UPDATE quarantine SET settled_at = $2 WHERE id = $1", row["id"], now)


async def _station(account_id: UUID, station_id: UUID) -> Station:
    row = await fetchrow("SELECT * FROM station WHERE account_id = $1 AND id = $2", account_id, station_id)
    if row is None:
        raise not_found("station")
    return Station(**{name: row[name] for name in Station.__struct_fields__})


def _json(value: dict[str, Any]) -> str:
    return msgspec.json.encode(value, order="sorted").decode()


def _described(settled: Settlement) -> dict[str, Any]:
    return {
        "state": settled.state, "energy_wh": settled.energy_wh, "started_at": settled.begun, "stopped_at": settled.over,
        "person_id": settled.person_id,
    }  # fmt: skip


async def _done_before(
    account_id: UUID, action: str, session_id: UUID | None, message_id: UUID | None, asked: dict[str, Any], decision: Decision
) -> bool:
    """Whether this very decision has been carried out. Raises Refused key_used where the key was for another one."""
    if not decision.reason.strip() or len(decision.reason) > LONGEST_REASON:
        raise Refused("reason_needed", 422, "Say in a few words why; the resident may ask.", fields=["reason"])
    row = await fetchrow(
        "SELECT action, session_id, quarantine_id, asked = $3::jsonb AS same FROM review_action"
        " WHERE account_id = $1 AND idempotency_key = $2", account_id, decision.key, _json(asked),
    )  # fmt: skip
    if row is None:
        return False
    if (row["action"], row["session_id"], row["quarantine_id"], row["same"]) != (action, session_id, message_id, True):
        raise refused("key_used")
    return True


async def _note(
    account_id: UUID, action: str, session_id: UUID | None, message_id: UUID | None, asked: dict[str, Any], decision: Decision,
    before: dict[str, Any], after: dict[str, Any], now: datetime,
) -> None:  # fmt: skip
    noted = await fetchval(
        "INSERT INTO review_action (account_id, idempotency_key, action, session_id, quarantine_id, reason, login_id, by_name,"
        " at, asked, before, after) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, $11::jsonb, $12::jsonb)"
        " ON CONFLICT (account_id, idempotency_key) DO NOTHING RETURNING id",
        account_id, decision.key, action, session_id, message_id, decision.reason.strip(), decision.login_id, decision.name, now,
        _json(asked), _json(before), _json(after),
    )  # fmt: skip
    if noted is None:
        raise refused("key_used")  # at the same moment for something else: nothing of this transaction stays
