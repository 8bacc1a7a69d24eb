"""What owners reach, what only installers do, and what the platform's administration shows to superadmins alone."""

import pytest

from tests.accounts.test_access import Desk, desk

__all__ = ["desk"]


@pytest.mark.row("I47")
async def test_only_an_installer_enters_meters_and_owner_and_operator_rename_them_and_no_more(desk: Desk):
    path, form = f"/api/sites/{desk.site()}/meters", {"kind": "production", "serial": "PV-1"}
    for role in ("superadmin", "operator", "owner", "proxy", "support", "resident"):
        assert (await desk.ask(role, "POST", path, form)).status_code == 403
    meter = (await desk.ask("installer", "POST", path, form)).json()["id"]
    version = 1
    for role in ("owner", "proxy", "operator", "installer"):
        change = f"/api/meters/{meter}"
        assert (await desk.ask(role, "PATCH", change, {"version": version, "name": f"Dach {role}"})).json() == {"version": version + 1}
        late = await desk.ask(role, "PATCH", change, {"version": version, "name": "Keller"})
        assert (late.status_code, late.json()["code"]) == (409, "changed_meanwhile")
        version += 1
        refused = await desk.ask(role, "PATCH", change, {"version": version, "name": "x", "serial": "OTHER"})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    assert (await desk.ask("support", "PATCH", f"/api/meters/{meter}", {"version": version, "name": "x"})).status_code == 403
    (found,) = (await desk.ask("owner", "GET", path)).json()
    assert (found["serial"], found["kind"], found["name"]) == ("PV-1", "production", "Dach installer")


@pytest.mark.row("A03")
@pytest.mark.row("A26")
@pytest.mark.row("A29")
async def test_a_sites_parameters_and_all_that_is_agreed_are_seen_by_its_owner_and_set_by_the_operator(desk: Desk):
    path = f"/api/sites/{desk.site()}"
    page = (await desk.ask("owner", "GET", path)).json()
    assert {"time_zone", "currency", "vat_liable", "languages"} <= set(page["site"]) and page["site"]["currency"] == "CHF"
    change = {"version": page["site"]["version"], "time_zone": "Europe/Brussels", "vat_liable": True, "languages": ["fr", "nl"]}
    assert (await desk.ask("owner", "PATCH", path, change)).status_code == 403
    assert (await desk.ask("operator", "PATCH", path, change)).status_code == 200
    for name, wrong, code in (
        ("time_zone", "Moon/Base", "bad_time_zone"),
        ("languages", ["xx"], "invalid_input"),
        ("currency", "EUR", "invalid_input"),
    ):
        assert (await desk.ask("operator", "PATCH", path, {"version": change["version"] + 1, name: wrong})).json()["code"] == code
    assert (await desk.ask("operator", "POST", f"{path}/method", {"method": "owner_statements", "first": "2027-01-01"})).status_code == 204
    fee = {
        "label": "Verwaltung",
        "amount": "4.5000",
        "unit": "billing_point",
        "payer": "owner",
        "first": "2026-12-01",
        "last": "2027-11-30",
    }
    assert (await desk.ask("operator", "POST", f"{path}/conditions", fee)).status_code == 201
    for role in ("owner", "proxy", "operator", "support", "installer"):
        page = (await desk.ask(role, "GET", path)).json()
        assert {name: page["site"][name] for name in ("time_zone", "vat_liable", "languages")} == {
            name: change[name] for name in ("time_zone", "vat_liable", "languages")}  # fmt: skip
        assert [row["method"] for row in page["methods"]] == ["operator_bills", "owner_statements"]
        found = next(row for row in page["conditions"] if row["label"] == "Verwaltung")
        assert {name: found[name] for name in fee} == fee
        assert [row["kind"] for row in page["stakeholders"]].count("owner") == 1 and page["solutions"][0]["first"] is not None
    for role in ("owner", "operator"):
        assert (await desk.ask(role, "GET", f"/api/sites/{desk.site(0, 1)}")).status_code == 404
    assert (await desk.ask("resident", "GET", path)).status_code == 403


@pytest.mark.row("O07")
async def test_an_iban_is_checked_and_a_change_holds_once_a_second_person_confirms_it_and_is_logged(desk: Desk):
    owner = desk.login("owner")["person_id"]
    path, first, second = f"/api/people/{owner}/iban", "CH56 0483 5012 3456 7800 9", "BE71096123456769"
    before = (await desk.ask("owner", "GET", path)).json()["iban"]
    for wrong in ("CH56 0483 5012 3456 7800 8", "CH56", ""):
        assert (await desk.ask("owner", "POST", path, {"iban": wrong})).json()["code"] == "bad_iban"
    for role in ("installer", "resident"):
        assert (await desk.ask(role, "POST", path, {"iban": first})).status_code == 403
    residents = f"/api/people/{desk.login('resident')['person_id']}/iban"
    assert [(await desk.ask("owner", "GET", residents)).status_code, (await desk.ask("operator", "GET", residents)).status_code] == [
        404,
        200,
    ]
    for _ in range(2):
        assert (await desk.ask("owner", "POST", path, {"iban": first})).status_code == 201
    seen = (await desk.ask("operator", "GET", path)).json()
    assert (seen["iban"], seen["change"]["iban"], seen["change"]["mine"]) == (before, "CH5604835012345678009", False)
    confirm = f"/api/iban-changes/{seen['change']['id']}/confirm"
    assert (await desk.ask("owner", "POST", confirm)).json()["code"] == "second_person_needed"
    assert (await desk.ask("operator", "POST", confirm, account=1)).status_code == 404
    assert (await desk.ask("owner", "GET", path)).json()["iban"] == before
    for _ in range(2):
        assert (await desk.ask("operator", "POST", confirm)).status_code == 204
    assert (await desk.ask("owner", "GET", path)).json() == {"iban": "CH5604835012345678009", "change": None}
    await desk.ask("operator", "POST", path, {"iban": second})
    waiting = (await desk.ask("owner", "GET", path)).json()["change"]["id"]
    for _ in range(2):
        assert (await desk.ask("owner", "DELETE", f"/api/iban-changes/{waiting}")).status_code == 204
    assert (await desk.ask("owner", "POST", f"/api/iban-changes/{waiting}/confirm")).json()["code"] == "answered_already"
    assert (await desk.ask("operator", "GET", path)).json()["iban"] == "CH5604835012345678009"
    trail = [(line["action"], line["actor"]) for line in (await desk.ask("operator", "GET", f"/api/people/{owner}")).json()["trail"]]
    assert {"iban_entered", "iban_confirmed", "iban_withdrawn"} <= {action for action, _ in trail}
    assert len({actor for action, actor in trail if action in ("iban_entered", "iban_confirmed")}) == 2
