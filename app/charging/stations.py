"""What a connected station tells us about itself: sign-in, presence, boot, status. One transaction each."""

from datetime import datetime

from app.charging import rules
from app.charging.model import Changed, Station
from app.database.transaction import as_machine, execute, fetch, fetchrow

# From the moment the car asks for no power, once it has had some; over when it asks again or the station holds it back.
IDLE = """
UPDATE charging_session SET idle_since = CASE WHEN NOT $2::bool THEN NULL
    WHEN coalesce(last_meter_wh, meter_start_wh) > meter_start_wh THEN coalesce(idle_since, greatest($3, started_at)) END
WHERE id = $1
"""


CONNECT = """
UPDATE station s SET node = $1, connection_no = connection_no + 1, online = true, online_changed_at = $2,
    last_message_at = $2, ocpp_version = c.version
FROM unnest($3::uuid[], $4::uuid[], $5::text[]) AS c (account_id, id, version)
WHERE s.account_id = c.account_id AND s.id = c.id
RETURNING s.id, s.connection_no,
    EXISTS (SELECT 1 FROM station_command w WHERE w.station_id = s.id AND w.state IN ('queued', 'sent')) AS awaited
"""


async def connect_all(arrivals: list[tuple[Station, str]], node: str, now: datetime) -> list[tuple[int, bool]]:
    """These stations (with their OCPP version) have a socket at this node now. Returns for each its connection's number
    (a later one of a station wins over an earlier), and whether a command waits for it or is still open at an earlier one."""
    answers: list[tuple[int, bool]] = [(0, False)] * len(arrivals)
    left = list(range(len(arrivals)))
    async with as_machine():
        while left:
            # A station that came twice at the same moment gets two numbers, one after the other.
            first = {arrivals[index][0].id: index for index in reversed(left)}
            mine = [arrivals[index] for index in first.values()]
            rows = await fetch(CONNECT, node, now, [one.account_id for one, _ in mine], [one.id for one, _ in mine],
                               [version for _, version in mine])  # fmt: skip
            for row in rows:
                answers[first[row["id"]]] = (row["connection_no"], row["awaited"])
            left = [index for index in left if index not in first.values()]
    return answers


DISCONNECT = """
UPDATE station s SET online = false, online_changed_at = $1, node = NULL
FROM unnest($2::uuid[], $3::uuid[], $4::bigint[]) AS d (account_id, id, connection_no)
WHERE s.account_id = d.account_id AND s.id = d.id AND s.connection_no = d.connection_no AND s.online RETURNING s.id
"""


async def disconnect_all(departures: list[Station], now: datetime) -> list[bool]:
    """These connections are gone. False where a newer connection of the station has taken over: nothing changes then."""
    async with as_machine():
        rows = await fetch(DISCONNECT, now, [one.account_id for one in departures], [one.id for one in departures],
                           [one.connection_no for one in departures])  # fmt: skip
    gone = {row["id"] for row in rows}
    return [one.id in gone for one in departures]


async def boot(station: Station, vendor: str, model: str, serial: str | None, firmware: str | None, body: str,
               message_id: str, now: datetime) -> None:  # fmt: skip
    """The station has started. Running sessions stay open: their stop may still come."""
    async with as_machine():
        await execute(
            "UPDATE station SET vendor = $2, model = $3, serial = $4, firmware = $5, registered = true,"
            " last_boot_at = $6, last_message_at = $6 WHERE id = $1",
            station.id, vendor, model, serial, firmware, now,
        )  # fmt: skip
        await keep_message(station, "BootNotification", message_id, body, now)


async def seen(station: Station, now: datetime) -> None:
    """The station is alive."""
    async with as_machine():
        await execute("UPDATE station SET last_message_at = $2 WHERE id = $1", station.id, now)


async def status(station: Station, number: int, state: str, error_code: str, info: str | None, at: datetime,
                 body: str, message_id: str, now: datetime) -> list[Changed]:  # fmt: skip
    """A connector's state; an older report than the one known changes nothing. Connector 0 is the station itself."""
    async with as_machine():
        await keep_message(station, "StatusNotification", message_id, body, now)
        return await show_status(station, number, state, error_code, info, min(at, now))


# 2.0.1 says only Occupied: what a transaction has said of the place says more.
SHOW = """
UPDATE connector SET error_code = $4, status_info = $5, status_at = $6, status = CASE WHEN $3 <> 'Occupied' THEN $3
    WHEN status IN ('Preparing', 'Charging', 'SuspendedEV', 'SuspendedEVSE', 'Finishing') THEN status ELSE 'Preparing' END
WHERE station_id = $1 AND number = $2 AND (status_at IS NULL OR status_at <= $6) RETURNING number
"""


async def show_status(station: Station, number: int, state: str, error_code: str, info: str | None, at: datetime) -> list[Changed]:
    """The same inside the caller's transaction."""
    rows = await fetch(SHOW, station.id, number if 0 <= number < 100 else -1, state, error_code, info, at)
    if not rows:
        return []
    open_session = await fetchrow(
        "SELECT id, person_id FROM charging_session WHERE station_id = $1 AND connector_no = $2 AND state = 'open'"
        " ORDER BY started_at DESC LIMIT 1", station.id, number,
    )  # fmt: skip
    if open_session is not None and state in rules.IDLE_BY_STATUS:
        await execute(IDLE, open_session["id"], rules.IDLE_BY_STATUS[state], at)
    changed = [Changed(account_id=station.account_id, kind="connector", station_id=station.id, connector=number)]
    if open_session is not None:
        changed.append(
            Changed(account_id=station.account_id, kind="session", id=open_session["id"],
                    person_id=open_session["person_id"])
        )  # fmt: skip
    return changed


async def keep_message(station: Station, action: str, message_id: str, body: str, now: datetime) -> None:
    """Keep a message as received (inside the caller's transaction)."""
    await execute(
        "INSERT INTO station_message (account_id, station_id, received_at, action, message_id, body)"
        " VALUES ($1, $2, $3, $4, $5, $6)", station.account_id, station.id, now, action, message_id, body,
    )  # fmt: skip


async def security_event(station: Station | None, identity: str, kind: str, detail: str, now: datetime, *, critical: bool = False) -> None:
    """Keep what happened at the door or in a lie, in a transaction of its own. `critical`: a person should look at it."""
    async with as_machine():
        await note_security_event(station, identity, kind, detail, now, critical=critical)


async def note_security_event(
    station: Station | None, identity: str, kind: str, detail: str, now: datetime, *, critical: bool = False
) -> None:
    """The same inside the caller's transaction."""
    await execute(
        "INSERT INTO security_event (account_id, station_id, identity, at, kind, detail, critical)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        None if station is None else station.account_id, None if station is None else station.id, identity[:200], now,
        kind, detail[:2000], critical,
    )  # fmt: skip
