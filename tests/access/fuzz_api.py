"""Made-up requests, by schemathesis from the OpenAPI document with every role's token: no 5xx and no answer that is not documented."""

import json
import os
import re
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode

from app.kernel.settings import settings_from
from app.main import document
from tests.access.bodies import KINDS, WORDS
from tests.access.calls import Answer, call, taken_back
from tests.access.matrix import Tries

DOCUMENT = json.loads(document(settings_from({"HOFSTROM_SECRET_KEY": "s" * 40})))
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
EXAMPLES = int(os.environ.get("HOFSTROM_FUZZ_EXAMPLES", "1"))
OPERATIONS = [(method.upper(), path) for path, item in sorted(DOCUMENT["paths"].items()) for method in sorted(item)]
PARTS = 12
# The framework says these of any request, before a route is known.
ALWAYS = {405}


def made_up(method: str, path: str) -> list[schemathesis.Case]:
    """Requests, the same in every run: half of them as the document says, half of them not."""
    found: list[schemathesis.Case] = []
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        strategy = SCHEMA[path][method].as_strategy(generation_mode=mode)

        @seed(4711)
        @settings(max_examples=EXAMPLES, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(case=strategy)
        def collect(case: Any) -> None:
            found.append(case)

        try:
            collect()
        except schemathesis.errors.InvalidSchema:
            raise
        except Exception as error:
            if "Unsatisfiable" not in type(error).__name__:  # a route without anything to make wrong
                raise
    return found


def request_of(tries: Tries, case: Any, path: str, real: bool, role: str) -> tuple[str, bytes, str]:
    """(address, body, content type); `real`: with ids of objects that exist."""
    address = path
    for name in re.findall(r"{(\w+)}", path):
        kind = KINDS.get(path, {}).get(name, name)
        value = (WORDS.get(name) or tries.world.one(kind, "mine", role)) if real else str((case.path_parameters or {}).get(name, "x"))
        address = address.replace(f"{{{name}}}", quote(value, safe=""))
    query = {name: value for name, value in (case.query or {}).items() if value is not None}
    address += f"?{urlencode(query, doseq=True)}" if query else ""
    if isinstance(case.body, bytes):
        return address, case.body, case.media_type or "application/octet-stream"
    if "multipart" in (case.media_type or ""):
        return address, b"--zz\r\n\r\nnothing\r\n--zz--\r\n", "multipart/form-data; boundary=zz"
    body = b"" if case.body is None or type(case.body).__name__ == "NotSet" else json.dumps(case.body, default=str).encode()
    return address, body, "application/json"


def undocumented(operation: dict[str, Any], answer: Answer) -> str:
    """What is wrong with an answer, or nothing."""
    if answer.status >= 500 and str(answer.status) not in operation["responses"]:
        return "a failure of ours"
    if answer.status in ALWAYS:
        return ""
    known = operation["responses"].get(str(answer.status))
    if known is None:
        return "a status that the document does not name"
    kind, kinds = answer.headers.get("content-type", "").split(";")[0], {name.split(";")[0] for name in known.get("content", {})}
    return f"the media type {kind}" if answer.body and kinds and kind not in kinds else ""


@pytest.mark.parametrize("part", range(PARTS))
async def test_a_made_up_request_gets_a_documented_answer_from_every_route(tries: Tries, part: int):
    wrong = []
    for method, path in OPERATIONS[part::PARTS]:
        operation = DOCUMENT["paths"][path][method.lower()]
        roles = ["nobody"] if operation["x-roles"] == ["public"] else operation["x-roles"]
        for number, case in enumerate(made_up(method, path)):
            for role in roles:
                address, body, kind = request_of(tries, case, path, number % 2 == 0, role)
                headers = dict(tries.csrf) if role == "nobody" else {"authorization": f"Bearer {tries.world.tokens[0][role]}"}
                tries.app.state.throttle._own.clear()
                async with taken_back():
                    answer = await call(tries.app, method, address, body, {**headers, "content-type": kind})
                if fault := undocumented(operation, answer):
                    wrong.append(f"{fault}: {answer.status} {answer.code} {method} {address} as {role} {body[:200]!r}")
                    break
    assert wrong == [], "\n".join(wrong)
