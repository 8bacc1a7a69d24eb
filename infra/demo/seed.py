"""The demo platform: two accounts, every role in each, stations, badges, months of charges. Safe to repeat and to enlarge."""

import base64
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from app.accounts.commands import create_login, create_token, grant_role
from app.accounts.passwords import hashed
from app.audit.model import Actor
from app.database.transaction import as_owner, execute, fetch, fetchval, in_account
from app.kernel.calendar import local_midnight
from app.kernel.identifiers import keyed_hash, new_id
from app.kernel.settings import Settings
from app.residents.badges import NewBadge, create_badge, set_badge_state
from app.residents.moves import assign
from app.residents.people import Kind, NewPerson, create_person
from app.residents.points import NewPoint, create_point
from app.sites.commands import NewSite, add_building, create_site
from app.sites.terms import NewStakeholder, add_stakeholder
from app.tariffs.commands import enter_tariff
from app.tariffs.model import Component
from infra.demo.houses import PLANS, ROLES, VERSIONS, HousePlan, badge_uid, blocked_uid
from infra.demo.operation import SET_UP, in_operation
from infra.demo.passwords import station_password
from infra.demo.past import past_months

PASSWORD = "hofstrom-demo"  # noqa: S105 - printed at every start, for the demo house only
SINCE, MOVED_OUT = date(2024, 1, 1), date(2026, 3, 1)
BEGAN = datetime(SINCE.year, SINCE.month, SINCE.day, 8, tzinfo=UTC)
LIVED_IN = """
SELECT o.billing_point_id FROM occupancy o JOIN billing_point b ON b.account_id = o.account_id AND b.id = o.billing_point_id
WHERE b.site_id = $1 AND NOT o.vacancy
"""
COMPONENTS = (
    Component(dimension="kwh", band="high", unit_price=Decimal("0.35"), from_time=time(7), to_time=time(20)),
    Component(dimension="kwh", band="low", unit_price=Decimal("0.27"), from_time=time(20), to_time=time(7)),
)


class Shape(msgspec.Struct, frozen=True):
    """How large a platform: houses per account, residents and stations per house, months of past charges."""

    houses: int = 1
    residents: int = 3
    stations: int = 2
    months: int = 3


async def seed(settings: Settings, now: datetime, shape: Shape | None = None, plans: Sequence[HousePlan] = PLANS) -> dict[str, Any]:
    """Make what is missing and describe the whole, as `hofstrom demo --json` prints it.

    A larger shape adds houses, residents and stations; past charges are made for houses that have none.
    """
    shape, password_hash = shape or Shape(), await hashed(PASSWORD)
    return {"accounts": [await _Account(settings, now, shape, plan).made(password_hash) for plan in plans]}


async def is_made() -> bool:
    """Whether a seed has reached its end in this database before: the last login of the last account is there."""
    async with as_owner():
        last = f"{ROLES[-1].replace('_', '-')}@{PLANS[-1].short}.example"
        return await fetchval("SELECT 1 FROM login WHERE email = $1", last) is not None


