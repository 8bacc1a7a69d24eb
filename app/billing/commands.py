"""Charge a session, issue a month's bills, book a payment. Each once, however often it is asked."""

from datetime import date, datetime
from uuid import UUID

import msgspec
import structlog

from app.billing import queries, rules
from app.billing.issue import issue_bill
from app.billing.model import Charge
from app.billing.qr_slip import plain_reference
from app.billing.queries import Payment
from app.billing.session_solar import mix_of
from app.charging import queries as charging
from app.charging.model import Changed, Session
from app.database.transaction import execute, fetch, fetchrow, fetchval, in_account
from app.kernel.calendar import local_date, local_midnight, month_bounds, month_of
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.ledger.commands import post
from app.ledger.queries import entry_of
from app.ledger.rules import reversal
from app.metering.queries import session_values
from app.sites import queries as sites
from app.tariffs.model import Price, Tariff

log = structlog.get_logger()

INSERT_CHARGE = """
INSERT INTO charge (account_id, id, session_id, revision, site_id, station_id, person_id, billing_point_id, tariff_id, class,
    period, occurred_at, energy_wh, currency, vat_rate, net_minor, vat_minor, gross_minor, lines, created_at, solar_wh)
VALUES ($1, $2, $3, $20, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $21)
ON CONFLICT (account_id, session_id, revision) DO NOTHING RETURNING id
"""
TAKE_BACK = """
INSERT INTO charge (account_id, id, session_id, revision, site_id, station_id, person_id, billing_point_id, tariff_id, class,
    period, occurred_at, energy_wh, currency, vat_rate, net_minor, vat_minor, gross_minor, lines, created_at, solar_wh,
    corrects)
SELECT account_id, $2, session_id, $3, site_id, station_id, person_id, billing_point_id, tariff_id, class, $4, occurred_at,
    -energy_wh, currency, vat_rate, -net_minor, -vat_minor, -gross_minor, $5, $6, -solar_wh, id
FROM charge WHERE id = $1
ON CONFLICT (account_id, session_id, revision) DO NOTHING RETURNING id
"""


async def charge_session(account_id: UUID, session_id: UUID, now: datetime, *, at_last: bool = False) -> list[Changed]:
    """Price an ended session and book it. One that belongs to nobody, is held, free or has no price is not charged.

    Where the sun has a price of its own, it waits until the roof has been read; a guest's does not, and `at_last` none does.
    """
    async with in_account(account_id):
        session = await _with_payer(account_id, await charging.session(session_id))
        if session is None or session.state != "ended" or session.person_id is None or session.stopped_at is None:
            return []
        if rules.is_free(session) or not session.point_billed:
            return []
        if await queries.next_revision(session_id) > 1:
            return []  # priced already; only a correction changes a price
        tariff = await queries.tariff_of(session)
        if tariff is None:
            log.error("session without a price", session=str(session_id), site=session.site_name)
            return []
        cost = await _cost(session, tariff, at_last=at_last)
        if cost is None:
            return []
        await _book(account_id, session, cost, tariff, now)
    return [Changed(account_id=account_id, kind="session", id=session_id, person_id=session.person_id)]


async def settle_session(account_id: UUID, session_id: UUID, now: datetime) -> list[Changed]:
    """After a correction: take the old charge back by counter-entries and book what holds now. Again: nothing changes.

    Whatever the month's bill no longer takes goes on the next one.
    """
    async with in_account(account_id):
        await execute("SELECT 1 FROM charging_session WHERE id = $1 FOR UPDATE", session_id)
        session = await _with_payer(account_id, await charging.session(session_id))
        if session is None:
            return []
        standing = (await queries.charges_of_sessions([session_id])).get(session_id)
        payable_now = session.state == "ended" and session.person_id is not None and session.stopped_at is not None
        # A point that bills nobody is never charged; what was charged while it did is corrected all the same.
        payable_now = payable_now and not rules.is_free(session) and (session.point_billed or standing is not None)
        if not payable_now and standing is not None:
            await take_back(account_id, session, standing, now)
        if payable_now and (standing is None or not _says_the_same(standing, session)):
            await _book_anew(account_id, session, standing, now)
        people = {session.person_id, None if standing is None else standing.person_id}
    return [Changed(account_id=account_id, kind="session", id=session_id, person_id=person_id) for person_id in people]


async def _book_anew(account_id: UUID, session: Session, standing: Charge | None, now: datetime) -> None:
    tariff = await queries.tariff_of(session)
    if tariff is None:
        log.error("session without a price", session=str(session.id), site=session.site_name)
        return
    if standing is not None:
        await take_back(account_id, session, standing, now)
    cost = await _cost(session, tariff, at_last=True)
    if cost is not None:
        await _book(account_id, session, cost, tariff, now, await queries.next_revision(session.id))


