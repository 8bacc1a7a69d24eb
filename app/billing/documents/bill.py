"""The bill of a month: what, how much, until when, how to pay, how it compares; then every session."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

from app.billing.documents import words
from app.billing.documents.einvoice import invoice_xml, marked_factur_x
from app.billing.documents.render import render
from app.billing.qr_slip import epc_matrix, plain_reference, qr_matrix, shown_reference, slip_party, slip_text
from app.kernel.energy import kwh
from app.kernel.money import to_major, to_minor
from app.tariffs.model import PriceLine, VatGroup


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """A name and an address."""

    name: str
    street: str
    postcode: str
    city: str
    country: str


class SessionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One charge with its registers (Wh; None: never reported) and its gross amount; negative where a bill is corrected."""

    started_at: datetime
    stopped_at: datetime
    place: str
    by: str
    meter_start_wh: int
    meter_stop_wh: int | None
    energy_wh: int
    gross_minor: int
    corrected: bool = False


class EnergyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a bill of electricity says of its use."""

    solar_wh: int
    grid_wh: int
    peak_wh: int
    peak_at: datetime | None = None


class BillDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The frozen input of a bill. Amounts are computed by the caller; the document only checks that they add up.

    `months` are (first day, Wh) of thirteen months, oldest first; `last_month` is (gross, Wh). With `corrects`, the number
    of the bill that it takes back, the document is a credit note. `vat` has one group a rate; prices contain VAT.
    """

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
    vat: tuple[VatGroup, ...]
    net_minor: int
    vat_minor: int
    gross_minor: int
    energy_wh: int
    last_month: tuple[int, int] | None
    months: tuple[tuple[date, int], ...]
    corrects: str | None = None
    credit_minor: int = 0
    labels: dict[str, str] = {}
    kind: Literal["charging", "electricity", "service"] = "charging"
    energy: EnergyFacts | None = None
    by_card: bool = False  # a guest's receipt: the card that was held pays it
    collected: bool = True  # by the operator; else the owner collects, and this is an individual statement
    mailing_minor: int = 0  # the fees for post and badges on a bill of charges, with VAT: no charge contains them

    @property
    def taxed_below(self) -> bool:
        """Whether positions are without VAT, which stands below them; there are no sessions then."""
        return self.energy is not None or self.kind == "service"

    @property
    def payable_minor(self) -> int:
        """What is still to be paid: the total less the credit that was used for it; nothing of a receipt."""
        return 0 if self.by_card else self.gross_minor - self.credit_minor


NOTES = {"charging": "note", "electricity": "note_electricity", "service": "note_service"}
KINDS = {"charging": "bill", "electricity": "bill_electricity", "service": "bill_service"}


class DoesNotAddUp(ValueError):
    """The parts of a bill differ from its total: nothing is printed."""


def render_bill(bill: BillDocument) -> bytes:
    """The bill as PDF/A-3a, PDF/UA-1, in euro with its XML inside (Factur-X). The same input, the same bytes.

    Raises DoesNotAddUp, DocumentFailed.
    """
    _check(bill)
    if bill.currency != "EUR" or not bill.collected:
        return render("bill", bill_data(bill), bill.issued_on)
    t = words.texts(bill.locale)
    xml = invoice_xml(bill, [position_label(line, bill.labels, t) for line in bill.positions])
    return marked_factur_x(render("bill", {**bill_data(bill), "xml": list(xml)}, bill.issued_on))


def _check(bill: BillDocument) -> None:
    sums = {
        "positions": sum(line.amount_minor for line in bill.positions) + (bill.vat_minor if bill.taxed_below else 0),
        "sessions": bill.gross_minor if bill.taxed_below else sum(line.gross_minor for line in bill.sessions) + bill.mailing_minor,
        "net and VAT": bill.net_minor + bill.vat_minor,
        "the rates' totals": sum(group.gross_minor for group in bill.vat),
        "the rates' nets": sum(group.net_minor for group in bill.vat) + bill.vat_minor,
        "the rates' parts": sum(group.net_minor + group.vat_minor for group in bill.vat),
    }
    for what, total in sums.items():
        if total != bill.gross_minor:
            raise DoesNotAddUp(f"bill {bill.number}: {what} come to {total}, the total is {bill.gross_minor}")
    used = sum(line.energy_wh for line in bill.sessions) if bill.energy is None else bill.energy.solar_wh + bill.energy.grid_wh
    if used != bill.energy_wh:
        raise DoesNotAddUp(f"bill {bill.number}: the sessions' energy is not the bill's")


