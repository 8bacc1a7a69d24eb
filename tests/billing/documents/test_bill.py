"""The printed bill: right figures in five languages, a code that banks read, tagged and archivable, always the same bytes."""

import hashlib
import io
import os
import re
import subprocess
import sys
from decimal import Decimal

import msgspec
import pdfplumber
import pikepdf
import pypdfium2
import pytest
import zxingcpp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.billing.documents.bill import BillDocument, DoesNotAddUp, render_bill, shown_price
from app.billing.qr_slip import qr_matrix
from app.tariffs.model import PriceLine, VatGroup
from app.tariffs.rules import vat_groups
from tests.billing.documents.bills import CREDITOR, GERMAN_IBAN, QR_IBAN, RESIDENT, VAT, bill

LOCALES = {
    "de": ("Laderechnung 2026-000042", "41.37", "Empfangsschein", "1'234.567"),
    "fr": ("Facture de recharge 2026-000042", "41,37", "Récépissé", "1 234,567"),
    "it": ("Fattura di ricarica 2026-000042", "41.37", "Ricevuta", "1'234.567"),
    "en": ("Charging bill 2026-000042", "41.37", "Receipt", "1,234.567"),
    "nl": ("Laadrekening 2026-000042", "41,37", "Ontvangstbewijs", "1.234,567"),
}


def pages(pdf: bytes) -> list[str]:
    """The text of each page, with plain spaces and apostrophes."""
    with pdfplumber.open(io.BytesIO(pdf)) as document:
        return [re.sub(r"[\u00a0\u202f\u2009]", " ", page.extract_text()).replace("’", "'") for page in document.pages]


def codes(pdf: bytes, dpi: int) -> list[str]:
    """What a camera reads from page one."""
    image = pypdfium2.PdfDocument(pdf)[0].render(scale=dpi / 72).to_pil()
    return [found.text for found in zxingcpp.read_barcodes(image)]


@pytest.mark.parametrize("locale", LOCALES)
def test_each_language_prints_title_amount_slip_and_registers(locale: str) -> None:
    title, amount, receipt, register = LOCALES[locale]
    first, second = pages(render_bill(bill(locale=locale)))
    for text in (title, amount, receipt, "2026-000042", "CH44 3199 9123 0008 8901 2", "Anna-Sophie Brönnimann", "CHE-123.456.788 MWST"):
        assert text in first
    assert register in second


def test_every_charge_stands_with_local_times_registers_energy_minutes_and_amount() -> None:
    _, second = pages(render_bill(bill()))
    # 16:05 UTC is 18:05 in summer, and 17:05 on the day on which summer time ends.
    assert "03.10.2026 18:05–19:40 Platz 7 App 1'234.567 1'284.567 50.000 95 21.50" in second
    assert "25.10.2026 17:05–18:40 Platz 7 Badge 1'400.000 1'430.250 30.250 95 10.00" in second
    assert "Total 110.500 41.37" in second
    assert "8.1 % 38.27 3.10 41.37" in second


def test_printed_quantity_times_printed_price_gives_the_printed_amount() -> None:
    first, _ = pages(render_bill(bill()))
    assert "Strom Hochtarif 50.000 kWh × 0.42 21.00" in first
    # 60.5 kWh at 0.31 are 18.76; charges rounded one by one came to 18.87, so the mean price is shown.
    assert "Strom Niedertarif 60.500 kWh × Ø 0.3119 18.87" in first
    assert "mittlerer Preis" in first


@given(
    st.decimals(min_value="0.001", max_value=5000, places=3), st.decimals(min_value="0.01", max_value=2, places=4),
    st.integers(min_value=-30, max_value=30),
)  # fmt: skip
def test_the_shown_price_gives_the_amount_for_any_rounding_of_the_charges(quantity: Decimal, price: Decimal, off: int) -> None:
    amount_minor = max(1, int((quantity * price * 100).to_integral_value()) + off)
    line = PriceLine(dimension="kwh", band="single", quantity=quantity, unit="kWh", unit_price=price, amount_minor=amount_minor)
    shown = shown_price(line, "CHF")
    assert abs(quantity * shown * 100 - amount_minor) <= Decimal("0.5")


@pytest.mark.parametrize("dpi", [100, 200, 300])
def test_the_code_on_the_page_reads_as_the_exact_payload(dpi: int) -> None:
    made = bill()
    creditor, resident = (msgspec.structs.asdict(party) for party in (CREDITOR, RESIDENT))
    payload, _ = qr_matrix(QR_IBAN, creditor, resident, 4137, "CHF", made.reference, made.number)
    assert [text.replace("\r\n", "\n") for text in codes(render_bill(made), dpi)] == [payload.replace("\r\n", "\n")]


def test_a_creditor_in_the_euro_area_prints_a_sepa_code_and_no_swiss_slip() -> None:
    pdf = render_bill(bill(iban=GERMAN_IBAN, currency="EUR"))
    (read,) = codes(pdf, 200)
    assert read.split("\n")[0] == "BCD"
    assert {"EUR41.37", GERMAN_IBAN, "Musterhof Genossenschaft"} <= set(read.split("\n"))
    assert "Empfangsschein" not in pages(pdf)[0]


