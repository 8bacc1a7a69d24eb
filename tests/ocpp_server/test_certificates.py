"""Certificates from the request to the revocation, roots and their change, on both versions over real TLS."""

import json
from datetime import timedelta

import asyncpg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from app.charging.authority import hash_data
from app.charging.station_certificates import bind_serial, renew_certificates, revoke, sign_certificate
from app.charging.station_roots import lacking_root, offer_roots, withdraw_roots
from app.kernel.clock import utc_now
from app.kernel.errors import Refused
from app.outbox.wake import COMMANDS, publish
from ocpp_server.main import running_node
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.secure import certified, csr, ec_key, events, over_tls, refused, rsa_key, set_profile

BOOT = {
    "ocpp1.6": {"chargePointVendor": "Raw", "chargePointModel": "R1", "chargePointSerialNumber": "SN-1"},
    "ocpp2.0.1": {"reason": "PowerUp", "chargingStation": {"vendorName": "Raw", "model": "R1", "serialNumber": "SN-1"}},
}


async def came(site, protocols, identity="CP-1", profile=2, **how):
    """A station by TLS that has told its serial number."""
    await set_profile(identity, profile)
    station = await over_tls(site, identity, **how).open(protocols=protocols)
    await station.said("BootNotification", BOOT[protocols[0]])
    return station


async def sign_all(site) -> None:
    """What the worker does with the events in the outbox."""
    line = await asyncpg.connect(site.dsn)
    found = await line.fetch("SELECT args FROM procrastinate.procrastinate_jobs WHERE task_name = 'CertificateRequested' ORDER BY id")
    await line.close()
    for row in found:
        await sign_certificate(site.authority, site.house.account_id, json.loads(row["args"])["certificate_id"], utc_now())
    for identity in site.house.stations:
        await site.wake(identity)


async def ask(station, request: str) -> str:
    return (await station.said("SignCertificate", {"csr": request}))["status"]


async def test_tc_074_csms_tc_087_csms_tc_a_07_csms_tc_a_11_csms_a_station_gets_its_certificate_and_comes_in_with_it_alone(
    secured, protocols
):
    station, key = await came(secured, protocols), ec_key()
    assert await ask(station, csr(key)) == "Accepted"
    await sign_all(secured)
    _, _, action, payload = await station.next_call()
    assert action == "CertificateSigned"
    leaf, issuing = x509.load_pem_x509_certificates(payload["certificateChain"].encode())
    leaf.verify_directly_issued_by(issuing)
    issuing.verify_directly_issued_by(x509.load_pem_x509_certificate(secured.authority.root(1).encode()))
    assert leaf.public_key() == key.public_key()
    await eventually(lambda: rows("SELECT 1 FROM station_certificate WHERE state = 'installed'"))
    await rows("UPDATE station SET next_profile = 3 WHERE identity = 'CP-1' RETURNING id")
    again = await over_tls(secured, chain=payload["certificateChain"], key=key, password=None).open(protocols=protocols)
    assert await station.closed() == 1008
    assert await refused(over_tls(secured), protocols=protocols) == 401
    assert (await again.said("Heartbeat", {}))["currentTime"]
    assert await rows("SELECT state, common_name, organisation FROM station_certificate") == [
        {"state": "in_use", "common_name": "SN-1", "organisation": "House CP"}
    ]


async def test_the_same_request_again_is_the_same_certificate(secured, protocols):
    station, request = await came(secured, protocols), csr(ec_key())
    chains = []
    for _ in range(2):
        assert await ask(station, request) == "Accepted"
        await sign_all(secured)
        chains.append((await station.next_call())[3]["certificateChain"])
        await eventually(lambda: rows("SELECT 1 FROM station_command WHERE action = 'CertificateSigned' AND state <> 'sent'"))
    assert chains[0] == chains[1]
    assert len(await rows("SELECT 1 FROM station_certificate")) == 1


