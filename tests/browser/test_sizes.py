"""What a phone has to load: the budgets of the pages, in gzip where not said otherwise, read from the build itself."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import ROOT

DIST = ROOT / "pwa" / "dist"
FIRST_JS, FIRST_CSS, FIRST_LOAD, LAZY, CONSOLE, WASM = 45_000, 10_000, 90 * 1024, 35_000, 120_000, 330_000
CHUNKS: dict[str, dict[str, Any]] = json.loads((DIST / ".vite/manifest.json").read_text())
LOCALES = ("de", "en", "fr", "it", "nl")
ROUTES = sorted(key for key in CHUNKS if key.startswith("src/routes/"))
SCREENS = sorted(key for key in CHUNKS if key.startswith("src/console/") and key != "src/console/Console.svelte")


def closure(*keys: str) -> set[str]:
    """The files that these chunks load before they run."""
    found: set[str] = set()
    wanted, seen = list(keys), set()
    while wanted:
        key = wanted.pop()
        if key in seen:
            continue
        seen.add(key)
        chunk = CHUNKS[key]
        found |= {chunk["file"], *chunk.get("css", [])}
        wanted += chunk.get("imports", [])
    return found


def weight(files: set[str], ending: str) -> int:
    """Their size over the wire."""
    return sum(len(gzip.compress((DIST / name).read_bytes())) for name in files if name.endswith(ending))


def first(locale: str) -> set[str]:
    """What the start page of a resident loads."""
    return closure("index.html", "src/routes/Home.svelte", f"src/locales/{locale}.json")


def test_the_pages_are_built():
    assert len(ROUTES) >= 15
    assert len(SCREENS) >= 10


@pytest.mark.parametrize("locale", LOCALES)
def test_the_first_page_is_light(locale):
    files = first(locale)
    assert weight(files, ".js") <= FIRST_JS
    assert weight(files, ".css") <= FIRST_CSS
    assert weight(files, "") + len(gzip.compress((DIST / "index.html").read_bytes())) + (DIST / "icon.svg").stat().st_size <= FIRST_LOAD


@pytest.mark.parametrize("route", ROUTES)
def test_a_page_adds_little(route):
    assert weight(closure(route) - closure("index.html"), ".js") <= LAZY


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_of_the_console_stays_within_its_budget(screen):
    files = closure("index.html", "src/console/Console.svelte", screen, "src/locales/de.json", "src/locales/console/de.json")
    assert weight(files, ".js") <= CONSOLE


def test_residents_load_nothing_of_the_console_not_even_for_offline():
    worker = (DIST / "sw.js").read_text()
    shell = set(json.loads(worker[worker.index("[") : worker.index("];") + 1]))
    own = {f"/{CHUNKS[key]['file']}" for key in CHUNKS if re.match(r"src/(console|locales/console)/", key)}
    assert own
    assert not own & shell
    assert {f"/{name}" for name in first("de")} <= shell


def test_the_camera_reader_is_loaded_when_it_is_needed():
    wasm = [Path(path) for path in DIST.glob("assets/*.wasm.br")]
    assert [path.stat().st_size <= WASM for path in wasm] == [True]
