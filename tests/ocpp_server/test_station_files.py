"""Diagnostics and firmware over real HTTP with the station as the client: links that work once, limits, safe names."""

import asyncio
import hashlib
import os
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from app.charging import intents as i
from app.charging import station_files
from app.database.transaction import as_owner, execute
from tests.ocpp_server.conftest import rows
from tests.ocpp_server.staff import connected

FIRMWARE = os.urandom(300_000)


async def link_for_diagnostics(staff, station):
    asked = await staff.ask({"kind": "GetDiagnostics"})
    assert asked.status_code == 202, asked.text
    _, _, action, payload = await station.next_call()
    return payload["location"] if action == "GetDiagnostics" else payload["log"]["remoteLocation"]


def kept(staff):
    return [path for path in (staff.data / "station-files").rglob("*") if path.is_file()]


@pytest.mark.row("S06")
async def test_tc_045_1_csms_tc_n_25_csms_a_station_uploads_its_diagnostics_once(staff, version):
    station = await connected(staff.site, version)
    station.answers["GetDiagnostics"] = {"fileName": "log.zip"}
    link = await link_for_diagnostics(staff, station)
    await staff.ended("GetDiagnostics")
    upload = staff.clients["station"].put
    body = os.urandom(200_000)
    done = await upload(f"{link}../../etc/log 1.zip".replace("../", "..%2F"), content=body)
    assert done.status_code == 201, done.text
    detail = await staff.detail()
    (left,) = detail["files"]
    assert (left["kind"], left["size"], left["sha256"]) == ("diagnostics", len(body), hashlib.sha256(body).hexdigest())
    assert left["name"] == "log_1.zip"
    assert (detail["log"][0]["progress"], detail["log"][0]["following"]) == ("Uploaded", False)
    for role in ("operator", "support"):
        fetched = await staff.clients[role].get(f"/api/operator/files/{left['id']}")
        assert fetched.content == body
        assert fetched.headers["content-disposition"] == 'attachment; filename="log_1.zip"'
    assert (await staff.clients["resident"].get(f"/api/operator/files/{left['id']}")).status_code == 403
    again = await upload(f"{link}log.zip", content=body)
    assert (again.status_code, again.json()["code"]) == (410, "link_used")
    assert len(kept(staff)) == 1


async def test_a_form_is_taken_as_well_and_needs_a_file(staff, version):
    station = await connected(staff.site, version)
    station.answers["GetDiagnostics"] = {"fileName": "log.zip"}
    link = await link_for_diagnostics(staff, station)
    client = staff.clients["station"]
    bare = await client.post(link, data={"a": "b"}, files={})
    assert bare.status_code in (201, 422)
    link = link if bare.status_code == 422 else await link_for_diagnostics(staff, station)
    done = await client.post(link.rstrip("/"), files={"upload": ("C:\\logs\\my log.txt", b"x" * 1500, "text/plain")})
    assert done.status_code == 201, done.text
    names = [one["name"] for one in (await staff.detail())["files"]]
    assert "my_log.txt" in names


async def test_a_broken_upload_leaves_nothing_and_may_be_repeated(staff):
    station = await connected(staff.site, i.V201)
    link = await link_for_diagnostics(staff, station)

    async def broken():
        yield b"x" * 70_000
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await staff.clients["station"].put(f"{link}log", content=broken())
    assert (await staff.clients["station"].put(f"{link}log", content=b"whole")).status_code == 201
    assert [path.read_bytes() for path in kept(staff)] == [b"whole"]


