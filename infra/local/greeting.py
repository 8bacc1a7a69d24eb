"""What a person sees at the terminal: progress, the addresses, the demo logins, a QR code."""

import contextlib
import io
from typing import Any

import qrcode

from app.kernel.settings import Settings
from infra.demo.seed import PASSWORD


def say(text: str) -> None:
    """One line of progress. A terminal that was closed meanwhile must not keep the parts from being stopped."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


def greet(settings: Settings, described: dict[str, Any], seconds: float) -> None:
    """Say that everything is up, and how to begin."""
    say(f"\nHofstrom is up ({seconds:.1f} s).\n  Pages     {settings.public_url}")
    say(f"  Stations  ws://127.0.0.1:{settings.ocpp_port}/ocpp/STATION_ID")
    if described:
        _greet_guests(described)
    say("Ctrl-C stops everything and keeps the data.")


def _greet_guests(described: dict[str, Any]) -> None:
    account = described["accounts"][0]
    for login in account["logins"]:
        if login["role"] in ("resident", "owner", "operator"):
            say(f"  {login['role']:<9} {login['email']}  password {PASSWORD}")
    link = account["sites"][0]["stations"][0]["qr_url"]
    code = qrcode.QRCode(border=1)
    code.add_data(link)
    drawn = io.StringIO()
    code.print_ascii(out=drawn, invert=True)
    say(f"\nScan to charge at the demo station, or open {link}\n{drawn.getvalue().rstrip()}")
