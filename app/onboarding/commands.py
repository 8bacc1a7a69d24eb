"""Send the forms' link, keep drafts, and apply what the owner sent: owner, solutions, method, prices, in one transaction."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import as_machine, execute, fetch, fetchrow, fetchval, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id, new_token, token_hash
from app.kernel.regime import standard_vat
from app.onboarding import rules
from app.onboarding.model import ContactForm, FormPage, Link, Rate, RatesForm, SolutionsForm
from app.outbox.commands import record
from app.residents.iban_changes import ask_for_iban
from app.sites.model import RHYTHM
from app.tariffs.commands import enter_rate
from app.tariffs.grid_prices import price_of_site
from app.tariffs.model import Rate as TariffRate
from app.tariffs.model import Solution as PricedSolution
from app.tariffs.queries import tariff_in_force

DAYS_VALID = 30
PRICED_SOLUTIONS: tuple[PricedSolution, ...] = ("charging", "electricity")
GONE = Refused("link_invalid", 404, "This link is no longer valid. Ask the operator for a new one.")


async def send_link(actor: Actor, site_id: UUID, recipient: str, now: datetime) -> UUID:
    """A new link to the forms by mail; an older one of the site no longer opens them, its drafts are kept.

    Raises Refused not_found, bad_email, sent_already.
    """
    if "@" not in recipient[1:-1] or " " in recipient:
        raise Refused("bad_email", 422, "This is not an e-mail address. Write it as name@example.org.", fields=["recipient"])
    token, form_id = new_token(), new_id()
    async with in_account(actor.account_id):
        if await fetchrow("SELECT 1 FROM site WHERE id = $1 FOR UPDATE", site_id) is None:
            raise not_found("site")
        old = await fetchrow("SELECT contact, solutions, rates, sent_at FROM site_form WHERE site_id = $1 ORDER BY created_at DESC LIMIT 1",
                             site_id)  # fmt: skip
        if old is not None and old["sent_at"] is not None:
            raise Refused("sent_already", 409, "The owner has sent the forms already. Change the site's data instead.")
        await execute("UPDATE site_form SET expires_at = least(expires_at, $2) WHERE site_id = $1", site_id, now)
        await execute(
            "INSERT INTO site_form (account_id, id, site_id, token_hash, recipient, created_at, expires_at, contact, solutions, rates)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            actor.account_id, form_id, site_id, token_hash(token), recipient, now, now + timedelta(days=DAYS_VALID),
            *((None, None, None) if old is None else (old["contact"], old["solutions"], old["rates"])),
        )  # fmt: skip
        await note(actor, "site", site_id, "form_link", now)
        await record("SiteFormSent", {"form_id": form_id, "token": token}, account_id=actor.account_id)
    return form_id


async def open_form(token: str, now: datetime) -> Link:
    """The form behind a link. Raises Refused link_invalid."""
    async with as_machine():
        row = await fetchrow("SELECT account_id, id, site_id, expires_at, sent_at FROM site_form WHERE token_hash = $1", token_hash(token))
    if row is None or row["expires_at"] <= now:
        raise GONE
    return Link(**row)


async def page(token: str, now: datetime) -> FormPage:
    """The forms with their drafts and proposals. Raises Refused link_invalid."""
    link = await open_form(token, now)
    async with in_account(link.account_id):
        return await _page(link, now)


async def _page(link: Link, now: datetime) -> FormPage:
    row = await fetchrow(
        "SELECT f.*, s.name AS site_name, s.city AS site_city FROM site_form f JOIN site s ON s.account_id = f.account_id"
        " AND s.id = f.site_id WHERE f.id = $1", link.id,
    )  # fmt: skip
    if row is None:
        raise GONE
    contact, solutions, rates = _drafts(row)
    proposed, from_grid = await _proposed_rates(link.site_id, now)
    return FormPage(
        site_name=row["site_name"], site_city=row["site_city"], version=row["version"], expires_at=row["expires_at"],
        sent_at=row["sent_at"], contact=contact, solutions=solutions, rates=rates,
        proposed_solutions=await _proposed_solutions(link.site_id), proposed_rates=proposed, proposed_from_grid=from_grid,
        missing=rules.missing(contact, solutions, rates),
    )  # fmt: skip


def _drafts(row: asyncpg.Record) -> tuple[ContactForm | None, SolutionsForm | None, RatesForm | None]:
    return (
        None if row["contact"] is None else msgspec.json.decode(row["contact"], type=ContactForm),
        None if row["solutions"] is None else msgspec.json.decode(row["solutions"], type=SolutionsForm),
        None if row["rates"] is None else msgspec.json.decode(row["rates"], type=RatesForm),
    )


async def _proposed_solutions(site_id: UUID) -> list[str]:
    """Those whose hardware stands or is planned: a station means charging; what is activated already."""
    rows = await fetch("SELECT 'charging' AS solution WHERE EXISTS (SELECT 1 FROM station WHERE site_id = $1)"
                       " UNION SELECT solution FROM site_solution WHERE site_id = $1 ORDER BY 1", site_id)  # fmt: skip
    return [row["solution"] for row in rows]


async def _proposed_rates(site_id: UUID, now: datetime) -> tuple[list[Rate], bool]:
    """(for each priced solution what is in force, else what the grid operator asks; whether anything is the grid operator's)."""
    grid, found, from_grid = await price_of_site(site_id, now.date()), [], False
    for solution in PRICED_SOLUTIONS:
        tariff = await tariff_in_force(site_id, now.date(), solution)
        if tariff is not None:
            found.append(rules.rate_of(solution, tariff.components))
        elif grid is not None:
            found.append(rules.from_grid(solution, grid.price.single, grid.price.high, grid.price.low))
            from_grid = True
    return found, from_grid


async def save_draft(
    token: str, version: int, contact: ContactForm | None, solutions: SolutionsForm | None, rates: RatesForm | None, now: datetime
) -> FormPage:
    """Keep what is filled in so far; a part that is None stays as it was.

    Raises Refused link_invalid, sent_already, changed_meanwhile, and what the checks of the parts raise.
    """
    if contact is not None:
        rules.check_contact(contact)
    if solutions is not None:
        rules.check_solutions(solutions)
    if rates is not None:
        rules.check_rates(rates)
    link = await open_form(token, now)
    async with in_account(link.account_id):
        row = await fetchrow("SELECT version, sent_at FROM site_form WHERE id = $1 FOR UPDATE", link.id)
        if row is None or row["sent_at"] is not None:
            raise Refused("sent_already", 409, "These forms have been sent. Ask the operator for changes.")
        if row["version"] != version:
            raise Refused("changed_meanwhile", 409, "Somebody else has filled in these forms in the meantime. Load them again.",
                          version=row["version"])  # fmt: skip
        await execute(
            "UPDATE site_form SET contact = coalesce($2, contact), solutions = coalesce($3, solutions), rates = coalesce($4, rates),"
            " version = version + 1 WHERE id = $1", link.id, _json(contact), _json(solutions), _json(rates),
        )  # fmt: skip
        return await _page(link, now)


def _json(part: Any) -> str | None:
    return None if part is None else msgspec.json.encode(part).decode()


async def submit(token: str, now: datetime) -> FormPage:
    """Send the forms: what they say becomes the site's. Once; again changes nothing. Raises Refused link_invalid, incomplete."""
    link = await open_form(token, now)
    actor = Actor(account_id=link.account_id, name="owner's form")
    async with in_account(link.account_id):
        row = await fetchrow("SELECT * FROM site_form WHERE id = $1 FOR UPDATE", link.id)
        if row is None:
            raise GONE
        if row["sent_at"] is None:
            contact, solutions, rates = _drafts(row)
            lacking = rules.missing(contact, solutions, rates)
            if contact is None or solutions is None or lacking:
                raise Refused("incomplete", 422, "Some parts are still empty. Fill them in, then send.", missing=lacking, fields=lacking)
            await _apply(actor, link.site_id, contact, solutions, rates or RatesForm(rates=()), now)
            await execute("UPDATE site_form SET sent_at = $2 WHERE id = $1", link.id, now)
            await note(actor, "site", link.site_id, "form_sent", now)
        return await _page(link, now)


async def _apply(actor: Actor, site_id: UUID, contact: ContactForm, solutions: SolutionsForm, rates: RatesForm, now: datetime) -> None:
    owner_id = await _owner(actor, site_id, contact, rules.plain_iban(solutions.iban), solutions, now)
    await execute("UPDATE site SET billing_from = $2, vat_liable = $3, version = version + 1 WHERE id = $1", site_id,
                  solutions.billing_from, solutions.vat_liable)  # fmt: skip
    for solution in solutions.solutions:
        if await fetchval("SELECT 1 FROM site_solution WHERE site_id = $1 AND solution = $2", site_id, solution) is None:
            await execute("INSERT INTO site_solution (account_id, site_id, solution, rhythm, period)"
                          " VALUES ($1, $2, $3, $4, daterange($5, NULL))", actor.account_id, site_id, solution, RHYTHM[solution],
                          solutions.billing_from)  # fmt: skip
    await execute("UPDATE operating_method SET method = $2 WHERE site_id = $1 AND upper(period) IS NULL", site_id, solutions.method)
    await _apply_rates(actor, site_id, solutions.billing_from, rates)
    await note(actor, "person", owner_id, "form_applied", now)


async def _apply_rates(actor: Actor, site_id: UUID, first: date, rates: RatesForm) -> None:
    site = await fetchrow("SELECT country, currency FROM site WHERE id = $1", site_id)
    if site is None:
        raise not_found("site")
    for solution in PRICED_SOLUTIONS:
        components = rules.components(rates.rates, solution)
        present = await tariff_in_force(site_id, first, solution)
        if components and (present is None or present.components != components):
            rate = TariffRate(components=components, solution=solution)
            await enter_rate(actor.account_id, site_id, site["currency"], standard_vat(site["country"], first), first, rate)


async def _owner(actor: Actor, site_id: UUID, contact: ContactForm, iban: str, solutions: SolutionsForm, now: datetime) -> UUID:
    terms = await fetchrow("SELECT owner_id FROM owner_terms WHERE site_id = $1 AND period @> $2::date", site_id, now.date())
    kind = "natural" if contact.owner_kind == "single_owner" and contact.given_name.strip() else "legal"
    billing = contact.billing or contact  # an account's address is where its bills go
    postal = f"{contact.street}, {contact.postcode} {contact.city}, {contact.country}"
    values = (kind, contact.given_name.strip(), contact.family_name.strip(), contact.email, contact.phone, billing.street, billing.postcode,
              billing.city, billing.country, postal if contact.billing else "")  # fmt: skip
    if terms is not None:
        await execute(
            "UPDATE person SET kind = $2, given_name = $3, family_name = $4, email = $5, phone = $6, street = $7, postcode = $8, city = $9,"
            " country = $10, postal_address = $11, iban = coalesce(iban, $12), version = version + 1 WHERE id = $1", terms["owner_id"],
            *values, iban,
        )  # fmt: skip
        await ask_for_iban(actor, terms["owner_id"], iban, now)  # another account than the known one waits for somebody to confirm it
        return UUID(str(terms["owner_id"]))
    person_id = new_id()
    await execute(
        "INSERT INTO person (account_id, id, kind, given_name, family_name, email, phone, street, postcode, city, country,"
        " postal_address, iban, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)", actor.account_id,
        person_id, *values, iban, now,
    )  # fmt: skip
    first = min(now.date(), solutions.billing_from)
    await execute("INSERT INTO owner_terms (account_id, id, site_id, owner_id, period) VALUES ($1, $2, $3, $4, daterange($5, NULL))",
                  actor.account_id, new_id(), site_id, person_id, first)  # fmt: skip
    await record("OwnerChanged", {"site_id": site_id}, account_id=actor.account_id)
    return person_id
