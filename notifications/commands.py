"""Tell people once: one delivery row per event, channel and recipient."""

from datetime import date, datetime
from uuid import UUID

from app.accounts.licences import superadmins
from app.billing import queries as billing
from app.billing.documents import words
from app.billing.mailings import chosen_for
from app.billing.reminders import OWNER_FROM, letter
from app.database.transaction import as_machine, execute, fetchrow, fetchval, in_account
from app.kernel.identifiers import token_hash
from app.kernel.settings import Settings
from app.onboarding.orders import order_of
from app.residents.queries import Person, person
from app.sites import queries as sites
from notifications.email import send
from notifications.rules import (
    Mail,
    bill_mail,
    invitation_mail,
    licence_mail,
    link_mail,
    order_mail,
    owner_told_mail,
    reminder_mail,
    site_form_mail,
)  # fmt: skip


async def deliver(settings: Settings, account_id: UUID | None, key: str, recipient: str, mail: Mail, now: datetime) -> None:
    """Send a mail unless it has been sent. Safe to repeat; a crash between sending and noting may send it twice."""
    async with as_machine():
        await execute(
            "INSERT INTO delivery (account_id, event_key, channel, recipient, created_at) VALUES ($1, $2, 'email', $3, $4)"
            " ON CONFLICT (event_key, channel, recipient) DO NOTHING", account_id, key, recipient, now,
        )  # fmt: skip
        row = await fetchrow("SELECT id, state FROM delivery WHERE event_key = $1 AND recipient = $2", key, recipient)
    if row is None or row["state"] == "sent":
        return
    await send(settings, recipient, mail, str(row["id"]))
    async with as_machine():
        await execute("UPDATE delivery SET state = 'sent', sent_at = $2, tries = tries + 1 WHERE id = $1", row["id"], now)


async def mail_link(settings: Settings, login_id: UUID, token: str, locale: str, now: datetime) -> None:
    """The mail of a one-time link."""
    async with as_machine():
        email = await fetchval("SELECT email FROM login WHERE id = $1", login_id)
    chosen = locale if locale in ("de", "fr", "it", "en", "nl") else "en"
    mail = link_mail(chosen, settings.public_url, token)
    await deliver(settings, None, f"link:{token_hash(token).hex()}", email, mail, now)


async def mail_licence(settings: Settings, account_id: UUID, kind: str, expires_on: date, now: datetime) -> None:
    """The reminder that an account's licence ends, to those who administer it."""
    async with as_machine():
        name = await fetchval("SELECT name FROM account WHERE id = $1", account_id)
    for email, locale in await superadmins(account_id, now.date()):
        mail = licence_mail(locale, settings.public_url, name, kind, words.day(expires_on, words.region(locale, "CH")))
        await deliver(settings, account_id, f"licence:{account_id}:{expires_on}:{kind}", email, mail, now)


async def mail_invitation(settings: Settings, account_id: UUID, invitation_id: UUID, token: str, now: datetime) -> None:
    """The mail with the link that gives somebody access; one that was sent again or withdrawn meanwhile is not mailed."""
    async with in_account(account_id):
        row = await fetchrow(
            "SELECT i.email, i.locale, i.expires_at, a.name, a.country, s.name AS site_name FROM invitation i"
            " JOIN account a ON a.id = i.account_id LEFT JOIN site s ON s.account_id = i.account_id AND s.id = i.site_id"
            " WHERE i.id = $1 AND i.token_hash = $2 AND i.withdrawn_at IS NULL", invitation_id, token_hash(token),
        )  # fmt: skip
    if row is None:
        return
    day = words.day(row["expires_at"].date(), words.region(row["locale"], row["country"]))
    place = row["name"] if row["site_name"] is None else f"{row['site_name']} ({row['name']})"
    mail = invitation_mail(row["locale"], settings.public_url, place, token, day)
    await deliver(settings, account_id, f"invitation:{token_hash(token).hex()}", row["email"], mail, now)


