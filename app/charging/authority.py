"""The certificate authority for stations: generations of a root and an issuing key, kept encrypted in one folder.

FOLDER/1/root.pem, root.key, issuing.pem, issuing.key; a root rollover adds FOLDER/2. FOLDER/state.json says which
generation signs and which are trusted. Keys are PKCS #8, encrypted, mode 0600; root.key is needed for nothing once its
issuing certificate exists and may be taken away.
"""

import hashlib
import ipaddress
import os
import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes, CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from app.kernel.identifiers import keyed_hash

PEM = serialization.Encoding.PEM
ROOT_DAYS, ISSUING_DAYS, STATION_DAYS, SERVER_DAYS = 7300, 3650, 398, 398
BACKDATED = timedelta(days=1)  # clocks of stations are not exact
ORGANISATION = "Hofstrom"


class State(msgspec.Struct):
    """Which generation signs, and which are trusted."""

    current: int
    trusted: list[int]


class NoAuthority(ValueError):
    """The authority cannot do what is asked; the text says why and what to do."""


def passphrase_of(secret: bytes) -> bytes:
    """What the keys are encrypted with."""
    return keyed_hash(secret, "station certificate authority").hex().encode()


class Authority:
    """Reads the folder at every use, so that several processes see a rollover at once."""

    def __init__(self, folder: Path, passphrase: bytes) -> None:
        self.folder = folder
        self._passphrase = passphrase

    @property
    def exists(self) -> bool:
        """Whether it has been made."""
        return (self.folder / "state.json").exists()

    def state(self) -> State:
        """The state. Raises NoAuthority."""
        try:
            return msgspec.json.decode((self.folder / "state.json").read_bytes(), type=State)
        except FileNotFoundError:
            raise NoAuthority(f"There is no certificate authority in {self.folder}. Make one with `hofstrom ca make`.") from None

    def write_state(self, state: State) -> None:
        """Replace the state at once."""
        _write(self.folder / "state.json.new", msgspec.json.encode(state))
        (self.folder / "state.json.new").rename(self.folder / "state.json")

    def make(self, now: datetime) -> bool:
        """Make the first generation; False where there is one. Two processes may try: one folder wins."""
        if self.exists:
            return False
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{self.folder.name}-", dir=self.folder.parent))
        new = Authority(made, self._passphrase)
        new.make_generation(1, now)
        new.write_state(State(current=1, trusted=[1]))
        try:
            made.rename(self.folder)
        except OSError:
            shutil.rmtree(made)
            if not self.exists:
                raise NoAuthority(f"{self.folder} is there but holds no authority: move it away, or set HOFSTROM_CA.") from None
            return False
        return True

    def make_generation(self, number: int, now: datetime) -> None:
        """A root and an issuing key. Never overwrites one."""
        place = self.folder / str(number)
        place.mkdir(mode=0o700)
        root_key, issuing_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        root_name, issuing_name = _name(f"Stations Root {number}"), _name(f"Stations Issuing {number}")
        root = _builder(root_name, root_name, root_key.public_key(), root_key.public_key(), now, ROOT_DAYS)
        root = _as_authority(root, 1)
        issuing = _builder(issuing_name, root_name, issuing_key.public_key(), root_key.public_key(), now, ISSUING_DAYS)
        issuing = _as_authority(issuing, 0)
        _write(place / "root.pem", root.sign(root_key, hashes.SHA256()).public_bytes(PEM))
        _write(place / "root.key", self._sealed(root_key))
        _write(place / "issuing.pem", issuing.sign(root_key, hashes.SHA256()).public_bytes(PEM))
        _write(place / "issuing.key", self._sealed(issuing_key))

    def issue_for_station(self, csr_pem: str, organisation: str, common_name: str, now: datetime) -> tuple[x509.Certificate, int]:
        """A client certificate for the key of a checked request; and the generation that signed it."""
        request = x509.load_pem_x509_csr(csr_pem.encode())
        subject = _subject(organisation, common_name)
        return self._leaf(subject, request.public_key(), ExtendedKeyUsageOID.CLIENT_AUTH, now, STATION_DAYS, ())

    def issue_for_server(self, names: tuple[str, ...], now: datetime) -> None:
        """Server certificates, one for each kind of key that stations may ask for, under FOLDER/server."""
        place = self.folder / "server"
        place.mkdir(mode=0o700, exist_ok=True)
        for kind, key in (("ecdsa", ec.generate_private_key(ec.SECP256R1())), ("rsa", rsa.generate_private_key(65537, 2048))):
            subject = _subject(ORGANISATION, names[0][:64])
            leaf, number = self._leaf(subject, key.public_key(), ExtendedKeyUsageOID.SERVER_AUTH, now, SERVER_DAYS, names)
            # Key and certificate in one file: a reader never sees the one without the other.
            partial = place / f"{kind}.pem.{os.getpid()}"
            _write(partial, self._sealed(key) + self.chain(leaf, number).encode())
            partial.rename(place / f"{kind}.pem")

    def server_files(self) -> list[Path]:
        """Files with key and chain."""
        return sorted((self.folder / "server").glob("*.pem"))

    def server_certificate(self) -> x509.Certificate | None:
        """The server's certificate as it is now."""
        files = self.server_files()
        return x509.load_pem_x509_certificates(files[0].read_bytes())[0] if len(files) == 2 else None

    def chain(self, leaf: x509.Certificate, number: int) -> str:
        """Leaf and issuing certificate, PEM."""
        return (leaf.public_bytes(PEM) + (self.folder / str(number) / "issuing.pem").read_bytes()).decode()

    def root(self, number: int) -> str:
        """A root, PEM: what a station installs."""
        return (self.folder / str(number) / "root.pem").read_text()

    def signed(self, leaf: x509.Certificate, number: int) -> bool:
        """Whether a generation signed this certificate."""
        issuing = x509.load_pem_x509_certificate((self.folder / str(number) / "issuing.pem").read_bytes())
        return leaf.issuer == issuing.subject

    def trusted(self) -> str:
        """All trusted roots and issuing certificates, PEM."""
        places = [self.folder / str(number) for number in self.state().trusted]
        return "".join((place / name).read_text() for place in places for name in ("root.pem", "issuing.pem"))

    def _leaf(self, subject: x509.Name, key: CertificatePublicKeyTypes, usage: x509.ObjectIdentifier, now: datetime, days: int,
              names: tuple[str, ...]) -> tuple[x509.Certificate, int]:  # fmt: skip
        number = self.state().current
        place = self.folder / str(number)
        issuer = x509.load_pem_x509_certificate((place / "issuing.pem").read_bytes())
        issuing_key = self._key(place / "issuing.key")
        builder = _builder(subject, issuer.subject, key, issuing_key.public_key(), now, days)
        rsa_exchange = usage == ExtendedKeyUsageOID.SERVER_AUTH and isinstance(key, rsa.RSAPublicKey)
        builder = (
            builder.add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(_key_usage(digital_signature=True, key_encipherment=rsa_exchange), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        return builder.sign(issuing_key, hashes.SHA256()), number

    def _key(self, path: Path) -> CertificateIssuerPrivateKeyTypes:
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), self._passphrase)
        except FileNotFoundError:
            raise NoAuthority(f"{path} is missing: put it back from your backup.") from None
        except (ValueError, TypeError):
            raise NoAuthority(f"{path} cannot be opened: it was made with another HOFSTROM_SECRET_KEY.") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise NoAuthority(f"{path} is no RSA or elliptic-curve key.")
        return key

    def _sealed(self, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
        lock = serialization.BestAvailableEncryption(self._passphrase)
        return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, lock)