def bill_data(bill: BillDocument) -> dict[str, Any]:
    """What the template prints: texts only."""
    t, form = words.texts(bill.locale), words.region(bill.locale, bill.creditor.country)
    amount, payable = (words.money(minor, bill.currency, form) for minor in (bill.gross_minor, bill.payable_minor))
    swiss = bill.iban[:2] in ("CH", "LI")
    asks = bill.collected and bill.payable_minor > 0 and not bill.corrects
    has_slip = swiss and bill.currency in ("CHF", "EUR") and asks
    has_epc = not swiss and bill.currency == "EUR" and asks
    kind = (
        "credit_note" if bill.corrects else "receipt_guest" if bill.by_card else KINDS[bill.kind if bill.energy is None else "electricity"]
    )
    title = f"{t[kind if bill.collected or bill.corrects else 'statement_owner']} {bill.number}"
    facts = [
        (t["bill_no"], bill.number),
        (t["issued"], words.day(bill.issued_on, form)),
        (t["period"], f"{words.day(bill.period_start, form)} – {words.day(bill.period_end, form)}"),
        *([(t["vat_no"], bill.vat_number)] if bill.vat_number else []),
        *([(t["corrects"], bill.corrects)] if bill.corrects else []),
    ]
    return {
        "title": title, "language": bill.locale, "country": bill.creditor.country,
        "creditor": {"name": words.shortened(bill.creditor.name, 70)}, "headline": words.shortened(bill.site_name, 60),
        "sender": _one_line(bill.creditor),
        "address": _lines(bill.resident), "facts": facts, "currency": bill.currency, "amount": amount if bill.by_card else payable,
        "due_label": t["due"], "due": "" if not asks else words.day(bill.due_on, form),
        "how": _how(bill, t, has_epc), "comparison": _comparison(bill, form),
        "positions_head": [t["position"], t["quantity"], t["amount"]], "positions": _positions(bill, form),
        "bars": _bars(bill, form), "bars_alt": t["bars"], "bars_caption": t["bars"], "help": _help(bill, t),
        "vat_line": [] if bill.taxed_below else [text for group in bill.vat for text in (
            t["of_it_vat"].format(rate=_rate(group.rate, form)), words.money(group.vat_minor, bill.currency, form))],
        "sessions_title": t["sessions"],
        "sessions_head": [t["date"], t["time"], t["place"], t["by"], t["start"], t["stop"], t["used"], t["minutes"], t["amount"]],
        "sessions": [] if bill.taxed_below else [*[_session(line, bill, form) for line in bill.sessions],
                     [t["total"], *[""] * 5, words.energy(bill.energy_wh, form), "",
                      words.money(bill.gross_minor - bill.mailing_minor, bill.currency, form)]],
        "use_title": t["use_title"], "use": _use(bill.energy, bill.time_zone, t, form) if bill.energy else [],
        "vat_title": t["vat"], "vat_head": [t["rate"], t["net"], t["tax"], t["gross"]],
        "vat": _vat(bill, t, form),
        "note": t["note_electricity" if bill.energy else NOTES[bill.kind]], "page": t["page"], "of": t["of"],
        "footer": f"{words.shortened(bill.creditor.name, 70)} · {title}",
        "xml": [], "has_slip": has_slip, "amount_slip": f"{to_major(bill.payable_minor, bill.currency):,f}".replace(",", " "),
        "slip": _slip(bill, t) if has_slip else {}, "has_epc": has_epc, "epc": _epc(bill, t) if has_epc else {},
    }  # fmt: skip


def _rate(rate: Decimal, form: str) -> str:
    return words.number(rate * 100, form, "0.0#")