def weak_curve() -> str:
    return csr(ec.generate_private_key(ec.SECP192R1()))


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (lambda: csr(ec_key(), organisation="Another operator"), "organisation"),
        (lambda: csr(ec_key(), common_name="SN-2"), "common name"),
        (lambda: csr(rsa_key(1024)), "too weak"),
        (weak_curve, "too weak"),
        (lambda: "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----", "cannot be read"),
        (lambda: "", "cannot be read"),
        (lambda: _tampered(), "not signed with its own key"),
    ],
)
async def test_a_request_that_may_not_be_signed_is_refused_and_kept(secured, protocols, request_, why):
    station = await came(secured, protocols)
    assert await ask(station, request_()) == "Rejected"
    (event,) = await events("certificate_refused")
    assert why in event["detail"] and event["critical"]
    assert await rows("SELECT 1 FROM station_certificate") == []


def _tampered() -> str:
    """A request whose signature belongs to another one."""
    from cryptography.hazmat.primitives.serialization import Encoding

    der = bytearray(x509.load_pem_x509_csr(csr(ec_key()).encode()).public_bytes(Encoding.DER))
    der[der.index(b"SN-1") + 3] = ord("9")
    import base64

    text = base64.encodebytes(bytes(der)).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{text}-----END CERTIFICATE REQUEST-----\n"


async def test_a_serial_number_that_another_station_has_is_refused(secured, protocols):
    await bind_serial(secured.house.account_id, secured.house.stations["CP-2"], "SN-1")
    station = await came(secured, protocols)
    assert await ask(station, csr(ec_key())) == "Rejected"
    with pytest.raises(Refused, match="type plates"):
        await bind_serial(secured.house.account_id, secured.house.stations["CP-1"], "sn-1")


async def test_more_than_five_requests_an_hour_are_refused(secured, protocols):
    station = await came(secured, protocols)
    said = [await ask(station, csr(ec_key())) for _ in range(6)]
    assert said == ["Accepted"] * 5 + ["Rejected"]


async def test_tc_a_14_csms_a_certificate_that_the_station_refuses_opens_nothing(secured, protocols):
    station, key = await came(secured, protocols), ec_key()
    station.answers["CertificateSigned"] = {"status": "Rejected"}
    await ask(station, csr(key))
    await sign_all(secured)
    chain = (await station.next_call())[3]["certificateChain"]
    await eventually(lambda: rows("SELECT 1 FROM station_certificate WHERE state = 'refused'"))
    await rows("UPDATE station SET next_profile = 3 WHERE identity = 'CP-1' RETURNING id")
    assert await refused(over_tls(secured, chain=chain, key=key, password=None)) == 401


async def test_before_its_end_a_certificate_is_renewed_once_a_day(secured, protocols):
    _, chain, key = await certified(secured.house, secured.authority, at=utc_now() - timedelta(days=380))
    await rows("UPDATE station SET certificate_name = 'SN-1' WHERE identity = 'CP-1' RETURNING id")
    station = await came(secured, protocols, profile=3, chain=chain, key=key, password=None)
    assert await renew_certificates(1, utc_now()) == [secured.house.stations["CP-1"]]
    assert await renew_certificates(1, utc_now()) == []
    await secured.wake("CP-1")
    _, _, action, payload = await station.next_call()
    assert (action, payload["requestedMessage"]) in (
        ("ExtendedTriggerMessage", "SignChargePointCertificate"), ("TriggerMessage", "SignChargingStationCertificate")
    )  # fmt: skip
    new_key = ec_key()
    assert await ask(station, csr(new_key)) == "Accepted"
    await sign_all(secured)
    new_chain = (await station.next_call())[3]["certificateChain"]
    await over_tls(secured, chain=new_chain, key=new_key, password=None).open(protocols=protocols)
    assert await refused(over_tls(secured, chain=chain, key=key, password=None), protocols=protocols) == 401
    assert await renew_certificates(1, utc_now() + timedelta(days=2)) == []


async def test_what_ends_soon_is_told_once(secured):
    await certified(secured.house, secured.authority, at=utc_now() - timedelta(days=390))
    for _ in range(2):
        await renew_certificates(1, utc_now())
    (event,) = await events("certificate_ends")
    assert event["critical"]