async def test_limits_expiry_and_strange_tokens_are_refused(staff, monkeypatch):
    station = await connected(staff.site, i.V201)
    client, link = staff.clients["station"], await link_for_diagnostics(staff, station)
    monkeypatch.setattr(station_files, "LARGEST_DIAGNOSTICS", 1000)
    large = await client.put(f"{link}log", content=b"x" * 1001)
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    assert (await client.put(f"{link}log", content=b"")).json()["code"] == "empty_file"
    assert kept(staff) == []
    for path in ("/station-files/nonsense/", "/station-files/nonsense/log"):
        assert (await client.put(path if path.startswith("http") else staff.url + path, content=b"x")).status_code in (404, 405)
    assert (await client.get(link)).status_code == 404  # an upload's link fetches nothing
    async with as_owner():
        await execute("UPDATE station_link SET expires_at = now() - interval '1 second'")
    assert (await client.put(f"{link}log", content=b"x")).status_code == 410
    assert kept(staff) == []


async def test_two_uploads_at_once_leave_one_file(staff):
    station = await connected(staff.site, i.V201)
    link = await link_for_diagnostics(staff, station)
    codes = await asyncio.gather(*(staff.clients["station"].put(f"{link}log", content=os.urandom(90_000)) for _ in range(4)))
    assert sorted(one.status_code for one in codes) == [201, 410, 410, 410]
    assert len(kept(staff)) == len((await staff.detail())["files"]) == 1


@pytest.mark.row("S06")
async def test_tc_044_1_csms_tc_l_01_csms_firmware_is_fetched_once_under_a_link_and_followed_until_installed(staff, version):
    from app.charging.operator_commands import KINDS

    listed = {"Reset", "UnlockConnector", "RemoteStart", "RemoteStop", "ChangeAvailability", "ReadConfiguration", "WriteConfiguration",
              "GetDiagnostics", "UpdateFirmware", "Trigger", "ClearCache"}  # fmt: skip
    assert listed <= set(KINDS)
    station = await connected(staff.site, version)
    operator, client = staff.clients["operator"], staff.clients["station"]
    assert (await staff.clients["support"].post("/api/operator/firmware?name=x", content=b"x")).status_code == 403
    kept_file = await operator.post("/api/operator/firmware", params={"name": "../fw 1.2.bin"}, content=FIRMWARE)
    assert kept_file.status_code == 201, kept_file.text
    file = kept_file.json()
    assert (file["name"], file["sha256"]) == ("fw_1.2.bin", hashlib.sha256(FIRMWARE).hexdigest())
    again = await operator.post("/api/operator/firmware", params={"name": "../fw 1.2.bin"}, content=FIRMWARE)
    assert again.json()["id"] == file["id"]
    assert len(kept(staff)) == 1
    assert (await staff.ask({"kind": "UpdateFirmware", "file_id": file["id"]}, ticket="T-7")).status_code == 202
    _, _, action, payload = await station.next_call()
    assert action == "UpdateFirmware"
    link = payload["location"] if version == i.V16 else payload["firmware"]["location"]
    number = {} if version == i.V16 else {"requestId": payload["requestId"]}
    for status in ("Downloading", "Downloaded", "Installing"):
        if status == "Downloaded":
            looked = await client.head(link)
            assert (looked.status_code, looked.headers["content-length"]) == (200, str(len(FIRMWARE)))
            assert (await client.get(link)).content == FIRMWARE
            assert (await client.get(link)).status_code == 410
        await station.said("FirmwareStatusNotification", {"status": status, **number})
        entry = (await staff.detail())["log"][0]
        assert (entry["progress"], entry["following"]) == (status, True)
    station.cut()
    station = await connected(staff.site, version)
    await station.said("FirmwareStatusNotification", {"status": "Installed", **number})
    entry = (await staff.detail())["log"][0]
    assert (entry["progress"], entry["following"], entry["ticket"]) == ("Installed", False, "T-7")
    token = link.split("/station-files/")[1].split("/")[0]
    assert token not in str(await rows("SELECT payload, wire_payload, answer FROM station_command"))


