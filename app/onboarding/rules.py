"""Checks of the owner's forms. Pure."""

from collections.abc import Sequence
from datetime import time
from decimal import Decimal

from app.kernel.errors import Refused
from app.kernel.iban import plain_iban
from app.onboarding.model import ContactForm, Rate, RatesForm, SolutionsForm
from app.tariffs.model import Component

__all__ = ["plain_iban"]
# What is sold by the kWh through a tariff of the site today; the other solutions have their own ways of billing.
PRICED = frozenset({"charging"})
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
        prices = [getattr(rate, name) for name in given]
        if (
            rate.solution in seen
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


def components(rates: Sequence[Rate]) -> tuple[Component, ...]:
    """The tariff of the site that these prices make."""
    found: list[Component] = []
    for rate in rates:
        if rate.solution not in PRICED:
            continue
        if rate.single is not None:
            found.append(Component(dimension="kwh", unit_price=_places(rate.single)))
        elif rate.high is not None and rate.low is not None:
            found.append(Component(dimension="kwh", band="high", unit_price=_places(rate.high), from_time=HIGH_FROM, to_time=HIGH_TO,
                                   weekdays=WORKDAYS))  # fmt: skip
            found.append(Component(dimension="kwh", band="low", unit_price=_places(rate.low)))
    return tuple(found)


def _places(price: Decimal) -> Decimal:
    return price.quantize(Decimal("0.000001"))
