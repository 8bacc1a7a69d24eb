"""Two accounts of two houses each, where every text that people see says whose it is, and one object of each kind for everybody.

Slots of objects: `mine` (the first resident of the first house), `former` (who moved out of it), `house` (a neighbour there), `account`
(the second house), `other` (the first house of the other account), `none` (nobody's).
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from app.billing.commands import run_month
from app.charging.station_files import path_of
from app.database.transaction import as_owner, execute, fetch, fetchrow, fetchval
from app.kernel.identifiers import new_id, token_hash
from app.kernel.settings import Settings
from app.payouts.commands import pay_out
from infra.demo.houses import PLANS, badge_uid
from infra.demo.past import _station, _station_month
from infra.demo.seed import Shape, seed
from tests.access.trade import trade
from tests.access.world_money import money_of

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
TODAY = NOW.date()
SLOTS = ("mine", "former", "house", "account", "other", "none")
RELATIONS = ("own", "house", "account", "other", "none")
ROLES = ("superadmin", "operator", "support", "installer", "owner", "proxy", "resident", "former_resident", "developer", "nobody")
MARK = re.compile(r"zq(acc|site|p|s)([ab])(\d*)x", re.IGNORECASE)
INDEX = {"mine": 0, "former": 1, "house": 2}
LETTERS = "ab"


def marked_plans() -> list[Any]:
    """The demo's plans, where each name is a marker. They are in the bills' PDFs, which never change afterwards."""
    found = []
    for letter, plan in zip(LETTERS, PLANS, strict=True):
        found.append(msgspec.structs.replace(
            plan, account=f"zqacc{letter}x", site=f"zqsite{letter}1x", street=f"zqsite{letter}1x Strasse",
            residents=tuple(f"zqp{letter}{number}x zqp{letter}{number}x" for number in range(8)),
            staff={role: f"zqs{letter}{number}x zqs{letter}{number}x" for number, role in enumerate(plan.staff)},
        ))  # fmt: skip
    return found


class Holder(msgspec.Struct, frozen=True):
    """Whose a row is: the account, and where they are known the site and the person."""

    account: int
    site: UUID | None = None
    person: UUID | None = None


class World(msgspec.Struct):
    """Everything that calls need: tokens by account and role, objects by kind and slot, and whose each id is."""

    tokens: list[dict[str, str]]
    logins: list[dict[str, UUID]]
    persons: list[dict[str, UUID]]
    accounts: list[UUID]
    sites: list[list[UUID]]
    objects: dict[str, dict[str, str]]
    holders: dict[str, Holder]

    def one(self, kind: str, slot: str, role: str) -> str:
        """The id of an object. What belongs to logins differs by role: `mine` is the caller's own."""
        if kind not in self.objects:
            raise LookupError(f"no object for {{{kind}}}: add it to tests/access/world.py, or a word to WORDS in tests/access/bodies.py")
        found = self.objects[kind]
        return found.get(f"{slot}:{role}", found.get(slot, str(uuid4())))


async def make_world(settings: Settings) -> World:
    """Seed both accounts and put markers and objects into them."""
    described = await seed(settings, NOW, Shape(houses=2, residents=4, stations=4, months=2), marked_plans())
    world = World([], [], [], [], [], {}, {})
    for number, account in enumerate(described["accounts"]):
        world.accounts.append(UUID(account["id"]))
        world.tokens.append({login["role"]: login["token"] for login in account["logins"]})
        world.persons.append({login["role"]: UUID(login["person_id"]) for login in account["logins"]})
        world.sites.append([UUID(site["id"]) for site in account["sites"]])
        for house, site_id in enumerate(world.sites[number]):
            if house == 0:
                await _past_of_former(settings, world.accounts[number], site_id, number)
                await pay_out(world.accounts[number], site_id, date(2026, 9, 1), NOW)
            async with as_owner():
                await _mark(LETTERS[number], house, world.accounts[number], site_id)
                await _furnish(settings, world, number, house)
    async with as_owner():
        for number in (0, 1):
            await _logins(world, number)
        await _collect(world)
        await _note_holders(world)
    return world


async def _past_of_former(settings: Settings, account_id: UUID, site_id: UUID, number: int) -> None:
    """Who has moved out charged while they lived there, and had a bill."""
    async with as_owner():
        station = await fetchrow("SELECT * FROM station WHERE site_id = $1 ORDER BY identity DESC LIMIT 1", site_id)  # nobody uses it
    assert station is not None
    period = date(2026, 2, 1)
    await _station_month(settings, account_id, _station(station), period, [badge_uid(marked_plans()[number], 0, 1)], 500_000)
    await run_month(account_id, site_id, period, NOW)


