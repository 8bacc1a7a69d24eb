"""Prices and running costs for the displays of stations."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from app.billing.queries import charges_of_sessions, tariff_of
from app.billing.rules import price_session
from app.billing.session_solar import mix_of
from app.charging import queries as charging
from app.charging import shown_prices
from app.database.transaction import as_machine, execute, fetch, fetchval, in_account
from app.kernel.calendar import local_date
from app.metering.queries import session_values
from app.tariffs.model import Component, Tariff
from app.tariffs.queries import tariff_in_force

LONGEST = 512
UNITS = {"kwh": "kWh", "minute": "min", "idle_minute": "min", "session": ""}
# idle, from minute N on, at most, a charge
WORDS = {
    "de": ("Standzeit", "ab {} min", "höchstens {}", "pro Ladung"), "fr": ("stationnement", "dès {} min", "au plus {}", "par charge"),
    "it": ("sosta", "dopo {} min", "al massimo {}", "a ricarica"), "en": ("idle", "after {} min", "at most {}", "a charge"),
    "nl": ("parkeren", "na {} min", "hoogstens {}", "per laadbeurt"),
}  # fmt: skip
STORE = """
INSERT INTO site_price_text (account_id, site_id, language, said, changed_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (account_id, site_id) DO UPDATE SET language = excluded.language, said = excluded.said, changed_at = excluded.changed_at
WHERE (site_price_text.language, site_price_text.said) <> (excluded.language, excluded.said)
"""


def price_text(tariff: Tariff, language: str) -> str:
    """A tariff in a line that fits a display: CHF 0.30/kWh 07:00–20:00, CHF 0.20/kWh."""
    return ", ".join(_component(one, tariff.currency, WORDS[language]) for one in tariff.components)[:LONGEST]


def _component(one: Component, currency: str, words: tuple[str, str, str, str]) -> str:
    idle, after, most, a_charge = words
    unit = UNITS[one.dimension]
    parts = [f"{currency} {_amount(one.unit_price)}{'/' + unit if unit else ' ' + a_charge}"]
    if one.dimension == "idle_minute":
        parts.insert(0, idle)
    if one.from_time is not None and one.to_time is not None:
        parts.append(f"{one.from_time:%H:%M}–{one.to_time:%H:%M}")
    if one.grace_minutes:
        parts.append(after.format(one.grace_minutes))
    if one.cap_minor is not None:
        parts.append(most.format(f"{currency} {_amount(Decimal(one.cap_minor) / 100)}"))
    return " ".join(parts)


def _amount(price: Decimal) -> str:
    """At least two places, more where the price has more."""
    places = max(2, -int(price.normalize().as_tuple().exponent))
    return f"{price:.{places}f}"


async def tell_prices(now: datetime) -> list[UUID]:
    """Texts of today's prices, and the cost of what runs. Safe to repeat; for the timetable. Returns the stations to wake."""
    async with as_machine():
        accounts = [row["id"] for row in await fetch("SELECT id FROM account ORDER BY id")]
    for account_id in accounts:
        async with in_account(account_id):
            for site in await fetch("SELECT id, time_zone, languages FROM site ORDER BY id"):
                tariff = await tariff_in_force(site["id"], local_date(now, site["time_zone"]))
                if tariff is None:
                    await execute("DELETE FROM site_price_text WHERE site_id = $1", site["id"])
                else:
                    language = site["languages"][0]
                    await execute(STORE, account_id, site["id"], language, price_text(tariff, language), now)
    told = [await tell_cost(account_id, session_id, now) for account_id, session_id in await shown_prices.running_sessions()]
    return [one for one in told if one is not None]


async def final_cost(account_id: UUID, station_id: UUID, transaction: str) -> Decimal | None:
    """What an ended transaction costs, for the answer to its end; noted as told, so that it is not told again."""
    async with in_account(account_id):
        session_id = await fetchval("SELECT id FROM charging_session WHERE station_id = $1 AND transaction_ref = $2 AND state = 'ended'"
                                    " AND person_id IS NOT NULL", station_id, transaction)  # fmt: skip
        session = None if session_id is None else await charging.session(session_id)
        if session is None:
            return None
        tariff = await tariff_of(session)
        if tariff is None:
            return None
        gross_minor = price_session(session, await session_values(session.id), tariff, await mix_of(session)).gross_minor
    await shown_prices.note_told(session.id, gross_minor)
    return Decimal(gross_minor) / 100


async def tell_cost(account_id: UUID, session_id: UUID, now: datetime) -> UUID | None:
    """Show a charge's cost at its station: so far, or what was booked. Returns the station that has something to hear."""
    async with in_account(account_id):
        session = await charging.session(session_id)
        if session is None or session.state not in ("open", "ended"):
            return None
        charge = (await charges_of_sessions([session_id])).get(session_id)
        gross_minor = None if charge is None else charge.gross_minor
        if charge is None and session.state == "open":
            tariff = await tariff_of(session)
            if tariff is not None:
                gross_minor = price_session(session, await session_values(session_id), tariff, await mix_of(session)).gross_minor
    return None if gross_minor is None else await shown_prices.show_cost(session, gross_minor, now)
