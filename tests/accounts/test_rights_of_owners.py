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