async def _mark(letter: str, house: int, account_id: UUID, site_id: UUID) -> None:
    """Names of the second house, and all that a plan has no word for. Bills keep what was on them."""
    mark = f"zqsite{letter}{house + 1}x"
    await execute("UPDATE account SET hotline = $2 WHERE id = $1", account_id, f"zqacc{letter}x hotline")
    await execute("UPDATE site SET name = $2, street = $2, reference = $2 WHERE id = $1", site_id, mark)
    await execute("UPDATE building SET name = $2 || ' ' || name WHERE site_id = $1", site_id, mark)
    await execute("UPDATE billing_point SET name = $2 || ' ' || name WHERE site_id = $1", site_id, mark)
    await execute("UPDATE station SET name = $2 || ' ' || name, place = $2, vendor = $2 WHERE site_id = $1", site_id, mark)
    await execute("UPDATE tariff SET name = $2 WHERE site_id = $1", site_id, mark)
    for row in await fetch("SELECT o.person_id, b.name FROM occupancy o JOIN billing_point b ON b.id = o.billing_point_id"
                           " WHERE b.site_id = $1 AND NOT o.vacancy ORDER BY b.name", site_id):  # fmt: skip
        index = ("A 1.1", "A 1.2", "A 2.1", "A 2.2").index(row["name"].split("x ", 1)[1]) + 4 * house
        word = f"zqp{letter}{index}x"
        await execute("UPDATE person SET given_name = $2, family_name = $2, phone = $2, street = $2, city = $2, email = $2 || '@p.example'"
                      " WHERE id = $1", row["person_id"], word)  # fmt: skip
        await execute("UPDATE badge SET label = $2 WHERE person_id = $1", row["person_id"], word)
    owner = await fetchval("SELECT owner_id FROM owner_terms WHERE site_id = $1", site_id)
    await execute("UPDATE person SET family_name = $2, street = $2, city = $2 WHERE id = $1", owner, f"zqp{letter}9{house}x")


