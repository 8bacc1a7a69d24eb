"""Wake-ups over Redis: a hint that something changed, never the change itself. A lost one costs a poll."""

import json
from typing import Any
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger()

COMMANDS = "commands"


def live_channel(account_id: UUID | str) -> str:
    """The channel on which an account's changes are announced to open pages; as a pattern with "*", of all accounts."""
    return f"live:{account_id}"


async def publish(redis: "Redis | None", channel: str, payload: dict[str, Any]) -> None:
    """Announce a committed change. Redis being away is logged and costs only immediacy."""
    if redis is None:
        return
    body = {name: str(value) if isinstance(value, UUID) else value for name, value in payload.items()}
    try:
        await redis.publish(channel, json.dumps(body))
    except (RedisError, OSError) as error:
        log.warning("wake-up not sent", channel=channel, error=str(error))