async def mail_site_form(settings: Settings, account_id: UUID, form_id: UUID, token: str, now: datetime) -> None:
    """The mail with the link to an owner's forms."""
    async with in_account(account_id):
        row = await fetchrow(
            "SELECT f.recipient, f.expires_at, s.name, s.country, s.languages FROM site_form f JOIN site s ON s.account_id = f.account_id"
            " AND s.id = f.site_id WHERE f.id = $1", form_id,
        )  # fmt: skip
    if row is None:
        raise LookupError(f"no form {form_id}")
    locale = row["languages"][0]
    day = words.day(row["expires_at"].date(), words.region(locale, row["country"]))
    mail = site_form_mail(locale, settings.public_url, row["name"], token, day)
    await deliver(settings, account_id, f"site-form:{form_id}", row["recipient"], mail, now)


async def mail_order(settings: Settings, account_id: UUID, order_id: UUID, now: datetime) -> None:
    """The confirmation of an order to the installer who made it: what comes, and until when."""
    async with in_account(account_id):
        order = await order_of(order_id, now)
        to = await fetchrow("SELECT email, locale FROM login_name WHERE id = $1", order.ordered_by)
        country = await fetchval("SELECT country FROM site WHERE id = $1", order.site_id)
    if to is None or order.state == "cancelled":
        return
    day = words.day(order.deliver_by, words.region(to["locale"], country))
    lines = [(line.article, line.quantity) for line in order.lines]
    mail = order_mail(to["locale"], settings.public_url, str(order.site_id), order.site_name, lines, day)
    await deliver(settings, account_id, f"order:{order_id}", to["email"], mail, now)


async def mail_bill(settings: Settings, account_id: UUID, invoice_id: UUID, now: datetime) -> None:
    """The mail that a bill is ready, to who had chosen e-mail when it was issued; nobody without an address is written to."""
    async with in_account(account_id):
        bill = await billing.bill(invoice_id, now.date())
        resident = None if bill is None else await person(bill.person_id)
        chosen = await chosen_for(invoice_id)
        # Who is billed for work at a house has no page of bills: the document goes along.
        pdf = await billing.bill_pdf(invoice_id) if bill is not None and bill.kind == "service" else None
    if bill is None or resident is None or not resident.email or chosen not in ("email", None):
        return
    form = words.region(resident.locale, resident.country)
    amount = f"{bill.currency} {words.money(bill.gross_minor, bill.currency, form)}"
    due = words.day(bill.due_on, form)
    mail = bill_mail(resident.locale, settings.public_url, str(invoice_id), bill.number, amount, due, None if pdf is None else pdf[2])
    await deliver(settings, account_id, f"bill:{invoice_id}", resident.email, mail, now)


async def mail_reminder(settings: Settings, account_id: UUID, invoice_id: UUID, level: int, now: datetime) -> None:
    """A reminder to the resident who has chosen e-mail, with its letter; the others' letters are on the post list. From the second on
    the owner is told too. A bill that is disputed by now is left alone."""
    async with in_account(account_id):
        bill, sent = await billing.bill(invoice_id, now.date()), await letter(invoice_id, level)
        if bill is None or sent is None or bill.disputed:
            return
        resident, terms = await person(bill.person_id), await sites.terms_on(bill.site_id, now.date())
        owner = None if terms is None or level < OWNER_FROM else await person(terms.owner_id)
    key = f"reminder:{invoice_id}:{level}"

    def said(to: Person) -> tuple[str, str]:
        form = words.region(to.locale, to.country)
        return f"{bill.currency} {words.money(sent.open_minor, bill.currency, form)}", words.day(bill.due_on, form)

    if resident is not None and resident.email and sent.channel == "email":
        mail = reminder_mail(resident.locale, settings.public_url, str(invoice_id), level, bill.number, *said(resident), sent.pdf)
        await deliver(settings, account_id, f"{key}:resident", resident.email, mail, now)
    if owner is not None and owner.email:
        mail = owner_told_mail(owner.locale, level, bill.resident_name, bill.number, *said(owner))
        await deliver(settings, account_id, f"{key}:owner", owner.email, mail, now)