class _Account:
    """One account while it is made."""

    def __init__(self, settings: Settings, now: datetime, shape: Shape, plan: HousePlan) -> None:
        self.settings, self.now, self.shape, self.plan = settings, now, shape, plan
        self.id = new_id()

    @property
    def actor(self) -> Actor:
        return Actor(account_id=self.id, name="Hofstrom")

    async def made(self, password_hash: str) -> dict[str, Any]:
        async with as_owner():
            self.id = await fetchval("SELECT id FROM account WHERE name = $1", self.plan.account) or self.id
            await execute(
                "INSERT INTO account (id, name, country, currency, hotline, created_at) VALUES ($1, $2, 'CH', 'CHF', $3, $4)"
                " ON CONFLICT DO NOTHING", self.id, self.plan.account, self.plan.hotline, self.now,
            )  # fmt: skip
        # A large platform grows house by house, by the commands that people use; a run that was cut goes on where it ended.
        for house_no in range(max(1, self.shape.houses)):
            site_id = await self._site(house_no)
            await in_operation(self.id, site_id, f"owner@{self.plan.short}.example", SINCE, self.now)
            await past_months(self.settings, self.plan, self.id, site_id, house_no, self.now, self.shape.months)
        people = {role: await self._login_person(role) for role in ROLES}
        async with as_owner():
            logins = [await self._login(role, people[role], password_hash) for role in ROLES]
            return {"id": str(self.id), "name": self.plan.account, "sites": await self._described(), "logins": logins}

    def _address(self, house_no: int) -> tuple[str, str, str, str]:
        return f"{self.plan.street} {4 + house_no}", self.plan.postcode, self.plan.city, "CH"

    async def _site(self, house_no: int) -> UUID:
        name = self.plan.site if house_no == 0 else f"{self.plan.site} {house_no + 1}"
        async with in_account(self.id):
            known = await fetchval("SELECT id FROM site WHERE name = $1", name)
        site_id = known or await self._new_site(name, house_no)
        building_id = await self._furnished(site_id, house_no)
        async with in_account(self.id):
            points = {row["name"]: row["id"] for row in await fetch("SELECT id, name FROM billing_point WHERE site_id = $1", site_id)}
            lived_in = {row["billing_point_id"] for row in await fetch(LIVED_IN, site_id)}
        for index in range(max(3, self.shape.residents)):
            place = f"A {index // 2 + 1}.{index % 2 + 1}"
            if points.get(place) not in lived_in or place not in points:
                await self._resident(points.get(place), building_id, place, house_no, index)
        async with as_owner():
            for index in range(max(1, self.shape.stations)):
                await self._station(site_id, house_no, index)
        return UUID(str(site_id))

    async def _new_site(self, name: str, house_no: int) -> UUID:
        plan, (street, postcode, city, country), creditor_id = self.plan, self._address(house_no), new_id()
        async with as_owner():
            await execute(
                "INSERT INTO creditor (account_id, id, name, street, postcode, city, country, iban, payout_iban, vat_number)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", self.id, creditor_id, plan.account, street, postcode, city, country,
                plan.qr_iban, plan.payout_iban, plan.vat_number,
            )  # fmt: skip
        form = NewSite(name=name, street=street, postcode=postcode, city=city, country=country, creditor_id=creditor_id)
        return await create_site(self.actor, form, frozenset({"operator"}), BEGAN - SET_UP)

    async def _furnished(self, site_id: UUID, house_no: int) -> UUID:
        """The building, the owner and the prices of a site, as far as they are missing; returns the building."""
        async with in_account(self.id):
            building_id = await fetchval("SELECT id FROM building WHERE site_id = $1 ORDER BY name LIMIT 1", site_id)
            owner_id = await fetchval("SELECT owner_id FROM owner_terms WHERE site_id = $1", site_id)
            tariff_id = await fetchval("SELECT id FROM tariff WHERE site_id = $1 LIMIT 1", site_id)
        building_id = building_id or await add_building(self.actor, site_id, "A", BEGAN)
        if owner_id is None:
            owner_id = await self._person(f"{self.plan.short.capitalize()} Immobilien", "legal", house_no)
            async with as_owner():
                await execute("UPDATE person SET iban = $3 WHERE account_id = $1 AND id = $2", self.id, owner_id, self.plan.owner_iban)
            await add_stakeholder(self.actor, site_id, NewStakeholder(kind="owner", person_id=owner_id, first=SINCE), BEGAN)
        if tariff_id is None:
            async with as_owner():
                await enter_tariff(self.id, site_id, "Laden", "CHF", Decimal("0.081"), SINCE, COMPONENTS)
        return UUID(str(building_id))

    async def _person(self, name: str, kind: Kind, house_no: int, email: str | None = None) -> UUID:
        given, _, family = name.rpartition(" ") if kind == "natural" else ("", "", name)
        street, postcode, city, country = self._address(house_no)
        form = NewPerson(kind=kind, given_name=given, family_name=family, email=email, correspondence="email" if email else "post",
                         street=street, postcode=postcode, city=city, country=country)  # fmt: skip
        return await create_person(self.actor, form, self.now)

    async def _resident(self, point_id: UUID | None, building_id: UUID, place: str, house_no: int, index: int) -> None:
        secret, first = self.settings.secret_key, index == 0 and house_no == 0
        if point_id is None:
            point_id = await create_point(self.actor, NewPoint(building_id=building_id, name=place, since=date(2000, 1, 1)), BEGAN)
        name = self.plan.residents[(index + house_no * self.shape.residents) % len(self.plan.residents)]
        person_id = await self._person(name, "natural", house_no, f"resident@{self.plan.short}.example" if first else None)
        await assign(self.actor, point_id, person_id, SINCE, MOVED_OUT - timedelta(days=1) if index == 1 else None, BEGAN)
        badge = NewBadge(uid=badge_uid(self.plan, house_no, index), person_id=person_id, label="Schlüsselbund", valid_from=SINCE)
        await create_badge(self.actor, badge, secret, BEGAN)
        if first:
            old = NewBadge(uid=blocked_uid(self.plan), person_id=person_id, label="Alter Badge", valid_from=SINCE)
            await set_badge_state(self.actor, await create_badge(self.actor, old, secret, BEGAN), "blocked", "", BEGAN)

    async def _station(self, site_id: UUID, house_no: int, index: int) -> None:
        house = "" if house_no == 0 else f"H{house_no + 1}-"
        identity = f"{self.plan.station_prefix}-{house}{index + 1}"
        if await fetchval("SELECT 1 FROM station WHERE account_id = $1 AND identity = $2", self.id, identity):
            return
        station_id, secret = new_id(), self.settings.secret_key
        await execute(
            "INSERT INTO station (account_id, id, identity, site_id, name, place, password_hash, max_power_w, commissioned_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, 11000, $8)",
            self.id, station_id, identity, site_id, f"Platz {index + 1}", f"Tiefgarage, Platz {index + 1}",
            keyed_hash(secret, station_password(secret, identity)), local_midnight(date(2020, 1, 1), "UTC"),
        )  # fmt: skip
        code = "".join(char for char in identity if char.isalnum()).ljust(6, "X")[:12]
        await execute(
            "INSERT INTO connector (account_id, station_id, number, public_code) VALUES ($1, $2, 1, $3)", self.id, station_id, code
        )

    def _email(self, role: str) -> str:
        return f"{role.replace('_', '-')}@{self.plan.short}.example"

    async def _login_person(self, role: str) -> UUID:
        email = self._email(role)
        async with as_owner():
            person_id = await fetchval(
                "SELECT g.person_id FROM role_grant g JOIN login l ON l.id = g.login_id WHERE g.account_id = $1 AND g.role = $2"
                " AND l.email = $3", self.id, role, email,
            ) or await self._person_of(role)  # fmt: skip
        return person_id or await self._person(self.plan.staff[role], "natural", 0, email)

    async def _login(self, role: str, person_id: UUID, password_hash: str) -> dict[str, Any]:
        email = self._email(role)
        name = await fetchval("SELECT trim(given_name || ' ' || family_name) FROM person WHERE id = $1", person_id)
        locale = "de" if role in ("resident", "owner") else "en"
        login_id = await create_login(email, name, password_hash, locale, self.now)
        await grant_role(self.id, login_id, role, person_id, SINCE)
        token = base64.urlsafe_b64encode(keyed_hash(self.settings.secret_key, f"demo-token:{email}")).decode().rstrip("=")
        await create_token(self.id, login_id, "demo", token, self.now)
        return {"role": role, "email": email, "password": PASSWORD, "token": token, "person_id": str(person_id)}

    async def _person_of(self, role: str) -> UUID | None:
        """Who of the house has a role; None: somebody of the staff, known by their address where a run was cut."""
        site_id = await fetchval("SELECT id FROM site WHERE account_id = $1 AND name = $2", self.id, self.plan.site)
        # A proxy acts for the owner, so the two logins stand for one person.
        if role in ("owner", "proxy"):
            return UUID(str(await fetchval("SELECT owner_id FROM owner_terms WHERE site_id = $1", site_id)))
        if role in ("resident", "former_resident"):
            point = "A 1.1" if role == "resident" else "A 1.2"
            return UUID(str(await fetchval(
                "SELECT o.person_id FROM occupancy o JOIN billing_point b ON b.account_id = o.account_id"
                " AND b.id = o.billing_point_id WHERE b.site_id = $1 AND b.name = $2 ORDER BY o.period LIMIT 1", site_id, point,
            )))  # fmt: skip
        found = await fetchval("SELECT id FROM person WHERE account_id = $1 AND email = $2", self.id, self._email(role))
        return None if found is None else UUID(str(found))

    async def _described(self) -> list[dict[str, Any]]:
        sites = await fetch("SELECT id, name FROM site WHERE account_id = $1 ORDER BY id", self.id)
        return [await self._site_described(row["id"], row["name"], house_no) for house_no, row in enumerate(sites)]

    async def _site_described(self, site_id: UUID, name: str, house_no: int) -> dict[str, Any]:
        secret = self.settings.secret_key
        stations = await fetch(
            "SELECT st.identity, count(*) AS connectors, min(c.public_code) AS code FROM station st"
            " JOIN connector c ON c.account_id = st.account_id AND c.station_id = st.id WHERE st.site_id = $1"
            " GROUP BY st.identity ORDER BY st.identity", site_id,
        )  # fmt: skip
        points = await fetch("SELECT id, name FROM billing_point WHERE site_id = $1 ORDER BY name", site_id)
        buildings = await fetch("SELECT id, name FROM building WHERE site_id = $1 ORDER BY name", site_id)
        return {
            "id": str(site_id), "name": name,
            "buildings": [{"id": str(row["id"]), "name": row["name"]} for row in buildings],
            "billing_points": [{"id": str(row["id"]), "name": row["name"]} for row in points],
            "stations": [
                {"id": row["identity"], "password": station_password(secret, row["identity"]),
                 "version": VERSIONS.get(row["identity"], "1.6"), "connectors": row["connectors"],
                 "qr_url": f"{self.settings.public_url}/c/{row['code']}"}
                for row in stations
            ],
            "badges": await self._badges_described(site_id, house_no, len(points)),
        }  # fmt: skip

    async def _badges_described(self, site_id: UUID, house_no: int, points: int) -> list[dict[str, str]]:
        """Only the demo knows UIDs in full: it makes them anew and finds whose hash they have."""
        uids = [*[badge_uid(self.plan, house_no, index) for index in range(points)], blocked_uid(self.plan)]
        known = {keyed_hash(self.settings.secret_key, uid): uid for uid in uids}
        rows = await fetch(
            "SELECT DISTINCT g.id, g.uid_hash, g.person_id FROM badge g JOIN occupancy o ON o.account_id = g.account_id"
            " AND o.person_id = g.person_id JOIN billing_point b ON b.account_id = o.account_id AND b.id = o.billing_point_id"
            " WHERE b.site_id = $1 ORDER BY g.id", site_id,
        )  # fmt: skip
        return [{"uid": known[r["uid_hash"]], "resident_id": str(r["person_id"])} for r in rows if r["uid_hash"] in known]
