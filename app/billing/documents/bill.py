"""The bill of a month: what, how much, until when, how to pay, how it compares; then every session."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from app.billing.documents import words
from app.billing.documents.render import render
from app.billing.qr_slip import is_qr_iban, qr_matrix
from app.tariffs.model import PriceLine


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """A name and an address."""

    name: str
    street: str
    postcode: str
    city: str
    country: str


class SessionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One charge with its registers (Wh) and its gross amount."""

    started_at: datetime
    stopped_at: datetime
    place: str
    by: str
    meter_start_wh: int
    meter_stop_wh: int
    energy_wh: int
    gross_minor: int


class BillDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The frozen input of a bill. Amounts are computed by the caller; the document only checks that they add up."""

    number: str
    locale: str
    creditor: Party
    resident: Party
    site_name: str
    time_zone: str
    iban: str
    vat_number: str | None
    period_start: date
    period_end: date
    issued_on: date
    due_on: date
    currency: str
    reference: str
    positions: tuple[PriceLine, ...]
    sessions: tuple[SessionLine, ...]
    vat_rate: Decimal
    net_minor: int
    vat_minor: int
    gross_minor: int
    energy_wh: int
    last_month: tuple[int, int] | None
    months: tuple[tuple[date, int], ...]


class DoesNotAddUp(ValueError):
    """The parts of a bill differ from its total: nothing is printed."""


def render_bill(bill: BillDocument) -> bytes:
    """The bill as PDF/A-3a, PDF/UA-1; the same input gives the same bytes. Raises DoesNotAddUp, DocumentFailed."""
    _check(bill)
    return render("bill", bill_data(bill), bill.issued_on)


def _check(bill: BillDocument) -> None:
    sums = {
        "positions": sum(line.amount_minor for line in bill.positions),
        "sessions": sum(line.gross_minor for line in bill.sessions),
        "net and VAT": bill.net_minor + bill.vat_minor,
    }
    for what, total in sums.items():
        if total != bill.gross_minor:
            raise DoesNotAddUp(f"bill {bill.number}: {what} come to {total}, the total is {bill.gross_minor}")
    if sum(line.energy_wh for line in bill.sessions) != bill.energy_wh:
        raise DoesNotAddUp(f"bill {bill.number}: the sessions' energy is not the bill's")


def bill_data(bill: BillDocument) -> dict[str, Any]:
    """What the template prints: texts only."""
    t, form = words.texts(bill.locale), words.region(bill.locale, bill.creditor.country)
    amount = words.money(bill.gross_minor, bill.currency, form)
    has_slip = bill.iban[:2] in ("CH", "LI") and bill.gross_minor > 0
    facts = [
        (t["bill_no"], bill.number),
        (t["issued"], words.day(bill.issued_on, form)),
        (t["period"], f"{words.day(bill.period_start, form)} – {words.day(bill.period_end, form)}"),
        (t["vat_no"], bill.vat_number or "–"),
    ]
    return {
        "title": f"{t['bill']} {bill.number}", "language": bill.locale, "country": bill.creditor.country,
        "creditor": {"name": bill.creditor.name}, "headline": bill.site_name, "sender": _one_line(bill.creditor),
        "address": _lines(bill.resident), "facts": facts, "currency": bill.currency, "amount": amount,
        "due_label": t["due"], "due": words.day(bill.due_on, form), "how": t["how"], "comparison": _comparison(bill, form),
        "positions_head": [t["position"], t["quantity"], t["amount"]], "positions": _positions(bill, form),
        "bars": _bars(bill, form), "bars_alt": t["bars"], "bars_caption": t["bars"], "help": t["help"],
        "sessions_title": t["sessions"],
        "sessions_head": [t["date"], t["time"], t["place"], t["by"], t["start"], t["stop"], t["used"], t["amount"]],
        "sessions": [_session(line, bill, form) for line in bill.sessions],
        "vat_title": t["vat"], "vat_head": [t["rate"], t["net"], t["tax"], t["gross"]],
        "vat": [[words.number(bill.vat_rate * 100, form, "0.0#") + " %"]
                + [words.money(m, bill.currency, form) for m in (bill.net_minor, bill.vat_minor, bill.gross_minor)]],
        "note": t["note"], "footer": f"{t['footer']} {bill.number}", "page": t["page"], "of": t["of"],
        "has_slip": has_slip, "amount_slip": f"{bill.gross_minor / 100:,.2f}".replace(",", " "),
        "slip": _slip(bill, t) if has_slip else {},
    }  # fmt: skip


def _slip(bill: BillDocument, t: dict[str, str]) -> dict[str, Any]:
    creditor, resident = msgspec.structs.asdict(bill.creditor), msgspec.structs.asdict(bill.resident)
    _, matrix = qr_matrix(bill.iban, creditor, resident, bill.gross_minor, bill.currency, bill.reference, bill.number)
    iban = bill.iban.replace(" ", "")
    return {
        "receipt": t["receipt"], "part": t["part"], "account_label": t["account"], "reference_label": t["reference"],
        "payer_label": t["payer"], "currency_label": t["currency"], "amount_label": t["amount_label"],
        "acceptance": t["acceptance"], "info_label": t["info"], "info": bill.number, "qr_alt": t["qr"], "matrix": matrix,
        "account": [" ".join(iban[i : i + 4] for i in range(0, len(iban), 4)), *_lines(bill.creditor)],
        "payer": _lines(bill.resident), "reference": words.grouped(bill.reference), "qr_iban": is_qr_iban(iban),
    }  # fmt: skip


def _positions(bill: BillDocument, form: str) -> list[list[str]]:
    t = words.texts(bill.locale)
    rows = []
    for line in bill.positions:
        label = t.get(f"{line.dimension}_{line.band}", t[line.dimension])
        quantity = words.number(line.quantity, form, "#,##0.000" if line.unit == "kWh" else "#,##0")
        unit = {"kWh": " kWh", "min": " min", "session": ""}[line.unit]
        price = words.number(line.unit_price, form, "0.00####")
        rows.append([label, f"{quantity}{unit} × {price}", words.money(line.amount_minor, bill.currency, form)])
    return [*rows, [t["total"], "", words.money(bill.gross_minor, bill.currency, form)]]


def _session(line: SessionLine, bill: BillDocument, form: str) -> list[str]:
    t = words.texts(bill.locale)
    start, stop = words.clock(line.started_at, bill.time_zone), words.clock(line.stopped_at, bill.time_zone)
    local = datetime.fromisoformat(line.started_at.isoformat()).astimezone(words.ZoneInfo(bill.time_zone)).date()
    registers = [words.energy(wh, form) for wh in (line.meter_start_wh, line.meter_stop_wh, line.energy_wh)]
    amount = words.money(line.gross_minor, bill.currency, form)
    return [words.day(local, form), f"{start}–{stop}", line.place, t[line.by], *registers, amount]


def _comparison(bill: BillDocument, form: str) -> str:
    t = words.texts(bill.locale)
    if bill.last_month is None:
        return t["first"]
    gross, energy_wh = bill.last_month
    difference = bill.gross_minor - gross
    if difference == 0:
        return t["same"]
    return t["more" if difference > 0 else "less"].format(
        amount=words.money(abs(difference), bill.currency, form), currency=bill.currency,
        kwh=words.energy(energy_wh, form, 1), now=words.energy(bill.energy_wh, form, 1),
    )  # fmt: skip


def _bars(bill: BillDocument, form: str) -> list[dict[str, Any]]:
    most = max([1, *[energy_wh for _, energy_wh in bill.months]])
    return [
        {
            "label": f"{month:%m}",
            "share": round(energy_wh / most, 3),
            "value": words.energy(energy_wh, form, 1).partition(",")[0].partition(".")[0],
            "marked": month.month == bill.period_start.month,
        }
        for month, energy_wh in bill.months
    ]


def _lines(party: Party) -> list[str]:
    return [party.name, party.street, f"{party.postcode} {party.city}"]


def _one_line(party: Party) -> str:
    return " · ".join(_lines(party))
