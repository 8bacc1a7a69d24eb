"""What is sent to each route: a body that the rules accept where it can be, made for the object of a slot. Others get a bare one."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from app.onboarding.orders import terms_version
from tests.access.world import World

Body = Callable[[World, str, str], Any]
REASON = {"reason": "because"}
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
NOBODY = "00000000-0000-0000-0000-000000000000"

# Path parameters that mean something else on these routes.
KINDS = {
    "/api/bills/{bill_id}/card/{payment_id}": {"payment_id": "card_payment_id"},
    "/api/operator/refund-files/{file_id}": {"file_id": "refund_file_id"},
    "/api/operator/grid-operators/{person_id}/prices": {"person_id": "grid_operator_id"},
    "/api/operator/debit-files/{file_id}": {"file_id": "debit_file_id"},
    "/api/requests/{request_id}": {"request_id": "charge_request_id"},
    "/api/operator/badge-requests/{request_id}/answer": {"request_id": "badge_request_id"},
    "/api/access-requests/{request_id}/answer": {"request_id": "access_request_id"},
    "/api/admin/applications/{request_id}/answer": {"request_id": "application_id"},
    "/api/me/community-meters/{connection_id}": {"connection_id": "my_connection_id"},
    "/api/me/community-meters/{connection_id}/consumption": {"connection_id": "my_connection_id"},
}
# Path parameters that are words and name no object.
WORDS = {
    "cap_id": "00000000-0000-0000-0000-000000000000",
    "relay_id": "00000000-0000-0000-0000-000000000000",
    "step": "terms_signed",
    "position": "energy",
    "paper": "contract",
    "day": "2026-10-01",
    "period": "2026-10",
    "kind": "electricity",
    "token": "0" * 64,
}
QUERIES = {
    "GET /api/operator/month": "?period=2026-10", "GET /api/owner/sessions": "?period=2026-10", "GET /api/owner/revenue": "?period=2026-09",
    "GET /api/search": "?q=zq", "POST /api/operator/firmware": "?name=new.bin", "GET /api/events": "?code={code}",
    "POST /api/sites/{site_id}/install/photos": f"?photo_id={NOBODY}&object_id={NOBODY}&taken_at=2026-11-19T08:00:00Z",
    "GET /api/sites/{site_id}/expense-shares": "?amount_minor=1000&key=equal",
    "GET /api/sites/{site_id}/position-labels": "?locale=de",
    "GET /api/usage/indexes": "?day=2026-10-01",
    **{f"GET {path}": "?first=2026-10-01&last=2026-10-31" for path in (
        "/api/meters/{meter_id}/readings", "/api/meters/{meter_id}/series", "/api/usage/series", "/api/billing-points/{point_id}/series",
        "/api/sites/{site_id}/series", "/api/v1/sites/{site_id}/series", "/api/v1/sites/{site_id}/meters/{meter_id}/series",
        "/api/v1/sites/{site_id}/meters/{meter_id}/readings")},
    "POST /api/sites/{site_id}/tariffs/preview": "?period=2026-10",
    "GET /api/sites/{site_id}/tariffs/defaults": "?day=2026-10-01",
    "GET /api/community-meters/{connection_id}/consumption": "?first=2026-10-01&last=2026-10-31",
    "GET /api/me/community-meters/{connection_id}/consumption": "?first=2026-10-01&last=2026-10-31",
    "GET /api/operator/margin": "?first=2026-09&last=2026-10",
    **{f"GET /api/operator/{name}": "?first=2026-09-01&last=2026-10-31" for name in ("journal", "journal/export", "vat")},
}  # fmt: skip


def _ref(kind: str, field: str, /, **others: Any) -> Body:
    """A body that names an object of the slot."""
    return lambda world, slot, role: {field: world.one(kind, slot, role), **others}


def _plain(**values: Any) -> Body:
    return lambda world, slot, role: values


def _why(**values: Any) -> Body:
    return lambda world, slot, role: {"idempotency_key": str(uuid4()), "reason": "because", **values}


def _why_ref(kind: str, name: str) -> Body:
    return lambda world, slot, role: {"idempotency_key": str(uuid4()), "reason": "because", name: world.one(kind, slot, role)}


PERSON = {"given_name": "N", "family_name": "N", "email": "n@n.example", "street": "S", "postcode": "1", "city": "C"}
FEE = {"label": "Fee", "amount": "5", "unit": "month", "payer": "owner", "first": "2027-01-01"}
MANDATE = {"iban": "DE02120300000000202051", "signed_on": "2026-11-01"}
PRICES = {"valid_from": "2027-09-01", "components": [{"dimension": "kwh", "unit_price": "0.30"}]}
ACCOUNT = {"account_name": "New", "client_name": "New", "licence": "basic", "datapoints": 20, "sector": "housing"}
CREDIT = {"bank_reference": "b1", "received_on": "2026-11-19", "amount_minor": 100, "currency": "CHF"}

SETTINGS = {"phases": 1, "reading_frequency": "yearly", "tariff_group": "low_tension", "grid_operator": "G", "rate": "simple",
            "client_type": "residential"}  # fmt: skip
CONNECTION = {**SETTINGS, "street": "S", "postcode": "1", "city": "C", "ean": "541449123456789012", "meter_number": "N",
              "activation_date": "2027-01-01"}  # fmt: skip

ENTRY = {"id": NOBODY, "facts": {"power": True}, "taken_at": "2026-11-19T08:00:00Z"}

BODIES: dict[str, Body] = {
    "POST /api/access-requests": _plain(name="New", email="new@new.example"),
    "POST /api/access-requests/{request_id}/answer": _plain(approve=True, person_id="00000000-0000-0000-0000-000000000000"),
    "POST /api/access-requests/{request_id}/answer #person_id": _ref("person_id", "person_id", approve=True),
    "POST /api/operator/grid-operators/{person_id}/prices": _plain(first="2030-01-01", single="0.3"),
    "POST /api/sites/{site_id}/orders": lambda world, slot, role: {"lines": [{"article": "A", "quantity": 1}],
                                                                   "terms_version": terms_version()},
    "POST /api/orders/{order_id}/delivered": _plain(day="2026-11-19"),
    "POST /api/orders/{order_id}/cancel": _plain(**REASON),
    "POST /api/meters/{meter_id}/new-point": _plain(point={"building_id": NOBODY, "name": "New"}, first="2027-01-01"),
    "POST /api/meters/{meter_id}/new-point #building_id": lambda world, slot, role: {
        "point": {"building_id": world.one("building_id", slot, role), "name": "New"}, "first": "2027-01-01"},
    "POST /api/sites/{site_id}/gateways": _plain(serial="GW-NEW"),
    "PATCH /api/gateways/{gateway_id}": _plain(version=1, name="Cellar"),
    "POST /api/sites/{site_id}/devices": _plain(kind="switch"),
    "POST /api/sites/{site_id}/devices #building_id": _ref("building_id", "building_id", kind="switch"),
    "PATCH /api/devices/{device_id}": _plain(version=1, name="Cellar"),
    "PATCH /api/devices/{device_id} #gateway_id": _ref("gateway_id", "gateway_id", version=1),
    "PATCH /api/meters/{meter_id}/configuration": _plain(version=1, model="EM24"),
    "PATCH /api/meters/{meter_id}/configuration #gateway_id": _ref("gateway_id", "gateway_id", version=1, bus_address=9),
    "POST /api/sites/{site_id}/stations": _plain(identity="NEW-1", name="New"),
    "POST /api/sites/{site_id}/stations #point_id": _ref("point_id", "billing_point_id", identity="NEW-1", name="New"),
    "PATCH /api/stations/{station_id}": _plain(version=1, name="New"),
    "POST /api/sites/{site_id}/install/entries": _plain(object_id=NOBODY, **ENTRY),
    "POST /api/sites/{site_id}/install/entries #gateway_id": _ref("gateway_id", "object_id", **ENTRY),
    "POST /api/gateway/live": _plain(meters=[]),
    "POST /api/sites/{site_id}/meters-assigned": _plain(gateway_id=NOBODY, meters=[]),
    "POST /api/sites/{site_id}/meters-assigned #gateway_id": _ref("gateway_id", "gateway_id", meters=[]),
    "PUT /api/meters/{meter_id}/link": _plain(billing_point_id=None, first="2027-01-01"),
    "PUT /api/meters/{meter_id}/link #point_id": _ref("point_id", "billing_point_id", first="2027-01-01"),
    "PUT /api/meters/{meter_id}/terms": _plain(terms=[]),
    "POST /api/meters/{meter_id}/replacement": _plain(serial="NEW-1", first="2027-01-01"),
    "POST /api/sites/{site_id}/communities": _plain(name="New"),
    "POST /api/communities/{community_id}/members": _plain(person_id=NOBODY, first="2027-01-01"),
    "POST /api/communities/{community_id}/members #person_id": _ref("person_id", "person_id", first="2025-01-01"),
    "POST /api/communities/{community_id}/meters": _plain(**CONNECTION, member_id=NOBODY),
    "POST /api/communities/{community_id}/meters #person_id": _ref("person_id", "member_id", **CONNECTION),
    "POST /api/community-meters/{connection_id}/configurations": _plain(**SETTINGS, first="2028-01-01", member_id=NOBODY),
    "POST /api/community-meters/{connection_id}/configurations #person_id": _ref("person_id", "member_id", **SETTINGS, first="2028-01-01"),
    "POST /api/community-meters/{connection_id}/state": _plain(state="inactive", first="2028-01-01"),
    "PUT /api/community-meters/{connection_id}/days/{day}": _plain(drawn_wh=[1] * 96),
    "POST /api/admin/accounts/{account_id}/datapoints": _plain(datapoints=5),
    "POST /api/admin/accounts/{account_id}/licence": _plain(licence="plus"),
    "POST /api/admin/applications": _plain(**ACCOUNT),
    "POST /api/admin/applications/{request_id}/answer": _plain(approve=True),
    "POST /api/c/{code}/guest": lambda world, slot, role: {"idempotency_key": str(uuid4())},
    "PUT /api/stations/{station_id}/guests": _plain(hold_minor=None),
    "POST /api/badge-requests": _plain(kind="extra"),
    "POST /api/billing-points": _ref("building_id", "building_id", name="New"),
    "PATCH /api/billing-points/{point_id}": _plain(version=1, priority=7),
    "PATCH /api/billing-points/{point_id} #building_id": _ref("building_id", "building_id", version=1),
    "PUT /api/billing-points/{point_id}/advance": _plain(amount_minor=100, valid_from="2027-01-01"),
    "POST /api/billing-points/{point_id}/moves": _plain(exit="2026-12-31"),
    "POST /api/billing-points/{point_id}/moves #newcomer_id": _ref("person_id", "newcomer_id", entry="2027-02-01", exit="2027-01-31"),
    "POST /api/billing-points/{point_id}/stays": _plain(person_id="00000000-0000-0000-0000-000000000000", entry="2027-01-01"),
    "POST /api/billing-points/{point_id}/stays #person_id": _ref("person_id", "person_id", entry="2020-01-01", last="2020-02-01"),
    "PATCH /api/buildings/{building_id}": _plain(name="Renamed", version=1),
    "POST /api/c/{code}/start": lambda world, slot, role: {"idempotency_key": str(uuid4())},
    "PATCH /api/conditions/{condition_id}": _plain(version=1, condition=FEE),
    "POST /api/forms/draft": _ref("form_token", "token", version=1),
    "POST /api/forms/open": _ref("form_token", "token"),
    "POST /api/forms/send": _ref("form_token", "token"),
    "POST /api/grants/{grant_id}/end": _plain(last="2026-11-30"),
    "POST /api/invitation/accept": _ref("invitation_token", "token", password="long enough for this"),
    "POST /api/invitation/open": _ref("invitation_token", "token"),
    "POST /api/invitations": _ref("person_id", "person_id", email="new@new.example", role="resident"),
    "POST /api/invitations #site_id": _ref("site_id", "site_id", email="new@new.example", role="installer"),
    "PATCH /api/me": _plain(version=1, locale="fr"),
    "POST /api/me/password": _plain(current="hofstrom-demo", new="long enough for this"),
    "PUT /api/me/address": _plain(version=1, street="S 2", postcode="8001", city="C"),
    "POST /api/me/tokens": _plain(name="new"),
    "PATCH /api/notes/{note_id}": _plain(version=1, text="Changed"),
    "PATCH /api/notes/{note_id} #assignee_id": _ref("login_id", "assignee_id", version=1),
    "POST /api/notes/{note_id}/close": _plain(resolution="Done"),
    "POST /api/notes/{note_id}/reopen": _plain(**REASON),
    "POST /api/operator/badge-requests/{request_id}/answer": _plain(approve=False, answer="No"),
    "POST /api/operator/badges": _ref("person_id", "person_id", uid="04FFEEDDCCBBAA"),
    "POST /api/operator/badges/{badge_id}/end": _plain(last="2030-12-31"),
    "POST /api/operator/badges/{badge_id}/state": _plain(state="blocked"),
    "POST /api/operator/certificates/{certificate_id}/revoke": _plain(**REASON),
    "POST /api/operator/payments": _plain(**CREDIT),
    "POST /api/operator/review/messages/{message_id}/assign": _why(session_id="00000000-0000-0000-0000-000000000000"),
    "POST /api/operator/review/messages/{message_id}/assign #session_id": _why_ref("session_id", "session_id"),
    "POST /api/operator/review/messages/{message_id}/discard": _why(),
    "POST /api/operator/review/sessions/{session_id}/correct": _why(energy_wh=1000),
    "POST /api/operator/review/sessions/{session_id}/discard": _why(),
    "POST /api/operator/review/sessions/{session_id}/release": _why(),
    "POST /api/operator/review/sessions/{session_id}/resident": _why(person_id="00000000-0000-0000-0000-000000000000"),
    "POST /api/operator/review/sessions/{session_id}/resident #person_id": _why_ref("person_id", "person_id"),
    "POST /api/operator/sites/{site_id}/month": _plain(period="2026-10"),
    "POST /api/operator/stations/{station_id}/commands": lambda world, slot, role: {
        "idempotency_key": str(uuid4()), "command": {"kind": "Reset", "hard": False}},
    "POST /api/operator/stations/{station_id}/security/profile": _plain(profile=2),
    "PUT /api/operator/stations/{station_id}/security/serial-number": _plain(serial_number="S-1"),
    "PUT /api/operator/stations/{station_id}/roaming": _plain(allowed=True),
    "PUT /api/operator/stations/{station_id}/setup": _plain(settings=[{"name": "HeartbeatInterval", "value": "60"}]),
    "POST /api/people": _plain(**PERSON),
    "PATCH /api/people/{person_id}": _plain(version=1, phone="1"),
    "POST /api/people/{person_id}/access": _plain(),
    "POST /api/people/{person_id}/contacts": _plain(name="New"),
    "POST /api/people/{person_id}/erase": _plain(**REASON),
    "POST /api/contacts/{contact_id}/access": _plain(),
    "POST /api/sign-in": lambda world, slot, role: {"email": f"{role.replace('_', '-')}@musterhof.example", "password": "hofstrom-demo"},
    "POST /api/people/{person_id}/iban": _plain(iban="CH5604835012345678009"),
    "POST /api/sign-in-link": _plain(email="resident@musterhof.example"),
    "POST /api/sign-in-link/redeem": _plain(token="nobody's"),
    "POST /api/sites": _ref("creditor_id", "creditor_id", name="New", street="S", postcode="1", city="C"),
    "PATCH /api/sites/{site_id}": _plain(version=1, reference="R"),
    "POST /api/sites/{site_id}/buildings": _plain(name="New"),
    "POST /api/sites/{site_id}/conditions": _plain(**FEE),
    "POST /api/sites/{site_id}/form-link": _plain(recipient="r@r.example"),
    "POST /api/sites/{site_id}/method": _plain(method="owner_statements", first="2027-01-01"),
    "POST /api/sites/{site_id}/notes": _plain(kind="note", text="New"),
    "POST /api/sites/{site_id}/solutions": _plain(solution="laundry", active=True, day="2027-01-01"),
    "POST /api/sites/{site_id}/stakeholders": _plain(kind="installer", person_id="00000000-0000-0000-0000-000000000000", first="2027-01-01"),
    "POST /api/sites/{site_id}/stakeholders #person_id": _ref("person_id", "person_id", kind="installer", first="2027-01-01"),
    "POST /api/sites/{site_id}/status": _plain(status="suspended", reason="because"),
    "POST /api/sites/{site_id}/tariffs": _plain(**PRICES),
    "POST /api/bills/{bill_id}/dispute": _plain(**REASON),
    "POST /api/operator/bills/{bill_id}/dispute": _plain(**REASON),
    "DELETE /api/operator/bills/{bill_id}/dispute": _plain(**REASON),
    "POST /api/operator/bills/{bill_id}/credit-note": _plain(**REASON),
    "POST /api/operator/mailings/handed-over": _plain(bill_ids=["00000000-0000-0000-0000-000000000000"]),
    "POST /api/operator/mailings/handed-over #bill_id": lambda world, slot, role: {"bill_ids": [world.one("bill_id", slot, role)]},
    "POST /api/operator/mandates": _plain(person_id=NOBODY, creditor_id=NOBODY, **MANDATE),
    "POST /api/operator/mandates #person_id": lambda world, slot, role: {
        "person_id": world.one("person_id", slot, role), "creditor_id": world.one("creditor_id", "mine", role), **MANDATE},
    "POST /api/sites/{site_id}/service-terms": _plain(valid_from="2026-01-01", package="basic", call_out_minor=9000, hour_minor=14000,
                                                      maintenance_minor=35000, vat_rate="0.081"),
    "POST /api/sites/{site_id}/visits": lambda world, slot, role: {
        "idempotency_key": str(uuid4()), "kind": "support", "day": "2026-11-01", "text": "Done"},
    "PUT /api/operator/creditors/{creditor_id}/scheme-id": _plain(scheme_id="DE98ZZZ09999999999"),
    "POST /api/operator/debits/{debit_id}/return": _plain(reason="AM04", returned_on="2026-11-20"),
    "POST /api/operator/payments/{payment_id}/match": _plain(bill_id="00000000-0000-0000-0000-000000000000"),
    "POST /api/operator/payments/{payment_id}/match #bill_id": _ref("bill_id", "bill_id"),
    "POST /api/operator/people/{person_id}/refund": lambda world, slot, role: {"amount_minor": 5, "idempotency_key": str(uuid4())},
    "PATCH /api/meters/{meter_id}": _plain(version=1, name="Name"),
    "PUT /api/meters/{meter_id}/days/{day}": _plain(wh=[1] * 96),
    "POST /api/meters/{meter_id}/readings": _plain(at="2026-11-19T08:00:00Z", imported=5, reader="N"),
    "POST /api/meters/{meter_id}/corrections": _plain(kind="swap", first="2026-11-01"),
    "PUT /api/meters/{meter_id}/isolated": _plain(isolated=True),
    "POST /api/reading-issues/{issue_id}/close": _plain(resolution="because"),
    "PUT /api/sites/{site_id}/validation/{kind}": _plain(most_per_hour=100_000),
    "POST /api/sites/{site_id}/gateway-tokens": _plain(name="New"),
    "POST /api/sites/{site_id}/grid-sources": _plain(host="sftp.example", username="x", secret="x", host_key=HOST_KEY),
    "POST /api/gateway-tokens/{gateway_token_id}/accesses": _plain(reason="because"),
    "POST /api/gateway-accesses/{gateway_access_id}/asks": _plain(kind="status"),
    "POST /api/sites/{site_id}/energy-runs": _plain(first="2026-09-01", last="2026-09-30"),
    "POST /api/sites/{site_id}/meters": _plain(kind="production", serial="NEW"),
    "POST /api/sites/{site_id}/api-rights": _plain(email="developer@musterhof.example"),
    "POST /api/v1/login": lambda world, slot, role: {"username": "api-developer", "password": "wrong"},
    "POST /api/sites/{site_id}/tariffs/check": _plain(**PRICES),
    "POST /api/sites/{site_id}/tariffs/preview": _plain(**PRICES),
    "POST /api/sites/{site_id}/circuit-readings": _plain(circuit="Main", base_ma=[1, 2, 3]),
    "POST /api/gateway/currents": _plain(currents=[{"meter": "M-1", "at": "2026-11-24T10:00:00Z", "ma": [1, 2, 3]}]),
    "POST /api/sites/{site_id}/relays": _plain(device_id="00000000-0000-0000-0000-000000000000", outputs=[1], name="Boiler"),
    "PUT /api/relays/{relay_id}": _plain(device_id="00000000-0000-0000-0000-000000000000", outputs=[1], name="Boiler"),
    "POST /api/relays/{relay_id}/switch": _plain(on=True),
    "PUT /api/sessions/{session_id}/wish": _plain(mode="fast"),
    "PUT /api/sites/{site_id}/circuits": _plain(circuits=[{"name": "Main", "limit_ma": [63000, 63000, 63000]}]),
    "POST /api/sites/{site_id}/power-caps": _plain(cap_w=4200, ends_at="2099-01-01T00:00:00Z", asked_by="Grid"),
    "PUT /api/sites/{site_id}/station-priority": _plain(station_id="00000000-0000-0000-0000-000000000000", priority=2),
    "PUT /api/sites/{site_id}/position-labels/{position}": _plain(locale="de", label="Strom"),
    "PUT /api/billing-points/{point_id}/rate": _plain(rate="", first="2027-01-01"),
    "POST /api/stakeholders/{stakeholder_id}/end": _plain(last="2026-12-31"),
    "PATCH /api/stays/{stay_id}": _plain(version=1, last="2027-12-31"),
}  # fmt: skip

# The same route with another object in its body: the path's object is the caller's own.
VARIANTS = sorted(key for key in BODIES if " #" in key)
# Routes without an object in the path whose body names one.
BODY_OBJECTS = {
    "POST /api/billing-points", "POST /api/forms/draft", "POST /api/forms/open", "POST /api/forms/send", "POST /api/invitation/accept",
    "POST /api/invitation/open", "POST /api/invitations", "POST /api/operator/badges", "POST /api/sites",
}  # fmt: skip
FILES = {"POST /api/operator/firmware"}


def _upload(name: str, content: bytes) -> bytes:
    """A form with one file; the boundary is zz."""
    return b'--zz\r\ncontent-disposition: form-data; name="file"; filename="%s"\r\n\r\n%s\r\n--zz--\r\n' % (name.encode(), content)


SHEET = b"building;place;given_name;family_name;street;postcode;city;entry\nA;A 9.9;N;N;S;1;C;2026-12-01\n"
UPLOADS = {
    "POST /api/operator/grid-prices-import": _upload("p.csv", b"operator;first;single\nNobody;2030-01-01;0.3\n"),
    "POST /api/sites/{site_id}/meters-import": _upload("m.csv", b"serial;kind\nNEW-7;use\n"),
    "POST /api/sites/{site_id}/readings-import": _upload("q.csv", b"meter;start;unit;import\nNONE;2026-11-19T08:00:00Z;kWh;1\n"),
    "POST /api/sites/{site_id}/residents-import": _upload("r.csv", SHEET),
    "POST /api/operator/bank-files": _upload("camt.xml", b"<Document/>"),  # refused by what it says, which only operators get to hear
}
