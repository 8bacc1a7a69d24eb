"""Money of a session, a bill, a payment. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

import msgspec

from app.charging.model import Session
from app.kernel.calendar import local_date
from app.kernel.money import permille_of, to_major
from app.ledger.model import Entry, Posting
from app.ledger.rules import without_zeros
from app.metering.model import MeterPoint
from app.tariffs.model import Price, PriceLine, Tariff, UsePiece, VatGroup
from app.tariffs.rules import price, use_pieces, vat_groups

Status = Literal["issued", "partly_paid", "paid", "overdue", "statement"]

OPERATOR_REVENUE = "revenue:operator"
ENERGY_REVENUE = "revenue:energy"
MAILING_REVENUE = "revenue:mailing"
SERVICE_REVENUE = "revenue:service"
VAT = "vat:output"
ROUNDING = "rounding"
BANK = "bank"
CARDS = "clearing:cards"  # paid by card, and not yet on the bank
UNMATCHED = "payments:unmatched"
WRITTEN_OFF = "loss:below_card_minimum"  # too little to be taken from a card
CARD_LEAST_MINOR = 50  # Stripe takes no less, in francs or in euro


def receivable(person_id: UUID) -> str:
    """What a resident owes."""
    return f"receivable:{person_id}"


def payable(owner_id: UUID) -> str:
    """What is owed to an owner."""
    return f"payable:owner:{owner_id}"


def is_free(session: Session) -> bool:
    """Whether a session began before the day from which its site is billed, or while charging was no solution of the site:
    then nothing of it is ever billed."""
    if not session.sold:
        return True
    return session.billing_from is not None and local_date(session.started_at, session.time_zone) < session.billing_from


def pieces_of(session: Session, values: Sequence[MeterPoint]) -> list[UsePiece]:
    """A session cut at quarter-hours: to its stop, or while it runs to the last value received. A free one has none."""
    if is_free(session):
        return []
    end = session.stopped_at or session.last_value_at or session.started_at
    reading = session.meter_stop_wh if session.meter_stop_wh is not None else session.last_meter_wh
    energy_wh = session.energy_wh
    if energy_wh is None:
        energy_wh = max(0, (reading or session.meter_start_wh) - session.meter_start_wh)
    curve = [(v.taken_at, v.energy_wh - session.meter_start_wh) for v in values if v.energy_wh is not None]
    return use_pieces(session.started_at, max(end, session.started_at), energy_wh, curve, session.idle_since)


class Mix(msgspec.Struct, frozen=True):
    """(used Wh, solar Wh) by quarter-hour, numbered since 1970, of what a place hangs on; what is not known yet is absent."""

    parts: Mapping[int, tuple[int, int]]


def with_solar(pieces: Sequence[UsePiece], mix: Mix | None) -> list[UsePiece]:
    """Each piece with its share of the solar energy of its quarter-hour, rounded down: all charges together never have more."""
    found = []
    for piece in pieces:
        used, solar = (0, 0) if mix is None else mix.parts.get(int(piece.start.timestamp()) // 900, (0, 0))
        whole = max(used, piece.energy_wh)
        found.append(msgspec.structs.replace(piece, solar_wh=solar * piece.energy_wh // whole if whole > 0 else 0))
    return found


def is_known(pieces: Sequence[UsePiece], mix: Mix | None) -> bool:
    """Whether the mix of every quarter-hour that took energy is known."""
    return mix is None or all((mix.parts.get(int(p.start.timestamp()) // 900) or (0, 0))[0] > 0 for p in pieces if p.energy_wh)


def tells_solar(tariff: Tariff) -> bool:
    """Whether a kWh of the sun has another price than one of the grid."""
    return any(part.dimension == "kwh" and part.origin != "any" for part in tariff.components)


def price_session(session: Session, values: Sequence[MeterPoint], tariff: Tariff, mix: Mix | None = None) -> Price:
    """What a session costs (so far)."""
    return price(with_solar(pieces_of(session, values), mix), tariff)


def session_key(session_id: UUID, revision: int) -> str:
    """The ledger's unique key of a session's charge; a later revision stands in place of one that was reversed."""
    return f"session:{session_id}" if revision == 1 else f"session:{session_id}:{revision}"


def session_entry(session: Session, cost: Price, owner_id: UUID | None, permille: int, occurred_at: datetime, revision: int = 1) -> Entry:
    """The resident owes; VAT is set aside; the owner accrues a share of the net; the operator earns the rest."""
    if session.person_id is None:
        raise ValueError("a session that belongs to nobody is charged to nobody")
    share = 0 if owner_id is None else permille_of(cost.net_minor, permille)
    postings = [
        Posting(receivable(session.person_id), cost.gross_minor),
        Posting(OPERATOR_REVENUE, -(cost.net_minor - share)),
        Posting(VAT, -cost.vat_minor),
    ]
    if owner_id is not None:
        postings.append(Posting(payable(owner_id), -share))
    return Entry(
        source_key=session_key(session.id, revision),
        source_kind="session",
        source_id=session.id,
        text=f"Charge at {session.station_name}",
        occurred_at=occurred_at,
        currency=cost.currency,
        postings=without_zeros(postings),
    )


def capped(cost: Price, most_minor: int) -> Price:
    """A price that is never above what was held on a guest's card: what goes beyond it is a line that takes it off."""
    over = cost.gross_minor - most_minor
    if over <= 0:
        return cost
    off = PriceLine(dimension="session", band="single", quantity=Decimal(-1), unit="session", unit_price=to_major(over, cost.currency),
                    amount_minor=-over, label=f"≤ {to_major(most_minor, cost.currency):.2f} {cost.currency}")  # fmt: skip
    lines = (*cost.lines, off)
    groups = vat_groups(lines, cost.vat_rate, vat_included=True)
    return Price(
        currency=cost.currency, vat_rate=cost.vat_rate, net_minor=sum(one.net_minor for one in groups),
        vat_minor=sum(one.vat_minor for one in groups), gross_minor=sum(one.gross_minor for one in groups), lines=lines,
    )  # fmt: skip


