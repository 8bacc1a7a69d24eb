"""Badges as they are administered: made, assigned, blocked, asked for. UIDs are kept as a keyed hash and four letters."""

import re
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import execute, fetchrow, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import keyed_hash, new_id, tail
from app.kernel.money import to_minor
from app.residents.badge_uid import sealed_uid

UID = re.compile(r"^([0-9A-F]{8}|[0-9A-F]{14}|[0-9A-F]{20})$")  # 4, 7 or 10 bytes: ISO/IEC 14443-3
ENROLLABLE = "mifare_classic"
RequestKind = Literal["new", "extra", "enrol"]
Technology = Literal["", "mifare_classic", "mifare_t_cl", "desfire", "unknown"]
Label = Annotated[str, msgspec.Meta(max_length=60)]


class NewBadge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A badge for somebody. `uid` as the reader shows it, with or without blanks and colons."""

    uid: Annotated[str, msgspec.Meta(max_length=40)]
    person_id: UUID
    label: Label = ""
    valid_from: date | None = None
    valid_to: date | None = None


class BadgeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a resident asks for. `place`: parking place or station's serial number, needed for a private station."""

    kind: RequestKind
    place: Annotated[str, msgspec.Meta(max_length=80)] = ""
    technology: Technology = ""


def plain_uid(text: str) -> str:
    """A UID as hexadecimal letters. Raises Refused bad_uid."""
    uid = re.sub(r"[\s:.-]", "", text).upper()
    if not UID.match(uid):
        raise Refused("bad_uid", 422, "This is not the number of a badge: it has 8, 14 or 20 signs from 0 to 9 and A to F.", fields=["uid"])
    return uid


async def create_badge(actor: Actor, form: NewBadge, secret: bytes, now: datetime) -> UUID:
    """Make a badge and give it to somebody. The same again gives the same badge.

    Raises Refused bad_uid, badge_taken, exit_before_entry, not_found.
    """
    uid = plain_uid(form.uid)
    badge_id, valid_from = new_id(), form.valid_from or now.date()
    _check_days(valid_from, form.valid_to)
    async with in_account(actor.account_id):
        if await fetchrow("SELECT 1 FROM person WHERE id = $1 AND erased_at IS NULL", form.person_id) is None:
            raise not_found("person")
        row = await fetchrow("SELECT id, person_id, state FROM badge WHERE uid_hash = $1", keyed_hash(secret, uid))
        if row is not None:
            if row["person_id"] == form.person_id and row["state"] == "active":
                return UUID(str(row["id"]))
            raise badge_taken()
        try:
            await execute(
                "INSERT INTO badge (account_id, id, person_id, uid_hash, uid_sealed, uid_tail, label, valid_from, valid_to)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                actor.account_id, badge_id, form.person_id, keyed_hash(secret, uid), sealed_uid(secret, badge_id, uid), tail(uid),
                form.label, valid_from, form.valid_to,
            )  # fmt: skip
        except asyncpg.UniqueViolationError as error:
            raise badge_taken() from error
        after = {"tail": tail(uid), "person_id": form.person_id, "label": form.label, "valid_from": valid_from,
                 "valid_to": form.valid_to}  # fmt: skip
        await note(actor, "badge", badge_id, "created", now, after=after)
    return badge_id


def badge_taken() -> Refused:
    """The UID is another badge's."""
    return Refused("badge_taken", 409, "This badge is in use already, or was reported lost. Use another badge.", fields=["uid"])


async def set_badge_state(actor: Actor, badge_id: UUID, state: Literal["active", "blocked", "lost"], reason: str, now: datetime) -> None:
    """Block a badge at once, or let it work again; a lost one never works again. Safe to repeat.

    Raises Refused not_found, badge_lost.
    """
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT state FROM badge WHERE id = $1 FOR UPDATE", badge_id)
        if row is None:
            raise not_found("badge")
        if row["state"] == state:
            return
        if row["state"] == "lost":
            raise Refused("badge_lost", 409, "This badge was reported lost and stays blocked. Make a new one.")
        await execute("UPDATE badge SET state = $2 WHERE id = $1", badge_id, state)
        await note(actor, "badge", badge_id, "state", now, before={"state": row["state"]}, after={"state": state}, reason=reason)


async def end_badge(actor: Actor, badge_id: UUID, last: date | None, now: datetime) -> None:
    """The last day on which somebody has a badge (None: until further notice). Safe to repeat.

    Raises Refused not_found, exit_before_entry.
    """
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT valid_from, valid_to FROM badge WHERE id = $1 FOR UPDATE", badge_id)
        if row is None:
            raise not_found("badge")
        if row["valid_to"] == last:
            return
        _check_days(row["valid_from"], last)
        await execute("UPDATE badge SET valid_to = $2 WHERE id = $1", badge_id, last)
        await note(actor, "badge", badge_id, "ended", now, before={"valid_to": row["valid_to"]}, after={"valid_to": last})


def _check_days(first: date, last: date | None) -> None:
    if last is not None and last < first:
        raise Refused("exit_before_entry", 422, "The last day lies before the first one. Correct one of the two.", fields=["valid_to"])