async def _furnish(settings: Settings, world: World, number: int, house: int) -> None:
    """What the demo has none of: requests, notes, contacts, fees, evidence, files, forms."""
    account, site, letter = world.accounts[number], world.sites[number][house], LETTERS[number]
    mark = f"zqsite{letter}{house + 1}x"
    station = await fetchval("SELECT id FROM station WHERE site_id = $1 ORDER BY identity LIMIT 1", site)
    people = await fetch("SELECT o.person_id, o.billing_point_id, p.family_name FROM occupancy o JOIN billing_point b"
                         " ON b.id = o.billing_point_id JOIN person p ON p.id = o.person_id WHERE b.site_id = $1 AND NOT o.vacancy"
                         " ORDER BY b.name", site)  # fmt: skip
    owner = await fetchval("SELECT owner_id FROM owner_terms WHERE site_id = $1", site)
    for index, row in enumerate(people):
        word = row["family_name"]
        await _insert(
            "contact", account_id=account, person_id=row["person_id"], name=word, email=f"{word}@c.example", phone=word, role=word
        )
        await _insert("iban_change", account_id=account, person_id=row["person_id"], iban="CH5604835012345678009", asked_by_name=word,
                      asked_at=NOW)  # fmt: skip
        await _insert("badge_request", account_id=account, person_id=row["person_id"], kind="new", place=word, created_at=NOW)
        await _insert("charge_request", account_id=account, station_id=station, connector_no=1, person_id=row["person_id"],
                      billing_point_id=row["billing_point_id"], idempotency_key=new_id(), tag_hash=token_hash(f"{letter}{house}{index}"),
                      state="no_answer", deadline=NOW, created_at=NOW, changed_at=NOW)  # fmt: skip
        session = await fetchval("SELECT id FROM charging_session WHERE person_id = $1 ORDER BY started_at DESC LIMIT 1", row["person_id"])
        if session is not None:
            await _insert("signed_value", account_id=account, station_id=station, connector_no=1, session_id=session, taken_at=NOW,
                          received_at=NOW, received=word, record=word.encode(), record_hash=token_hash(word), verdict="no_key")  # fmt: skip
    await _community(account, site, mark, f"{number}{house}", people)
    await _insert("site_note", account_id=account, site_id=site, kind="issue", text=mark, created_at=NOW, created_by=mark)
    await _insert("stakeholder", account_id=account, site_id=site, kind="grid_operator", person_id=owner, period=_from(date(2026, 1, 1)))
    await _insert("financial_condition", account_id=account, site_id=site, label=mark, amount=5, unit="month", payer="owner",
                  period=_from(date(2026, 1, 1)))  # fmt: skip
    await _insert("tariff", account_id=account, site_id=site, name=mark, currency="CHF", vat_rate=0, vat_included=True,
                  period=await _later_tariff(site))  # fmt: skip
    await _insert("quarantine", account_id=account, station_id=station, received_at=NOW, kind="stop", reason="unknown_transaction",
                  body=f'{{"transactionId": 1, "meterStop": 1, "timestamp": "2026-11-19T08:00:00Z", "note": "{mark}"}}',
                  body_hash=token_hash(mark))  # fmt: skip
    await _insert("security_event", account_id=account, station_id=station, identity=mark, at=NOW, kind="wrong_password", detail=mark)
    await _insert("station_certificate", account_id=account, station_id=station, csr=mark, csr_hash=token_hash(mark), organisation=mark,
                  common_name=mark, asked_at=NOW, changed_at=NOW, state="in_use", serial=mark, fingerprint=token_hash(mark),
                  not_after=NOW + timedelta(days=90))  # fmt: skip
    file_id = await _insert("station_file", account_id=account, kind="firmware", name=f"{mark}.bin", size=9, sha256=token_hash(mark),
                            created_at=NOW)  # fmt: skip
    path = path_of(settings.data, account, file_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(mark.encode()[:9].ljust(9, b"."))
    await _insert("site_form", account_id=account, site_id=site, token_hash=token_hash(f"form-{letter}{house}"), recipient="f@f.example",
                  created_at=NOW, expires_at=NOW + timedelta(days=9))  # fmt: skip
    meter = await _insert("meter", account_id=account, site_id=site, kind="production", serial=mark, created_at=NOW)
    run = await _insert("energy_run", account_id=account, site_id=site, period=asyncpg.Range(date(2026, 8, 1), date(2026, 9, 1)),
                        frozen_at=NOW)  # fmt: skip
    issue = await _insert("reading_issue", account_id=account, site_id=site, meter_id=meter, serial=mark, taken_at=NOW, code="index_fell",
                          value=mark, source=mark, received_at=NOW)  # fmt: skip
    gateway_token = await _insert("gateway_token", account_id=account, site_id=site, name=mark, token_hash=token_hash(f"gateway-{mark}"),
                                  created_at=NOW)  # fmt: skip
    gateway_access = await _insert("gateway_access", account_id=account, token_id=gateway_token, login_id=account, by=mark, reason=mark,
                                   opened_at=NOW, ends_at=NOW + timedelta(hours=1))  # fmt: skip
    source = await _insert("grid_source", account_id=account, site_id=site, host=mark, port=22, username=mark, folder=mark, host_key=mark,
                           secret=mark.encode(), created_at=NOW)  # fmt: skip
    money = await money_of(_insert, account, site, f"{letter}{house}", mark, NOW)
    grid_price, order = await trade(account, site, house, owner, mark, NOW)
    gateway = await _insert("gateway", account_id=account, site_id=site, serial=f"GW-{letter.upper()}{house}", name=mark)
    device = await _insert("device", account_id=account, site_id=site, kind="switch", name=mark)
    photo = await _insert("install_photo", account_id=account, site_id=site, object_id=gateway, taken_at=NOW, received_at=NOW, taken_by=mark,
                          sha256=token_hash(mark), body=mark.encode())  # fmt: skip
    for slot in ("mine", "house") if house == 0 else ("account",):
        for kind, made in (
            ("issue_id", issue), ("gateway_access_id", gateway_access), ("gateway_token_id", gateway_token), ("meter_id", meter),
            ("run_id", run), ("gateway_id", gateway), ("device_id", device), ("grid_operator_id", owner), ("grid_price_id", grid_price),
            ("order_id", order), ("photo_id", photo), ("grid_source_id", source), *money,
        ):  # fmt: skip
            _slot(world, number, kind, slot, made)
    if house == 0:
        await _insert("licence", key="", account_id=account, client_name=f"zqacc{letter}x", kind="basic", datapoints=40, sector="housing",
                      starts_on=date(2026, 1, 1), expires_on=date(2027, 1, 1))  # fmt: skip


async def _community(account: UUID, site: UUID, mark: str, digits: str, people: list[asyncpg.Record]) -> None:
    """A community of the house's people, each with a meter that has been reconfigured for later."""
    community = await _insert("community", account_id=account, site_id=site, name=mark, created_at=NOW)
    for index, row in enumerate(people):
        word, person = row["family_name"], row["person_id"]
        await _insert("community_member", account_id=account, community_id=community, person_id=person, period=_from(date(2026, 1, 1)))
        meter = await _insert(
            "meter", account_id=account, site_id=site, kind="entry", source="dso", serial=f"{mark}{index}", created_at=NOW
        )
        await _insert("community_meter", key="", id=meter, account_id=account, community_id=community, ean=f"5414{digits}{index:012}",
                      street=word, postcode=word, city=word, country="BE", created_at=NOW)  # fmt: skip
        for period in (asyncpg.Range(date(2026, 1, 1), date(2027, 1, 1)), _from(date(2027, 1, 1))):
            await _insert(
                "community_configuration", account_id=account, meter_id=meter, member_id=person, period=period, state="active", phases=1,
                reading_frequency="yearly", tariff_group="low_tension", grid_operator=word, rate="simple", client_type="residential",
                created_at=NOW,
            )  # fmt: skip


def _from(day: date) -> asyncpg.Range:
    return asyncpg.Range(day, None)


async def _later_tariff(site: UUID) -> asyncpg.Range:
    await execute("UPDATE tariff SET period = daterange(lower(period), '2027-06-01') WHERE site_id = $1", site)
    return _from(date(2027, 6, 1))


async def _insert(table: str, key: str = "id", **values: Any) -> UUID:
    """A row; names are constants of this module. Returns its id."""
    row_id = new_id()
    columns = {**({key: row_id} if key else {}), **values}
    places = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
    await execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", *columns.values())
    return row_id


async def _logins(world: World, number: int) -> None:
    """Names of logins, a spare token of each, invitations, an application."""
    account, letter = world.accounts[number], LETTERS[number]
    rows = await fetch("SELECT g.role, g.login_id, p.family_name, g.id FROM role_grant g JOIN person p ON p.id = g.person_id"
                       " WHERE g.account_id = $1", account)  # fmt: skip
    world.logins.append({row["role"]: row["login_id"] for row in rows})
    spares: dict[str, str] = {}
    for row in rows:
        await execute("UPDATE login SET name = $2 WHERE id = $1", row["login_id"], row["family_name"])
        spare = await _insert("api_token", account_id=account, login_id=row["login_id"], name=row["family_name"], created_at=NOW,
                              token_hash=token_hash(f"spare-{letter}-{row['role']}"))  # fmt: skip
        spares[row["role"]] = str(spare)
    tokens = world.objects.setdefault("token_id", {})
    if number == 0:
        tokens |= {f"{'former' if role == 'former_resident' else 'mine'}:{role}": spare for role, spare in spares.items()}
        for slot in ("house", "account"):
            tokens |= {slot: spares["support"], f"{slot}:support": spares["resident"]}
    else:
        tokens["other"] = spares["resident"]
    operator = world.logins[number]["operator"]
    for slot, person in (await _people(world, number)).items():
        invitation = await _insert(
            "invitation", account_id=account, token_hash=token_hash(f"invitation-{letter}-{slot}"), email=f"{slot}@{letter}.example",
            name=f"zqacc{letter}x", role="resident", person_id=person, valid_from=TODAY, invited_by=operator, invited_at=NOW, sent_at=NOW,
            expires_at=NOW + timedelta(days=9),
        )  # fmt: skip
        login = await _insert("login", email=f"{slot}-second@{letter}.example", name=f"zqacc{letter}x", created_at=NOW)
        grant = await _insert("role_grant", account_id=account, login_id=login, role="resident", person_id=person, valid_from=TODAY)
        card = await _insert("stored_card", account_id=account, person_id=person, state="in_use", brand="visa", last4="4242",
                             method_ref="pm", created_at=NOW, changed_at=NOW)  # fmt: skip
        bill = await fetchval(f"{OF_PERSON['bill_id']} LIMIT 1", person)
        payment = await _insert("card_payment", account_id=account, invoice_id=bill, person_id=person, amount_minor=100, currency="CHF",
                                created_at=NOW, changed_at=NOW)  # fmt: skip
        _slot(world, number, "card_id", slot, card)
        _slot(world, number, "card_payment_id", slot, payment)
        _slot(world, number, "invitation_id", slot, invitation)
        _slot(world, number, "grant_id", slot, grant)
    for slot, site in zip(("mine", "account"), world.sites[number], strict=True):
        consents = {"owner_consent_at": NOW, "operator_consent_at": NOW} if slot == "mine" else {"operator_consent_at": NOW}
        right = await _insert("api_right", account_id=account, site_id=site, login_id=world.logins[number]["developer"], **consents)
        for same in ("mine", "house") if slot == "mine" else ("account",):
            _slot(world, number, "right_id", same, right)
    wants = await _insert("access_request", account_id=account, kind="resident", name=f"zqacc{letter}x", email=f"wants@{letter}.example",
                          place=f"zqsite{letter}1x", locale="de", asked_at=NOW)  # fmt: skip
    for slot in ("mine", "former", "house", "account"):
        _slot(world, number, "access_request_id", slot, wants)
    asked = await _insert("licence_request", account_id=account, kind="renewal", account_name=f"zqacc{letter}x", months=12,
                          asked_by=world.logins[number]["superadmin"], asked_at=NOW)  # fmt: skip
    for slot in ("mine", "house", "account"):
        _slot(world, number, "application_id", slot, asked)
        _slot(world, number, "account_id", slot, account)


def _slot(world: World, number: int, kind: str, slot: str, found: Any) -> None:
    """Keep an object of the first account under its slot; of the second, the first one is `other`."""
    if number == 0:
        world.objects.setdefault(kind, {})[slot] = str(found)
    elif slot == "mine":
        world.objects.setdefault(kind, {})["other"] = str(found)


async def _people(world: World, number: int) -> dict[str, UUID]:
    first, second = [
        [row["person_id"] for row in await fetch(
            "SELECT o.person_id FROM occupancy o JOIN billing_point b ON b.id = o.billing_point_id WHERE b.site_id = $1 AND NOT o.vacancy"
            " ORDER BY b.name", site)]
        for site in world.sites[number]
    ]  # fmt: skip
    return {"mine": first[0], "former": first[1], "house": first[2], "account": second[0]}


OF_PERSON = {
    "contact_id": "SELECT id FROM contact WHERE person_id = $1", "badge_id": "SELECT id FROM badge WHERE person_id = $1 ORDER BY id",
    "change_id": "SELECT id FROM iban_change WHERE person_id = $1",
    "badge_request_id": "SELECT id FROM badge_request WHERE person_id = $1", "person_id": "SELECT id FROM person WHERE id = $1",
    "charge_request_id": "SELECT id FROM charge_request WHERE person_id = $1",
    "bill_id": "SELECT id FROM invoice WHERE person_id = $1 ORDER BY id", "stay_id": "SELECT id FROM occupancy WHERE person_id = $1",
    "session_id": "SELECT id FROM charging_session WHERE person_id = $1 ORDER BY started_at DESC",
    "signed_id": "SELECT v.id FROM signed_value v JOIN charging_session s ON s.id = v.session_id WHERE s.person_id = $1",
    "point_id": "SELECT billing_point_id FROM occupancy WHERE person_id = $1",
    "my_connection_id": "SELECT meter_id FROM community_configuration WHERE member_id = $1",
}  # fmt: skip
OF_SITE = {
    "site_id": "SELECT id FROM site WHERE id = $1", "building_id": "SELECT id FROM building WHERE site_id = $1",
    "note_id": "SELECT id FROM site_note WHERE site_id = $1", "stakeholder_id": "SELECT id FROM stakeholder WHERE site_id = $1",
    "condition_id": "SELECT id FROM financial_condition WHERE site_id = $1",
    "community_id": "SELECT id FROM community WHERE site_id = $1",
    "connection_id": "SELECT m.id FROM community_meter m JOIN community c ON c.id = m.community_id WHERE c.site_id = $1 ORDER BY m.ean",
    "configuration_id": "SELECT f.id FROM community_configuration f JOIN meter m ON m.id = f.meter_id WHERE m.site_id = $1"
                        " ORDER BY lower(f.period) DESC, m.serial",
    "tariff_id": "SELECT id FROM tariff WHERE site_id = $1 ORDER BY period DESC",
    "station_id": "SELECT id FROM station WHERE site_id = $1 ORDER BY identity",
    "code": "SELECT c.public_code FROM connector c JOIN station s ON s.id = c.station_id WHERE s.site_id = $1 ORDER BY 1",
    "message_id": "SELECT q.id FROM quarantine q JOIN station s ON s.id = q.station_id WHERE s.site_id = $1",
    "event_id": "SELECT e.id FROM security_event e JOIN station s ON s.id = e.station_id WHERE s.site_id = $1",
    "certificate_id": "SELECT c.id FROM station_certificate c JOIN station s ON s.id = c.station_id WHERE s.site_id = $1",
    "payout_id": "SELECT id FROM payout WHERE site_id = $1", "creditor_id": "SELECT creditor_id FROM site WHERE id = $1",
}  # fmt: skip


async def _collect(world: World) -> None:
    for number in (0, 1):
        for slot, person in (await _people(world, number)).items():
            for kind, sql in OF_PERSON.items():
                _slot(world, number, kind, slot, await fetchval(f"{sql} LIMIT 1", person))
        for kind, sql in OF_SITE.items():
            found = [await fetchval(f"{sql} LIMIT 1", site) for site in world.sites[number]]
            for slot, value in zip(("mine", "house", "account"), (found[0], found[0], found[1]), strict=True):
                _slot(world, number, kind, slot, value)
        files = await fetch("SELECT id FROM station_file WHERE account_id = $1 ORDER BY name", world.accounts[number])
        for slot, row in zip(("mine", "house", "account"), (files[0], files[0], files[1]), strict=True):
            _slot(world, number, "file_id", slot, row["id"])
        for slot, role in (("mine", "operator"), ("house", "operator"), ("account", "support")):
            _slot(world, number, "login_id", slot, world.logins[number][role])
    world.objects["form_token"] = {"mine": "form-a0", "house": "form-a0", "account": "form-a1", "other": "form-b0"}
    world.objects["invitation_token"] = {"mine": "invitation-a-mine", "house": "invitation-a-house", "account": "invitation-a-account",
                                         "other": "invitation-b-mine"}  # fmt: skip
    missing = [(kind, slot) for kind, found in world.objects.items() for slot, value in found.items() if value == "None"]
    # A second house is never paid out here: that slot is nobody's.
    for kind, slot in missing:
        del world.objects[kind][slot]
    assert {kind for kind, _ in missing} <= {"payout_id"}, missing


async def _note_holders(world: World) -> None:
    """Whose each row of every tenant's table is."""
    tables = await fetch("SELECT table_name, array_agg(column_name::text) AS columns FROM information_schema.columns WHERE table_schema ="
                         " 'public' AND table_name IN (SELECT relname FROM pg_class WHERE relkind = 'r') GROUP BY 1")  # fmt: skip
    numbers = {account: number for number, account in enumerate(world.accounts)}
    for table in tables:
        columns = set(table["columns"])
        if not {"account_id", "id"} <= columns:
            continue
        site, person = [name if name in columns else "NULL::uuid" for name in ("site_id", "person_id")]
        if table["table_name"] in ("site", "person"):
            site, person = ("id", person) if table["table_name"] == "site" else (site, "id")
        for row in await fetch(f"SELECT id, account_id, {site} AS site, {person} AS person FROM {table['table_name']}"):
            if row["account_id"] in numbers and isinstance(row["id"], UUID):
                world.holders[str(row["id"])] = Holder(numbers[row["account_id"]], row["site"], row["person"])
    for number, account in enumerate(world.accounts):
        world.holders[str(account)] = Holder(number)
        for login in world.logins[number].values():
            world.holders[str(login)] = Holder(number)


def settings_in(folder: Path, dsn: str) -> dict[str, str]:
    """The environment of the application under test."""
    return {"DATABASE_URL": dsn, "HOFSTROM_DATA": str(folder), "HOFSTROM_SECRET_KEY": "s" * 40,
            "HOFSTROM_PUBLIC_URL": "https://haus.example"}  # fmt: skip


def words(text: str) -> Iterable[tuple[str, str, str]]:
    """(kind, account, number) of each marker in a text."""
    return {(kind.lower(), letter.lower(), number) for kind, letter, number in MARK.findall(text)}


__all__ = ["NOW", "RELATIONS", "ROLES", "Holder", "World", "fetchrow", "make_world", "settings_in", "words"]
