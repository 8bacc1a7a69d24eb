"""References that banks carry back to us, and the content of the Swiss QR-bill."""

from typing import Any

import segno
from qrbill import QRBill
from stdnum import iso11649
from stdnum.ch import esr

from app.billing.documents.render import printable
from app.kernel.money import to_major


class SlipFailed(ValueError):
    """A QR-bill that the standard does not allow; the text says why."""


def is_qr_iban(iban: str) -> bool:
    """Whether an account takes QR references only: its bank id lies between 30000 and 31999."""
    plain = iban.replace(" ", "")
    return plain[:2] in ("CH", "LI") and 30000 <= int(plain[4:9]) <= 31999


def reference_for(iban: str, creditor_no: int, year: int, number: int) -> str:
    """The bill's reference: QRR (27 digits) for a QR-IBAN, else SCOR (RF, ISO 11649); it names creditor, year, number."""
    body = f"{creditor_no:06d}{year:04d}{number:08d}"
    if is_qr_iban(iban):
        digits = body.zfill(26)
        return digits + str(esr.calc_check_digit(digits))
    for check in range(2, 99):
        candidate = f"RF{check:02d}{body}"
        if iso11649.is_valid(candidate):
            return candidate
    raise SlipFailed("no check digits fit the reference")


def plain_reference(text: str) -> str:
    """A reference without the spaces that people and banks put in."""
    return "".join(text.split()).upper()


def qr_matrix(
    iban: str, creditor: dict[str, str], debtor: dict[str, str], amount_minor: int, currency: str, reference: str, info: str
) -> tuple[str, list[list[tuple[int, int]]]]:
    """(content, rows of (x, width) runs of dark modules) of the Swiss QR code. Raises SlipFailed."""
    if amount_minor <= 0:
        raise SlipFailed("a QR-bill needs an amount above zero")
    try:
        bill = QRBill(
            account=iban, creditor=_party(creditor), debtor=_party(debtor), amount=str(to_major(amount_minor, currency)),
            currency=currency, reference_number=reference, additional_information=printable(info)[:140],
        )  # fmt: skip
    except ValueError as error:
        raise SlipFailed(str(error)) from error
    content = bill.qr_data()
    code = segno.make_qr(content, error="m", mode="byte", encoding="utf-8", boost_error=False)
    return content, [_runs(row) for row in code.matrix]


def _party(party: dict[str, str]) -> dict[str, Any]:
    def clean(text: str, most: int) -> str:
        return printable(text).replace("|", " ").strip()[:most] or "-"

    return {
        "name": clean(party["name"], 70),
        "street": clean(party["street"], 70),
        "pcode": clean(party["postcode"], 16),
        "city": clean(party["city"], 35),
        "country": party["country"],
    }


def _runs(row: bytearray) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for x, dark in enumerate(row):
        if not dark:
            continue
        if runs and runs[-1][0] + runs[-1][1] == x:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((x, 1))
    return runs
