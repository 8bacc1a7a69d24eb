"""Two people who save the same object: the second is told with a 409, gets what stands there now, and nothing of theirs is stored."""

import json
from typing import Any

import pytest

from tests.access.bodies import BODIES
from tests.access.calls import call, taken_back
from tests.access.fuzz_api import DOCUMENT
from tests.access.matrix import Tries

# A language, the last day of a stay (checked against its neighbours), and switches say all that there is: the later one holds.
WITHOUT_VERSION = {"/api/me", "/api/stays/{stay_id}"}
EDITS = sorted(path for path, item in DOCUMENT["paths"].items() if "patch" in item and path not in WITHOUT_VERSION)
SCHEMAS = DOCUMENT["components"]["schemas"]


def body_of(path: str) -> dict[str, Any]:
    """The schema of what is sent to change an object."""
    named = DOCUMENT["paths"][path]["patch"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    found: dict[str, Any] = SCHEMAS[named.rsplit("/", 1)[1]]
    return found


@pytest.mark.parametrize("path", EDITS)
async def test_the_second_who_saves_is_told_and_an_unknown_field_or_a_wrong_type_changes_nothing(tries: Tries, path: str):
    assert "version" in body_of(path)["properties"], f"{path}: add a version, or say in WITHOUT_VERSION why it needs none"
    role = "installer" if "operator" not in DOCUMENT["paths"][path]["patch"]["x-roles"] else "operator"
    kind = path.split("{")[1].split("}")[0]
    address = path.replace(f"{{{kind}}}", tries.world.one(kind, "mine", role))
    headers = {"authorization": f"Bearer {tries.world.tokens[0][role]}", "content-type": "application/json"}
    good = BODIES[f"PATCH {path}"](tries.world, "mine", role)

    async def send(body: object) -> tuple[int, dict[str, Any]]:
        answer = await call(tries.app, "PATCH", address, json.dumps(body).encode(), headers)
        return answer.status, json.loads(answer.body)

    table = {"note": "site_note", "point": "billing_point", "condition": "financial_condition"}.get(kind[:-3], kind[:-3])

    async def version(connection: Any) -> int:
        await connection.execute("SET LOCAL ROLE NONE")
        found: int = await connection.fetchval(f"SELECT version FROM {table} WHERE id = $1::uuid", tries.world.one(kind, "mine", role))
        return found

    async with taken_back() as connection:
        for wrong in ({**good, "nobody_knows": 1}, {**good, "version": "one"}, [good], "x"):
            status, told = await send(wrong)
            assert (status, told["code"]) == (422, "invalid_input"), wrong
        before = await version(connection)
        status, _ = await send({**good, "version": before})
        assert status == 200
        assert await version(connection) == before + 1
        other = {key: f"{value}2" if isinstance(value, str) and key not in ("kind", "unit") else value for key, value in good.items()}
        if kind == "condition_id":
            other["condition"] = {**good["condition"], "label": "Another"}
        if kind == "point_id":
            other["priority"] = 8
        status, told = await send({**other, "version": before})
        assert (status, told["code"]) == (409, "changed_meanwhile")
        assert told["params"]["version"] == before + 1 and told["params"]["present"]
        assert await version(connection) == before + 1


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(tries: Tries):
    headers = {"authorization": f"Bearer {tries.world.tokens[0]['operator']}", "content-type": "application/json"}
    site = tries.world.one("site_id", "mine", "operator")
    body = b'{"version": 1, "name": "' + b"x" * 20_000_000 + b'"}'
    answer = await call(tries.app, "PATCH", f"/api/sites/{site}", body, headers)
    assert (answer.status, answer.code) == (413, "too_large")
