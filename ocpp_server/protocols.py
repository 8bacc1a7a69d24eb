"""The versions spoken here, newest first, and which one a station gets."""

from ocpp_server import messages16, messages201, v16, v201
from ocpp_server.call import Protocol

OCPP_201 = Protocol(
    version="ocpp2.0.1", handlers=v201.HANDLERS, acknowledged=v201.ACKNOWLEDGED, keep_unreadable=v201.keep_unreadable,
    known=frozenset(messages201.REQUESTS), answers_bad_frames=True,
    codes={"FormationViolation": "FormatViolation", "OccurenceConstraintViolation": "OccurrenceConstraintViolation"},
)  # fmt: skip
OCPP_16 = Protocol(
    version="ocpp1.6", handlers=v16.HANDLERS, acknowledged=v16.ACKNOWLEDGED, keep_unreadable=v16.keep_unreadable,
    known=frozenset(messages16.REQUESTS),
)  # fmt: skip
PROTOCOLS = {protocol.version: protocol for protocol in (OCPP_201, OCPP_16)}


def choose(offered: tuple[str, ...], pinned: str | None) -> str | None:
    """The version for a station that offers these, or None: its pinned one where offered, else the newest."""
    if pinned is not None and pinned in offered:
        return pinned
    return next((version for version in PROTOCOLS if version in offered), None)
