"""Platform accounts under contract: asked for, approved or refused, extended, renewed, reminded of. Spans accounts: for superadmins."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec

from app.accounts import licence_rules as rules
from app.accounts.licence_rules import Licence, LicenceKind, NewAccount, Reminder, RequestKind
from app.database.transaction import as_machine, execute, fetch, fetchrow
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.outbox.commands import record

LICENCE = f"""
SELECT l.account_id, a.name AS account_name, l.client_name, l.kind, l.datapoints, l.sector, l.rtc_lines, l.email_domain, l.starts_on,
    l.expires_on, (SELECT count(DISTINCT (v.device, v.name))::int FROM monitored_variable v
        WHERE v.account_id = l.account_id AND v.kind IN ({", ".join(f"'{kind}'" for kind in rules.BILLABLE)})) AS in_use
FROM licence l JOIN account a ON a.id = l.account_id
"""
REQUEST = """
SELECT r.id, r.account_id, r.kind, coalesce(a.name, r.account_name) AS account_name, r.client_name, r.licence_kind AS licence,
    r.datapoints, r.months, r.sector, r.rtc_lines, r.email_domain, r.comment, r.state, r.answer, r.asked_at, r.answered_at,
    coalesce(nullif(l.name, ''), l.email) AS asked_by
FROM licence_request r JOIN login l ON l.id = r.asked_by LEFT JOIN account a ON a.id = r.account_id
"""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """An application. `datapoints` of an extension: how many to add, negative to remove."""

    id: UUID
    account_id: UUID | None
    kind: RequestKind
    account_name: str
    client_name: str
    licence: LicenceKind | None
    datapoints: int | None
    months: int | None
    sector: str | None
    rtc_lines: int
    email_domain: str | None
    comment: str
    state: Literal["pending", "approved", "refused"]
    answer: str
    asked_by: str
    asked_at: datetime
    answered_at: datetime | None


class Portfolio(msgspec.Struct, frozen=True, kw_only=True):
    """Accounts under contract, accounts whose contract has ended (their data are kept), and what awaits approval."""

    active: list[Licence]
    expired: list[Licence]
    applications: list[Request]


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The decision about an application; a refusal says why."""

    approve: bool
    answer: Annotated[str, msgspec.Meta(max_length=2000)] = ""


async def portfolio(today: date) -> Portfolio:
    """All accounts with a licence, and the open applications. The last day of a licence still counts."""
    async with as_machine():
        licences = [Licence(**row) for row in await fetch(f"{LICENCE} ORDER BY a.name")]
        asked = [Request(**row) for row in await fetch(f"{REQUEST} WHERE r.state = 'pending' ORDER BY r.asked_at")]
    return Portfolio(
        active=[licence for licence in licences if licence.expires_on >= today],
        expired=[licence for licence in licences if licence.expires_on < today],
        applications=asked,
    )  # fmt: skip


async def request(request_id: UUID) -> Request:
    """One application. Raises Refused not_found."""
    async with as_machine():
        row = await fetchrow(f"{REQUEST} WHERE r.id = $1", request_id)
    if row is None:
        raise not_found("application")
    return Request(**row)


async def ask_for_account(login_id: UUID, form: NewAccount, now: datetime) -> UUID:
    """Ask for an account. Nothing exists before the approval; asked twice under one name is one application.

    Raises Refused too_few_datapoints, rtc_in_spain_only, bad_domain, account_exists.
    """
    rules.check_new(form)
    async with as_machine():
        if await fetchrow("SELECT 1 FROM account WHERE lower(name) = lower($1)", form.account_name.strip()) is not None:
            raise Refused("account_exists", 409, "An account of that name exists. Choose another name.", fields=["account_name"])
        return await _insert(
            "new", None, form.account_name.strip(), login_id, now, client_name=form.client_name, country=form.country,
            licence_kind=form.licence, datapoints=form.datapoints, months=form.months, sector=form.sector, rtc_lines=form.rtc_lines,
            email_domain=form.email_domain or None, comment=form.comment,
        )  # fmt: skip


async def ask_for_datapoints(login_id: UUID, account_id: UUID, added: int, now: datetime) -> UUID:
    """Ask to add datapoints, or to take some away. Raises Refused not_found, nothing_asked, below_use, asked_already."""
    async with as_machine():
        licence = await _licence(account_id)
        rules.after_extension(licence, added)
        return await _insert("extension", account_id, licence.account_name, login_id, now, datapoints=added)


async def ask_for_licence(login_id: UUID, account_id: UUID, kind: LicenceKind, now: datetime) -> UUID:
    """Ask for another licence. Raises Refused not_found, same_licence, asked_already."""
    async with as_machine():
        licence = await _licence(account_id)
        if licence.kind == kind:
            raise Refused("same_licence", 422, "The account has this licence already. Choose another one.", fields=["licence"])
        return await _insert("upgrade", account_id, licence.account_name, login_id, now, licence_kind=kind)


async def ask_for_renewal(login_id: UUID, account_id: UUID, now: datetime) -> UUID:
    """Ask to renew for a year, before or after the end. Raises Refused not_found, asked_already."""
    async with as_machine():
        licence = await _licence(account_id)
        return await _insert("renewal", account_id, licence.account_name, login_id, now, months=rules.YEAR_MONTHS)


