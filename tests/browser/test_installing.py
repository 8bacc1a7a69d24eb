"""A house installed on a phone in its basement: every kind of device, with the link cut and restored, checked and handed over."""

import io
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import House
from tests.browser.console import enter, seen

SOUND = {"voltage_mv": [231_000, 232_000, 233_000]}
# What the installer types; `yes` tests are all in order.
TYPED = {
    "signal_dbm": "-92", "ip": "10.0.0.7", "answering": "1, 2, 3", "ssid": "Haus", "channel": "6", "address": "3", "start_index": "12345.678",
    "on_w": "800", "off_w": "0", "shown_name": "Laundry",
}  # fmt: skip


class Desk:
    """The server as somebody with a token sees it."""

    def __init__(self, house: House, browser: Browser) -> None:
        self.context = browser.new_context(base_url=house.url)
        self.installer = house.login("installer")["token"]

    def call(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        headers = {"authorization": f"Bearer {token or self.installer}"}
        answer = self.context.request.fetch(path, method=method, headers=headers, data=body)
        assert answer.ok, answer.text()
        return answer.json() if answer.body() else None


def make_house(desk: Desk) -> tuple[str, str]:
    """A house with one of each kind that needs no station. Returns (site, the gateway's token)."""
    form = {"name": "Kellerhaus", "street": "L 2", "postcode": "8000", "city": "Z"}
    site = desk.call("POST", "/api/sites", form)["id"]
    base = f"/api/sites/{site}"
    gateway = desk.call("POST", f"{base}/gateways", {"serial": "GW-BASEMENT", "name": "Cellar"})["id"]
    on_bus = {"gateway_id": gateway}
    desk.call("POST", f"{base}/meters", {"serial": "KE-1", "name": "Flat", "kind": "use", "bus_address": 1, **on_bus})
    desk.call("POST", f"{base}/meters", {"serial": "KP-2", "name": "Roof", "kind": "production", "bus_address": 2, **on_bus})
    desk.call("POST", f"{base}/meters", {"serial": "KR-3", "name": "Washer", "kind": "use", "relay": True, "bus_address": 3, **on_bus})
    desk.call("POST", f"{base}/meters", {"serial": "KS-4", "name": "Shelly", "kind": "use", "relay": True, "address": "s4", **on_bus})
    desk.call("POST", f"{base}/meters", {"serial": "KH-5", "name": "Heat", "kind": "use", "medium": "heat", "bus_address": 3, **on_bus})
    devices: list[dict[str, Any]] = [
        {"kind": "router", "uplink": "4g", "sim": "894100000000000077", "serial": "R4G-1", "name": "Router 4G"},
        {"kind": "router", "uplink": "lan", "serial": "RLAN-1", "name": "Router LAN"},
        {"kind": "rs485_converter", "name": "RS485", "gateway_id": gateway}, {"kind": "mbus_converter", "name": "M-Bus", "gateway_id": gateway},
        {"kind": "switch", "name": "Switch"}, {"kind": "access_point", "name": "AP cellar"},
        {"kind": "relay_module", "name": "Relays", "outputs": [{"position": n, "label": f"Out {n}", "drives": "other"} for n in range(1, 5)]},
        {"kind": "reader", "keypad": False, "serial": "RD-1", "name": "Reader", "place": "Laundry"},
    ]  # fmt: skip
    for device in devices:
        desk.call("POST", f"{base}/devices", device)
    desk.call("POST", f"{base}/status", {"status": "installing"})
    return site, desk.call("POST", f"{base}/gateway-tokens", {"name": "Cellar"})["token"]


def photo() -> dict[str, Any]:
    out = io.BytesIO()
    Image.effect_mandelbrot((1200, 900), (-2, -1.2, 1, 1.2), 60).convert("RGB").save(out, "JPEG")
    return {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def install(page: Page, kind: str, picture: dict[str, Any], number: int) -> None:
    """A device's step: its tests in order, its values, a photo."""
    expect(page.get_by_role("link", name="All devices")).to_be_visible()  # the step is drawn, with all that it asks
    for box in page.locator("input[type=radio][data-testid$='-yes']").all():
        box.check()
    ports = 0
    for box in page.locator("input[data-testid^='ask-']").all():
        name = (box.get_attribute("data-testid") or "").removeprefix("ask-")
        ports += name.startswith("port_")
        box.fill(str(ports) if name.startswith("port_") else "3" if (kind, name) == ("mbus_converter", "answering") else TYPED[name])
    if page.get_by_test_id("save").count():
        page.get_by_test_id("save").click()
        expect(page.get_by_test_id("queue")).to_contain_text(f"{number + 1} entries and photos")
    page.get_by_test_id("photo-input").set_input_files(picture)
    expect(page.get_by_test_id("photo-waiting")).to_have_count(1)


def ready_for_offline(page: Page, site: str) -> None:
    """The service worker has what these pages need."""
    page.wait_for_function(
        """async (site) => {
            const found = await Promise.all(['/api/me', `/api/sites/${site}/install`, `/api/sites/${site}/meter-control`]
                .map((path) => caches.match(path)));
            const names = performance.getEntriesByType('resource').map((one) => new URL(one.name)).filter((url) =>
                url.pathname.startsWith('/assets/'));
            return found.every(Boolean) && (await Promise.all(names.map((url) => caches.match(url.pathname)))).every(Boolean);
        }""",
        arg=site,
    )


@pytest.mark.row("I29")
@pytest.mark.row("I30")
@pytest.mark.row("I32")
@pytest.mark.row("I34")
@pytest.mark.row("I35")
@pytest.mark.row("I36")
@pytest.mark.row("I39")
@pytest.mark.row("I40")
@pytest.mark.row("I41")
@pytest.mark.row("I42")
def test_a_house_is_installed_in_a_basement_without_a_network_and_handed_over(browser: Browser, house: House):
    desk = Desk(house, browser)
    site, token = make_house(desk)
    phone = browser.new_context(base_url=house.url, viewport={"width": 390, "height": 844}, bypass_csp=True, has_touch=True)
    phone.set_default_timeout(20_000)
    page = enter(phone, house, "installer", f"/console/sites/{site}/install")
    expect(page.get_by_test_id("progress")).to_contain_text("0 of 14")
    ready_for_offline(page, site)
    phone.set_offline(True)
    picture, waiting = photo(), 0
    kinds = [(one.get_attribute("data-testid") or "").removeprefix("device-") for one in page.locator("ol.steps a").all()]
    assert len(kinds) == 14
    for place, kind in enumerate(kinds):
        page.locator("ol.steps a").nth(place).click()
        if kind == "router_4g":
            page.get_by_test_id("ask-signal_dbm").fill("-112")
            expect(page.get_by_test_id("weak")).to_contain_text("antenna extension")
        install(page, kind, picture, waiting)
        waiting += 1 + page.get_by_test_id("save").count()
        page.get_by_role("link", name="All devices").click()
        expect(page.get_by_test_id("queue")).to_contain_text(f"{waiting} entries and photos wait")
        expect(page.locator("ol.steps a").nth(place)).to_have_attribute("data-state", "waits")
    # The phone goes off and on again in the basement: everything is still there.
    page.reload()
    expect(page.get_by_test_id("queue")).to_contain_text(f"{waiting} entries and photos wait")
    seen(page, "install-offline")
    page.set_viewport_size({"width": 390, "height": 844})
    assert all(not one["photos"] and not one["facts"] for one in desk.call("GET", f"/api/sites/{site}/install")["steps"])
    phone.set_offline(False)
    expect(page.get_by_test_id("queue")).to_have_count(0, timeout=60_000)
    steps = desk.call("GET", f"/api/sites/{site}/install")["steps"]
    assert {one["name"]: len(one["photos"]) for one in steps} == {one["name"]: 1 for one in steps}
    still = {one["name"]: [point["code"] for point in one["open"]] for one in steps if one["open"]}
    assert still == {name: ["not_seen"] for name in ("Cellar", "Flat", "Roof", "Washer", "Shelly")}
    heat = next(one for one in steps if one["name"] == "Heat")
    assert heat["facts"] == {"address": 3, "start_index": 12_345_678}
    hand_over(page, desk, site, token)
    phone.close()


def hand_over(page: Page, desk: Desk, site: str, token: str) -> None:
    """The gateway speaks, the meters are checked, the house is handed over."""
    page.reload()
    expect(page.get_by_test_id("not-ready")).to_contain_text("10 points")
    page.get_by_test_id("hand-over").click()
    expect(page.get_by_test_id("notice")).to_contain_text("cannot be handed over yet")
    seen(page, "install")
    use, made = {"power_w": [300, 310, 320], "export": 0, **SOUND}, {"power_w": [-900, 900, -900], **SOUND}
    moment: dict[str, Any] = {
        "gateway": "GW-BASEMENT", "meters": [{"meter": "KP-2", **made}, *[{"meter": name, **use} for name in ("KE-1", "KR-3", "KS-4")]],
        "searches": [{"bus": "mbus", "addresses": [3]}, {"bus": "modbus", "addresses": [1, 2, 3]}],
    }  # fmt: skip
    tell(desk, site, token, moment)
    page.reload()
    gateway = page.get_by_test_id("device-gateway")
    expect(gateway.get_by_test_id("seen")).to_have_attribute("data-live", "true")
    expect(gateway).to_have_attribute("data-state", "done")
    page.get_by_test_id("device-mbus_converter").click()
    expect(page.get_by_test_id("scan")).to_contain_text("3 Heat")
    expect(page.get_by_test_id("step-done")).to_be_visible()
    seen(page, "install-step")
    page.goto(f"/console/sites/{site}/meter-control")
    roof = page.locator("[data-serial='KP-2']")
    expect(roof.locator("[data-check='5']")).to_contain_text("L2 shows 900 W: grid and PV are swapped")
    page.get_by_test_id("run-checks").click()
    expect(page.get_by_test_id("notice")).to_contain_text("3 of 5 meters passed")
    seen(page, "meter-control")
    moment["meters"][0]["power_w"] = [-900, -800, -900]
    tell(desk, site, token, moment)
    reading = {"meter": "KH-5", "at": desk.call("GET", f"/api/sites/{site}/install")["told_at"], "import": 12_345_700, "unit": "Wh"}
    desk.call("POST", "/api/gateway/readings", {"readings": [reading]}, token)
    page.get_by_test_id("run-checks").click()
    expect(page.get_by_test_id("notice")).to_contain_text("5 of 5 meters passed")
    page.goto(f"/console/sites/{site}/install")
    page.get_by_test_id("hand-over").click()
    expect(page.get_by_test_id("notice")).to_contain_text("handed over")
    expect(page.get_by_test_id("handover")).to_contain_text("to verify")


def tell(desk: Desk, site: str, token: str, moment: dict[str, Any]) -> None:
    """What the gateway says now, by the server's clock."""
    at = desk.call("GET", f"/api/sites/{site}/install")["told_at"]
    told = desk.call("POST", "/api/gateway/live", {**moment, "meters": [{"at": at, **one} for one in moment["meters"]]}, token)
    assert told["unknown"] == []
