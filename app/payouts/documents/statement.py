"""The owner's statement of a month: what stations earned, what of it is reimbursed, withheld and paid out."""

from datetime import date
from decimal import Decimal
from typing import Any

from app.billing.documents import words
from app.billing.documents.bill import DoesNotAddUp
from app.billing.documents.render import render
from app.kernel.calendar import month_end, month_of
from app.kernel.money import permille_of
from app.payouts.rules import Revenue
from app.residents.queries import Person
from app.sites.queries import OwnerTerms, Site

ADDED = ("sessions", "energy_wh", "gross_minor", "vat_minor", "net_minor", "internal_net_minor", "external_net_minor")


def render_statement(data: dict[str, Any], issued_on: date) -> bytes:
    """The statement as PDF/A-3a, PDF/UA-1, from `statement_data`; the same input gives the same bytes."""
    return render("statement", data, issued_on)


def statement_data(site: Site, owner: Person, terms: OwnerTerms, stations: list[Revenue], total: Revenue,
                   period: date, today: date, number: str) -> dict[str, Any]:  # fmt: skip
    """What the statement prints: texts only. Raises DoesNotAddUp when stations, classes and total differ."""
    _check(terms, stations, total, number)
    t, form = words.texts(owner.locale), words.region(owner.locale, site.creditor_country)
    iban = f"… {owner.iban[-4:]}" if owner.iban else ""
    sender = f"{site.creditor_name} · {site.creditor_street} · {site.creditor_postcode} {site.creditor_city}"
    address = [words.shortened(line, 90) for line in (owner.name, owner.street, f"{owner.postcode} {owner.city}")]
    return {
        "title": f"{t['statement']} {period:%m/%Y}", "language": owner.locale, "country": site.creditor_country,
        "creditor": {"name": words.shortened(site.creditor_name, 70)}, "headline": words.shortened(site.name, 60),
        "sender": words.shortened(sender, 120), "address": address,
        "facts": [(t["reference"], number), (t["issued"], words.day(today, form)),
                  (t["period"], f"{words.day(month_of(period), form)} – {words.day(month_end(period), form)}")],
        "currency": site.currency, "amount": words.money(total.reimbursed_minor, site.currency, form),
        "how": t["paid_to"].format(iban=iban), "stations_title": t["stations"],
        "stations_head": [t["station"], t["charges"], "kWh", t["gross"], t["tax"], t["net"], t["internal"], t["external"]],
        "stations": [*[_station(r, words.shortened(r.name, 60), site.currency, form) for r in stations],
                     _station(total, t["total"], site.currency, form)],
        "classes_title": t["reimbursed"],
        "classes_head": [t["class"], t["net"], t["share"], t["reimbursed"], t["withheld"]],
        "classes": _classes(terms, total, t, site.currency, form),
        "explanation": t["explanation"].format(internal=_percent(terms.internal_permille, form),
                                               external=_percent(terms.external_permille, form)),
        "footer": f"{words.shortened(site.creditor_name, 70)} · {number}", "page": t["page"], "of": t["of"],
    }  # fmt: skip


def _check(terms: OwnerTerms, stations: list[Revenue], total: Revenue, number: str) -> None:
    for name in ADDED:
        parts = sum(getattr(station, name) for station in stations)
        if parts != getattr(total, name):
            raise DoesNotAddUp(f"statement {number}: {name} of the stations come to {parts}, the total is {getattr(total, name)}")
    if total.internal_net_minor + total.external_net_minor != total.net_minor:
        raise DoesNotAddUp(f"statement {number}: internal and external are not the net revenue")
    if total.net_minor + total.vat_minor != total.gross_minor:
        raise DoesNotAddUp(f"statement {number}: net and VAT are not the gross revenue")
    shares = sum(part for _, _, part in _shares(terms, total))
    if shares != total.reimbursed_minor or total.reimbursed_minor + total.withheld_minor != total.net_minor:
        raise DoesNotAddUp(f"statement {number}: reimbursed {total.reimbursed_minor} and withheld are not the terms' shares")


def _shares(terms: OwnerTerms, total: Revenue) -> list[tuple[int, int, int]]:
    """(net, permille, reimbursed) of the internal and the external revenue."""
    pairs = ((total.internal_net_minor, terms.internal_permille), (total.external_net_minor, terms.external_permille))
    return [(net_minor, permille, permille_of(net_minor, permille)) for net_minor, permille in pairs]


def _station(revenue: Revenue, name: str, currency: str, form: str) -> list[str]:
    amounts = (revenue.gross_minor, revenue.vat_minor, revenue.net_minor, revenue.internal_net_minor, revenue.external_net_minor)
    energy = words.energy(revenue.energy_wh, form)
    return [name, str(revenue.sessions), energy, *[words.money(amount, currency, form) for amount in amounts]]


def _classes(terms: OwnerTerms, total: Revenue, t: dict[str, str], currency: str, form: str) -> list[list[str]]:
    rows = []
    for name, (net_minor, permille, part_minor) in zip(("internal", "external"), _shares(terms, total), strict=True):
        amounts = [words.money(minor, currency, form) for minor in (net_minor, part_minor, net_minor - part_minor)]
        rows.append([t[name], amounts[0], f"{_percent(permille, form)} %", *amounts[1:]])
    sums = [words.money(minor, currency, form) for minor in (total.net_minor, total.reimbursed_minor, total.withheld_minor)]
    return [*rows, [t["total"], sums[0], "", *sums[1:]]]


def _percent(permille: int, form: str) -> str:
    return words.number(Decimal(permille) / 10, form, "0.#")
