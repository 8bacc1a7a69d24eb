"""How people go about in the console, and what each page is held against: axe, and pictures that somebody looks at."""

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import ROOT, House, picture, sign_in

AXE = (ROOT / "pwa/node_modules/axe-core/axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = ((390, 844), (1440, 900))


def enter(context: BrowserContext, house: House, role: str, path: str = "/console") -> Page:
    """Sign in and open a page of the console."""
    page = context.new_page()
    page.goto("/signin")
    page.evaluate("localStorage.setItem('locale', 'en')")
    page.reload()
    sign_in(page, house.login(role))
    page.wait_for_url(lambda url: "signin" not in url)
    page.goto(path)
    return page


def site_of(house: House) -> str:
    """The first site of the first account."""
    found: str = house.described["accounts"][0]["sites"][0]["id"]
    return found


def seen(page: Page, name: str) -> None:
    """Keep the page's picture in both sizes and schemes, and find nothing that bars people by axe's rules."""
    found: list[str] = []
    expect(page.locator("main h1")).to_be_visible()
    for width, height in SIZES:
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            picture(page, f"console-{name}-{width}-{scheme}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name}: wider than {width}"
            if (width == min(SIZES)[0]) != (scheme == "light"):
                continue  # the phone in the light, the desktop in the dark: both schemes, half the time
            # Higher than the page, however long its lists have grown: nothing may lie under the bar at the bottom.
            page.set_viewport_size({"width": width, "height": height})
            length = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({"width": width, "height": length + 2 * height})
            page.evaluate(AXE)
            answer = page.evaluate("rules => axe.run({ runOnly: rules })", RULES)
            found += [f"{name} {width} {scheme}: {one['id']}: {one['nodes'][0]['html']}" for one in answer["violations"]]
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light")
    assert found == [], found


def new_person(page: Page, given: str, family: str) -> None:
    """The fields that a new account needs; the address is that of the site where one is known."""
    page.get_by_label("Given name").fill(given)
    page.get_by_label("Family name").fill(family)
    page.get_by_label("E-mail").fill(f"{given}.{family}@example.org".lower())
    for label, value in {"Street": "Lindenweg 4", "Postcode": "8004", "City": "Zürich"}.items():
        if not page.get_by_label(label).input_value():
            page.get_by_label(label).fill(value)


def move(page: Page, given: str, family: str, *, leaves: str, enters: str, gap: str) -> None:
    """Register a move of somebody who has no account yet."""
    page.get_by_test_id("move").click()
    form = page.get_by_test_id("move-form")
    form.get_by_label("Last day of").fill(leaves)
    form.get_by_test_id("new-account").click()
    new_person(page, given, family)
    form.get_by_label("Entry day").fill(enters)
    if gap:
        expect(form.get_by_test_id("gap")).to_contain_text(gap)
    else:
        expect(form.get_by_test_id("gap")).to_have_count(0)
    form.get_by_test_id("send").click()
    expect(page.get_by_test_id("present")).to_contain_text(f"{given} {family}")
