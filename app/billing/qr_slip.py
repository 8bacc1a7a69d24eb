"""References that banks carry back to us, and the content of the Swiss QR-bill."""

import re

import segno
from segno.helpers import make_epc_qr
from stdnum import iso11649
from stdnum.be import ogm_vcs as vcs
from stdnum.ch import esr
from stdnum.iso7064 import mod_97_10

from app.billing.documents.render import printable
from app.billing.documents.words import grouped
from app.kernel.money import to_major

# Signs that bills print and the slip's set lacks; the bar parts fields in other forms of the code.
NEAREST = str.maketrans({"–": "-", "—": "-", "−": "-", "‘": "'", "’": "'", "‚": ",", "“": '"', "”": '"', "„": '"', "…": ".", "|": " "})

OGM = re.compile(r"[+*]{3}([0-9]{3})/([0-9]{4})/([0-9]{5})[+*]{3}")


class SlipFailed(ValueError):
    """A QR-bill that the standard does not allow; the text says why."""


def is_qr_iban(iban: str) -> bool:
    """Whether an account takes QR references only: its bank id lies between 30000 and 31999."""
    plain = plain_reference(iban)
    return plain[:2] in ("CH", "LI") and plain[4:9].isdecimal() and 30000 <= int(plain[4:9]) <= 31999


def reference_for(iban: str, creditor_no: int, year: int, number: int) -> str:
    """The bill's reference; it names creditor, year and number.

    QRR (27 digits) for a QR-IBAN, the structured communication (12 digits) for a Belgian account, else SCOR (RF, ISO 11649).
    """
    if plain_reference(iban).startswith("BE"):
        base = f"{creditor_no % 1000:03d}{year % 10}{number % 1_000_000:06d}"
        return base + vcs.calc_check_digits(base)
    body = f"{creditor_no:06d}{year:04d}{number:08d}"
    if is_qr_iban(iban):
        digits = body.zfill(26)
        return digits + str(esr.calc_check_digit(digits))
    return f"RF{mod_97_10.calc_check_digits(body + 'RF')}{body}"


def is_reference(text: str) -> bool:
    """Whether a text is a QRR (27 digits), a Belgian communication (12) or a SCOR (RF) with the right check digits."""
    plain = plain_reference(text)
    if is_ogm(plain):
        return True
    if len(plain) == 27 and plain.isascii() and plain.isdecimal():
        return bool(int(plain)) and str(esr.calc_check_digit(plain[:-1])) == plain[-1]
    return 5 <= len(plain) <= 25 and bool(iso11649.is_valid(plain))


def is_ogm(plain: str) -> bool:
    """Whether twelve digits are a Belgian structured communication."""
    return bool(re.fullmatch(r"[0-9]{12}", plain)) and bool(int(plain)) and bool(vcs.is_valid(plain))


def shown_reference(reference: str) -> str:
    """A reference as bills print it: in groups, or +++ddd/dddd/ddddd+++."""
    plain = plain_reference(reference)
    if is_ogm(plain):
        return f"+++{plain[:3]}/{plain[3:7]}/{plain[7:]}+++"
    return grouped(plain)


def plain_reference(text: str) -> str:
    """A reference without the spaces and signs that people and banks put in."""
    plain = "".join(text.split()).upper()
    belgian = OGM.fullmatch(plain)
    return plain if belgian is None else "".join(belgian.groups())


def qr_matrix(
    iban: str, creditor: dict[str, str], debtor: dict[str, str], amount_minor: int, currency: str, reference: str, info: str
) -> tuple[str, list[list[tuple[int, int]]]]:
    """(content, rows of (x, width) runs of dark modules) of the Swiss QR code. Raises SlipFailed."""
    from qrbill import QRBill  # with all that it brings along it would slow every start down

    if amount_minor <= 0:
        raise SlipFailed("a QR-bill needs an amount above zero")
    try:
        bill = QRBill(
            account=iban, creditor=slip_party(creditor), debtor=slip_party(debtor), amount=str(to_major(amount_minor, currency)),
            currency=currency, reference_number=reference, additional_information=slip_text(info, 140),
        )  # fmt: skip
    except ValueError as error:
        raise SlipFailed(str(error)) from error
    content = bill.qr_data()
    code = segno.make_qr(content, error="m", mode="byte", encoding="utf-8", boost_error=False)
    return content, [_runs(row) for row in code.matrix]


def epc_matrix(iban: str, name: str, amount_minor: int, reference: str) -> list[list[tuple[int, int]]]:
    """Runs of dark modules of the code for a SEPA transfer in EUR (EPC069-12). Raises SlipFailed."""
    # A Belgian communication is no ISO 11649 reference: it goes into the text.
    what = {"text": shown_reference(reference)} if is_ogm(reference) else {"reference": reference}
    try:
        code = make_epc_qr(slip_text(name, 70), plain_reference(iban), to_major(amount_minor, "EUR"), **what)
    except ValueError as error:
        raise SlipFailed(str(error)) from error
    return [_runs(row) for row in code.matrix]


def slip_party(party: dict[str, str]) -> dict[str, str]:
    """A party as the code may carry it and the slip prints it: the same text, in the standard's lengths and characters."""
    return {
        "name": slip_text(party["name"], 70),
        "street": slip_text(party["street"], 70),
        "pcode": slip_text(party["postcode"], 16),
        "city": slip_text(party["city"], 35),
        "country": party["country"],
    }


def slip_text(text: str, most: int) -> str:
    """A text in the characters that SIX allows (Latin, Latin-1, Latin Extended-A, four Romanian letters, the euro sign)."""
    known = str(printable(text)).translate(NEAREST)
    allowed = "".join(char if "\x20" <= char <= "\x7e" or "\xa0" <= char <= "\u017f" or char in "ȘșȚț€" else "." for char in known)
    return " ".join(allowed.split())[:most].strip() or "-"


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
