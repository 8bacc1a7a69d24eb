"""All settings: read from the environment once, checked, and explained."""

from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec

DEFAULT_HTTP_PORT = 8000
DEFAULT_OCPP_PORT = 9000
DEFAULT_TLS_PORT = 9443
MOST_NODES = 64
LONGEST_PING_S = 300

DESCRIPTIONS: dict[str, str] = {
    "HOFSTROM_DATA": "folder for the embedded database, mails, logs and keys (default .data)",
    "HOFSTROM_HTTP_PORT": "port of the web application (default 8000; 0 picks a free one)",
    "HOFSTROM_OCPP_PORT": "port for the stations (default 9000; 0 picks a free one)",
    "HOFSTROM_OCPP_NODES": "how many listeners for stations share the ports (default 1); `hofstrom up` starts as many",
    "HOFSTROM_OCPP_PING": "seconds between two signs of life of a station, 1 to 300 (default 30); after two without one it is offline",
    "HOFSTROM_OCPP_TLS_PORT": "port for stations over TLS (empty: none on this machine alone, 9443 on a network; 0 picks a free one)",
    "HOFSTROM_OCPP_PLAIN": "where stations may come without TLS: private (default: this machine or a private network), off, public",
    "HOFSTROM_OCPP_NAMES": "names and addresses by which stations reach the TLS port, with commas (default: those of PUBLIC_URL)",
    "HOFSTROM_OCPP_TLS_CERTIFICATE": "PEM file with the server certificate for stations (empty: made by our own authority)",
    "HOFSTROM_OCPP_TLS_KEY": "PEM file with its private key",
    "HOFSTROM_CA": "folder of the certificate authority for stations (default: ca in the data folder)",
    "HOFSTROM_PUBLIC_URL": "address that residents see, in QR codes and mails (default http://127.0.0.1:PORT)",
    "HOFSTROM_HOST": "address to listen on (default 127.0.0.1)",
    "DATABASE_URL": "PostgreSQL 15 or newer (empty: the embedded one is started)",
    "REDIS_URL": "Redis 7 or Valkey (empty: the embedded one is started)",
    "SMTP_URL": "mail server, such as smtp://name:password@host:587 (empty: mails are written to the data folder)",
    "STRIPE_SECRET_KEY": "secret key for card payments (empty: no card payments)",
    "STRIPE_WEBHOOK_SECRET": "secret that Stripe signs its calls with",
    "STRIPE_API_BASE": "address of Stripe's interface (empty: Stripe's own)",
    "MQTT_URL": "broker over which gateways send readings, such as mqtts://hofstrom:password@host:8883 (empty: none)",
    "MQTT_CA": "PEM file of the authority that has signed the broker's certificate (empty: those of the machine)",
    "VAPID_PRIVATE_KEY": "key for push messages (empty: made and kept in the data folder)",
    "HOFSTROM_SECRET_KEY": "at least 32 characters; hashes badges and station passwords (empty: made and kept in the data folder)",
    "HOFSTROM_POSTGRES_BIN": "folder with PostgreSQL's own programs instead of the embedded ones",
    "HOFSTROM_ENV": "production (default) or test",
    "HOFSTROM_TEST_CLOCK": "time at which the clock starts, such as 2026-11-01T08:00:00Z; only with HOFSTROM_ENV=test",
}