def _vat(bill: BillDocument, t: dict[str, str], form: str) -> list[list[str]]:
    """A row a rate, and their sum where there are several."""

    def row(label: str, *amounts: int) -> list[str]:
        return [label, *[words.money(minor, bill.currency, form) for minor in amounts]]

    rows = [row(f"{_rate(one.rate, form)} %", one.net_minor, one.vat_minor, one.gross_minor) for one in bill.vat]
    return [*rows, row(t["total"], bill.net_minor, bill.vat_minor, bill.gross_minor)] if len(rows) > 1 else rows


def _how(bill: BillDocument, t: dict[str, str], has_epc: bool) -> str:
    if bill.corrects:
        return t["how_credit"]
    if not bill.collected:
        return t["how_owner"]
    if not bill.payable_minor:
        return t["how_card" if bill.by_card else "how_paid"]
    return t["how_epc"].format(iban=words.grouped(plain_reference(bill.iban))) if has_epc else t["how"]


def _help(bill: BillDocument, t: dict[str, str]) -> str:
    mean = any(shown_price(line, bill.currency) != line.unit_price for line in bill.positions)
    help_text = t["help_electricity" if bill.taxed_below else "help"]
    return f"{help_text} {t['mean']}" if mean and not bill.taxed_below else help_text


def _epc(bill: BillDocument, t: dict[str, str]) -> dict[str, Any]:
    matrix = epc_matrix(bill.iban, bill.creditor.name, bill.payable_minor, bill.reference)
    lines = [slip_text(bill.creditor.name, 70), words.grouped(plain_reference(bill.iban)), shown_reference(bill.reference)]
    return {"matrix": matrix, "alt": t["epc"], "label": t["epc_label"], "lines": lines}


def _slip(bill: BillDocument, t: dict[str, str]) -> dict[str, Any]:
    creditor, resident = msgspec.structs.asdict(bill.creditor), msgspec.structs.asdict(bill.resident)
    _, matrix = qr_matrix(bill.iban, creditor, resident, bill.payable_minor, bill.currency, bill.reference, bill.number)
    return {
        "receipt": t["receipt"], "part": t["part"], "account_label": t["account"], "reference_label": t["reference"],
        "payer_label": t["payer"], "currency_label": t["currency"], "amount_label": t["amount_label"],
        "acceptance": t["acceptance"], "info_label": t["info"], "info": slip_text(bill.number, 140), "qr_alt": t["qr"],
        "matrix": matrix, "account": [words.grouped(plain_reference(bill.iban)), *_slip_lines(creditor)],
        "payer": _slip_lines(resident), "reference": shown_reference(bill.reference), "separate": t["separate"],
    }  # fmt: skip


def _slip_lines(party: dict[str, str]) -> list[str]:
    shown = slip_party(party)
    return [shown["name"], shown["street"], f"{shown['pcode']} {shown['city']}"]


def position_key(line: PriceLine) -> str:
    """What a site's own word for a position is kept under, such as kwh_solar_high."""
    parts = [line.dimension, *([line.origin] if line.origin != "any" else []), *([line.band] if line.band != "single" else [])]
    return "_".join(parts)


def position_label(line: PriceLine, labels: Mapping[str, str], t: Mapping[str, str]) -> str:
    """The site's word, else the component's own name, else ours."""
    key = position_key(line)
    if line.label.startswith("correction:"):
        first, _, last = line.label.removeprefix("correction:").partition("/")
        return t["correction"].format(first=first, last=last)
    if key in labels or line.label or key in t:
        return labels.get(key) or line.label or t[key]
    return f"{t[f'{line.dimension}_{line.origin}']} {t[f'band_{line.band}']}"


def shown_price(line: PriceLine, currency: str) -> Decimal:
    """The price that gives the printed amount: the tariff's, or the mean with as few places as that takes.

    A position adds amounts that were rounded charge by charge, so the tariff's price may miss its sum by some cents.
    """

    def gives(price: Decimal) -> bool:
        return to_minor(line.quantity * price, currency) == line.amount_minor

    if gives(line.unit_price) or not line.quantity:
        return line.unit_price
    exact = to_major(line.amount_minor, currency) / line.quantity
    rounded = (exact.quantize(Decimal(1).scaleb(-places)) for places in range(2, 9))
    return next((price for price in rounded if gives(price)), exact)


