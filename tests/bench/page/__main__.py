"""`make bench-page`: what each page loads over the wire and how soon a slow phone shows and obeys it.

Everything that an installation runs is started by this program. Each page is opened three times in a fresh Chromium whose network
and processor are slowed as Lighthouse does for a phone (1.6 Mbit/s, 150 ms, a quarter of the processor); the median counts. The page
that Lighthouse itself judges needs its command (`npm install --global lighthouse`); without it its figures are null. The last line is
one JSON object. `--short` is a trial of one page, opened once.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.bench.start.__main__ import commit, say
from tests.infra.local.conftest import Installation

PAGES = {
    "signin": "/signin", "home": "/", "charge": "/charge", "place": "/c/DEMO1X", "usage": "/usage", "bills": "/bills", "account": "/account",
    "owner": "/owner", "console": "/console",
}  # fmt: skip
ROLES = {"owner": "owner", "console": "operator"}
CATEGORIES = {"performance": "performance", "accessibility": "accessibility", "best-practices": "best_practices", "seo": "seo"}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SLOW = {"offline": False, "latency": 150, "downloadThroughput": 1_600_000 / 8, "uploadThroughput": 750_000 / 8}
QUIET_MS, LONG_MS = 1_500, 50
WATCH = """
window.seen = { lcp: 0, cls: 0, long: [] };
new PerformanceObserver((list) => { for (const one of list.getEntries()) seen.lcp = one.startTime; }).observe({ type: 'largest-contentful-paint', buffered: true });
new PerformanceObserver((list) => { for (const one of list.getEntries()) if (!one.hadRecentInput) seen.cls += one.value; }).observe({ type: 'layout-shift', buffered: true });
new PerformanceObserver((list) => { for (const one of list.getEntries()) seen.long.push([one.startTime, one.duration]); }).observe({ type: 'longtask', buffered: true });
"""


def session_of(browser: Browser, url: str, login: dict[str, Any]) -> Any:
    """Sign in once; the cookies serve every opening."""
    context = browser.new_context(base_url=url)
    page = context.new_page()
    page.goto("/signin")
    page.get_by_test_id("email").fill(login["email"])
    page.get_by_test_id("password").fill(login["password"])
    page.get_by_test_id("sign-in").click()
    page.wait_for_url(lambda address: "signin" not in address)
    state = context.storage_state()
    context.close()
    return state


def opened(browser: Browser, url: str, path: str, state: Any) -> dict[str, float]:
    """The figures of one opening with nothing cached."""
    context = browser.new_context(
        base_url=url, viewport={"width": 390, "height": 844}, device_scale_factor=2, storage_state=state, service_workers="block"
    )
    try:
        return _measured(context, context.new_page(), path)
    finally:
        context.close()


def _measured(context: BrowserContext, page: Page, path: str) -> dict[str, float]:
    page.add_init_script(WATCH)
    line = context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", SLOW)
    line.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    kinds: dict[str, str] = {}
    bytes_of: dict[str, float] = {}
    line.on("Network.responseReceived", lambda event: kinds.update({event["requestId"]: event["type"]}))
    line.on("Network.loadingFinished", lambda event: bytes_of.update({event["requestId"]: event["encodedDataLength"]}))
    page.goto(path)
    page.locator("main h1").first.wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(QUIET_MS)
    seen = page.evaluate("({ ...seen, fcp: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0 })")
    late = [(start, length) for start, length in seen["long"] if start + length > seen["fcp"]]
    kb = {kind: sum(size for key, size in bytes_of.items() if kinds.get(key) == kind) / 1000 for kind in ("Script", "Stylesheet")}
    return {
        "js_kb": kb["Script"], "css_kb": kb["Stylesheet"], "first_load_kb": sum(bytes_of.values()) / 1000, "lcp_s": seen["lcp"] / 1000,
        "tti_s": max([seen["fcp"], *(start + length for start, length in late)]) / 1000,
        "tbt_ms": sum(max(0.0, length - LONG_MS) for _, length in late), "cls": seen["cls"],
    }  # fmt: skip


def lighthouse(url: str) -> dict[str, int | None]:
    """Lighthouse's own marks of a page that needs no sign-in; null where its command is not there."""
    program = shutil.which("lighthouse")
    if program is None:
        return dict.fromkeys(CATEGORIES.values())
    chrome = shutil.which("chromium") or ""
    command = [program, url, "--output=json", "--quiet", "--form-factor=mobile", "--throttling-method=simulate",
               f"--chrome-flags=--headless {' '.join(FLAGS)}"]  # fmt: skip
    done = subprocess.run(command, env={**os.environ, "CHROME_PATH": chrome}, capture_output=True, text=True, check=True, timeout=180)
    found = json.loads(done.stdout)["categories"]
    return {name: round(100 * found[key]["score"]) for key, name in CATEGORIES.items()}


def measure(house: Installation, pages: dict[str, str], times: int) -> dict[str, Any]:
    """Open every page. `house` is up."""
    made = house.run("demo", "--json")
    if made.returncode:
        raise RuntimeError(made.stderr)
    logins = {login["role"]: login for login in json.loads(made.stdout)["accounts"][0]["logins"]}
    url, report = house.ready()["http"], {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        states = {role: session_of(browser, url, logins[role]) for role in {ROLES.get(name, "resident") for name in pages}}
        for name, path in pages.items():
            say(f"· {name}")
            state = None if name == "signin" else states[ROLES.get(name, "resident")]
            runs = [opened(browser, url, path, state) for _ in range(times)]
            report[name] = {key: round(statistics.median(run[key] for run in runs), 3) for key in runs[0]}
        browser.close()
    return {
        "name": "bench-page", "pages": report, "lighthouse": lighthouse(f"{url}/signin"), "commit": commit(), "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-page", description=__doc__)
    parser.add_argument("--short", action="store_true")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended, whoever stops the run
    folder = Path(tempfile.mkdtemp(prefix="hs-bench-", dir="/tmp"))
    folder.chmod(0o755)
    house = Installation(folder / "data")
    try:
        say("· the house")
        house.up("--no-demo")
        report = measure(house, *(({"signin": "/signin"}, 1) if args.short else (PAGES, 3)))
    finally:
        house.tidy()
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
