"""`hofstrom import-readings`: a grid operator's file from a folder, told line by line."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

from app.audit.model import Actor
from app.metering.interval_import import MOST_BYTES, import_file
from app.metering.interval_rules import SENTENCES

Site = tuple[UUID, UUID, str]  # account, site, name


def content_of(file: Path) -> bytes:
    """No more of a file than shows that it is too large. Raises ValueError where it cannot be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{file} cannot be read ({error.strerror}).") from error


async def load(sites: Sequence[Site], name: str, content: bytes, now: datetime, *, confirmed: bool) -> tuple[bool, list[str]]:
    """Import for the one site. Returns whether it was stored, and what to say. Raises Refused, ValueError."""
    if len(sites) > 1:
        raise ValueError(f"{len(sites)} sites have this name: give the id of one.")
    [(account_id, site_id, _)] = sites
    report = await import_file(Actor(account_id=account_id, name="import-readings"), site_id, name, content, now, confirmed=confirmed)
    if report.bad:
        lines = [f"line {one.line} {one.meter}: {SENTENCES[one.code]} {one.value}".rstrip() for one in report.refused]
        return False, [*lines, f"{report.bad} lines are bad: nothing was stored."]
    return True, [f"{report.stored} quarter-hours stored, {report.replaced} of them in place of others, {report.known} known already,"
                  f" {report.left_out} other series left out"]  # fmt: skip
