"""`python -m tests.access.matrix`: print the lines that the access matrix lacks (`--write`: put them where they belong)."""

import asyncio
import sys
import tempfile
from pathlib import Path

from app.database.engine import close_database, open_database
from app.database.migrate import migrate
from app.kernel.settings import settings_from
from infra.local.postgres import embedded_postgres
from tests.access.matrix import FILE, ROLES, Tries, missing_lines, routes, settings_in
from tests.access.world import make_world
from tests.conftest import roomy_memory


async def _lines(dsn: str, folder: Path) -> list[str]:
    settings = settings_from(settings_in(folder, dsn))
    await open_database(dsn, max_size=3)
    tries = Tries(settings, await make_world(settings))
    await tries.begin()
    found = await missing_lines(tries)
    await close_database()
    return found


def main() -> int:
    """Print or write; 0 where nothing was missing."""
    with tempfile.TemporaryDirectory(prefix="hs-", dir=roomy_memory()) as name:
        folder = Path(name)
        folder.chmod(0o755)
        with embedded_postgres(folder) as server:
            server.make_database("access")
            asyncio.run(migrate(server.dsn("access")))
            found = asyncio.run(_lines(server.dsn("access"), folder / "data"))
    print("\n".join(found))
    if "--write" in sys.argv:
        known = {line.split("\t")[0]: line for line in (FILE.read_text().splitlines() if FILE.exists() else [])[1:]}
        known |= {line.split("\t")[0]: line for line in found}
        lines = [known[route.key] for route in routes()]  # a route that is gone falls out
        FILE.write_text("\n".join(["\t".join(["route", *ROLES]), *lines]) + "\n")
    return 1 if found else 0
