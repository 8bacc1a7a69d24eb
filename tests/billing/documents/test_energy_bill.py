"""The printed bill of electricity: what was solar, net lines and VAT, credit used, the code for what is still to pay."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from app.billing.credit_notes import opposite_of
from app.billing.documents.bill import BillDocument, DoesNotAddUp, EnergyFacts, render_bill
from app.tariffs.model import PriceLine, VatGroup
from tests.billing.documents.bills import GERMAN_IBAN, bill
from tests.billing.documents.test_bill import codes, pages

RATE = Decimal("0.081")
TITLES = {
    "de": ("Stromrechnung", "Solarstrom", "Netzstrom Hochtarif", "Zu zahlen 56.24"),
    "fr": ("Facture d'électricité", "Électricité solaire", "Énergie du réseau heures", "À payer 56,24"),
    "it": ("Fattura dell'elettricità", "Energia solare", "Energia dalla rete tariffa alta", "Da pagare 56.24"),
    "en": ("Electricity bill", "Solar energy", "Grid energy high rate", "To pay 56.24"),
    "nl": ("Elektriciteitsrekening", "Zonnestroom", "Netstroom piektarief", "Te betalen 56,24"),
}


def line(amount_minor: int, quantity: str, price: str, **parts: Any) -> PriceLine:
    made = {"dimension": "kwh", "band": "single", "unit": "kWh", **parts}
    return PriceLine(quantity=Decimal(quantity), unit_price=Decimal(price), amount_minor=amount_minor, vat_rate=RATE, **made)


def energy_bill(**changes: Any) -> BillDocument:
    """56.65 net, 4.59 VAT, 61.24 gross, of which 5.00 come from credit; a third of the energy is solar."""
    positions = (
        line(1657, "82.140", "0.2017", origin="solar"), line(1759, "61.230", "0.2873", origin="grid", band="high"),
        line(1961, "99.010", "0.1981", origin="grid", band="low"), line(368, "0.3871", "9.5", dimension="month", unit="month"),
        line(-80, "-3.200", "0", label="correction:2026-02-01/2026-02-28"),
    )  # fmt: skip
    made = bill(
        kind="electricity", positions=positions, sessions=(), vat=(VatGroup(rate=RATE, net_minor=5665, vat_minor=459, gross_minor=6124),),
        net_minor=5665, vat_minor=459, gross_minor=6124, energy_wh=242_380, last_month=None, months=(), credit_minor=500,
        energy=EnergyFacts(solar_wh=82_140, grid_wh=160_240, peak_wh=1320),
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


@pytest.mark.row("R11")
@pytest.mark.parametrize("locale", TITLES)
def test_lines_tell_solar_from_grid_and_high_from_low_with_kwh_price_and_amount_and_vat_apart(locale: str) -> None:
    first, second = pages(render_bill(energy_bill(locale=locale)))
    for text in (*TITLES[locale], "34 %"):
        assert text in first
    flat = " ".join(first.split()).replace(",", ".")
    for figures in ("82.140 kWh × 0.2017 16.57", "61.230 kWh × 0.2873 17.59", "99.010 kWh × 0.1981 19.61", "0.387 × 9.50 3.68", "5.28 kW"):
        assert figures in flat
    assert "56.65 4.59 61.24" in second.replace(",", ".")


def test_the_code_asks_for_what_is_still_to_pay_and_nothing_where_credit_paid_it_all() -> None:
    document = energy_bill()
    (code,) = codes(render_bill(document), 150)
    assert code.splitlines()[18:20] == ["56.24", "CHF"]
    first = pages(render_bill(energy_bill(credit_minor=6124)))[0]
    assert "Aus Ihrem Guthaben bezahlt" in first and "Zahlteil" not in first
    (epc,) = codes(render_bill(energy_bill(iban=GERMAN_IBAN, currency="EUR", reference="RF18539007547034")), 150)
    assert "EUR56.24" in epc.splitlines()


def test_the_same_bill_is_the_same_bytes_its_credit_note_adds_up_and_a_wrong_one_is_not_printed() -> None:
    assert render_bill(energy_bill()) == render_bill(energy_bill())
    note = opposite_of(energy_bill(), "G2026-000001")
    assert "Gutschrift G2026-000001" in pages(render_bill(note))[0]
    for wrong in ({"energy_wh": 1}, {"net_minor": 5664}, {"positions": energy_bill().positions[1:]}):
        with pytest.raises(DoesNotAddUp):
            render_bill(energy_bill(**wrong))
