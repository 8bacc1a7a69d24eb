"""The demo house: two accounts, every role in each, stations, badges, months of charges. Safe to repeat."""

import base64
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg

from app.accounts.commands import create_login, create_token, grant_role
from app.accounts.passwords import hashed
from app.billing.commands import charge_session, run_month
from app.charging.model import StartReport, Station, StopReport
from app.charging.transactions import end_session, start_session
from app.database.transaction import as_machine, as_owner, execute, fetch, fetchrow, fetchval, in_account
from app.kernel.calendar import local_midnight, month_of, months_before, next_month
from app.kernel.identifiers import keyed_hash, new_id, tail
from app.kernel.settings import Settings
from app.residents.badge_uid import sealed_uid
from app.tariffs.commands import enter_tariff
from app.tariffs.model import Component
from infra.demo.passwords import station_password

PASSWORD = "hofstrom-demo"  # noqa: S105 - printed at every start, for the demo house only
ROLES = ("superadmin", "operator", "owner", "proxy", "installer", "support", "resident", "former_resident", "developer")
HOUSES = (
    ("Musterhof Genossenschaft", "musterhof", "Lindenhof", "Lindenweg", "DEMO"),
    ("Nachbarhaus AG", "nachbarhaus", "Ahornpark", "Ahornstrasse", "AHORN"),
)
NAMES = ("Anna Keller", "Luca Bernasconi", "Claire Dubois", "Jonas Weber", "Mia Frei", "Elio Rossi", "Nora Graf", "Tim Baumann")
BADGE, BLOCKED_BADGE = "04A1B2C3D4E5F6", "04DEADBEEF0001"
SINCE = date(2024, 1, 1)
QR_IBAN, OWNER_IBAN = "CH4431999123000889012", "CH9300762011623852957"


class Shape:
    """How large a platform: houses per account, residents and stations per house, months of past charges."""

    def __init__(self, houses: int = 1, residents: int = 3, stations: int = 2, months: int = 3) -> None:
        self.houses, self.residents, self.stations, self.months = houses, residents, stations, months


async def seed(settings: Settings, now: datetime, shape: Shape | None = None) -> dict[str, Any]:
    """Make what is missing and describe the whole, as `hofstrom demo --json` prints it."""
    shape = shape or Shape()
    password_hash = await hashed(PASSWORD)
    return {"accounts": [await _account(settings, now, shape, house, password_hash) for house in HOUSES]}


async def _account(settings: Settings, now: datetime, shape: Shape, house: tuple[str, ...], password_hash: str) -> dict[str, Any]:
    name, short = house[0], house[1]
    async with as_owner():
        account_id = await fetchval("SELECT id FROM account WHERE name = $1", name)
        if account_id is None:
            account_id = new_id()
            await execute(
                "INSERT INTO account (id, name, country, currency, hotline, created_at) VALUES ($1, $2, 'CH', 'CHF', $3, $4)",
                account_id, name, "+41 44 123 45 67", now,
            )  # fmt: skip
    sites = [await _site(settings, now, shape, house, account_id, number) for number in range(shape.houses)]
    async with as_owner():
        logins = [await _login(settings, now, account_id, short, role, password_hash, sites[0]["people"]) for role in ROLES]
    for site in sites:
        await _past(settings, now, shape, account_id, site)
        del site["people"]
    return {"id": str(account_id), "name": name, "sites": sites, "logins": logins}


async def _login(settings: Settings, now: datetime, account_id: UUID, short: str, role: str, password_hash: str,
                 people: dict[str, UUID]) -> dict[str, Any]:  # fmt: skip
    email = f"{role.replace('_', '-')}@{short}.example"
    person_id = people.get({"resident": "resident", "former_resident": "former", "owner": "owner", "proxy": "owner"}.get(role, ""))
    display = {"resident": NAMES[0], "owner": f"{short.capitalize()} Immobilien"}.get(role, role.replace("_", " ").capitalize())
    login_id = await create_login(email, display, password_hash, "de" if role in ("resident", "owner") else "en", now)
    await grant_role(account_id, login_id, role, person_id, SINCE)
    token = base64.urlsafe_b64encode(keyed_hash(settings.secret_key, f"demo-token:{email}")).decode().rstrip("=")
    await create_token(account_id, login_id, "demo", token, now)
    shown = None if person_id is None else str(person_id)
    return {"role": role, "email": email, "password": PASSWORD, "token": token, "person_id": shown}


async def _site(settings: Settings, now: datetime, shape: Shape, house: tuple[str, ...], account_id: UUID, number: int) -> dict[str, Any]:
    site_name = house[2] if number == 0 else f"{house[2]} {number + 1}"
    async with as_owner():
        site_id = await fetchval("SELECT id FROM site WHERE account_id = $1 AND name = $2", account_id, site_name)
        if site_id is None:
            site_id = await _make_site(settings, now, shape, house, account_id, site_name, number)
        return await _describe(settings, account_id, site_id, site_name)