def _positions(bill: BillDocument, form: str) -> list[list[str]]:
    t = words.texts(bill.locale)
    rows = []
    for line in bill.positions:
        label = position_label(line, bill.labels, t)
        if len(bill.vat) > 1 and line.vat_rate is not None:
            label = f"{label} ({_rate(line.vat_rate, form)} %)"
        quantity = words.number(line.quantity, form, "#,##0.000" if line.unit == "kWh" else "#,##0.###")
        unit = {"kWh": " kWh", "min": " min", "kW": " kW"}.get(line.unit, "")
        shown = shown_price(line, bill.currency)
        price = ("" if shown == line.unit_price else "Ø ") + words.number(shown, form, "0.00######")
        rows.append([label, f"{quantity}{unit} × {price}", words.money(line.amount_minor, bill.currency, form)])
    if bill.taxed_below:
        rows += [[f"{t['tax']} {_rate(group.rate, form)} %", "", words.money(group.vat_minor, bill.currency, form)] for group in bill.vat]
    totals = [[t["total"], "", words.money(bill.gross_minor, bill.currency, form)]]
    if bill.credit_minor:
        totals = [[t["from_credit"], "", words.money(-bill.credit_minor, bill.currency, form)],
                  [t["to_pay"], "", words.money(bill.payable_minor, bill.currency, form)]]  # fmt: skip
        rows.append([t["total"], "", words.money(bill.gross_minor, bill.currency, form)])
    return [*rows, *totals]


def _use(energy: EnergyFacts, zone: str, t: dict[str, str], form: str) -> list[list[str]]:
    """The use of a bill of electricity, and what of it was solar."""
    used = energy.solar_wh + energy.grid_wh
    share = f" ({words.number(Decimal(100 * energy.solar_wh) / used, form, '0')} %)" if used else ""
    rows = ((t["used_total"], used, ""), (t["solar_share"], energy.solar_wh, share), (t["from_grid"], energy.grid_wh, ""))
    shown = [[label, f"{words.energy(wh, form)} kWh{more}"] for label, wh, more in rows]
    at = ""
    if energy.peak_at is not None:
        at = f" ({words.day(energy.peak_at.astimezone(words.ZoneInfo(zone)).date(), form)}, {words.clock(energy.peak_at, zone)})"
    return [*shown, [t["peak"], f"{words.number(kwh(4 * energy.peak_wh), form, '#,##0.0##')} kW{at}"]]


def _session(line: SessionLine, bill: BillDocument, form: str) -> list[str]:
    t = words.texts(bill.locale)
    start, stop = words.clock(line.started_at, bill.time_zone), words.clock(line.stopped_at, bill.time_zone)
    local = line.started_at.astimezone(words.ZoneInfo(bill.time_zone)).date()
    minutes = str(int((line.stopped_at - line.started_at).total_seconds()) // 60)
    registers = ["–" if wh is None else words.energy(wh, form) for wh in (line.meter_start_wh, line.meter_stop_wh, line.energy_wh)]
    by = f"{t[line.by]}, {t['corrected']}" if line.corrected else t[line.by]
    amount = words.money(line.gross_minor, bill.currency, form)
    return [words.day(local, form), f"{start}–{stop}", words.shortened(line.place, 60), by, *registers, minutes, amount]


def _comparison(bill: BillDocument, form: str) -> str:
    t = words.texts(bill.locale)
    if bill.energy:
        return t["first_electricity"]
    if bill.last_month is None:
        return "" if bill.by_card or bill.kind == "service" else t["first"]
    gross, energy_wh = bill.last_month
    difference = bill.gross_minor - bill.mailing_minor - gross
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
            "value": words.energy(energy_wh, form, 0),
            "marked": month.month == bill.period_start.month,
        }
        for month, energy_wh in bill.months
    ]


def _lines(party: Party) -> list[str]:
    return [words.shortened(line, 90) for line in (party.name, party.street, f"{party.postcode} {party.city}")]


def _one_line(party: Party) -> str:
    return " · ".join(_lines(party))
