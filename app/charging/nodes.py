"""The listening processes: each shows its life, and what a dead one held is cleared by the others."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from app.charging.model import Changed
from app.database.transaction import as_machine, execute, fetch

DEAD_AFTER = timedelta(seconds=45)
JUST_COME = timedelta(seconds=5)
FORGOTTEN_AFTER = timedelta(days=1)

ALIVE = "INSERT INTO ocpp_node (node, seen_at) VALUES ($1, $2) ON CONFLICT (node) DO UPDATE SET seen_at = $2"


async def replace_dead(place: str, node: str, is_gone: Callable[[int], bool], now: datetime) -> None:
    """At the start of a node: the sockets of earlier ones at this place (machine:port) whose process is gone, are gone.

    A node is named PLACE:PROCESS. `is_gone` says of a process number whether nobody else has it.
    """
    async with as_machine():
        rows = await fetch("SELECT node FROM ocpp_node WHERE starts_with(node, $1)", f"{place}:")
        dead = [row["node"] for row in rows if _is_dead(row["node"].removeprefix(f"{place}:"), is_gone)]
        await execute("UPDATE station SET online = false, online_changed_at = $2, node = NULL WHERE node = ANY($1) AND online", dead, now)
        await execute("DELETE FROM ocpp_node WHERE node = ANY($1) OR seen_at < $2", dead, now - FORGOTTEN_AFTER)
        await execute(ALIVE, node, now)


def _is_dead(process: str, is_gone: Callable[[int], bool]) -> bool:
    return process.isdecimal() and is_gone(int(process))


# Another node may have taken this one for dead.
BACK = """
UPDATE station s SET online = true, online_changed_at = $4, node = $1
FROM unnest($2::uuid[], $3::bigint[]) AS held (id, connection_no)
WHERE s.id = held.id AND s.connection_no = held.connection_no AND NOT s.online RETURNING s.account_id, s.id
"""
# What left while the database was away. Who has come in the last moments may not be in the list yet.
LEFT = """
UPDATE station s SET online = false, online_changed_at = $3, node = NULL
WHERE s.node = $1 AND s.online AND s.online_changed_at < $4 AND s.id <> ALL($2::uuid[]) RETURNING s.account_id, s.id
"""
REPLACED = """
SELECT s.id FROM station s JOIN unnest($1::uuid[], $2::bigint[]) AS held (id, connection_no) ON s.id = held.id
WHERE s.connection_no > held.connection_no
"""


async def node_lives(node: str, held: list[tuple[UUID, int]], now: datetime) -> tuple[list[Changed], list[UUID]]:
    """A node's sign of life with the (station, connection number) that it holds. Makes presence true again: of dead nodes, and
    its own. Returns what pages are told, and the stations that have a newer connection elsewhere."""
    ids, numbers = [id_ for id_, _ in held], [number for _, number in held]
    async with as_machine():
        await execute(ALIVE, node, now)
        rows = [*await fetch(BACK, node, ids, numbers, now), *await fetch(LEFT, node, ids, now, now - JUST_COME)]
        replaced = await fetch(REPLACED, ids, numbers)
    changed = [_station_changed(row) for row in rows] + await forget_dead_nodes(now)
    return changed, [row["id"] for row in replaced]


async def forget_dead_nodes(now: datetime) -> list[Changed]:
    """Stations of a node that has given no sign of life for a while are offline. Safe to repeat; also for the timetable."""
    async with as_machine():
        rows = await fetch(
            "UPDATE station s SET online = false, online_changed_at = $1, node = NULL WHERE s.online AND NOT EXISTS"
            " (SELECT 1 FROM ocpp_node n WHERE n.node = s.node AND n.seen_at > $2) RETURNING s.account_id, s.id",
            now, now - DEAD_AFTER,
        )  # fmt: skip
    return [_station_changed(row) for row in rows]


def _station_changed(row: asyncpg.Record) -> Changed:
    return Changed(account_id=row["account_id"], kind="connector", station_id=row["id"])