def test_a_credit_note_names_its_bill_and_asks_for_no_payment() -> None:
    minus = {"net_minor": -3827, "vat_minor": -310, "gross_minor": -4137}
    minus |= {"vat": (VatGroup(rate=Decimal("0.081"), **minus),)}
    lines = tuple(msgspec.structs.replace(line, amount_minor=-line.amount_minor) for line in bill().positions)
    sessions = tuple(msgspec.structs.replace(line, gross_minor=-line.gross_minor) for line in bill().sessions)
    pdf = render_bill(bill(corrects="2026-000041", positions=lines, sessions=sessions, **minus))
    first = pages(pdf)[0]
    assert "Gutschrift 2026-000042" in first
    assert "zu Rechnung 2026-000041" in first
    assert "zahlbar bis" not in first
    assert codes(pdf, 150) == []


@pytest.mark.parametrize("field", ["net_minor", "vat_minor", "gross_minor", "energy_wh"])
def test_a_bill_that_does_not_add_up_is_not_printed(field: str) -> None:
    wrong = bill(**{field: getattr(bill(), field) + 1})
    with pytest.raises(DoesNotAddUp, match="2026-000042"):
        render_bill(wrong)


SECOND = VatGroup(rate=Decimal("0.026"), net_minor=0, vat_minor=0, gross_minor=0)


def test_several_rates_are_shown_each_with_its_net_and_vat_and_at_each_position() -> None:
    rates = [Decimal("0.081"), Decimal("0.026"), Decimal("0.081")]
    lines = tuple(msgspec.structs.replace(line, vat_rate=rate) for line, rate in zip(bill().positions, rates, strict=True))
    groups = tuple(vat_groups(lines, Decimal("0.081"), vat_included=True))
    net, vat = sum(one.net_minor for one in groups), sum(one.vat_minor for one in groups)
    first, second = pages(render_bill(bill(positions=lines, vat=groups, net_minor=net, vat_minor=vat)))
    assert "darin 8.1 % MWST 1.69" in first
    assert "darin 2.6 % MWST 0.48" in first
    assert "Strom Hochtarif (8.1 %)" in first
    assert "Strom Niedertarif (2.6 %)" in first
    assert "8.1 % 20.81 1.69 22.50" in second
    assert "2.6 % 18.39 0.48 18.87" in second
    assert "Total 39.20 2.17 41.37" in second


@pytest.mark.parametrize("wrong", [(), (VAT, SECOND, VAT), (msgspec.structs.replace(VAT, net_minor=3826, vat_minor=311),)])
def test_rates_that_do_not_come_to_the_bill_are_noticed(wrong: tuple[VatGroup, ...]) -> None:
    with pytest.raises(DoesNotAddUp):
        render_bill(bill(vat=wrong))


def test_a_missing_position_or_charge_is_noticed() -> None:
    for wrong in (bill(positions=bill().positions[:-1]), bill(sessions=bill().sessions[1:])):
        with pytest.raises(DoesNotAddUp):
            render_bill(wrong)


def test_the_file_is_tagged_named_archivable_and_accessible() -> None:
    with pikepdf.open(io.BytesIO(render_bill(bill(locale="fr")))) as pdf:
        with pdf.open_metadata() as metadata:
            assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"], metadata["pdfuaid:part"]) == ("3", "A", "1")
            assert metadata["dc:title"] == "Facture de recharge 2026-000042"
        assert str(pdf.Root.Lang) == "fr-CH"
        assert "/StructTreeRoot" in pdf.Root


AGAIN = """
import hashlib
from app.billing.documents.bill import render_bill
from tests.billing.documents.bills import bill
print(hashlib.sha256(render_bill(bill())).hexdigest())
"""


@pytest.mark.parametrize("time_zone", ["UTC", "Pacific/Auckland"])
def test_another_process_in_another_time_zone_makes_the_same_bytes(time_zone: str) -> None:
    environment = os.environ | {"TZ": time_zone, "PYTHONHASHSEED": "7"}
    again = subprocess.run([sys.executable, "-c", AGAIN], env=environment, capture_output=True, text=True, check=True)
    assert again.stdout.strip() == hashlib.sha256(render_bill(bill())).hexdigest()


NAMES = st.text(st.characters(codec="utf-8"), max_size=60) | st.sampled_from(
    [
        "😀🚗",
        "漢字 かな",
        "شارع",
        "\x00\x07\r\n",
        '#include "x" $x$ *b* @a <b> \\u{41} ]]',
        "e\u0301\u0327",
        "\u202eabc",
        "x" * 3000,
        "�",
        "\ufeff",
    ]
)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(NAMES, NAMES, NAMES, NAMES, NAMES)
def test_no_name_can_stop_a_bill(name: str, street: str, city: str, site: str, place: str) -> None:
    resident = msgspec.structs.replace(RESIDENT, name=name, street=street, city=city)
    sessions = tuple(msgspec.structs.replace(line, place=place) for line in bill().sessions)
    assert render_bill(bill(resident=resident, sessions=sessions, site_name=site)).startswith(b"%PDF")


def test_a_name_is_text_and_never_markup_and_keeps_what_can_be_printed() -> None:
    resident = msgspec.structs.replace(RESIDENT, name='#panic("x") *Anna* 😀 Müller')
    assert '#panic("x") *Anna* □ Müller' in pages(render_bill(bill(resident=resident)))[0]


def test_many_prices_give_the_slip_a_page_of_its_own() -> None:
    line = bill().positions[0]
    parts = tuple(msgspec.structs.replace(line, quantity=Decimal("2.5"), amount_minor=105) for _ in range(20))
    made: BillDocument = bill(positions=(*parts, *bill().positions[1:]))
    assert ["Empfangsschein" in page for page in pages(render_bill(made))] == [False, True, False]
