"""A whole running house (`hofstrom up` on free ports), and a phone-sized Chromium whose camera sees a QR code."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import segno
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from tests.stripe_double import SECRET, StripeDouble, stripe_double

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "test-results" / "pictures"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
]  # fmt: skip
UP_SECONDS = 240


@dataclass(frozen=True)
class House:
    """A running installation."""

    data: Path
    url: str
    described: dict[str, Any]
    process: subprocess.Popen[bytes]
    stripe: StripeDouble

    def hofstrom(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the operator's against it."""
        environment = {**os.environ, "HOFSTROM_DATA": str(self.data), "HOFSTROM_PUBLIC_URL": self.url}
        command = [sys.executable, "-m", "app.cli", *args]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    def login(self, role: str) -> dict[str, Any]:
        """The login of a role in the first account."""
        return next(login for login in self.described["accounts"][0]["logins"] if login["role"] == role)

    def station(self, number: int) -> dict[str, Any]:
        """A station of the first house."""
        found: dict[str, Any] = self.described["accounts"][0]["sites"][0]["stations"][number]
        return found


@pytest.fixture(scope="package")
def stripe() -> Iterator[StripeDouble]:
    """Where cards are entered."""
    with stripe_double() as double:
        yield double


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory, stripe: StripeDouble) -> Iterator[House]:
    """`hofstrom up` with an empty data folder, stopped by Ctrl-C at the end."""
    data = tmp_path_factory.mktemp("house")
    cards = {"STRIPE_SECRET_KEY": "sk_of_the_tests", "STRIPE_WEBHOOK_SECRET": SECRET, "STRIPE_API_BASE": stripe.url}
    environment = {**os.environ, **cards, "HOFSTROM_DATA": str(data), "HOFSTROM_HTTP_PORT": "0", "HOFSTROM_OCPP_PORT": "0"}
    with (data / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "up"], cwd=ROOT, env=environment, stdout=log, stderr=log, process_group=0
        )
    ready = data / "ready.json"
    deadline = time.monotonic() + UP_SECONDS
    while not ready.exists():
        assert process.poll() is None and time.monotonic() < deadline, (data / "up.log").read_text()
        time.sleep(0.05)
    url = json.loads(ready.read_text())["http"]
    running = House(data, url, {}, process, stripe)
    described = json.loads(running.hofstrom("demo", "--json").stdout)
    yield House(data, url, described, process, stripe)
    process.send_signal(signal.SIGINT)
    process.wait(30)
    assert not ready.exists()


@pytest.fixture(scope="package")
def camera(house: House, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the phone's camera sees: the QR code of the first station."""
    folder = tmp_path_factory.mktemp("camera")
    segno.make_qr(house.station(0)["qr_url"]).save(str(folder / "qr.png"), scale=8, border=4)
    filters = "scale=360:360:flags=neighbor,pad=640:480:(ow-iw)/2:(oh-ih)/2:white,format=yuv420p"
    command = ["ffmpeg", "-loglevel", "error", "-loop", "1", "-i", "qr.png", "-vf", filters, "-t", "2", "-r", "10", "qr.y4m"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "qr.y4m"


@pytest.fixture(scope="package")
def playwright_of_tests() -> Iterator[Playwright]:
    """Gone with the package: while it is there, its loop keeps asyncio from running in this process."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def browser(playwright_of_tests: Playwright, camera: Path) -> Iterator[Browser]:
    """Debian's Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    arguments = [*FLAGS, f"--use-file-for-fake-video-capture={camera}"]
    launched = playwright_of_tests.chromium.launch(executable_path=chromium, args=arguments)
    yield launched
    launched.close()


@pytest.fixture
def phone(browser: Browser, house: House) -> Iterator[BrowserContext]:
    """A phone that speaks German."""
    context = browser.new_context(
        base_url=house.url, viewport={"width": 390, "height": 844}, locale="de-CH", permissions=["camera"], device_scale_factor=2
    )
    context.set_default_timeout(20_000)
    yield context
    context.close()


@pytest.fixture
def desk(browser: Browser, house: House) -> Iterator[BrowserContext]:
    """A desktop that speaks English; the page's policy is set aside so that axe can be put into it."""
    context = browser.new_context(base_url=house.url, viewport={"width": 1440, "height": 900}, locale="en-GB", bypass_csp=True)
    context.set_default_timeout(20_000)
    yield context
    context.close()


def picture(page: Page, name: str) -> None:
    """Keep what the page looks like."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")


def sign_in(page: Page, login: dict[str, Any]) -> None:
    """Fill in the form."""
    page.get_by_test_id("email").fill(login["email"])
    page.get_by_test_id("password").fill(login["password"])
    page.get_by_test_id("sign-in").click()