async def _with_payer(account_id: UUID, session: Session | None) -> Session | None:
    """A session with who pays: a guest's stands in the name that all guests of an account share, made at the first one."""
    if session is None or session.person_id is not None or await queries.guest_hold_minor(session.id) is None:
        return session
    await execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 2))", str(account_id))
    person_id = await fetchval("SELECT person_id FROM guest_person")
    if person_id is None:
        person_id = new_id()
        await execute(
            "INSERT INTO person (account_id, id, kind, family_name, street, postcode, city, country, created_at)"
            " SELECT $1, $2, 'legal', 'Guests', '', '', '', country, now() FROM site WHERE id = $3", account_id, person_id, session.site_id,
        )  # fmt: skip
        await execute("INSERT INTO guest_person (account_id, person_id) VALUES ($1, $2)", account_id, person_id)
    return msgspec.structs.replace(session, person_id=person_id)


class Cost(msgspec.Struct, frozen=True):
    """What a session costs, and what of it was priced as solar; None where the prices make no difference."""

    price: Price
    solar_wh: int | None


async def _cost(session: Session, tariff: Tariff, *, at_last: bool) -> Cost | None:
    """What a session costs; a guest's never more than was held on the card. None: the sun's share is not known yet."""
    values, held_minor = await session_values(session.id), await queries.guest_hold_minor(session.id)
    if not rules.tells_solar(tariff):
        cost, solar_wh = rules.price_session(session, values, tariff), None
    else:
        pieces, mix = rules.pieces_of(session, values), await mix_of(session)
        if not at_last and held_minor is None and not rules.is_known(pieces, mix):
            return None
        cost = rules.price_session(session, values, tariff, mix)
        solar_wh = sum(piece.solar_wh for piece in rules.with_solar(pieces, mix))
    return Cost(cost if held_minor is None else rules.capped(cost, held_minor), solar_wh)


def _says_the_same(charge: Charge, session: Session) -> bool:
    return (charge.person_id, charge.energy_wh, charge.occurred_at) == (session.person_id, session.energy_wh, session.stopped_at)


async def take_back(account_id: UUID, session: Session, charge: Charge, now: datetime) -> UUID:
    """The opposite of a charge, and of its ledger entry (inside the caller's transaction); returns the opposite's id."""
    lines = msgspec.json.encode([msgspec.structs.replace(line, quantity=-line.quantity, amount_minor=-line.amount_minor)
                                 for line in charge.lines]).decode()  # fmt: skip
    period = await queries.open_period(session.site_id, charge.period)
    opposite = new_id()
    await fetchval(TAKE_BACK, charge.id, opposite, charge.revision + 1, period, lines, now)
    booked = await entry_of(rules.session_key(session.id, charge.revision))
    if booked is None:
        raise LookupError(f"charge {charge.id} has no ledger entry")
    await post(account_id, reversal(booked[1], booked[0], now), now)
    return opposite


async def _book(account_id: UUID, session: Session, found: Cost, tariff: Tariff, now: datetime, revision: int = 1) -> None:
    if session.stopped_at is None:
        raise ValueError("only an ended session is booked")
    cost = found.price
    day = local_date(session.stopped_at, session.time_zone)
    terms = await sites.terms_on(session.site_id, day)
    lines = msgspec.json.encode(cost.lines).decode()
    period = await queries.open_period(session.site_id, month_of(day))
    charge_id = await fetchval(
        INSERT_CHARGE, account_id, new_id(), session.id, session.site_id, session.station_id, session.person_id,
        session.billing_point_id, tariff.id, session.class_, period, session.stopped_at, session.energy_wh,
        cost.currency, cost.vat_rate, cost.net_minor, cost.vat_minor, cost.gross_minor, lines, now, revision, found.solar_wh,
    )  # fmt: skip
    if charge_id is None:
        return
    permille = 0
    if terms is not None:
        permille = terms.internal_permille if session.class_ == "internal" else terms.external_permille
    owner_id = None if terms is None else terms.owner_id
    await post(account_id, rules.session_entry(session, cost, owner_id, permille, session.stopped_at, revision), now)


class MonthReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a month's run did: new bills, and the accounts that failed with their reasons."""

    bills: int
    failed: tuple[str, ...]


