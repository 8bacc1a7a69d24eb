"""Installers order hardware from the list of meters: terms first, a mail within two days, delivery within fifteen."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from app.database.transaction import as_owner, execute, fetch, fetchrow
from app.kernel.errors import Refused
from app.onboarding import order_rules, orders
from app.onboarding.order_rules import OrderLine, check_lines, deadlines, late, state_of
from tests.accounts.test_access import NOW, Desk, desk, jobs

__all__ = ["desk"]
LINES = [{"article": "EM24", "quantity": 2}]


async def run_jobs(desk: Desk) -> None:
    """What the worker does."""
    for job in await jobs(desk.settings, "SELECT id, task_name, args FROM procrastinate.procrastinate_jobs ORDER BY id"):
        if job["id"] not in desk.done:
            desk.done.add(job["id"])
            await desk.worker.table()[job["task_name"]](**json.loads(job["args"]))


@pytest.mark.row("I15")
async def test_the_terms_of_sale_are_shown_and_accepted_with_the_first_order_and_the_day_is_kept(desk):
    path = f"/api/sites/{desk.site()}/orders"
    for locale in ("de", "fr", "it", "en", "nl"):
        shown = (await desk.ask("installer", "GET", f"/api/terms-of-sale?locale={locale}")).json()
        assert shown["version"] == orders.terms_version() and len(shown["paragraphs"]) == 6 and shown["accepted_at"] is None
    for body in ({"lines": LINES}, {"lines": LINES, "terms_version": "2020-01-01"}):
        refused = await desk.ask("installer", "POST", path, body)
        assert (refused.status_code, refused.json()["code"]) == (409, "terms_not_accepted")
        assert refused.json()["params"]["version"] == shown["version"]
    assert (await desk.ask("installer", "GET", path)).json()["orders"] == []
    first = await desk.ask("installer", "POST", path, {"lines": LINES, "terms_version": shown["version"]})
    assert first.status_code == 201, first.text
    desk.now = NOW + timedelta(days=1)
    assert (await desk.ask("installer", "POST", path, {"lines": LINES})).status_code == 201  # accepted once is accepted
    told = (await desk.ask("installer", "GET", "/api/terms-of-sale")).json()
    assert datetime.fromisoformat(told["accepted_at"]) == NOW
    async with as_owner():
        (kept,) = await fetch("SELECT login_id, terms_version, accepted_at FROM terms_acceptance")
    assert (kept["terms_version"], kept["accepted_at"]) == (shown["version"], NOW)
    # Another person of the same account accepts for themselves.
    assert (await desk.ask("operator", "POST", path, {"lines": LINES})).json()["code"] == "terms_not_accepted"


@pytest.mark.row("I18")
async def test_what_is_ordered_from_the_meters_is_confirmed_by_mail_within_two_days_and_delivered_within_fifteen(desk):
    site, version = desk.site(), orders.terms_version()
    path = f"/api/sites/{site}/orders"
    before = (await desk.ask("installer", "GET", path)).json()["proposed"]
    for serial, values in {"P-1": {"model": "EM24"}, "P-2": {"model": "EM24"}, "P-3": {"medium": "heat"},
                           "P-4": {"model": "EM24", "installed_on": "2026-10-01"}}.items():  # fmt: skip
        assert (
            await desk.ask("installer", "POST", f"/api/sites/{site}/meters", {"serial": serial, "kind": "use", **values})
        ).status_code == 201
    proposed = (await desk.ask("installer", "GET", path)).json()["proposed"]
    assert [line for line in proposed if line not in before] == [
        {"article": "EM24", "quantity": 2},
        {"article": "meter:heat", "quantity": 1},
    ]
    wanted = [{"article": "EM24", "quantity": 2}, {"article": "meter:heat", "quantity": 1}]
    made = await desk.ask("installer", "POST", path, {"lines": wanted, "terms_version": version, "comment": "Ring twice."})
    order_id = made.json()["id"]
    (order,) = (await desk.ask("support", "GET", path)).json()["orders"]
    assert (order["state"], order["late"], order["lines"], order["comment"]) == ("ordered", "", wanted, "Ring twice.")
    assert datetime.fromisoformat(order["confirm_by"]) == NOW + timedelta(hours=48) and order["deliver_by"] == "2026-12-05"
    desk.now = NOW + timedelta(hours=1)
    for _ in range(2):
        await run_jobs(desk)
        await desk.worker.hardware_ordered(str(desk.described["accounts"][0]["id"]), order_id)
    async with as_owner():
        mail = await fetchrow("SELECT id, recipient, sent_at FROM delivery WHERE event_key = $1", f"order:{order_id}")
    assert mail is not None and mail["recipient"] == desk.login("installer")["email"]
    assert mail["sent_at"] <= NOW + timedelta(hours=48)
    (order,) = (await desk.ask("installer", "GET", path)).json()["orders"]
    assert (order["state"], datetime.fromisoformat(order["confirmed_at"])) == ("confirmed", NOW + timedelta(hours=1))
    assert (await desk.ask("installer", "POST", f"/api/orders/{order_id}/delivered", {"day": "2026-11-20"})).status_code == 403
    desk.now = datetime(2026, 12, 6, 9, tzinfo=UTC)
    (order,) = (await desk.ask("operator", "GET", path)).json()["orders"]
    assert order["late"] == "delivery"
    ahead = await desk.ask("operator", "POST", f"/api/orders/{order_id}/delivered", {"day": "2026-12-07"})
    assert ahead.json()["code"] == "day_ahead"
    for _ in range(2):
        arrived = await desk.ask("operator", "POST", f"/api/orders/{order_id}/delivered", {"day": "2026-12-05"})
        assert arrived.status_code == 204
    (order,) = (await desk.ask("operator", "GET", path)).json()["orders"]
    assert (order["state"], order["late"], order["delivered_on"]) == ("delivered", "", "2026-12-05")
    assert (await desk.ask("operator", "POST", f"/api/orders/{order_id}/cancel", {"reason": "x"})).json()["code"] == "answered_already"


async def test_an_order_that_is_called_off_is_neither_mailed_nor_late(desk):
    path = f"/api/sites/{desk.site()}/orders"
    made = await desk.ask("installer", "POST", path, {"lines": LINES, "terms_version": orders.terms_version()})
    cancel = f"/api/orders/{made.json()['id']}/cancel"
    assert (await desk.ask("operator", "POST", cancel, {"reason": " "})).json()["code"] == "reason_needed"
    for _ in range(2):
        assert (await desk.ask("operator", "POST", cancel, {"reason": "Ordered twice."})).status_code == 204
    await run_jobs(desk)
    desk.now = NOW + timedelta(days=30)
    (order,) = (await desk.ask("installer", "GET", path)).json()["orders"]
    assert (order["state"], order["late"], order["reason"]) == ("cancelled", "", "Ordered twice.")
    async with as_owner():
        assert await fetchrow("SELECT 1 FROM delivery WHERE event_key = $1", f"order:{made.json()['id']}") is None
        await execute("UPDATE hardware_order SET cancelled_at = NULL")
    (order,) = (await desk.ask("installer", "GET", path)).json()["orders"]
    assert order["late"] == "delivery"


def test_an_order_is_late_with_its_confirmation_after_two_days_and_with_its_delivery_after_fifteen():
    confirm_by, deliver_by = deadlines(NOW, "Europe/Zurich")
    assert (confirm_by - NOW, deliver_by) == (timedelta(hours=48), date(2026, 12, 5))
    ordered, confirmed = state_of(None, None, None), state_of(NOW, None, None)
    assert [late(ordered, confirm_by, deliver_by, confirm_by + step) for step in (timedelta(0), timedelta(seconds=1))] == [
        "",
        "confirmation",
    ]
    assert [late(confirmed, confirm_by, deliver_by, datetime(2026, 12, day, 9, tzinfo=UTC)) for day in (5, 6)] == ["", "delivery"]
    assert order_rules.late(state_of(NOW, date(2026, 12, 9), None), confirm_by, deliver_by, datetime(2027, 1, 1, tzinfo=UTC)) == ""


@pytest.mark.parametrize(
    ("lines", "code"),
    [([], "nothing_ordered"), ([OrderLine(" ", 1)], "nothing_ordered"), ([OrderLine("A", 0)], "bad_quantity"),
     ([OrderLine("A", 1000)], "bad_quantity"), ([OrderLine("A", 1), OrderLine("a ", 1)], "bad_quantity")],
)  # fmt: skip
def test_an_order_has_articles_with_quantities_and_each_article_once(lines, code):
    with pytest.raises(Refused) as refused:
        check_lines(lines)
    assert refused.value.code == code