async def request_badge(actor: Actor, person_id: UUID, asked: BadgeRequest, now: datetime) -> UUID:
    """Ask for a badge; an open request of the same kind is the same request.

    Raises Refused place_needed (a private station), technology_refused (only MIFARE Classic can be enrolled),
    own_badges_refused (where the operator bills, only its own badges work), not_found.
    """
    async with in_account(actor.account_id):
        if await fetchrow("SELECT 1 FROM person WHERE id = $1 AND erased_at IS NULL", person_id) is None:
            raise not_found("person")
        if asked.kind == "enrol":
            await _refuse_enrolment(person_id, asked.technology, now.date())
        elif not asked.place.strip() and await _has_private_place(person_id, now.date()):
            raise Refused("place_needed", 422, "Your station is private: write your parking place or the station's serial number.",
                          fields=["place"])  # fmt: skip
        row = await fetchrow(
            "SELECT id FROM badge_request WHERE person_id = $1 AND kind = $2 AND state = 'pending' AND place = $3",
            person_id, asked.kind, asked.place.strip(),
        )  # fmt: skip
        if row is not None:
            return UUID(str(row["id"]))
        request_id = new_id()
        await execute(
            "INSERT INTO badge_request (account_id, id, person_id, kind, place, technology, created_at) VALUES ($1,$2,$3,$4,$5,$6,$7)",
            actor.account_id, request_id, person_id, asked.kind, asked.place.strip(), asked.technology, now,
        )  # fmt: skip
        await note(actor, "badge_request", request_id, "asked", now, after=msgspec.structs.asdict(asked))
    return request_id


async def _refuse_enrolment(person_id: UUID, technology: str, today: date) -> None:
    if technology != ENROLLABLE:
        raise Refused("technology_refused", 422, "Only badges of the kind MIFARE Classic can be enrolled. Ask for a new badge instead.",
                      fields=["technology"])  # fmt: skip
    row = await fetchrow(
        "SELECT 1 FROM occupancy o JOIN billing_point b ON b.account_id = o.account_id AND b.id = o.billing_point_id"
        " JOIN operating_method m ON m.account_id = b.account_id AND m.site_id = b.site_id AND m.period @> $2::date"
        " WHERE o.person_id = $1 AND o.period @> $2::date AND m.method = 'operator_bills'", person_id, today,
    )  # fmt: skip
    if row is not None:
        raise Refused("own_badges_refused", 409, "In this house only the operator's own badges work. Ask for a new badge instead.")


async def _has_private_place(person_id: UUID, today: date) -> bool:
    row = await fetchrow(
        "SELECT 1 FROM occupancy o JOIN connector c ON c.account_id = o.account_id AND c.billing_point_id = o.billing_point_id"
        " WHERE o.person_id = $1 AND o.period @> $2::date", person_id, today,
    )  # fmt: skip
    return row is not None


class RequestAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The operator's answer: a badge for an approved request, or the reason of a refusal."""

    approve: bool
    uid: str = ""
    answer: Annotated[str, msgspec.Meta(max_length=500)] = ""


async def answer_request(actor: Actor, request_id: UUID, given: RequestAnswer, secret: bytes, now: datetime) -> UUID | None:
    """Approve a request with a badge, or refuse it with a reason. The same answer again changes nothing.

    Returns the badge. Raises Refused not_found, answered_already, reason_needed, bad_uid, badge_taken.
    """
    wanted = "approved" if given.approve else "refused"
    if not given.approve and not given.answer.strip():
        raise Refused("reason_needed", 422, "Say why, so that the resident knows what to do.", fields=["answer"])
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT person_id, state, badge_id, kind FROM badge_request WHERE id = $1", request_id)
    if row is None:
        raise not_found("request")
    if row["state"] != "pending":
        if row["state"] == wanted:
            return row["badge_id"] and UUID(str(row["badge_id"]))
        raise Refused("answered_already", 409, "This request has been answered already. Load the page again.")
    badge_id = None
    if given.approve:
        badge_id = await create_badge(actor, NewBadge(uid=given.uid, person_id=row["person_id"]), secret, now)
    async with in_account(actor.account_id):
        await execute(
            "UPDATE badge_request SET state = $2, answer = $3, badge_id = $4, answered_at = $5, answered_by = $6"
            " WHERE id = $1 AND state = 'pending'", request_id, wanted, given.answer, badge_id, now, actor.name,
        )  # fmt: skip
        if badge_id is not None and row["kind"] == "extra":
            await _charge_badge(actor.account_id, badge_id, row["person_id"], now.date())
        await note(actor, "badge_request", request_id, wanted, now, after={"answer": given.answer})
    return badge_id


EXTRA = """
SELECT c.id, c.site_id, c.label, c.amount, s.currency FROM financial_condition c
JOIN site s ON s.account_id = c.account_id AND s.id = c.site_id
WHERE c.unit = 'badge' AND c.payer = 'resident' AND c.removed_at IS NULL AND c.period @> $2::date AND EXISTS (
    SELECT 1 FROM occupancy o JOIN billing_point b ON b.account_id = o.account_id AND b.id = o.billing_point_id
    WHERE o.account_id = c.account_id AND o.person_id = $1 AND b.site_id = c.site_id AND o.period @> $2::date)
ORDER BY c.amount, c.id LIMIT 1
"""


async def _charge_badge(account_id: UUID, badge_id: UUID, person_id: UUID, today: date) -> None:
    """An extra badge is at its holder's cost: the fee of today is kept for the next bill, once. None is agreed: it costs nothing."""
    fee = await fetchrow(EXTRA, person_id, today)
    if fee is not None and fee["amount"] > 0:
        await execute(
            "INSERT INTO badge_fee (account_id, badge_id, person_id, site_id, condition_id, label, net_minor, ordered_on)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            account_id, badge_id, person_id, fee["site_id"], fee["id"], fee["label"], to_minor(fee["amount"], fee["currency"]), today,
        )  # fmt: skip