async def _make_site(settings: Settings, now: datetime, shape: Shape, house: tuple[str, ...], account_id: UUID, name: str,
                     number: int) -> UUID:  # fmt: skip
    creditor_id, site_id, building_id = new_id(), new_id(), new_id()
    address = (f"{house[3]} {4 + number}", "8004", "Zürich", "CH")
    await execute(
        "INSERT INTO creditor (account_id, id, name, street, postcode, city, country, iban, vat_number)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'CHE-123.456.788 MWST')", account_id, creditor_id, house[0], *address, QR_IBAN,
    )  # fmt: skip
    await execute(
        "INSERT INTO site (account_id, id, creditor_id, name, street, postcode, city, country, currency, time_zone, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'CHF', 'Europe/Zurich', $9)", account_id, site_id, creditor_id, name, *address, now,
    )  # fmt: skip
    await execute("INSERT INTO building (account_id, id, site_id, name) VALUES ($1, $2, $3, 'A')", account_id, building_id, site_id)
    owner_id = await _person(account_id, f"{house[1].capitalize()} Immobilien", "legal", address, now, OWNER_IBAN)
    await execute(
        "INSERT INTO owner_terms (account_id, id, site_id, owner_id, period) VALUES ($1, $2, $3, $4, $5)",
        account_id, new_id(), site_id, owner_id, asyncpg.Range(SINCE, None),
    )  # fmt: skip
    components = (
        Component(dimension="kwh", band="high", unit_price=Decimal("0.35"), from_time=time(7), to_time=time(20)),
        Component(dimension="kwh", band="low", unit_price=Decimal("0.27"), from_time=time(20), to_time=time(7)),
    )
    await enter_tariff(account_id, site_id, "Laden", "CHF", Decimal("0.081"), SINCE, components)
    await _residents(settings, account_id, site_id, building_id, shape, address, now, house[1], number)
    await _stations(settings, account_id, site_id, shape, house, number, now)
    return site_id


async def _person(account_id: UUID, name: str, kind: str, address: tuple[str, ...], now: datetime, iban: str | None,
                  email: str | None = None) -> UUID:  # fmt: skip
    given, _, family = name.rpartition(" ") if kind == "natural" else ("", "", name)
    person_id = new_id()
    await execute(
        "INSERT INTO person (account_id, id, kind, given_name, family_name, email, locale, street, postcode, city, country, iban,"
        " created_at) VALUES ($1, $2, $3, $4, $5, $6, 'de', $7, $8, $9, $10, $11, $12)",
        account_id, person_id, kind, given, family, email, *address, iban, now,
    )  # fmt: skip
    return person_id


async def _residents(settings: Settings, account_id: UUID, site_id: UUID, building_id: UUID, shape: Shape,
                     address: tuple[str, ...], now: datetime, short: str, house_no: int) -> None:  # fmt: skip
    for index in range(max(2, shape.residents)):
        point_id = new_id()
        await execute(
            "INSERT INTO billing_point (account_id, id, site_id, building_id, name) VALUES ($1, $2, $3, $4, $5)",
            account_id, point_id, site_id, building_id, f"A {index // 2 + 1}.{index % 2 + 1}",
        )  # fmt: skip
        first = index == 0 and house_no == 0
        email = f"resident@{short}.example" if first else None
        person_id = await _person(account_id, NAMES[index % len(NAMES)], "natural", address, now, None, email)
        period = asyncpg.Range(SINCE, date(2026, 3, 1)) if index == 1 else asyncpg.Range(SINCE, None)
        await execute(
            "INSERT INTO occupancy (account_id, id, billing_point_id, person_id, period) VALUES ($1, $2, $3, $4, $5)",
            account_id, new_id(), point_id, person_id, period,
        )  # fmt: skip
        uid = BADGE if first else f"04{house_no:04X}{index:08X}"
        await _badge(settings, account_id, person_id, uid, "Schlüsselbund", "active")
        if first:
            await _badge(settings, account_id, person_id, BLOCKED_BADGE, "Alter Badge", "blocked")


async def _badge(settings: Settings, account_id: UUID, person_id: UUID, uid: str, label: str, state: str) -> None:
    badge_id = new_id()
    await execute(
        "INSERT INTO badge (account_id, id, person_id, uid_hash, uid_tail, uid_sealed, label, state, valid_from)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", account_id, badge_id, person_id, keyed_hash(settings.secret_key, uid),
        tail(uid), sealed_uid(settings.secret_key, badge_id, uid), label, state, SINCE,
    )  # fmt: skip


