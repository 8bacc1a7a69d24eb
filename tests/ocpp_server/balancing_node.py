"""A process that balances like the worker does, for tests that kill it: `python -m tests.ocpp_server.balancing_node DSN`."""

import asyncio
import sys

from app.charging.balance_runner import BalanceRunner
from app.database.engine import open_database
from app.kernel.clock import utc_now


async def main(dsn: str) -> None:
    async def nobody(_: object) -> None:
        """No pages are open, and the stations' node polls."""

    await open_database(dsn)
    runner = BalanceRunner(utc_now, nobody, nobody)
    print(runner.owner, flush=True)
    await runner.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