class BadSetting(ValueError):
    """A setting that cannot be used; the text says which, why, and what to write instead."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of one process."""

    data: Path
    http_port: int
    ocpp_port: int
    ocpp_nodes: int
    ocpp_ping_s: int
    host: str
    public_url: str
    ocpp_tls_port: int | None
    ocpp_plain: str
    ocpp_names: tuple[str, ...]
    ocpp_tls_certificate: str
    ocpp_tls_key: str
    ca: Path
    database_url: str
    redis_url: str
    smtp_url: str
    stripe_secret_key: str
    stripe_webhook_secret: str
    stripe_api_base: str
    mqtt_url: str
    mqtt_ca: str
    vapid_private_key: str
    secret_key: bytes
    postgres_bin: str
    env: str
    test_clock: datetime | None

    @property
    def plain_host(self) -> str | None:
        """Where stations may come without TLS: never on a public interface unless that is asked for; None: nowhere."""
        if self.ocpp_plain == "off":
            return None
        return self.host if self.ocpp_plain == "public" or is_private(self.host) else "127.0.0.1"

    @property
    def https(self) -> bool:
        """Whether residents reach the system over https: cookies are Secure then."""
        return self.public_url.startswith("https://")


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Read and check the settings. Raises BadSetting with a sentence that says what to do."""
    http_port = _port(environ, "HOFSTROM_HTTP_PORT", DEFAULT_HTTP_PORT)
    env = environ.get("HOFSTROM_ENV") or "production"
    if env not in ("production", "test"):
        raise BadSetting(f"HOFSTROM_ENV is '{env}': write production or test, or leave it empty.")
    data = Path(environ.get("HOFSTROM_DATA") or ".data").resolve()
    host = environ.get("HOFSTROM_HOST") or "127.0.0.1"
    return Settings(
        data=data,
        http_port=http_port,
        ocpp_port=_port(environ, "HOFSTROM_OCPP_PORT", DEFAULT_OCPP_PORT),
        ocpp_nodes=_whole(environ, "HOFSTROM_OCPP_NODES", 1, MOST_NODES),
        ocpp_ping_s=_whole(environ, "HOFSTROM_OCPP_PING", 30, LONGEST_PING_S),
        host=host,
        ca=Path(environ.get("HOFSTROM_CA") or data / "ca").resolve(),
        **_station_tls(environ, host),
        public_url=_url(environ, "HOFSTROM_PUBLIC_URL", ("http://", "https://")) or f"http://127.0.0.1:{http_port}",
        database_url=_url(environ, "DATABASE_URL", ("postgresql://", "postgres://")),
        redis_url=_url(environ, "REDIS_URL", ("redis://", "rediss://", "unix://")),
        smtp_url=_url(environ, "SMTP_URL", ("smtp://", "smtps://")),
        stripe_secret_key=environ.get("STRIPE_SECRET_KEY", ""),
        stripe_webhook_secret=environ.get("STRIPE_WEBHOOK_SECRET", ""),
        stripe_api_base=_url(environ, "STRIPE_API_BASE", ("http://", "https://")),
        mqtt_url=_url(environ, "MQTT_URL", ("mqtts://",)),
        mqtt_ca=environ.get("MQTT_CA", ""),
        vapid_private_key=environ.get("VAPID_PRIVATE_KEY", ""),
        secret_key=_secret(environ),
        postgres_bin=environ.get("HOFSTROM_POSTGRES_BIN", ""),
        env=env,
        test_clock=_test_clock(environ, env),
    )


def _station_tls(environ: Mapping[str, str], host: str) -> dict[str, Any]:
    """How stations may come: plain, over TLS, under which names."""
    plain = environ.get("HOFSTROM_OCPP_PLAIN") or "private"
    if plain not in ("private", "off", "public"):
        raise BadSetting(f"HOFSTROM_OCPP_PLAIN is '{plain}': write private, off or public.")
    text = environ.get("HOFSTROM_OCPP_TLS_PORT", "")
    tls_port = _port(environ, "HOFSTROM_OCPP_TLS_PORT", DEFAULT_TLS_PORT) if text or not is_private(host) or plain == "off" else None
    certificate, key = environ.get("HOFSTROM_OCPP_TLS_CERTIFICATE", ""), environ.get("HOFSTROM_OCPP_TLS_KEY", "")
    if bool(certificate) != bool(key):
        raise BadSetting("HOFSTROM_OCPP_TLS_CERTIFICATE and HOFSTROM_OCPP_TLS_KEY go together: set both, or neither.")
    names = tuple(name.strip() for name in environ.get("HOFSTROM_OCPP_NAMES", "").split(",") if name.strip())
    return {"ocpp_tls_port": tls_port, "ocpp_plain": plain, "ocpp_names": names, "ocpp_tls_certificate": certificate,
            "ocpp_tls_key": key}  # fmt: skip


def is_private(host: str) -> bool:
    """Whether an address to listen on is this machine or a private network; a name other than localhost counts as public."""
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_private and not address.is_unspecified


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal() or int(text) > 65535:
        raise BadSetting(f"{name} is '{text}': write a port between 1 and 65535, or 0 for a free one.")
    return int(text)


def _whole(environ: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise BadSetting(f"{name} is '{text}': write a whole number from 1 to {most}.")
    return int(text)


def _url(environ: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str:
    text = environ.get(name, "").strip()
    if text and not text.startswith(schemes):
        raise BadSetting(f"{name} is not an address of the right kind: it begins with {' or '.join(schemes)}.")
    return text.rstrip("/") if name == "HOFSTROM_PUBLIC_URL" else text


def _secret(environ: Mapping[str, str]) -> bytes:
    text = environ.get("HOFSTROM_SECRET_KEY", "")
    if text and len(text) < 32:
        raise BadSetting("HOFSTROM_SECRET_KEY is too short: use at least 32 random characters, or leave it empty.")
    return text.encode()


def _test_clock(environ: Mapping[str, str], env: str) -> datetime | None:
    text = environ.get("HOFSTROM_TEST_CLOCK", "")
    if not text:
        return None
    if env != "test":
        raise BadSetting("HOFSTROM_TEST_CLOCK is set without HOFSTROM_ENV=test: remove it, or set both.")
    try:
        clock = datetime.fromisoformat(text)
    except ValueError:
        raise BadSetting(f"HOFSTROM_TEST_CLOCK is '{text}': write a time such as 2026-11-01T08:00:00Z.") from None
    if clock.tzinfo is None:
        raise BadSetting("HOFSTROM_TEST_CLOCK has no time zone: end it with Z.")
    return clock
