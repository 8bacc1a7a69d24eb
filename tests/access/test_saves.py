"""Two people who save the same object: the second is told with a 409, gets what stands there now, and nothing of theirs is stored."""

import json
from typing import Any

import pytest

from tests.access.bodies import BODIES
from tests.access.calls import call, taken_back
from tests.access.fuzz_api import DOCUMENT
from tests.access.matrix import Tries

# The language of a login, which is no object of the account, and a stay, whose days have neighbours, are tried below.
APART = {"/api/me", "/api/stays/{stay_id}"}
EDITS = sorted(path for path, item in DOCUMENT["paths"].items() if "patch" in item and path not in APART)
PUTS = {path for path, item in DOCUMENT["paths"].items() if "put" in item}
# What holds from a day on, or is one word: the later one holds, and the trail keeps what the earlier one wrote.
DATED: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "/api/billing-points/{point_id}/advance": ("operator", "point_id", {"amount_minor": 100, "valid_from": "2027-01-01"},
                                               {"amount_minor": 200, "valid_from": "2027-01-01"}),
    "/api/billing-points/{point_id}/rate": ("operator", "point_id", {"rate": "shops", "first": "2027-01-01"},
                                            {"rate": "flats", "first": "2027-01-01"}),
    "/api/sites/{site_id}/position-labels/{position}": ("operator", "site_id", {"locale": "de", "label": "Strom"},
                                                        {"locale": "de", "label": "Energie"}),
    "/api/meters/{meter_id}/link": ("installer", "meter_id", {"billing_point_id": None, "first": "2027-01-01"},
                                    {"billing_point_id": None, "first": "2027-02-01"}),
    "/api/meters/{meter_id}/isolated": ("installer", "meter_id", {"isolated": True}, {"isolated": False}),
}  # fmt: skip
# Saved by the version that the editor saw: (role, kind of the object, what is changed).
VERSIONED: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "/api/me/address": ("resident", "", {"street": "S 2", "postcode": "8001", "city": "C"},
                        {"street": "S 3", "postcode": "8001", "city": "C"}),
    "/api/sites/{site_id}/circuits": ("operator", "site_id", {"circuits": [{"name": "Main", "limit_ma": [63000] * 3}]},
                                      {"circuits": [{"name": "Main", "limit_ma": [50000] * 3}]}),
    "/api/sites/{site_id}/validation/{kind}": ("operator", "site_id", {"most_per_hour": 100}, {"most_per_hour": 200}),
}  # fmt: skip
# One person's alone, one field alone, what a device is told (each is kept by itself), or readings, of which every version is kept.
OTHERS = {
    "/api/sessions/{session_id}/wish", "/api/operator/stations/{station_id}/setup", "/api/stations/{station_id}/guests",
    "/api/operator/stations/{station_id}/security/serial-number", "/api/sites/{site_id}/station-priority",
    "/api/community-meters/{connection_id}/days/{day}", "/api/meters/{meter_id}/days/{day}", "/api/meters/{meter_id}/terms",
    "/api/operator/stations/{station_id}/roaming", "/api/operator/creditors/{creditor_id}/scheme-id",
}  # fmt: skip
APART = {"/api/relays/{relay_id}"}  # has a version: tried in tests/appliances/test_relays.py
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


async def put(tries: Tries, role: str, path: str, body: dict[str, Any], method: str = "PUT") -> tuple[int, dict[str, Any]]:
    headers = {"authorization": f"Bearer {tries.world.tokens[0][role]}", "content-type": "application/json"}
    answer = await call(tries.app, method, path, json.dumps(body).encode(), headers)
    return answer.status, json.loads(answer.body or b"{}")


def address_of(tries: Tries, path: str, role: str, kind: str) -> str:
    named = path.replace("{position}", "energy").replace("{kind}", "electricity")
    return named.replace(f"{{{kind}}}", tries.world.one(kind, "mine", role)) if kind else named


def test_every_route_that_replaces_something_says_how_two_people_share_it():
    assert {*DATED, *VERSIONED, *OTHERS, *APART} == PUTS


@pytest.mark.parametrize("path", sorted(VERSIONED))
async def test_the_second_who_replaces_what_has_a_version_is_told(tries: Tries, path: str):
    role, kind, mine, theirs = VERSIONED[path]
    address = address_of(tries, path, role, kind)
    async with taken_back():
        version = 0
        if "validation" not in path:
            version = (await put(tries, role, address, {}, "GET"))[1]["version"]
        assert (await put(tries, role, address, {**mine, "version": version}))[0] == 200
        status, told = await put(tries, role, address, {**theirs, "version": version})
        assert (status, told["code"]) == (409, "changed_meanwhile")


@pytest.mark.parametrize("path", sorted(DATED))
async def test_of_two_who_say_what_holds_from_a_day_on_the_later_holds_and_the_trail_keeps_both(tries: Tries, path: str):
    role, kind, mine, theirs = DATED[path]
    address = address_of(tries, path, role, kind)
    async with taken_back() as connection:

        async def lines() -> int:
            await connection.execute("SET LOCAL ROLE NONE")
            found: int = await connection.fetchval("SELECT count(*) FROM audit_entry")
            return found

        before = await lines()
        for body in (mine, theirs):
            status, told = await put(tries, role, address, body)
            assert status in (200, 204), told
        assert await lines() == before + 2


async def test_the_second_who_ends_a_stay_or_chooses_a_language_is_told_unless_both_want_the_same(tries: Tries):
    stay = f"/api/stays/{tries.world.one('stay_id', 'mine', 'operator')}"
    tries_of = {
        stay: ("operator", {"last": "2027-12-31"}, {"last": "2027-11-30"}),
        "/api/me": ("owner", {"locale": "fr"}, {"locale": "it"}),
    }
    for address, (role, mine, theirs) in tries_of.items():
        async with taken_back():
            for _ in range(2):
                assert (await put(tries, role, address, {**mine, "version": 1}, "PATCH"))[0] == 200
            status, told = await put(tries, role, address, {**theirs, "version": 1}, "PATCH")
            assert (status, told["code"], told["params"]["present"]) == (409, "changed_meanwhile", mine)


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(tries: Tries):
    headers = {"authorization": f"Bearer {tries.world.tokens[0]['operator']}", "content-type": "application/json"}
    site = tries.world.one("site_id", "mine", "operator")
    body = b'{"version": 1, "name": "' + b"x" * 20_000_000 + b'"}'
    answer = await call(tries.app, "PATCH", f"/api/sites/{site}", body, headers)
    assert (answer.status, answer.code) == (413, "too_large")
