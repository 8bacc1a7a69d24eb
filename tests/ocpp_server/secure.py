"""Stations with keys and certificates of their own, and a node that listens over TLS, for tests."""

import ssl
from pathlib import Path
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from app.charging.authority import Authority, fingerprint, passphrase_of
from app.database.transaction import as_owner, execute
from app.kernel.clock import utc_now
from app.kernel.identifiers import new_id
from tests.charging.house import SECRET, House
from tests.ocpp_server.conftest import Site, rows
from tests.ocpp_server.raw_station import RefusedUpgrade

VERSIONS = ("ocpp1.6", "ocpp2.0.1")
OPERATOR = "House CP"
PEM = serialization.Encoding.PEM


class SecureSite(Site):
    """A site whose node listens over TLS too."""

    authority: Authority
    folder: Path


def csr(key, organisation: str = OPERATOR, common_name: str = "SN-1", algorithm=None) -> str:
    """A signed request."""
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation), x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, algorithm or hashes.SHA256())
    return made.public_bytes(PEM).decode()


def ec_key():
    return ec.generate_private_key(ec.SECP256R1())


def rsa_key(bits: int = 2048):
    return rsa.generate_private_key(65537, bits)


def authority_in(folder: Path) -> Authority:
    return Authority(folder, passphrase_of(SECRET))


def trusting(authority: Authority, folder: Path, chain: str | None = None, key=None) -> ssl.SSLContext:
    """A station's context: trusts our roots; with a chain and its key it shows them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata="".join(authority.root(number) for number in authority.state().trusted))
    if chain is not None:
        file = folder / f"{new_id()}.pem"
        private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file.write_bytes(private + chain.encode())
        context.load_cert_chain(file)
    return context


async def set_profile(identity: str, profile: int, reached: int = 0) -> None:
    async with as_owner():
        await execute(
            "UPDATE station SET security_profile = $2, reached_profile = $3, next_profile = NULL WHERE identity = $1",
            identity,
            profile,
            reached,
        )


async def certified(
    house: House, authority: Authority, identity: str = "CP-1", state: str = "in_use", key=None, **how
) -> tuple[UUID, str, object]:
    """A certificate in a station's row; its id, chain and key. `how`: organisation, common_name, at, unlisted."""
    key, at = key or ec_key(), how.get("at", utc_now())
    names = (how.get("organisation", OPERATOR), how.get("common_name", "SN-1"))
    request = csr(key, *names)
    leaf, number = authority.issue_for_station(request, *names, at)
    chain, row = authority.chain(leaf, number), new_id()
    if not how.get("unlisted"):
        async with as_owner():
            await execute(
                "INSERT INTO station_certificate (account_id, id, station_id, csr, csr_hash, organisation, common_name, asked_at,"
                " changed_at, state, authority, serial, fingerprint, not_before, not_after, chain)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12, $13, $14, $15)",
                house.account_id, row, house.stations[identity], request, row.bytes * 2, *names, at, state, number,
                f"{leaf.serial_number:x}", fingerprint(leaf), leaf.not_valid_before_utc, leaf.not_valid_after_utc, chain,
            )  # fmt: skip
    return row, chain, key


def over_tls(site, identity="CP-1", chain=None, key=None, **how):
    station = site.station(identity, **how)
    station.port, station.tls = site.node.ports.tls, trusting(site.authority, site.folder, chain, key)
    return station


async def refused(station, **how) -> int:
    with pytest.raises(RefusedUpgrade) as caught:
        await station.open(**how)
    return caught.value.status


async def events(kind):
    return await rows("SELECT detail, critical, station_id FROM security_event WHERE kind = $1 ORDER BY id", kind)