def payment_entry(payment_id: UUID, bank_reference: str, person_id: UUID | None, amount_minor: int, currency: str, at: datetime,
                  money: str = BANK) -> Entry:  # fmt: skip
    """Money on the bank (or `money`, such as from cards); it settles the resident's debt, or waits unmatched."""
    other = UNMATCHED if person_id is None else receivable(person_id)
    return Entry(
        source_key=f"payment:{bank_reference}",
        source_kind="payment",
        source_id=payment_id,
        text="Payment received",
        occurred_at=at,
        currency=currency,
        postings=(Posting(money, amount_minor), Posting(other, -amount_minor)),
    )


def write_off_entry(charge_id: UUID, person_id: UUID, net_minor: int, vat_minor: int, currency: str, at: datetime) -> Entry:
    """A guest's charge that no card pays, being less than the least that is taken; without a receipt no VAT is due on it."""
    postings = [Posting(receivable(person_id), -net_minor - vat_minor), Posting(WRITTEN_OFF, net_minor), Posting(VAT, vat_minor)]
    return Entry(
        source_key=f"write_off:{charge_id}", source_kind="charge", source_id=charge_id, text="Written off: below what a card can pay",
        occurred_at=at, currency=currency, postings=without_zeros(postings),
    )  # fmt: skip


def match_entry(payment_id: UUID, person_id: UUID, amount_minor: int, currency: str, at: datetime) -> Entry:
    """A payment that waited unmatched settles a resident's debt after all."""
    return Entry(
        source_key=f"match:{payment_id}", source_kind="payment", source_id=payment_id, text="Payment matched by hand",
        occurred_at=at, currency=currency,
        postings=(Posting(UNMATCHED, amount_minor), Posting(receivable(person_id), -amount_minor)),
    )  # fmt: skip


def refund_entry(refund_id: UUID, person_id: UUID, amount_minor: int, currency: str, at: datetime) -> Entry:
    """Credit that is given back."""
    return Entry(
        source_key=f"refund:{refund_id}", source_kind="refund", source_id=refund_id, text="Refund",
        occurred_at=at, currency=currency, postings=(Posting(receivable(person_id), amount_minor), Posting(BANK, -amount_minor)),
    )  # fmt: skip


