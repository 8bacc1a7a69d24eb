"""A spreadsheet as rows of text: CSV or XLSX, or a table pasted from one; headings by many words. Pure: bytes in, rows out."""

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import islice

import msgspec

from app.kernel.errors import Refused

MOST_BYTES = 5_000_000
MOST_UNPACKED = 50_000_000
MOST_ROWS = 5_000
MOST_COLUMNS = 40
Headings = Mapping[str, Sequence[str]]  # our name of a column: the words that people write there


class Row(msgspec.Struct, frozen=True):
    """A row of the sheet: its number as the sheet counts, and its cells by our names."""

    number: int
    cells: dict[str, str]


def rows_of(name: str, content: bytes, headings: Headings, needed: Sequence[str]) -> list[Row]:
    """Read a sheet by its content; the first row holds the headings, empty rows are left out.

    Raises Refused too_large, not_a_sheet, not_utf8, formula (with row and column), missing_columns, unknown_columns.
    """
    if len(content) > MOST_BYTES:
        raise Refused("too_large", 413, f"The file is larger than {MOST_BYTES // 1_000_000} MB. Split it.", most_mb=MOST_BYTES // 1_000_000)
    table = list(islice(_xlsx(content) if content[:4] == b"PK\x03\x04" else csv_lines(name, content), MOST_ROWS + 2))
    if len(table) > MOST_ROWS + 1:
        raise Refused("too_large", 413, f"The sheet has more than {MOST_ROWS} rows. Split it.", most_rows=MOST_ROWS)
    if not table:
        raise _not_a_sheet()
    columns = columns_of(table[0], headings, needed)
    found = []
    for number, line in enumerate(table[1:], start=2):
        cells = {columns[i]: text for i, text in enumerate(line) if i in columns and text}
        if cells:
            _refuse_formulas(number, cells)
            found.append(Row(number, cells))
    return found


def csv_lines(name: str, content: bytes) -> Iterator[list[str]]:
    """The cells of each line, separated by what its first line has most of. Raises Refused not_a_sheet, not_utf8."""
    if b"\x00" in content or name.lower().endswith((".xls", ".ods", ".pdf")):
        raise _not_a_sheet()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Refused("not_utf8", 422, f"Line {line} is not written in UTF-8. Save the sheet as 'CSV UTF-8', or send the XLSX file.",
                      line=line) from error  # fmt: skip
    first = text.partition("\n")[0]
    separator = max(";,\t", key=first.count)
    for cells in csv.reader(io.StringIO(text), delimiter=separator):
        yield [cell.strip() for cell in cells[:MOST_COLUMNS]]


def _xlsx(content: bytes) -> Iterator[list[str]]:
    """Cells as text. The unpacked size is looked at before anything is unpacked."""
    from openpyxl import load_workbook  # with all that it brings along it would slow every start down
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > MOST_UNPACKED:
                raise Refused("too_large", 413, "The file unpacks to far more than a list. Send a plain sheet.")
        sheet = load_workbook(io.BytesIO(content), read_only=True, data_only=False).worksheets[0]
        for line in sheet.iter_rows(max_col=MOST_COLUMNS, values_only=True):
            yield [_text(value) for value in line]
    except (zipfile.BadZipFile, InvalidFileException, KeyError, IndexError, ValueError, OSError) as error:
        raise _not_a_sheet() from error


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def columns_of(heading: Sequence[str], headings: Headings, needed: Sequence[str]) -> dict[int, str]:
    """Column number -> our name. Raises Refused missing_columns, unknown_columns."""
    found: dict[int, str] = {}
    unknown = []
    for number, text in enumerate(heading):
        said = " ".join(text.casefold().split())
        ours = next((name for name, words in headings.items() if said == name or said in words), None)
        if ours is not None and ours not in found.values():
            found[number] = ours
        elif said:
            unknown.append(text)
    missing = [name for name in needed if name not in found.values()]
    if missing:
        raise Refused("missing_columns", 422, f"These columns are missing: {', '.join(missing)}. Put the headings in the first row.",
                      columns=missing)  # fmt: skip
    if unknown:
        raise Refused("unknown_columns", 422, f"These columns are not known: {', '.join(unknown)}. Remove or rename them.", columns=unknown)
    return found


def _refuse_formulas(number: int, cells: dict[str, str]) -> None:
    for name, text in cells.items():
        if text.startswith(("=", "+", "@")) and not (name == "phone" and text[1:].replace(" ", "").isdigit()):
            raise Refused("formula", 422, f"Row {number}, {name}: a formula stands there. Replace formulas by their values.", row=number,
                          column=name)  # fmt: skip


def _not_a_sheet() -> Refused:
    return Refused("not_a_sheet", 422, "This file is no CSV and no XLSX sheet. Save the list in one of these forms and send it again.")


def parse_day(text: str) -> date:
    """A day written as 2026-12-31 or 31.12.2026 (also with slashes). Raises ValueError."""
    for form in ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y"):
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            continue
    raise ValueError(text)