def hash_data(pem: str) -> dict[str, str]:
    """How OCPP names an installed self-signed root: hashes of issuer name and key, and its serial number."""
    root = x509.load_pem_x509_certificate(pem.encode())
    key = x509.SubjectKeyIdentifier.from_public_key(root.public_key())
    bits = root.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    if key.digest != hashlib.sha1(bits, usedforsecurity=False).digest():
        raise NoAuthority("only elliptic-curve roots are ours")
    return {
        "hashAlgorithm": "SHA256", "issuerNameHash": hashlib.sha256(root.issuer.public_bytes()).hexdigest(),
        "issuerKeyHash": hashlib.sha256(bits).hexdigest(), "serialNumber": f"{root.serial_number:x}",
    }  # fmt: skip


def fingerprint(certificate: x509.Certificate) -> bytes:
    """SHA-256 of the certificate (32 bytes)."""
    return certificate.fingerprint(hashes.SHA256())


def _subject(organisation: str, common_name: str) -> x509.Name:
    return x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:64]), x509.NameAttribute(NameOID.COMMON_NAME, common_name),
    ])  # fmt: skip


def _name(common_name: str) -> x509.Name:
    return _subject(ORGANISATION, common_name)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(subject: x509.Name, issuer: x509.Name, key: CertificatePublicKeyTypes, signer: CertificatePublicKeyTypes,
             now: datetime, days: int) -> x509.CertificateBuilder:  # fmt: skip
    return (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED).not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)  # type: ignore[arg-type]
    )  # fmt: skip


def _as_authority(builder: x509.CertificateBuilder, below: int) -> x509.CertificateBuilder:
    return builder.add_extension(x509.BasicConstraints(True, below), critical=True).add_extension(
        _key_usage(key_cert_sign=True, crl_sign=True), critical=True
    )


def _key_usage(**on: bool) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
    return x509.KeyUsage(**{name: on.get(name, False) for name in names})


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def describe(authority: Authority) -> str:
    """The authority in lines for a person."""
    state = authority.state()
    lines = []
    for number in state.trusted:
        root = x509.load_pem_x509_certificate(authority.root(number).encode())
        role = "signs" if number == state.current else "trusted"
        lines.append(f"generation {number} ({role}), root until {root.not_valid_after_utc:%Y-%m-%d}, SHA-256 {fingerprint(root).hex()}")
    return "\n".join(lines)


def names_for_server(given: tuple[str, ...], public_url: str, host: str) -> tuple[str, ...]:
    """Names and addresses under which stations reach the server."""
    if given:
        return given
    public = public_url.split("://", 1)[-1].split("/")[0].rsplit(":", 1)[0].strip("[]")
    found = [public, "localhost", "127.0.0.1"] + ([host] if host not in ("0.0.0.0", "::") else [])  # noqa: S104 - compared, not bound
    return tuple(dict.fromkeys(name for name in found if name))
