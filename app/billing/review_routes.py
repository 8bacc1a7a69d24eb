"""What a person has to look at: the list, the evidence, the decisions. By operators and support only."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from app.accounts.model import Identity
from app.accounts.rules import STAFF
from app.accounts.web.access import Caller, HttpRequest
from app.billing.charge_routes import PAST, announce
from app.charging import decisions, review_list
from app.charging import queries as charging
from app.charging.decisions import Decision
from app.charging.model import Changed
from app.charging.review_list import Evidence, MessageEvidence, ReviewItem, SignedValue
from app.database.transaction import in_account
from app.kernel.errors import not_found

SEE: dict[str, Any] = {"roles": sorted(STAFF)}
DECIDE: dict[str, Any] = {**SEE, "problems": (409,)}
TAGS = ["review"]
OCMF = "application/vnd.ocmf"


class Why(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A decision: the same key is carried out once."""

    idempotency_key: UUID
    reason: str


class Correction(Why, kw_only=True, forbid_unknown_fields=True):
    """Another energy (Wh), if need be at other times."""

    energy_wh: int
    started_at: datetime | None = None
    stopped_at: datetime | None = None


class ToResident(Why, kw_only=True, forbid_unknown_fields=True):
    person_id: UUID


class ToSession(Why, kw_only=True, forbid_unknown_fields=True):
    session_id: UUID


def _by(identity: Identity, why: Why) -> Decision:
    name = identity.name or identity.email
    return Decision(key=why.idempotency_key, reason=why.reason, login_id=identity.login_id, name=name)


async def _decided(request: HttpRequest, identity: Identity, session_id: UUID, work: Awaitable[list[Changed]]) -> Evidence:
    await announce(request, await work)
    return await _evidence(identity, session_id)


async def _evidence(identity: Identity, session_id: UUID) -> Evidence:
    async with in_account(identity.account_id):
        found = await review_list.session_evidence(session_id)
    if found is None:
        raise not_found("session")
    return found


async def _message(identity: Identity, message_id: UUID) -> MessageEvidence:
    async with in_account(identity.account_id):
        found = await review_list.message_evidence(message_id)
    if found is None:
        raise not_found("message")
    return found


@get("/api/operator/review", opt=SEE, summary="What a person has to look at", tags=TAGS)
async def review(identity: Caller) -> list[ReviewItem]:
    async with in_account(identity.account_id):
        return await review_list.review_list()


@get("/api/operator/review/sessions/{session_id:uuid}", opt=SEE, summary="A session with its evidence", tags=TAGS)
async def session(identity: Caller, session_id: FromPath[UUID]) -> Evidence:
    return await _evidence(identity, session_id)


@get("/api/operator/review/messages/{message_id:uuid}", opt=SEE, summary="A kept message and what it may belong to", tags=TAGS)
async def message(identity: Caller, message_id: FromPath[UUID]) -> MessageEvidence:
    return await _message(identity, message_id)


@post("/api/operator/review/sessions/{session_id:uuid}/release", status_code=200, opt=DECIDE,
      summary="Charge a held session as measured", tags=TAGS)  # fmt: skip
async def release(request: HttpRequest, identity: Caller, session_id: FromPath[UUID], data: JSONBody[Why]) -> Evidence:
    work = decisions.release(identity.account_id, session_id, _by(identity, data), request.app.state.clock())
    return await _decided(request, identity, session_id, work)


@post("/api/operator/review/sessions/{session_id:uuid}/correct", status_code=200, opt=DECIDE,
      summary="Charge another energy, by counter-entries", tags=TAGS)  # fmt: skip
async def correct(request: HttpRequest, identity: Caller, session_id: FromPath[UUID], data: JSONBody[Correction]) -> Evidence:
    work = decisions.correct(identity.account_id, session_id, data.energy_wh, data.started_at, data.stopped_at,
                             _by(identity, data), request.app.state.clock())  # fmt: skip
    return await _decided(request, identity, session_id, work)


