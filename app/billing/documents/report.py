"""A resident's charges of a month for an employer who pays them back: a PDF to look at, a CSV to reckon with. No bill."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from app.billing.documents import words
from app.billing.documents.bill import Party
from app.billing.documents.render import render
from app.kernel.calendar import month_end, period_text
from app.kernel.energy import kwh
from app.kernel.money import to_major


class ReportLine(msgspec.Struct, frozen=True, kw_only=True):
    """A charge with its registers (Wh); solar_wh None: not known."""

    started_at: datetime
    stopped_at: datetime
    time_zone: str
    site: str
    place: str
    meter_start_wh: int
    meter_stop_wh: int | None
    energy_wh: int
    solar_wh: int | None
    net_minor: int
    vat_minor: int
    gross_minor: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A month of a resident's charges, as they were priced."""

    period: date
    made_on: date
    locale: str
    resident: Party
    operator: Party
    currency: str
    lines: Sequence[ReportLine]


def report_pdf(report: Report) -> bytes:
    """The report as PDF/A-3a, PDF/UA-1; the same input gives the same bytes."""
    return render("report", _data(report), report.made_on)


def _data(report: Report) -> dict[str, Any]:
    t, form = words.texts(report.locale), words.region(report.locale, report.operator.country)
    energy, gross = (sum(getattr(line, name) for line in report.lines) for name in ("energy_wh", "gross_minor"))
    one, operator = report.resident, report.operator
    return {
        "title": f"{t['report']} {report.period:%m/%Y}", "language": report.locale, "country": operator.country,
        "creditor": {"name": words.shortened(operator.name, 70)}, "headline": words.shortened(one.name, 60),
        "sender": words.shortened(f"{operator.name} · {operator.street} · {operator.postcode} {operator.city}", 120),
        "address": [words.shortened(line, 90) for line in (one.name, one.street, f"{one.postcode} {one.city}")],
        "facts": [(t["issued"], words.day(report.made_on, form)),
                  (t["period"], f"{words.day(report.period, form)} – {words.day(month_end(report.period), form)}")],
        "currency": report.currency, "amount": words.money(gross, report.currency, form), "energy": f"{words.energy(energy, form)} kWh",
        "note": t["report_note"], "table_title": t["sessions"],
        "table_head": [t["date"], t["time"], t["place"], t["start"], t["stop"], t["used"], t["report_solar"], t["amount"]],
        "table": [*[_row(line, report.currency, form) for line in report.lines],
                  [t["report_sum"], *[""] * 4, words.energy(energy, form), "", words.money(gross, report.currency, form)]],
        "footer": f"{words.shortened(operator.name, 70)} · {t['report']} {report.period:%m/%Y}", "page": t["page"], "of": t["of"],
    }  # fmt: skip


def _row(line: ReportLine, currency: str, form: str) -> list[str]:
    started = line.started_at.astimezone(ZoneInfo(line.time_zone)).date()
    hours = "–".join(words.clock(at, line.time_zone) for at in (line.started_at, line.stopped_at))
    registers = [
        "–" if wh is None else words.energy(wh, form) for wh in (line.meter_start_wh, line.meter_stop_wh, line.energy_wh, line.solar_wh)
    ]
    place = words.shortened(f"{line.place}, {line.site}", 60)
    return [words.day(started, form), hours, place, *registers, words.money(line.gross_minor, currency, form)]


def report_csv(report: Report) -> bytes:
    """A line a charge and their sum; kWh and amounts with a point, times in UTC and at the place."""
    text = io.StringIO()
    out = csv.writer(text, delimiter=";")
    out.writerow(["start (UTC)", "end (UTC)", "start", "end", "site", "station", "first kWh", "last kWh", "kWh", "solar kWh",
                  "net", "VAT", "total", "currency"])  # fmt: skip
    for line in report.lines:
        times = [at.astimezone(zone).isoformat() for zone in (UTC, ZoneInfo(line.time_zone)) for at in (line.started_at, line.stopped_at)]
        energy = ["" if wh is None else str(kwh(wh)) for wh in (line.meter_start_wh, line.meter_stop_wh, line.energy_wh, line.solar_wh)]
        out.writerow([*times, _plain(line.site), _plain(line.place), *energy, *_amounts(report, line), report.currency])
    sums = [
        to_major(sum(getattr(line, name) for line in report.lines), report.currency) for name in ("net_minor", "vat_minor", "gross_minor")
    ]
    out.writerow(
        [period_text(report.period), *[""] * 7, str(kwh(sum(line.energy_wh for line in report.lines))), "", *sums, report.currency]
    )
    return text.getvalue().encode()


def _amounts(report: Report, line: ReportLine) -> list[str]:
    return [str(to_major(minor, report.currency)) for minor in (line.net_minor, line.vat_minor, line.gross_minor)]


def _plain(name: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return f"'{name}" if name[:1] in "=+-@\t" else name
