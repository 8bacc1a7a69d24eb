"""The last that a station told of one thing: connectors, firmware, logs, limits, monitors; and what it noticed."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from app.charging import event_rules
from app.charging.model import Changed, Station
from app.charging.stations import keep_message, show_status
from app.database.transaction import as_machine, execute, fetch

STORE = """
INSERT INTO station_state (account_id, station_id, kind, key, status, body, at, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (account_id, station_id, kind, key) DO UPDATE SET status = excluded.status, body = excluded.body,
    at = excluded.at, received_at = excluded.received_at, gone_at = NULL WHERE station_state.at <= excluded.at
"""
NOTICE = """
INSERT INTO station_event (account_id, station_id, event_no, at, received_at, component, variable, trigger, value, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (account_id, station_id, event_no, at, component, variable) DO NOTHING
"""
LONGEST_KEY = 200


class State(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a station tells of. `at` None: now."""

    kind: str
    key: str = ""
    status: str | None = None
    body: str
    at: datetime | None = None


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a station's monitor or component noticed."""

    event_no: int
    at: datetime
    component: str
    variable: str
    trigger: str
    value: str
    body: str


async def tell(station: Station, action: str, message_id: str, body: str, states: Sequence[State], now: datetime) -> list[Changed]:
    """Keep a message and what it tells of. An older report than the one known changes nothing; the same again neither."""
    async with as_machine():
        await keep_message(station, action, message_id, body, now)
        await execute("UPDATE station SET last_message_at = $2 WHERE id = $1", station.id, now)
        for state in states:
            await store_state(station, state, now)
    return []


async def store_state(station: Station, state: State, now: datetime) -> None:
    """The same inside the caller's transaction."""
    at = now if state.at is None else min(state.at, now)
    await execute(STORE, station.account_id, station.id, state.kind, state.key[:LONGEST_KEY], state.status, state.body, at, now)


async def withdraw(
    station: Station, action: str, message_id: str, body: str, kind: str, keys: Sequence[str], now: datetime
) -> list[Changed]:
    """Keep a message that ends what the station told of before."""
    async with as_machine():
        await keep_message(station, action, message_id, body, now)
        await execute(
            "UPDATE station_state SET gone_at = $5 WHERE account_id = $1 AND station_id = $2 AND kind = $3 AND key = any($4)",
            station.account_id, station.id, kind, list(keys), now,
        )  # fmt: skip
    return []


async def notice(station: Station, message_id: str, body: str, notices: Sequence[Notice], now: datetime) -> list[Changed]:
    """Keep what a station noticed; each once."""
    async with as_machine():
        await keep_message(station, "NotifyEvent", message_id, body, now)
        for one in notices:
            await execute(NOTICE, station.account_id, station.id, one.event_no, one.at, now, one.component, one.variable,
                          one.trigger, one.value, one.body)  # fmt: skip
    return []


async def connector_status(
    station: Station, evse: int, connector: int, state: str, at: datetime, body: str, message_id: str, now: datetime
) -> list[Changed]:  # fmt: skip
    """The state of a connector of an EVSE (2.0.1). The place that people see is the EVSE: its busiest connector counts."""
    async with as_machine():
        await keep_message(station, "StatusNotification", message_id, body, now)
        await store_state(station, State(kind="connector", key=f"{evse}/{connector}", status=state, body=body, at=at), now)
        rows = await fetch(
            "SELECT status FROM station_state WHERE account_id = $1 AND station_id = $2 AND kind = 'connector'"
            " AND key LIKE $3", station.account_id, station.id, f"{evse}/%",
        )  # fmt: skip
        overall = event_rules.place_status([row["status"] for row in rows])
        return await show_status(station, evse, overall, "OtherError" if overall == "Faulted" else "NoError", None, min(at, now))