async def answer(login_id: UUID, request_id: UUID, given: Answer, now: datetime) -> Request:
    """Approve or refuse an application; only an approval changes anything, once. The same answer again changes nothing.

    Raises Refused not_found, answered_already, reason_needed, below_use.
    """
    wanted = "approved" if given.approve else "refused"
    if not given.approve and not given.answer.strip():
        raise Refused("reason_needed", 422, "Say why, so that the applicant knows what to do.", fields=["answer"])
    async with as_machine():
        row = await fetchrow("SELECT * FROM licence_request WHERE id = $1 FOR UPDATE", request_id)
        if row is None:
            raise not_found("application")
        if row["state"] not in ("pending", wanted):
            raise Refused("answered_already", 409, "This application has been answered already. Load the page again.")
        if row["state"] == "pending":
            account_id = await _carry_out(row, now) if given.approve else row["account_id"]
            await execute(
                "UPDATE licence_request SET state = $2, answer = $3, answered_by = $4, answered_at = $5, account_id = $6 WHERE id = $1",
                request_id, wanted, given.answer, login_id, now, account_id,
            )  # fmt: skip
    return await request(request_id)


async def _carry_out(row: asyncpg.Record, now: datetime) -> UUID:
    today = now.date()
    if row["kind"] == "new":
        account_id = new_id()
        currency = "CHF" if row["country"] in ("CH", "LI") else "EUR"
        await execute("INSERT INTO account (id, name, country, currency, created_at) VALUES ($1, $2, $3, $4, $5)",
                      account_id, row["account_name"], row["country"], currency, now)  # fmt: skip
        await execute(
            "INSERT INTO licence (account_id, client_name, kind, datapoints, sector, rtc_lines, email_domain, starts_on, expires_on)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            account_id, row["client_name"], row["licence_kind"], row["datapoints"], row["sector"], row["rtc_lines"],
            row["email_domain"], today, rules.later(today, row["months"]),
        )  # fmt: skip
        return account_id
    licence = await _licence(row["account_id"], lock=True)
    if row["kind"] == "extension":
        await execute("UPDATE licence SET datapoints = $2 WHERE account_id = $1", licence.account_id,
                      rules.after_extension(licence, row["datapoints"]))  # fmt: skip
    elif row["kind"] == "upgrade":
        await execute("UPDATE licence SET kind = $2 WHERE account_id = $1", licence.account_id, row["licence_kind"])
    else:
        until = rules.renewed_until(licence.expires_on, today, row["months"])
        await execute("UPDATE licence SET expires_on = $2 WHERE account_id = $1", licence.account_id, until)
    return licence.account_id


async def _licence(account_id: UUID, *, lock: bool = False) -> Licence:
    row = await fetchrow(f"{LICENCE} WHERE l.account_id = $1{' FOR UPDATE OF l' if lock else ''}", account_id)
    if row is None:
        raise not_found("account")
    return Licence(**row)


async def _insert(kind: RequestKind, account_id: UUID | None, name: str, login_id: UUID, now: datetime, **values: object) -> UUID:
    """Columns are constants of this module. An open application of the same kind is the same one, or asked_already."""
    known = await fetchrow(
        "SELECT * FROM licence_request WHERE state = 'pending' AND kind = $1 AND (account_id = $2 OR ($2::uuid IS NULL AND"
        " lower(account_name) = lower($3)))", kind, account_id, name,
    )  # fmt: skip
    if known is not None:
        if all(known[column] == value for column, value in values.items()):
            return UUID(str(known["id"]))
        raise Refused("asked_already", 409, "An application of this kind awaits its answer. Wait for it, then ask again.")
    columns = {
        "id": new_id(),
        "kind": kind,
        "account_id": account_id,
        "account_name": name,
        "asked_by": login_id,
        "asked_at": now,
        **values,
    }
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    await execute(f"INSERT INTO licence_request ({', '.join(columns)}) VALUES ({places})", *columns.values())
    return UUID(str(columns["id"]))


async def remind(now: datetime) -> list[tuple[UUID, Reminder]]:
    """On the timetable, daily: the reminders that are due, each once for a date of expiry. Returns whom it reminded of what."""
    today, found = now.date(), []
    async with as_machine():
        for row in await fetch("SELECT account_id, expires_on FROM licence WHERE expires_on >= $1 ORDER BY account_id FOR UPDATE", today):
            given = await fetch("SELECT kind FROM licence_reminder WHERE account_id = $1 AND expires_on = $2", row["account_id"],
                                row["expires_on"])  # fmt: skip
            kind = rules.reminder_due(row["expires_on"], today, [one["kind"] for one in given])
            if kind is None:
                continue
            await execute("INSERT INTO licence_reminder (account_id, expires_on, kind, given_at) VALUES ($1, $2, $3, $4)",
                          row["account_id"], row["expires_on"], kind, now)  # fmt: skip
            await record("LicenceEnds", {"kind": kind, "expires_on": str(row["expires_on"])}, account_id=row["account_id"])
            found.append((UUID(str(row["account_id"])), kind))
    return found


async def superadmins(account_id: UUID, today: date) -> list[tuple[str, str]]:
    """(e-mail, language) of those who administer an account: its own superadmins, else those of the whole platform."""
    sql = (
        "SELECT DISTINCT l.email, l.locale FROM role_grant g JOIN login l ON l.id = g.login_id WHERE g.role = 'superadmin'"
        " AND g.valid_from <= $1::date AND (g.valid_to IS NULL OR g.valid_to >= $1::date)"
    )
    async with as_machine():
        rows = await fetch(f"{sql} AND g.account_id = $2 ORDER BY l.email", today, account_id)
        if not rows:
            rows = await fetch(f"{sql} ORDER BY l.email", today)
    return [(row["email"], row["locale"]) for row in rows]
