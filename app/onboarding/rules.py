"""Checks of the owner's forms. Pure."""

from collections.abc import Sequence
from datetime import time
from decimal import ROUND_DOWN, Decimal

from app.kernel.errors import Refused
from app.kernel.iban import plain_iban
from app.onboarding.model import ContactForm, Rate, RatesForm, SolutionsForm
from app.sites.model import Solution
from app.tariffs.model import Component, Origin

__all__ = ["plain_iban"]
# What is sold by the kWh through a tariff of the site today; the other solutions have their own ways of billing.
PRICED = frozenset({"charging", "electricity"})
SOLAR_OF_GRID = Decimal("0.80")  # usual, and within a Swiss house community the most
HIGH_FROM, HIGH_TO = time(7), time(20)
WORKDAYS = (1, 2, 3, 4, 5)
DEAREST = 100


def check_contact(form: ContactForm) -> None:
    """Raises Refused name_needed, bad_email."""
    if form.owner_kind == "single_owner" and not form.given_name.strip() and " " not in form.family_name.strip():
        raise Refused("name_needed", 422, "A person needs a given name and a family name.", fields=["given_name"])
    if "@" not in form.email[1:-1] or " " in form.email:
        raise Refused("bad_email", 422, "The access is sent by e-mail: write the address as name@example.org.", fields=["email"])


def check_solutions(form: SolutionsForm) -> None:
    """Raises Refused no_solution, bad_iban."""
    if not form.solutions:
        raise Refused("no_solution", 422, "Choose at least one solution.", fields=["solutions"])
    plain_iban(form.iban)


def check_rates(form: RatesForm) -> None:
    """Each solution once, with one price or with a high and a low one, none below zero. Raises Refused bad_rate."""
    seen = set()
    for rate in form.rates:
        given = {name for name in ("single", "high", "low") if getattr(rate, name) is not None}
        prices = [getattr(rate, name) for name in (*given, *(("solar",) if rate.solar is not None else ()))]
        if (
            rate.solution in seen
            or (rate.solar is not None and rate.solution != "electricity")
            or given not in ({"single"}, {"high", "low"})
            or any(not price.is_finite() or price < 0 or price > 100 for price in prices)
        ):
            raise Refused("bad_rate", 422, "Write one price a kWh, or a high and a low one, of zero or more.", solution=rate.solution,
                          fields=["rates"])  # fmt: skip
        seen.add(rate.solution)


def missing(contact: ContactForm | None, solutions: SolutionsForm | None, rates: RatesForm | None) -> list[str]:
    """What still has to be filled in before the forms can be sent."""
    found = [name for name, form in (("contact", contact), ("solutions", solutions)) if form is None]
    wanted = set() if solutions is None else set(solutions.solutions) & PRICED
    given = set() if rates is None else {rate.solution for rate in rates.rates}
    return found + [f"rate:{solution}" for solution in sorted(wanted - given)]


def components(rates: Sequence[Rate], solution: str = "charging") -> tuple[Component, ...]:
    """The tariff of the site that these prices of a solution make."""
    found: list[Component] = []
    for rate in rates:
        if rate.solution != solution or solution not in PRICED:
            continue
        origin: Origin = "any" if rate.solar is None else "grid"
        if rate.solar is not None:
            found.append(Component(dimension="kwh", origin="solar", unit_price=_places(rate.solar)))
        if rate.single is not None:
            found.append(Component(dimension="kwh", origin=origin, unit_price=_places(rate.single)))
        elif rate.high is not None and rate.low is not None:
            found.append(Component(dimension="kwh", band="high", origin=origin, unit_price=_places(rate.high), from_time=HIGH_FROM,
                                   to_time=HIGH_TO, weekdays=WORKDAYS))  # fmt: skip
            found.append(Component(dimension="kwh", band="low", origin=origin, unit_price=_places(rate.low)))
    return tuple(found)


def rate_of(solution: Solution, parts: Sequence[Component]) -> Rate:
    """Prices that are in force as the form shows them."""
    of_kwh = [part for part in parts if part.dimension == "kwh"]
    bands = {part.band: part.unit_price for part in of_kwh if part.origin != "solar"}
    solar = next((part.unit_price for part in of_kwh if part.origin == "solar"), None)
    pair = bands.get("high") is not None and bands.get("low") is not None
    return Rate(solution=solution, single=None if pair else bands.get("single"), high=bands["high"] if pair else None,
                low=bands["low"] if pair else None, solar=solar)  # fmt: skip


def from_grid(solution: Solution, single: Decimal | None, high: Decimal | None, low: Decimal | None) -> Rate:
    """The grid operator's prices as a proposal: passed on as they are, and the roof's own a fifth below the cheapest of them."""
    solar = None
    if solution == "electricity":
        solar = (min(one for one in (single, high, low) if one is not None) * SOLAR_OF_GRID).quantize(Decimal("0.0001"), ROUND_DOWN)
    return Rate(solution=solution, single=single, high=high, low=low, solar=solar)


def _places(price: Decimal) -> Decimal:
    return price.quantize(Decimal("0.000001"))