@post("/api/operator/review/sessions/{session_id:uuid}/resident", status_code=200, opt=DECIDE,
      summary="Charge a session to a resident", tags=TAGS)  # fmt: skip
async def assign(request: HttpRequest, identity: Caller, session_id: FromPath[UUID], data: JSONBody[ToResident]) -> Evidence:
    work = decisions.assign_resident(identity.account_id, session_id, data.person_id, _by(identity, data), request.app.state.clock())
    return await _decided(request, identity, session_id, work)


@post("/api/operator/review/sessions/{session_id:uuid}/discard", status_code=200, opt=DECIDE,
      summary="Charge a session to nobody", tags=TAGS)  # fmt: skip
async def discard(request: HttpRequest, identity: Caller, session_id: FromPath[UUID], data: JSONBody[Why]) -> Evidence:
    work = decisions.discard(identity.account_id, session_id, _by(identity, data), request.app.state.clock())
    return await _decided(request, identity, session_id, work)


@post("/api/operator/review/messages/{message_id:uuid}/assign", status_code=200, opt=DECIDE,
      summary="End or correct a session by a lost stop", tags=TAGS)  # fmt: skip
async def assign_stop(request: HttpRequest, identity: Caller, message_id: FromPath[UUID], data: JSONBody[ToSession]) -> MessageEvidence:
    changed = await decisions.assign_stop(identity.account_id, message_id, data.session_id, _by(identity, data),
                                          request.app.state.clock())  # fmt: skip
    await announce(request, changed)
    return await _message(identity, message_id)


@post("/api/operator/review/messages/{message_id:uuid}/discard", status_code=200, opt=DECIDE, summary="Lay a kept message aside",
      tags=TAGS)  # fmt: skip
async def discard_message(request: HttpRequest, identity: Caller, message_id: FromPath[UUID], data: JSONBody[Why]) -> MessageEvidence:
    await decisions.discard_message(identity.account_id, message_id, _by(identity, data), request.app.state.clock())
    return await _message(identity, message_id)


async def _own(identity: Identity, session_id: UUID) -> None:
    """Raises Refused where a session is not this person's (inside the caller's transaction)."""
    found = await charging.session(session_id)
    if found is None or found.person_id is None or found.person_id != identity.person_id:
        raise not_found("session")


async def _file(session_id: UUID, signed_id: UUID) -> Response[bytes]:
    record = await review_list.signed_record(session_id, signed_id)
    if record is None:
        raise not_found("signed value")
    headers = {"content-disposition": f'attachment; filename="{signed_id}.ocmf"', "cache-control": "private, no-store"}
    return Response(record, media_type=OCMF, headers=headers)


@get("/api/sessions/{session_id:uuid}/signed", opt=PAST, summary="The signed meter values of my session", tags=["charging"])
async def signed(identity: Caller, session_id: FromPath[UUID]) -> list[SignedValue]:
    async with in_account(identity.account_id):
        await _own(identity, session_id)
        return await review_list.signed_values(session_id)


@get("/api/sessions/{session_id:uuid}/signed/{signed_id:uuid}", opt=PAST, media_type=OCMF,
     summary="A signed meter value as file", tags=["charging"])  # fmt: skip
async def signed_file(identity: Caller, session_id: FromPath[UUID], signed_id: FromPath[UUID]) -> Response[bytes]:
    async with in_account(identity.account_id):
        await _own(identity, session_id)
        return await _file(session_id, signed_id)


@get("/api/operator/review/sessions/{session_id:uuid}/signed/{signed_id:uuid}", opt=SEE, media_type=OCMF,
     summary="Any signed meter value as file", tags=TAGS)  # fmt: skip
async def operator_signed_file(identity: Caller, session_id: FromPath[UUID], signed_id: FromPath[UUID]) -> Response[bytes]:
    async with in_account(identity.account_id):
        return await _file(session_id, signed_id)


ROUTES = [review, session, message, release, correct, assign, discard, assign_stop, discard_message, signed, signed_file,
          operator_signed_file]  # fmt: skip
