"""What an owner gets of a month. Pure."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.billing.model import Charge
from app.billing.rules import BANK, ROUNDING, payable
from app.kernel.money import permille_of
from app.ledger.model import Entry, Posting
from app.ledger.rules import without_zeros


class Revenue(msgspec.Struct, frozen=True, kw_only=True):
    """Revenue of a station, or of all: amounts in minor units."""

    station_id: UUID | None
    name: str
    sessions: int
    energy_wh: int
    gross_minor: int
    net_minor: int
    vat_minor: int
    internal_net_minor: int
    external_net_minor: int
    reimbursed_minor: int
    withheld_minor: int


def revenue(charges: Sequence[Charge], station_id: UUID | None, name: str, internal_permille: int, external_permille: int) -> Revenue:
    """Add charges up; each class's share is rounded once, the rest is withheld."""
    internal = sum(charge.net_minor for charge in charges if charge.class_ == "internal")
    external = sum(charge.net_minor for charge in charges if charge.class_ == "external")
    reimbursed = permille_of(internal, internal_permille) + permille_of(external, external_permille)
    return Revenue(
        station_id=station_id, name=name, sessions=len({c.session_id for c in charges}), energy_wh=sum(c.energy_wh for c in charges),
        gross_minor=sum(c.gross_minor for c in charges), net_minor=internal + external,
        vat_minor=sum(c.vat_minor for c in charges), internal_net_minor=internal, external_net_minor=external,
        reimbursed_minor=reimbursed, withheld_minor=internal + external - reimbursed,
    )  # fmt: skip


def payout_entry(payout_id: UUID, key: str, owner_id: UUID, accrued_minor: int, amount_minor: int, currency: str,
                 number: str, occurred_at: datetime) -> Entry:  # fmt: skip
    """The owner is paid; what the sessions' own rounding differs from the month's is booked as rounding."""
    return Entry(
        source_key=key,
        source_kind="payout",
        source_id=payout_id,
        text=f"Payout {number}",
        occurred_at=occurred_at,
        currency=currency,
        postings=without_zeros([
            Posting(payable(owner_id), accrued_minor),
            Posting(BANK, -amount_minor),
            Posting(ROUNDING, amount_minor - accrued_minor),
        ]),
    )  # fmt: skip