async def test_a_broken_download_may_be_repeated(staff):
    station = await connected(staff.site, i.V201)
    large = os.urandom(8_000_000)
    file = (await staff.clients["operator"].post("/api/operator/firmware", params={"name": "fw"}, content=large)).json()
    await staff.ask({"kind": "UpdateFirmware", "file_id": file["id"]})
    link = (await station.next_call())[3]["firmware"]["location"]
    async with httpx.AsyncClient() as cut:
        async with cut.stream("GET", link) as answer:
            async for _ in answer.aiter_bytes(1000):
                break
    assert (await staff.clients["station"].get(link)).content == large


async def test_tc_080_csms_a_signed_update_carries_certificate_and_signature(staff, version):
    station = await connected(staff.site, version)
    file = (await staff.clients["operator"].post("/api/operator/firmware", params={"name": "fw"}, content=b"fw")).json()
    for half in ({"certificate": "PEM"}, {"signature": "c2ln"}):  # else it would go out unsigned
        refused = await staff.ask({"kind": "UpdateFirmware", "file_id": file["id"], **half})
        assert (refused.status_code, refused.json()["params"]["fields"]) == (422, ["certificate", "signature"])
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    signed = {"kind": "UpdateFirmware", "file_id": file["id"], "retrieve_at": later, "certificate": "PEM", "signature": "c2ln"}
    assert (await staff.ask(signed)).status_code == 202
    _, _, action, payload = await station.next_call()
    assert action == ("SignedUpdateFirmware" if version == i.V16 else "UpdateFirmware")
    assert (payload["firmware"]["signingCertificate"], payload["firmware"]["signature"]) == ("PEM", "c2ln")
    await staff.ended("UpdateFirmware")
    name = "SignedFirmwareStatusNotification" if version == i.V16 else "FirmwareStatusNotification"
    await station.said(name, {"status": "InvalidSignature", "requestId": payload["requestId"]})
    entry = (await staff.detail())["log"][0]
    assert (entry["progress"], entry["following"]) == ("InvalidSignature", False)


async def test_a_local_controller_offers_a_firmware_to_the_stations_behind_it_and_withdraws_it(staff):
    station = await connected(staff.site, i.V201)
    file = (await staff.clients["operator"].post("/api/operator/firmware", params={"name": "fw"}, content=FIRMWARE)).json()
    checksum = hashlib.md5(FIRMWARE, usedforsecurity=False).hexdigest()
    assert (await staff.ask({"kind": "PublishFirmware", "file_id": file["id"]})).status_code == 202
    _, _, action, payload = await station.next_call()
    assert (action, payload["checksum"]) == ("PublishFirmware", checksum)
    assert (await staff.clients["station"].get(payload["location"])).content == FIRMWARE
    assert (await staff.clients["station"].get(payload["location"])).status_code == 410
    for status, goes_on in (("Downloaded", True), ("ChecksumVerified", True), ("Published", False)):
        where = {"location": ["http://10.0.0.2/fw"]} if status == "Published" else {}
        await station.said("PublishFirmwareStatusNotification", {"status": status, "requestId": payload["requestId"], **where})
        entry = (await staff.detail())["log"][0]
        assert (entry["progress"], entry["following"]) == (status, goes_on)
    station.answers["UnpublishFirmware"] = {"status": "Unpublished"}
    await staff.ask({"kind": "UnpublishFirmware", "file_id": file["id"]})
    assert (await station.next_call())[2:] == ["UnpublishFirmware", {"checksum": checksum}]
    assert (await staff.ended("UnpublishFirmware"))["outcome"] == "accepted"
    unknown = await staff.ask({"kind": "UnpublishFirmware", "file_id": "0192d3a0-0000-7000-8000-000000000001"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


def test_names_are_harmless():
    for name, safe in (("../../x", "x"), ("..", "f"), ("", "f"), ("a b/ü.txt", "_.txt"), ("C:\\x\\y.log", "y.log"), ("x" * 300, "x" * 100)):
        assert station_files.safe_name(name, "f") == safe
