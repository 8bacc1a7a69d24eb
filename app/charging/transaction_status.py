"""What a station of OCPP 2.0.1 says of a transaction when it is asked: whether it goes on, and whether more is on its way."""

from datetime import datetime

from app.charging import missing_stops
from app.charging.asking import queue
from app.charging.intents import Answer, GetTransactionStatus, Intent
from app.charging.model import Changed, Command, Station
from app.database.transaction import as_machine, fetch, fetchrow

OPEN = f"{missing_stops.COLUMNS} WHERE x.station_id = $1 AND x.transaction_ref = $2 AND x.state IN ('open', 'stop_missing') FOR UPDATE OF x"


async def ask_for_open_transactions(station: Station, secret: bytes, now: datetime) -> None:
    """After a boot: ask of each transaction that is open here whether it still is."""
    async with as_machine():
        rows = await fetch(
            "SELECT transaction_ref FROM charging_session WHERE account_id = $1 AND station_id = $2 AND state = 'open'"
            " AND transaction_ref IS NOT NULL ORDER BY started_at LIMIT 20", station.account_id, station.id,
        )  # fmt: skip
        for row in rows:
            await queue(station.account_id, station.id, GetTransactionStatus(transaction=row["transaction_ref"]), secret, now)


async def status_told(command: Command, intent: Intent, answer: Answer, now: datetime) -> list[Changed]:
    """A transaction that is over, and of which nothing more comes, ends at its last value, marked as estimated."""
    if not isinstance(intent, GetTransactionStatus) or answer.ongoing is not False or answer.more_comes is not False:
        return []
    row = await fetchrow(OPEN, command.station_id, intent.transaction)
    return [] if row is None else await missing_stops.close_by_last_value(row, now)