async def _stations(settings: Settings, account_id: UUID, site_id: UUID, shape: Shape, house: tuple[str, ...], house_no: int,
                    now: datetime) -> None:  # fmt: skip
    for index in range(max(1, shape.stations)):
        identity = f"{house[4]}-{index + 1}" if house_no == 0 else f"{house[4]}-H{house_no + 1}-{index + 1}"
        station_id = new_id()
        password = station_password(settings.secret_key, identity)
        await execute(
            "INSERT INTO station (account_id, id, identity, site_id, name, place, password_hash, max_power_w, commissioned_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, 11000, $8)",
            account_id, station_id, identity, site_id, f"Platz {index + 1}", f"Tiefgarage, Platz {index + 1}",
            keyed_hash(settings.secret_key, password), local_midnight(date(2020, 1, 1), "UTC"),
        )  # fmt: skip
        code = "".join(char for char in identity if char.isalnum()).ljust(6, "X")[:12]
        await execute(
            "INSERT INTO connector (account_id, station_id, number, public_code) VALUES ($1, $2, 1, $3)", account_id, station_id, code
        )


async def _describe(settings: Settings, account_id: UUID, site_id: UUID, name: str) -> dict[str, Any]:
    people = await fetch(
        "SELECT p.id, upper(o.period) AS until FROM occupancy o JOIN person p ON p.account_id = o.account_id AND p.id = o.person_id"
        " JOIN billing_point b ON b.account_id = o.account_id AND b.id = o.billing_point_id WHERE b.site_id = $1 ORDER BY p.id", site_id,
    )  # fmt: skip
    owner = await fetchval("SELECT owner_id FROM owner_terms WHERE site_id = $1", site_id)
    stations = await fetch(
        "SELECT st.identity, c.public_code FROM station st JOIN connector c ON c.account_id = st.account_id AND c.station_id = st.id"
        " WHERE st.site_id = $1 ORDER BY st.identity", site_id,
    )  # fmt: skip
    badges = await fetch("SELECT id, person_id, uid_tail FROM badge WHERE person_id = ANY($1::uuid[])", [p["id"] for p in people])
    known = {tail(uid): uid for uid in (BADGE, BLOCKED_BADGE)}
    points = await fetch("SELECT id, name FROM billing_point WHERE site_id = $1 ORDER BY name", site_id)
    buildings = await fetch("SELECT id, name FROM building WHERE site_id = $1", site_id)
    return {
        "id": str(site_id), "name": name,
        "buildings": [{"id": str(row["id"]), "name": row["name"]} for row in buildings],
        "billing_points": [{"id": str(row["id"]), "name": row["name"]} for row in points],
        "stations": [
            {"id": row["identity"], "password": station_password(settings.secret_key, row["identity"]), "version": "1.6",
             "connectors": 1, "qr_url": f"{settings.public_url}/c/{row['public_code']}"}
            for row in stations
        ],
        "badges": [{"uid": known[b["uid_tail"]], "resident_id": str(b["person_id"])} for b in badges if b["uid_tail"] in known],
        "people": {"resident": people[0]["id"], "former": people[1]["id"], "owner": owner},
    }  # fmt: skip


async def _past(settings: Settings, now: datetime, shape: Shape, account_id: UUID, site: dict[str, Any]) -> None:
    """Past charges by the same commands that stations use, and the bills of all but the last full month."""
    site_id = UUID(site["id"])
    async with as_machine():
        if await fetchval("SELECT 1 FROM charging_session x JOIN station st ON st.id = x.station_id WHERE st.site_id = $1", site_id):
            return
        row = await fetchrow("SELECT * FROM station WHERE site_id = $1 ORDER BY identity LIMIT 1", site_id)
    if row is None or not any(badge["uid"] == BADGE for badge in site["badges"]):
        return
    station = Station(**{name: row[name] for name in Station.__struct_fields__})
    this = month_of(now.date())
    register = 1_000_000
    for back in range(shape.months, 0, -1):
        period = months_before(this, back)
        register = await _past_month(settings, account_id, station, period, register)
        if back > 1:
            await run_month(account_id, site_id, period, local_midnight(next_month(period), "Europe/Zurich") + timedelta(hours=4))


async def _past_month(settings: Settings, account_id: UUID, station: Station, period: date, register: int) -> int:
    for visit in range(6):
        begin = local_midnight(period + timedelta(days=2 + visit * 4), "Europe/Zurich") + timedelta(hours=18, minutes=7 * visit)
        energy_wh = 9_300 + 2_170 * visit + 131 * period.month
        end = begin + timedelta(seconds=energy_wh * 3600 // 10_500)
        raw = begin.isoformat()
        start = StartReport(connector_no=1, id_tag=BADGE, meter_start_wh=register, started_at=begin, started_raw=raw, body="{}")
        answer, _ = await start_session(station, start, "demo", settings.secret_key, begin)
        register += energy_wh
        stop = StopReport(transaction_no=answer.transaction_no, id_tag=None, meter_stop_wh=register, stopped_at=end,
                          reason="EVDisconnected", body="{}")  # fmt: skip
        await end_session(station, stop, "demo", [], end)
        async with in_account(account_id):
            session_id = await fetchval("SELECT id FROM charging_session WHERE transaction_no = $1", answer.transaction_no)
        await charge_session(account_id, session_id, end)
    return register
