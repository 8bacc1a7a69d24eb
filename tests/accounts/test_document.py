"""The OpenAPI document says of every route what it is, who may call it and how it refuses; the committed copy is true."""

from pathlib import Path
from typing import Any

import pytest
from litestar.serialization import decode_json

from app.kernel.settings import settings_from
from app.main import document

COMMITTED = Path(__file__).parents[2] / "pwa" / "openapi.json"
ROLES = {"public", "resident", "former_resident", "owner", "proxy", "installer", "operator", "support", "developer", "superadmin"}


def made() -> bytes:
    return document(settings_from({"HOFSTROM_SECRET_KEY": "s" * 40}))


def operations() -> list[tuple[str, dict[str, Any]]]:
    paths = decode_json(made())["paths"]
    return [(f"{method.upper()} {path}", operation) for path, item in paths.items() for method, operation in item.items()]


def test_the_committed_document_is_the_present_one() -> None:
    assert COMMITTED.read_bytes() == made(), "the routes have changed: run `make schema` and commit pwa/openapi.json"


@pytest.mark.parametrize(("route", "operation"), operations())
def test_a_route_has_a_summary_roles_and_problem_documents(route: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["x-roles"]
    assert set(operation["x-roles"]) <= ROLES
    refusals = {status: answer for status, answer in operation["responses"].items() if status.startswith("4")}
    for answer in refusals.values():
        assert answer["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
    if operation["x-roles"] != ["public"]:
        assert {"401", "403"} <= refusals.keys()
        assert operation["security"] == [{"bearer": []}, {"session": []}]
    if "requestBody" in operation:
        assert {"400", "413", "422"} <= refusals.keys()
