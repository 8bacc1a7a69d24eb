"""The eight names by which other platforms know roles: each is one of ours, with exactly the reach that is said of it."""

import pytest

from app.accounts.known_roles import MEANT
from app.accounts.rules import EVERYBODY, givers
from app.database.transaction import as_owner, execute
from tests.accounts.test_access import PASSWORD_OF_MY_OWN, Desk, accepted, desk

__all__ = ["desk"]
NAMES = ["superadmin", "admin", "manager", "client", "client_minimal", "utility_client", "dashboard", "demo"]


def body_of(desk: Desk, name: str) -> dict[str, object]:
    """An invitation to what a name means, in the first account."""
    role, reach = MEANT[name]  # type: ignore[index]
    own = {"owner": "owner", "proxy": "proxy", "resident": "resident"}.get(role)
    named = reach == "sites" and role != "developer"  # a developer's sites are those of the consents
    return {
        "email": f"{name}@known.example", "role": role, "site_id": desk.site(1) if named else None,
        "person_id": desk.login(own)["person_id"] if own else None,
    }  # fmt: skip


@pytest.mark.row("A74")
async def test_each_of_the_eight_names_is_a_role_of_ours_and_reaches_what_is_said_of_it(desk):
    told = (await desk.ask("owner", "GET", "/api/roles")).json()
    assert [row["name"] for row in told] == NAMES and {row["role"] for row in told} <= set(EVERYBODY)
    first, second = desk.site(0), desk.site(1)
    theirs = [row["id"] for row in (await desk.ask("owner", "GET", "/api/sites")).json()]
    proxys = [row["id"] for row in (await desk.ask("proxy", "GET", "/api/sites")).json()]
    sites = {"superadmin": [first, second], "admin": [first, second], "manager": [second], "client": theirs,
             "utility_client": [second]}  # fmt: skip
    assert second not in proxys or len(proxys) > 1  # a utility client's one site is not simply all that the proxy has
    for row in told:
        name, role = row["name"], row["role"]
        if name == "demo":
            continue  # below
        assert (await desk.ask("superadmin", "POST", "/api/invitations", body_of(desk, name))).status_code == 201, name
        (link,) = await desk.links(f"{name}@known.example")
        assert (await accepted(desk, link)).json()["roles"] == [role]
        async with desk.browser() as client:
            await desk.enter(client, f"{name}@known.example", PASSWORD_OF_MY_OWN)
            seen = await client.get("/api/sites")
            assert (seen.status_code == 200) == (name in sites), name
            assert sorted(site["id"] for site in seen.json()) == sorted(sites[name]) if name in sites else True, name
            # The whole portfolio, that is every account of the platform, is seen by superadmins alone.
            assert ((await client.get("/api/admin/accounts")).status_code == 200) == (name == "superadmin"), name
            assert ((await client.get("/api/bills")).status_code == 200) == (name == "client_minimal"), name
    async with as_owner():
        for account in desk.described["accounts"]:
            await execute("INSERT INTO licence (account_id, client_name, kind, datapoints, sector, starts_on, expires_on)"
                          " VALUES ($1, 'C', 'basic', 40, 'housing', '2026-01-01', '2027-01-01')", account["id"])  # fmt: skip
    portfolio = (await desk.ask("superadmin", "GET", "/api/admin/accounts")).json()
    assert len(portfolio["active"]) == len(desk.described["accounts"]) == 2 and MEANT["demo"][0] == "operator"
    # A demonstration is an account of its own: its operator sees its invented houses and nobody else's.
    invented = {site["id"] for site in (await desk.ask("operator", "GET", "/api/sites", account=1)).json()}
    assert invented and not invented & {first, second}


@pytest.mark.row("A74")
async def test_only_a_superadmin_makes_another_superadmin(desk):
    assert givers("superadmin") == {"superadmin"}
    for role in ("operator", "support", "installer", "owner", "proxy", "resident", "former_resident", "developer", "superadmin"):
        answer = await desk.ask(role, "POST", "/api/invitations", {"email": f"{role}@more.example", "role": "superadmin"})
        assert answer.status_code == (201 if role == "superadmin" else 403), role
    (link,) = await desk.links("superadmin@more.example")
    assert (await accepted(desk, link)).json()["roles"] == ["superadmin"]