async def run_month(account_id: UUID, site_id: UUID, period: date, now: datetime) -> MonthReport:
    """Price what is unpriced and issue one bill per resident of a site and month. Again: nothing changes.

    Raises Refused not_found, period_open. One failing resident stops no other.
    """
    async with in_account(account_id):
        site = await sites.site(site_id)
        if site is None:
            raise not_found("site")
        start, end = month_bounds(period, site.time_zone)
        if now < end:
            raise Refused("period_open", 409, "This month is not over yet. Run it from the first day of the next one.")
        unpriced = await queries.uncharged_sessions(site_id, start, end)
    for session_id in unpriced:
        await charge_session(account_id, session_id, now, at_last=True)
    async with in_account(account_id):
        rows = await fetch(RESIDENTS_TO_BILL, site_id, period)
    bills, failed = 0, []
    for row in rows:
        try:
            bills += await issue_bill(account_id, site, row["person_id"], period, now)
        except Exception as error:  # one resident's trouble is reported and must not stop the others
            log.exception("bill failed", person=str(row["person_id"]), site=str(site_id))
            failed.append(f"{row['name']}: {error}")
    return MonthReport(bills=bills, failed=tuple(failed))


# A month whose credits outweighed its charges made no bill: they wait for the next one.
RESIDENTS_TO_BILL = """
SELECT c.person_id, trim(p.given_name || ' ' || p.family_name) AS name FROM charge c
JOIN person p ON p.account_id = c.account_id AND p.id = c.person_id WHERE c.site_id = $1 AND c.period <= $2
    AND NOT EXISTS (SELECT 1 FROM guest_person g WHERE g.account_id = c.account_id AND g.person_id = c.person_id)
    AND NOT EXISTS (SELECT 1 FROM invoice_charge ic WHERE ic.account_id = c.account_id AND ic.charge_id = c.id)
    AND NOT EXISTS (SELECT 1 FROM invoice i WHERE i.account_id = c.account_id AND i.site_id = c.site_id
                    AND i.person_id = c.person_id AND i.kind = 'charging' AND i.period_start = $2)
GROUP BY c.person_id, name HAVING sum(c.gross_minor) > 0 ORDER BY c.person_id
"""


class Credit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money that came in. `bank_reference` is the bank's own identity of the credit."""

    bank_reference: str
    received_on: date
    amount_minor: int
    currency: str
    reference: str = ""
    payer: str = ""


async def book_payment(account_id: UUID, credit: Credit, now: datetime, *, by_card: bool = False) -> tuple[Payment, bool]:
    """Book a credit once and settle the bill that its reference names; an unknown reference waits for a person.

    `by_card`: the money is with Stripe, not yet on the bank. Returns the payment and whether it is new. More than the bill's
    open amount stays the resident's credit.
    """
    if credit.amount_minor <= 0:
        raise Refused("invalid_input", 422, "The amount must be above zero.", fields=["amount_minor"])
    reference = plain_reference(credit.reference)
    async with in_account(account_id):
        payment_id = await fetchval(
            "INSERT INTO payment (account_id, id, bank_reference, received_on, amount_minor, currency, reference, payer,"
            " booked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (account_id, bank_reference) DO NOTHING"
            " RETURNING id", account_id, new_id(), credit.bank_reference, credit.received_on, credit.amount_minor,
            credit.currency, reference, credit.payer, now,
        )  # fmt: skip
        if payment_id is not None:
            await _settle(account_id, payment_id, credit, reference, now, rules.CARDS if by_card else rules.BANK)
        payment = await queries.payment(credit.bank_reference)
    if payment is None:
        raise not_found("payment")
    return payment, payment_id is not None


async def _settle(account_id: UUID, payment_id: UUID, credit: Credit, reference: str, now: datetime, money: str) -> None:
    # Two transfers for one bill at once: the second sees what the first has left open.
    await execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"{account_id}:{reference}")
    row = await fetchrow(
        "SELECT i.id, i.person_id, i.gross_minor - s.settled_minor AS open_minor FROM invoice i"
        " JOIN invoice_settled s ON s.account_id = i.account_id AND s.invoice_id = i.id"
        " WHERE i.reference = $1 AND i.currency = $2", reference, credit.currency,
    )  # fmt: skip
    if row is not None and row["open_minor"] > 0:
        await execute(
            "INSERT INTO settlement (account_id, payment_id, invoice_id, amount_minor) VALUES ($1, $2, $3, $4)",
            account_id, payment_id, row["id"], min(row["open_minor"], credit.amount_minor),
        )  # fmt: skip
    person_id = None if row is None else row["person_id"]
    at = local_midnight(credit.received_on, "UTC")
    entry = rules.payment_entry(payment_id, credit.bank_reference, person_id, credit.amount_minor, credit.currency, at, money)
    await post(account_id, entry, now)
