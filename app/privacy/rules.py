"""A person's data as a file to take along: one JSON, a CSV per list, the bills as PDF. Pure."""

import csv
import io
import zipfile
from typing import Any

import msgspec

LISTS = ("contacts", "stays", "badges", "badge_requests", "sessions", "bills", "payments", "mandates", "reminders", "logins")
# The same data give the same file: entries bear this time, not that of the export.
STAMP = (1980, 1, 1, 0, 0, 0)


def packed(data: dict[str, Any], pdfs: dict[str, bytes]) -> bytes:
    """A ZIP of `data` (plain values) and PDFs by bill number."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        _add(archive, "data.json", msgspec.json.format(msgspec.json.encode(data)))
        for name in LISTS:
            _add(archive, f"{name}.csv", table(data[name]))
        for number, pdf in sorted(pdfs.items()):
            _add(archive, f"bills/{number}.pdf", pdf)
    return out.getvalue()


def table(rows: list[dict[str, Any]]) -> bytes:
    """Rows as CSV in UTF-8 with a mark that spreadsheet programs know; no cell begins a formula."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\r\n")
        writer.writeheader()
        writer.writerows({name: _harmless(value) for name, value in row.items()} for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, STAMP)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)
