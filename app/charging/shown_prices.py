"""What a station shows of prices: the text of its site's prices, and what a charge costs so far (OCPP 2.0.1)."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.charging.asking import queue
from app.charging.intents import V201, ShowCost
from app.charging.model import Session, Station
from app.database.transaction import as_machine, execute, fetch, fetchrow, fetchval

RUNNING = """
SELECT x.account_id, x.id FROM charging_session x JOIN station st ON st.account_id = x.account_id AND st.id = x.station_id
WHERE x.state = 'open' AND x.transaction_ref IS NOT NULL AND x.person_id IS NOT NULL AND st.online AND st.ocpp_version = $1
ORDER BY x.account_id, x.id
"""
# A station that has no such message is not asked again before it starts anew.
REFUSES = """
SELECT 1 FROM station_command c JOIN station st ON st.account_id = c.account_id AND st.id = c.station_id
WHERE c.station_id = $1 AND c.action = 'ShowCost' AND c.state = 'failed' AND c.error LIKE 'not_supported%'
    AND c.created_at > coalesce(st.last_boot_at, '-infinity') LIMIT 1
"""


# Account, station and transaction -> what it costs. Prices are above charging: a composition root says who knows them.
FinalCost = Callable[[UUID, UUID, str], Awaitable[Decimal | None]]
pricing: dict[str, FinalCost] = {}


async def final_cost(account_id: UUID, station_id: UUID, transaction: str) -> Decimal | None:
    """What an ended transaction costs, or None where nobody knows."""
    known = pricing.get("final_cost")
    return None if known is None else await known(account_id, station_id, transaction)


async def price_message(station: Station) -> dict[str, Any] | None:
    """The prices of a station's site as OCPP's message, or None where none are in force."""
    async with as_machine():
        row = await fetchrow("SELECT language, said FROM site_price_text WHERE site_id = $1", station.site_id)
    return None if row is None else {"format": "UTF8", "language": row["language"], "content": row["said"]}


async def running_sessions() -> list[tuple[UUID, UUID]]:
    """Account and id of the charges whose cost a connected station can show."""
    async with as_machine():
        return [(row["account_id"], row["id"]) for row in await fetch(RUNNING, V201)]


async def note_told(session_id: UUID, gross_minor: int) -> None:
    """The station has been told the cost with an answer."""
    async with as_machine():
        await execute("UPDATE charging_session SET told_minor = $2 WHERE id = $1", session_id, gross_minor)


async def show_cost(session: Session, gross_minor: int, now: datetime) -> UUID | None:
    """Tell a station what its charge costs, where that is news. Returns the station that has something to hear."""
    if session.transaction_ref is None:
        return None
    cost = Decimal(gross_minor) / 100
    async with as_machine():
        told = await fetchval(
            "UPDATE charging_session SET told_minor = $2, display_text = $3 WHERE id = $1 AND told_minor IS DISTINCT FROM $2 RETURNING 1",
            session.id, gross_minor, f'{{"totalCost":{cost:.2f}}}',
        )  # fmt: skip
        if told is None or not session.online or await fetchval(REFUSES, session.station_id):
            return None
        await execute("UPDATE station_command SET state = 'failed', error = 'outdated', ended_at = $2 WHERE session_id = $1"
                      " AND action = 'ShowCost' AND state = 'queued'", session.id, now)  # fmt: skip
        intent = ShowCost(transaction=session.transaction_ref, cost=cost)
        await queue(session.account_id, session.station_id, intent, b"", now, session_id=session.id)
    return session.station_id
