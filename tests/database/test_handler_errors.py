"""A request whose handler fails half-way leaves nothing: no row, no job, no command, no borrowed connection."""

from uuid import uuid4

from app.charging import requests
from app.database.engine import DB
from app.database.transaction import as_owner, execute, fetchval
from tests.accounts.test_sign_in import bearer, client, described, settings

__all__ = ["client", "described", "settings"]

COUNT = "SELECT (SELECT count(*) FROM charge_request) + (SELECT count(*) FROM station_command)"


async def written() -> int:
    async with as_owner():
        return await fetchval(COUNT)


def start_at(described: dict) -> str:
    return f"/api/c/{described['accounts'][0]['sites'][0]['stations'][0]['qr_url'].rpartition('/')[2]}/start"


class OutOfLuck(RuntimeError):
    """What no code expects."""


async def test_a_handlers_error_rolls_back_everything_that_it_wrote(client, described, monkeypatch):
    """A start writes the request and the station's command, and fails at its last step, the job. The database is content,
    so nothing but the transaction's end decides: the framework turns the exception into an answer, and whoever commits
    after an answer would keep half a start."""
    mine = bearer(described, 0, "resident")
    async with as_owner():
        await execute("UPDATE station SET online = true")
        await execute("UPDATE connector SET status = 'Preparing', error_code = 'NoError'")
    before, key, seen = await written(), str(uuid4()), []

    async def fails(*_: object, **__: object) -> int:
        seen.append(await fetchval(COUNT))
        raise OutOfLuck

    with monkeypatch.context() as broken:
        broken.setattr(requests, "record", fails)
        failed = await client.post(start_at(described), json={"idempotency_key": key}, headers=mine)
    assert seen == [before + 2]  # both rows were written when it failed
    assert (failed.status_code, failed.json()["code"]) == (500, "internal")
    assert await written() == before
    assert DB.current_transaction.get() is None
    assert DB.pool.get_size() - DB.pool.get_idle_size() == 0
    # The same wish again, now that the cause is mended: it is made once, as if the first had never been.
    answers = [await client.post(start_at(described), json={"idempotency_key": key}, headers=mine) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert await written() == before + 2


async def test_a_refusal_is_an_answer_and_writes_nothing(client, described):
    before = await written()
    mine = bearer(described, 0, "resident")
    refused = await client.post(start_at(described), json={"idempotency_key": str(uuid4())}, headers=mine)
    assert (refused.status_code, refused.json()["code"]) == (409, "station_offline")
    assert await written() == before
