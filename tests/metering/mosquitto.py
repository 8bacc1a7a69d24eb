"""A real Mosquitto with TLS on a port of this machine, with the files that the system writes for it."""

import asyncio
import getpass
import os
import shutil
import signal
import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import aiomqtt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.metering.tokens import TokenShown

PEM = serialization.Encoding.PEM
CONF = """
listener {port} 127.0.0.1
certfile {folder}/server.pem
keyfile {folder}/server.key
tls_version tlsv1.2
allow_anonymous false
password_file {files}/passwords
acl_file {files}/access
persistence true
persistence_location {folder}/
user {user}
log_dest file {folder}/mosquitto.log
"""


def certificate(folder: Path) -> None:
    """An authority and a certificate of this machine signed by it: ca.pem, server.pem, server.key."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")]), datetime.now(UTC)

    def signed(subject: x509.Name, public: ec.EllipticCurvePublicKey, extension: x509.ExtensionType) -> x509.Certificate:
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(ca_name).public_key(public)
        made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        return made.not_valid_after(now + timedelta(days=2)).add_extension(extension, critical=True).sign(ca_key, hashes.SHA256())

    ca = signed(ca_name, ca_key.public_key(), x509.BasicConstraints(ca=True, path_length=None))
    named = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    server = signed(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")]), key.public_key(), named)
    (folder / "ca.pem").write_bytes(ca.public_bytes(PEM))
    (folder / "server.pem").write_bytes(server.public_bytes(PEM))
    (folder / "server.key").write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


class Mosquitto:
    """The broker; `files` are its password file and access list."""

    def __init__(self, folder: Path, files: Path) -> None:
        self.folder, self.files = folder, files
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"mqtts://hofstrom:p%40ss@127.0.0.1:{self.port}"
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        if not (self.folder / "ca.pem").exists():
            certificate(self.folder)
        conf = self.folder / "mosquitto.conf"
        conf.write_text(CONF.format(port=self.port, folder=self.folder, files=self.files, user=getpass.getuser()))
        program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or "mosquitto"
        self.process = await asyncio.create_subprocess_exec(program, "-c", str(conf))
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            except OSError:
                if self.process.returncode is not None:
                    raise
                await asyncio.sleep(0.02)

    def reload(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()

    def gateway(self, shown: TokenShown, token: str | None = None) -> aiomqtt.Client:
        """A gateway's line to the broker."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        return aiomqtt.Client("127.0.0.1", self.port, username=str(shown.id), password=token or shown.token, tls_context=context)