async def test_a_revoked_certificate_cuts_the_line_and_opens_nothing(secured, protocols):
    certificate_id, chain, key = await certified(secured.house, secured.authority)
    station = await came(secured, protocols, profile=3, chain=chain, key=key, password=None)
    for _ in range(2):
        station_id, number = await revoke(secured.house.account_id, certificate_id, "the station was stolen", utc_now())
    await publish(secured.node._redis, COMMANDS, {"station_id": station_id, "connection_no": number})
    assert await station.closed() == 1008
    assert await refused(over_tls(secured, chain=chain, key=key, password=None), protocols=protocols) == 401
    assert [row["reason"] for row in await rows("SELECT reason FROM station_certificate")] == ["the station was stolen"]


async def test_tc_075_2_csms_tc_076_csms_tc_m_01_csms_tc_m_20_csms_the_root_changes_while_both_are_trusted(
    secured, protocols, settings_for, tmp_path
):
    """Start: both roots; switch: the new one signs; finish: the old one is forgotten and opens nothing."""
    authority, now = secured.authority, utc_now()
    _, chain, key = await certified(secured.house, authority)
    await rows("UPDATE station SET certificate_name = 'SN-1' WHERE identity = 'CP-1' RETURNING id")
    station = await came(secured, protocols, profile=3, chain=chain, key=key, password=None)
    await offer_roots(authority, now)
    await secured.wake("CP-1")
    assert (await station.next_call())[2] == "InstallCertificate"
    await eventually(lambda: rows("SELECT 1 FROM station_root WHERE authority = 1 AND state = 'installed'"))
    authority.make_generation(2, now)
    state = authority.state()
    state.trusted.append(2)
    authority.write_state(state)
    assert await lacking_root(2) == ["CP-1"]
    assert await offer_roots(authority, now) == [secured.house.stations["CP-1"]]
    assert await offer_roots(authority, now) == []
    await secured.wake("CP-1")
    _, _, action, payload = await station.next_call()
    assert action == "InstallCertificate" and payload["certificate"] == authority.root(2)
    await eventually(lambda: rows("SELECT 1 FROM station_root WHERE authority = 2 AND state = 'installed'"))
    assert await lacking_root(2) == []

    state.current = 2
    authority.write_state(state)
    assert await renew_certificates(2, now) == [secured.house.stations["CP-1"]]
    new_key = ec_key()
    assert await ask(station, csr(new_key)) == "Accepted"
    await sign_all(secured)
    await eventually(lambda: rows("SELECT 1 FROM station_certificate WHERE authority = 2 AND state = 'installed'"))
    (row,) = await rows("SELECT chain FROM station_certificate WHERE authority = 2")

    settings = settings_for(HOFSTROM_OCPP_TLS_PORT="0", HOFSTROM_CA=str(tmp_path / "ca"))
    async with running_node(settings, utc_now, port=0) as (node, _):  # a node that starts now sees it at once
        secured.node = node
        for shown in ((chain, key), (row["chain"], new_key)):
            station = await over_tls(secured, chain=shown[0], key=shown[1], password=None).open(protocols=protocols)
        state.trusted = [2]
        authority.write_state(state)
        assert await withdraw_roots(authority, now) == [secured.house.stations["CP-1"]]
        await eventually(lambda: rows("SELECT 1 FROM station_root WHERE authority = 1 AND state = 'deleted'"))
        calls = []
        while not calls or calls[-1][2] != "DeleteCertificate":
            calls.append(await station.next_call())
        assert calls[-1][3]["certificateHashData"] == hash_data(authority.root(1))
        station.cut()


@pytest.mark.parametrize("key", [ec_key(), rsa_key()])
def test_a_generation_is_made_once_and_its_keys_are_closed(tmp_path, key):
    from tests.ocpp_server.secure import authority_in

    authority = authority_in(tmp_path / "ca")
    assert authority.make(utc_now()) and not authority.make(utc_now())
    for file in (tmp_path / "ca" / "1").glob("*.key"):
        assert file.stat().st_mode & 0o077 == 0
        assert b"ENCRYPTED PRIVATE KEY" in file.read_bytes()
    (tmp_path / "ca" / "1" / "root.key").unlink()  # may lie in a safe
    leaf, number = authority.issue_for_station(csr(key), "House CP", "SN-1", utc_now())
    assert number == 1 and isinstance(leaf.signature_hash_algorithm, hashes.SHA256)
    assert (leaf.not_valid_after_utc - utc_now()).days < 400
