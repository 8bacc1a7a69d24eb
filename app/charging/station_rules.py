"""Which OCPP identities a station can have, and what it can draw. Pure."""

import re
from typing import Literal

from app.kernel.errors import Refused

Make = Literal["ocpp", "abb_terra"]
IDENTITY = re.compile(r"[A-Za-z0-9_.:=*|@-]{1,48}")
ABB_SERIAL = re.compile(r"[A-Z0-9]{8,20}")
PHASE_V = 230


def identity_of(text: str, make: Make) -> str:
    """The identity as a station shows it: of an ABB Terra its serial number, without blanks and dashes. Raises Refused bad_identity."""
    plain = "".join(text.split())
    if make == "abb_terra":
        plain = plain.replace("-", "").upper()
    if not (ABB_SERIAL if make == "abb_terra" else IDENTITY).fullmatch(plain):
        raise Refused("bad_identity", 422, "The identity has 1 to 48 letters, digits and signs as in CP-01; of an ABB Terra it is the"
                      " serial number on its label.", fields=["identity"])  # fmt: skip
    return plain


def amperes_of(power_w: int, phases: int) -> int:
    """What a station draws on a phase at its full power, rounded up."""
    return -(-power_w // (PHASE_V * phases))
