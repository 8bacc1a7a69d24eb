"""TLS for stations: version and cipher suites as OCPP asks, client certificates of our own authority, changed without a restart.

The time of a client certificate is not checked here but at the door, against the row of its station and with the
system's clock: only so can the refusal be told to the operator of that station.
"""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from app.charging.authority import Authority, NoAuthority, names_for_server, passphrase_of
from app.kernel.clock import Clock
from app.kernel.settings import Settings

log = structlog.get_logger()

# OCPP 1.6 security whitepaper and 2.0.1 part 2, A00: these four kinds at least; the last two lack forward secrecy.
CIPHERS = ":".join((
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384", "AES128-GCM-SHA256", "AES256-GCM-SHA384",
))  # fmt: skip
NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL
RENEW_DAYS = 30
Refused = Callable[[str], None]


def new_context(files: list[tuple[Path, Path | None, bytes | None]], trusted: str, refused: Refused) -> ssl.SSLContext:
    """A server's context. `files`: (certificate, key, passphrase), one for each kind of key. `refused` is told of client
    certificates that nobody we trust has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    for certificate, key, passphrase in files:
        context.load_cert_chain(certificate, key, passphrase)
    if trusted:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=trusted)
        context.verify_flags |= NO_CHECK_TIME
    context.sslobject_class = watched(refused)
    return context


def watched(refused: Refused) -> type[ssl.SSLObject]:
    """A TLS object that tells why a handshake failed: the event loop keeps it to itself."""

    class Watched(ssl.SSLObject):
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except ssl.SSLCertVerificationError as error:
                refused(f"a foreign certificate ({error.verify_message})")
                raise

    return Watched


class StationTls:
    """The context that the listener holds; each handshake takes the newest state of the authority's folder."""

    def __init__(self, settings: Settings, clock: Clock, refused: Refused) -> None:
        self._settings = settings
        self._clock = clock
        self._refused = refused
        self._authority = Authority(settings.ca, passphrase_of(settings.secret_key))
        self._authority.make(clock())
        self._marks: Any = None
        self.context = self._fresh()
        self._inner = self.context
        self.context.sni_callback = self._newest

    def _newest(self, line: ssl.SSLObject, _: str | None, __: ssl.SSLContext) -> None:
        line.context = self._inner

    def look(self) -> bool:
        """Take up a renewed certificate, a new root, the end of an old one. True where something has changed."""
        try:
            self._renew_own()
            if self._read_marks() == self._marks:
                return False
            self._inner = self._fresh()
        except (OSError, ssl.SSLError, NoAuthority, ValueError) as error:
            log.error("TLS not renewed", error=str(error))
            return False
        return True

    def _fresh(self) -> ssl.SSLContext:
        self._renew_own()
        self._marks = self._read_marks()
        return new_context(self._files(), self._authority.trusted(), self._refused)

    def _renew_own(self) -> None:
        """Our own server certificate, made at the first start, when it nears its end, and when another generation signs."""
        if self._settings.ocpp_tls_certificate:
            return
        held, state = self._authority.server_certificate(), self._authority.state()
        now = self._clock()
        if held is not None and (held.not_valid_after_utc - now).days >= RENEW_DAYS and self._authority.signed(held, state.current):
            return
        names = names_for_server(self._settings.ocpp_names, self._settings.public_url, self._settings.host)
        self._authority.issue_for_server(names, now)
        log.info("server certificate for stations made", names=names)

    def _files(self) -> list[tuple[Path, Path | None, bytes | None]]:
        if self._settings.ocpp_tls_certificate:
            return [(Path(self._settings.ocpp_tls_certificate), Path(self._settings.ocpp_tls_key), None)]
        return [(path, None, passphrase_of(self._settings.secret_key)) for path in self._authority.server_files()]

    def _read_marks(self) -> Any:
        files = [file for file, _, _ in self._files()] + [self._authority.folder / "state.json"]
        return [(file, file.stat().st_mtime_ns, file.stat().st_size) for file in files]
