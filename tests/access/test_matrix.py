"""Every route is tried by every role on its own objects, a neighbour's, another house's, another account's and nobody's."""

import pytest

from tests.access.matrix import Tries, expected, routes
from tests.access.world import ROLES

ROUTES = routes()
EXPECTED = expected()
PROVES = {"resident": "R04"}
# The platform's own administration spans accounts; what is public is known to whoever holds a code or a link.
SPANS_ACCOUNTS = "/api/admin/"


def test_the_matrix_names_every_route_and_no_other():
    known = [route.key for route in ROUTES]
    assert [key for key in known if key not in EXPECTED] == [], "add their lines: python -m tests.access.matrix"
    assert [key for key in EXPECTED if key not in known] == [], "these routes are gone: python -m tests.access.matrix --write"


@pytest.mark.parametrize("role", [pytest.param(role, marks=[pytest.mark.row(PROVES[role])] if role in PROVES else []) for role in ROLES])
async def test_a_role_gets_what_the_matrix_says_and_nothing_that_is_foreign(tries: Tries, role: str):
    wrong, told = [], []
    for route in ROUTES:
        wanted = EXPECTED.get(route.key, {}).get(role, ())
        answers, leaks = await tries.row(route, role)
        told += leaks
        if answers != (wanted if len(wanted) > 1 else wanted * len(answers)):
            wrong.append(f"{route.key} as {role}: {answers}, and not {wanted}")
    assert told == []
    assert wrong == []


def test_roles_that_a_route_does_not_name_are_refused_and_strangers_objects_do_not_exist():
    """What the file says is held against the rules themselves, so that a wrong line is not simply believed."""
    wrong = []
    for route in ROUTES:
        for role, answers in EXPECTED.get(route.key, {}).items():
            refused = 401 if role == "nobody" else 403
            if "public" in route.roles:
                continue
            if role not in route.roles and set(answers) != {refused}:
                wrong.append((route.key, role, answers))
            if role in route.roles and len(route.relations) == 5 and not route.path.startswith(SPANS_ACCOUNTS):
                other, nobodys = (answers * 5)[3:5] if len(answers) == 1 else answers[3:5]
                if other != nobodys:  # a stranger's object looks as if it did not exist
                    wrong.append((route.key, role, answers))
    assert wrong == []


@pytest.mark.row("S08")
def test_support_sees_every_configuration_that_operators_see():
    # Handing out a person's data and keeping the books are not a configuration.
    exports = {"GET /api/people/{person_id}/data", "GET /api/operator/people/{person_id}/credit", "GET /api/operator/vat",
               "GET /api/operator/journal", "GET /api/operator/journal/export", "GET /api/operator/margin", "GET /api/operator/open-items",
               "GET /api/operator/payments/{payment_id}/suggestions", "GET /api/energy-runs/{run_id}", "GET /api/sites/{site_id}/energy-runs",
               "GET /api/operator/mailings", "GET /api/operator/mailings/print",
               "GET /api/operator/refund-files", "GET /api/operator/refund-files/{file_id}",
               "GET /api/sites/{site_id}/service", "GET /api/operator/mandates", "GET /api/operator/creditors", "GET /api/operator/debits", "GET /api/operator/debit-files",
               "GET /api/operator/debit-files/{file_id}"}  # fmt: skip
    for key, cells in EXPECTED.items():
        if key.startswith("GET ") and cells["operator"][0] == 200 and key not in exports:
            assert cells["support"] == cells["operator"], key


async def test_a_marker_and_an_id_of_somebody_else_would_be_found(tries: Tries):
    world = tries.world
    neighbour, stranger = world.objects["person_id"]["house"], world.objects["site_id"]["other"]

    def found(text: str, role: str) -> list[str]:
        return list(tries._foreign(text, role, "mine", "", False, "/api/home"))

    assert found("zqpa0x zqsitea1x zqacca", "resident") == []
    assert found("ZQPA2X", "resident") and found("zqsitea2x", "owner") and found("zqaccbx", "superadmin") and found("zqpa0x", "nobody")
    assert found(neighbour, "resident") and not found(neighbour, "owner")
    assert found(stranger, "operator") and found(f"/sites/{stranger}", "superadmin")
