"""Frames that no honest station sends, by a seed: broken WebSocket, broken JSON, broken OCPP, every message wrong in one place."""

import json
import os
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any

from tests.ocpp_server.payloads import full, with_one_wrong

SCHEMAS = {"ocpp1.6": ("ocpp.v16", ".json"), "ocpp2.0.1": ("ocpp.v201", "Request.json")}
DEEP = "[" * 50_000 + "]" * 50_000
TEXTS = [
    "", " ", "null", "true", "1", '""', "{}", "[]", "[2]", '[2,"a"]', '[2,"a","Heartbeat"]', '[2,"a","Heartbeat",[]]', '[2,"a","Heartbeat",null]',
    '[2,1,"Heartbeat",{}]', '[2,"","Heartbeat",{}]', '[2,"a","",{}]', '[2,"a","Nope",{}]', '[2,"a","__class__",{}]', '[2,null,null,null]',
    '[9,"a","b",{}]', '["2","a","Heartbeat",{}]', '[2.5,"a","Heartbeat",{}]', '[1e999,"a","Heartbeat",{}]', '[-2,"a","Heartbeat",{}]',
    '[3,"never asked",{}]', '[3,"never asked"]', '[3,"00000000-0000-0000-0000-000000000000",{}]', '[4,"never asked","InternalError","",{}]', "[4]",
    '{"a":', "\x00\x01", "[2,\"a\\u0000b\",\"Heartbeat\",{}]", '[2,"\\ud800","Heartbeat",{}]', '[2,"a","Heartbeat",{"a":"\\ud800"}]',
    f'[2,"{"i" * 5000}","Heartbeat",{{}}]', DEEP, f'[2,"a","Heartbeat",{DEEP}]', '{"a":' * 20_000, "[2," * 30_000,
    f'[2,"a","DataTransfer",{{"vendorId":"v","data":"{"d" * 70_000}"}}]', f'[2,"a","Heartbeat",{{"a":{"9" * 5000}}}]', "\ufeff[2,\"a\",\"Heartbeat\",{}]",
]  # fmt: skip


@cache
def wrong_messages(version: str) -> list[str]:
    """Every message of a version, wrong in one place, as text."""
    package, ending = SCHEMAS[version]
    found = []
    for path in sorted(files(package).joinpath("schemas").iterdir(), key=lambda one: one.name):
        if not path.name.endswith(ending) or path.name.endswith("Response.json"):
            continue
        action = path.name.removesuffix(ending)
        payload = full(json.loads(path.read_text(encoding="utf-8-sig")))
        found += [json.dumps([2, f"{action}-{n}", action, wrong]) for n, wrong in enumerate(with_one_wrong(payload))]
    return found


def money_lies(rng: Random) -> str:
    """A message that would cost somebody something, were it believed."""
    time = rng.choice(["1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "yesterday", "2026-11-24T10:00:00", ""])
    amount: Any = rng.choice([2**31, 2**63, 2**70, -5, 0, 1.5, "NaN", "1e400", "1,5", None])
    tag = rng.choice(["'; drop table x;--", "x" * 300, "04A1B2C3D4E5F6", "\x00"])
    action, payload = rng.choice([
        ("StartTransaction", {"connectorId": rng.choice([-1, 0, 1, 2**40]), "idTag": tag, "meterStart": amount, "timestamp": time}),
        ("StopTransaction", {"transactionId": rng.choice([0, -1, 1, 2, 2**63]), "meterStop": amount, "timestamp": time}),
        ("MeterValues", {"connectorId": 1, "transactionId": 1, "meterValue": [{"timestamp": time, "sampledValue": [{"value": str(amount)}]}]}),
        ("TransactionEvent", {"eventType": "Ended", "timestamp": time, "triggerReason": "StopAuthorized", "seqNo": amount,
                              "transactionInfo": {"transactionId": "t"}, "idToken": {"idToken": tag, "type": "Central"}}),
    ])  # fmt: skip
    return json.dumps([2, rng.choice(["a", tag]), action, payload])


def hostile(rng: Random, version: str) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
    """Opcode, payload, and what is wrong with the frame itself, without an end."""
    wrong = wrong_messages(version)
    while True:
        kind = rng.random()
        if kind < 0.35:
            yield 1, rng.choice(wrong).encode("utf-8", "surrogatepass"), {}
        elif kind < 0.60:
            yield 1, rng.choice(TEXTS).encode("utf-8", "surrogatepass"), {}
        elif kind < 0.72:
            yield 1, money_lies(rng).encode("utf-8", "surrogatepass"), {}
        elif kind < 0.80:
            text = bytearray(rng.choice(wrong).encode())
            for _ in range(rng.randrange(1, 8)):
                text[rng.randrange(len(text))] = rng.randrange(256)
            yield 1, bytes(text[: rng.randrange(1, len(text) + 1)]), {}
        elif kind < 0.84:
            yield 1, b"\xff\xfe\xfa", {}
        elif kind < 0.88:
            yield 2, os.urandom(64), {}
        elif kind < 0.91:
            yield 1, b"[2,", {"final": False}
        elif kind < 0.93:
            yield 1, b"x", {"masked": False}
        elif kind < 0.96:
            yield rng.choice([0, 3, 5, 11, 15]), b"x", {}
        elif kind < 0.98:
            yield 1, b"x" * 100, {"claim": 2**40}
        else:
            yield 1, b"x" * (1 << 20), {}
