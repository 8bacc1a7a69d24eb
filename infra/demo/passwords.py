"""The password of a demo station, the same at every start: derived from the installation's secret, never stored."""

import base64
import hashlib
import hmac


def station_password(secret_key: bytes, identity: str) -> str:
    """Twenty letters and digits (100 bits) for a station's Basic authentication."""
    digest = hmac.new(secret_key, f"demo-station:{identity}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode()[:20]