def service_entry(invoice_id: UUID, number: str, person_id: UUID, net_minor: int, vat_minor: int, currency: str, at: datetime) -> Entry:
    """The bill of a visit to a house: its owner owes it."""
    postings = [Posting(receivable(person_id), net_minor + vat_minor), Posting(SERVICE_REVENUE, -net_minor), Posting(VAT, -vat_minor)]
    return Entry(
        source_key=invoice_key(invoice_id), source_kind="invoice", source_id=invoice_id, text=f"Work on site, bill {number}",
        occurred_at=at, currency=currency, postings=without_zeros(postings),
    )  # fmt: skip


def debit_return_entry(debit_id: UUID, person_id: UUID, number: str, amount_minor: int, currency: str, at: datetime) -> Entry:
    """A direct debit that the bank took back: the resident owes it again."""
    return Entry(
        source_key=f"debit_return:{debit_id}", source_kind="debit_return", source_id=debit_id, text=f"Debit of bill {number} returned",
        occurred_at=at, currency=currency, postings=(Posting(receivable(person_id), amount_minor), Posting(BANK, -amount_minor)),
    )  # fmt: skip


def energy_entry(
    invoice_id: UUID, number: str, person_id: UUID, net_minor: int, vat_minor: int, currency: str, at: datetime,
    mailing_minor: int = 0, fees_minor: int = 0,
) -> Entry:  # fmt: skip
    """A bill of electricity: the resident owes, the energy earns (the post and the operator their fees), VAT is set aside."""
    postings = [Posting(receivable(person_id), net_minor + vat_minor), Posting(ENERGY_REVENUE, mailing_minor + fees_minor - net_minor),
                Posting(VAT, -vat_minor), Posting(MAILING_REVENUE, -mailing_minor), Posting(OPERATOR_REVENUE, -fees_minor)]  # fmt: skip
    return Entry(
        source_key=invoice_key(invoice_id), source_kind="invoice", source_id=invoice_id, text=f"Electricity bill {number}",
        occurred_at=at, currency=currency, postings=without_zeros(postings),
    )  # fmt: skip


def invoice_key(invoice_id: UUID) -> str:
    """The ledger's unique key of a bill's own entry."""
    return f"invoice:{invoice_id}"


def invoice_rounding_entry(invoice_id: UUID, number: str, vat_of_charges: int, vat_minor: int, currency: str,
                           at: datetime) -> Entry | None:  # fmt: skip
    """VAT is due on the bill's total: what the charges' own VAT differs from it is booked as rounding."""
    difference = vat_minor - vat_of_charges
    if difference == 0:
        return None
    return Entry(
        source_key=invoice_key(invoice_id),
        source_kind="invoice",
        source_id=invoice_id,
        text=f"VAT rounding of bill {number}",
        occurred_at=at,
        currency=currency,
        postings=(Posting(VAT, -difference), Posting(ROUNDING, difference)),
    )


def mailing_entry(invoice_id: UUID, number: str, person_id: UUID, fee: VatGroup, vat_of_charges: int, vat_minor: int, currency: str,
                  at: datetime, badges_minor: int = 0) -> Entry:  # fmt: skip
    """A bill of charges that goes by post, or has badges on it (`badges_minor` of the fee, without VAT): the resident owes the fee as
    well. VAT is due on the bill's total, as without it."""
    vat = vat_minor - vat_of_charges
    postings = [Posting(receivable(person_id), fee.gross_minor), Posting(MAILING_REVENUE, badges_minor - fee.net_minor),
                Posting(OPERATOR_REVENUE, -badges_minor), Posting(VAT, -vat), Posting(ROUNDING, vat - fee.vat_minor)]  # fmt: skip
    return Entry(
        source_key=invoice_key(invoice_id), source_kind="invoice", source_id=invoice_id, text=f"Post of bill {number}",
        occurred_at=at, currency=currency, postings=without_zeros(postings),
    )  # fmt: skip


def status_of(gross_minor: int, paid_minor: int, overdue: bool) -> Status:
    """A bill's state from what has been paid."""
    if paid_minor >= gross_minor:
        return "paid"
    if paid_minor > 0:
        return "partly_paid"
    return "overdue" if overdue else "issued"
