"""A bill to vary: three charges of October 2026 in two bands, with a start fee."""

from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec

from app.billing.documents.bill import BillDocument, Party, SessionLine
from app.billing.qr_slip import reference_for
from app.tariffs.model import PriceLine, VatGroup

QR_IBAN, IBAN, GERMAN_IBAN = "CH4431999123000889012", "CH9300762011623852957", "DE89370400440532013000"
VAT = VatGroup(rate=Decimal("0.081"), net_minor=3827, vat_minor=310, gross_minor=4137)
CREDITOR = Party(name="Musterhof Genossenschaft", street="Lindenweg 12", postcode="8045", city="Zürich", country="CH")
RESIDENT = Party(name="Anna-Sophie Brönnimann", street="Lindenweg 14", postcode="8045", city="Zürich", country="CH")


def charge(day: int, start_wh: int, energy_wh: int, gross_minor: int, by: str) -> SessionLine:
    """A charge of 95 minutes that starts at 16:05 UTC."""
    return SessionLine(
        started_at=datetime(2026, 10, day, 16, 5, tzinfo=UTC), stopped_at=datetime(2026, 10, day, 17, 40, tzinfo=UTC),
        place="Platz 7", by=by, meter_start_wh=start_wh, meter_stop_wh=start_wh + energy_wh, energy_wh=energy_wh,
        gross_minor=gross_minor,
    )  # fmt: skip


def bill(iban: str = QR_IBAN, **changes: object) -> BillDocument:
    """The bill with some fields exchanged: 41.37 gross, 38.27 net, 3.10 VAT."""
    positions = (
        PriceLine(dimension="kwh", band="high", quantity=Decimal("50.000"), unit="kWh", unit_price=Decimal("0.42"), amount_minor=2100),
        PriceLine(dimension="kwh", band="low", quantity=Decimal("60.500"), unit="kWh", unit_price=Decimal("0.31"), amount_minor=1887),
        PriceLine(dimension="session", band="single", quantity=Decimal(3), unit="session", unit_price=Decimal("0.5"), amount_minor=150),
    )
    sessions = (
        charge(3, 1_234_567, 50_000, 2150, "app"),
        charge(9, 1_300_001, 30_250, 987, "badge"),
        charge(25, 1_400_000, 30_250, 1000, "badge"),
    )
    months = tuple((date(2025 + (9 + i) // 12, (9 + i) % 12 + 1, 1), 5_000 * i) for i in range(12))
    made = BillDocument(
        number="2026-000042", locale="de", creditor=CREDITOR, resident=RESIDENT, site_name="Lindenhof", time_zone="Europe/Zurich",
        iban=iban, vat_number="CHE-123.456.788 MWST", period_start=date(2026, 10, 1), period_end=date(2026, 10, 31),
        issued_on=date(2026, 11, 1), due_on=date(2026, 12, 1), currency="CHF", reference=reference_for(iban, 123456, 2026, 42),
        positions=positions, sessions=sessions, vat=(VAT,), net_minor=3827, vat_minor=310, gross_minor=4137,
        energy_wh=110_500, last_month=(3000, 90_000), months=(*months, (date(2026, 10, 1), 110_500)),
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)
