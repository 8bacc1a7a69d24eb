"""Paying by card: a bill, a card for all bills, a guest's charge; and Stripe's messages."""

from datetime import datetime
from typing import Annotated, Literal, TypedDict
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody

from app.accounts.routes import address_of, throttle_of
from app.accounts.rules import OPERATORS, STAFF
from app.accounts.web.access import PUBLIC, Caller, HttpRequest
from app.billing import answers, card_news, cards, guest_payments, guests, queries, views
from app.billing.charge_routes import PAST, announce, person_of
from app.billing.routes import PDF, pdf_answer
from app.billing.stripe_gateway import CardGateway, Unavailable, card_gateway, no_cards
from app.charging import queries as charging
from app.database.transaction import in_account
from app.kernel.errors import not_found
from app.sites.routes import actor_of

OPEN = {"roles": PUBLIC}
OPERATE = {"roles": sorted(OPERATORS)}
SEE = {"roles": sorted(STAFF)}
PAYS = {**PAST, "problems": (409, 503)}
TAGS = ["cards"]


class PageToGo(TypedDict):
    """Stripe's page, where the card is entered."""

    url: str


class Settled(TypedDict):
    """What has become of a payment or a card."""

    state: str


class GuestAsk(msgspec.Struct, forbid_unknown_fields=True):
    idempotency_key: UUID
    locale: Literal["de", "fr", "it", "en", "nl"] = "de"
    email: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None


class Guests(msgspec.Struct, forbid_unknown_fields=True):
    """`hold_minor`: what is held on a guest's card, and the most that a charge costs; None: no guests."""

    hold_minor: Annotated[int, msgspec.Meta(ge=100, le=100_000)] | None


class GuestToGo(PageToGo):
    """Stripe's page, and the link where the charge is shown."""

    link: str


class GuestView(TypedDict):
    """A guest's charge: asked, starting, charging, due, unpaid, paid, release_due or released; `reason` says why not charged."""

    state: str
    reason: str | None
    code: str
    currency: str
    hold_minor: int
    session: answers.SessionView | None
    receipt: str | None


def gateway_of(request: HttpRequest) -> CardGateway:
    """The gateway of this process."""
    return card_gateway(request.app.state.settings)


@post("/api/bills/{bill_id:uuid}/card", status_code=200, opt=PAYS, summary="Pay a bill by card", tags=TAGS)
async def pay(request: HttpRequest, identity: Caller, bill_id: FromPath[UUID]) -> PageToGo:
    settings = request.app.state.settings
    person_id, now = person_of(identity), request.app.state.clock()
    return {"url": await cards.pay_bill(gateway_of(request), identity.account_id, person_id, bill_id, settings.public_url, now)}


@post(
    "/api/bills/{bill_id:uuid}/card/{payment_id:uuid}", status_code=200, opt=PAYS, summary="Back from Stripe: what became of it", tags=TAGS
)
async def paid(request: HttpRequest, identity: Caller, bill_id: FromPath[UUID], payment_id: FromPath[UUID]) -> Settled:
    now, person_id = request.app.state.clock(), person_of(identity)
    await cards.owned(identity.account_id, person_id, bill_id, payment_id)
    try:
        return {"state": await cards.settle_card_payment(gateway_of(request), identity.account_id, payment_id, now)}
    except Unavailable:
        return {"state": "open"}  # Stripe's message brings it later


@get("/api/cards", opt=PAST, summary="The card that pays my bills", tags=TAGS)
async def stored(identity: Caller) -> list[cards.StoredCard]:
    return await cards.cards_of(identity.account_id, person_of(identity))


@post("/api/cards", status_code=200, opt=PAYS, summary="Store a card for all bills", tags=TAGS)
async def store(request: HttpRequest, identity: Caller) -> PageToGo:
    url, now = request.app.state.settings.public_url, request.app.state.clock()
    return {"url": await cards.store_card(gateway_of(request), identity.account_id, person_of(identity), url, now)}


@post("/api/cards/{card_id:uuid}", status_code=200, opt=PAYS, summary="Back from Stripe: keep the card", tags=TAGS)
async def keep(request: HttpRequest, identity: Caller, card_id: FromPath[UUID]) -> list[cards.StoredCard]:
    person_id, now = person_of(identity), request.app.state.clock()
    await cards.owned_card(identity.account_id, person_id, card_id)
    try:
        await cards.settle_card(gateway_of(request), identity.account_id, card_id, now)
    except Unavailable as error:
        raise no_cards() from error
    return await cards.cards_of(identity.account_id, person_id)


@delete("/api/cards/{card_id:uuid}", opt=PAYS, summary="Remove a stored card", tags=TAGS)
async def remove(request: HttpRequest, identity: Caller, card_id: FromPath[UUID]) -> None:
    now = request.app.state.clock()
    await cards.remove_card(gateway_of(request), identity.account_id, person_of(identity), card_id, now)


@post("/api/c/{code:str}/guest", status_code=200, opt={**OPEN, "problems": (409, 503)}, summary="Charge as a guest, by card", tags=TAGS)
async def guest(request: HttpRequest, code: FromPath[str], data: JSONBody[GuestAsk]) -> GuestToGo:
    settings, now = request.app.state.settings, request.app.state.clock()
    await throttle_of(request).check(f"guest:{address_of(request)}", address_of(request))
    asked = await guests.ask(gateway_of(request), code.strip().upper(), data.idempotency_key, data.email, data.locale, settings.secret_key,
                             settings.public_url, now)  # fmt: skip
    return {"url": asked.url, "link": f"/g/{asked.token}"}


@get("/api/guests/{token:str}", opt=OPEN, summary="A guest's charge, by its link", tags=TAGS)
async def guest_charge(request: HttpRequest, token: FromPath[str]) -> GuestView:
    return await _guest_view(request, token, request.app.state.clock())


@post("/api/guests/{token:str}/begin", status_code=200, opt=OPEN, summary="Back from Stripe: see what became of the card", tags=TAGS)
async def guest_begin(request: HttpRequest, token: FromPath[str]) -> GuestView:
    """The answer is what is known here; Stripe is asked by a job, and by its own message."""
    row, now = await guests.of_token(token, request.app.state.settings.secret_key), request.app.state.clock()
    await guest_payments.look(row["account_id"], row["id"], now)
    return await _guest_view(request, token, now)


@post("/api/guests/{token:str}/pay", status_code=200, opt={**OPEN, "problems": (409, 503)}, tags=TAGS,
      summary="Pay a guest's charge whose hold is gone")  # fmt: skip
async def guest_pay(request: HttpRequest, token: FromPath[str]) -> PageToGo:
    settings, now = request.app.state.settings, request.app.state.clock()
    row = await guests.of_token(token, settings.secret_key)
    back = f"{settings.public_url}/g/{token}"
    return {"url": await guest_payments.pay(gateway_of(request), row["account_id"], row["id"], back, now)}


@post("/api/guests/{token:str}/stop", status_code=202, opt={**OPEN, "problems": (409,)}, summary="Stop a guest's charge", tags=TAGS)
async def guest_stop(request: HttpRequest, token: FromPath[str]) -> GuestView:
    settings, now = request.app.state.settings, request.app.state.clock()
    row = await guests.of_token(token, settings.secret_key)
    session_id = await _session_of(row)
    if session_id is None:
        raise not_found("session")
    await announce(request, await guests.stop(row["account_id"], session_id, now), row["station_id"])
    return await _guest_view(request, token, now)


@get("/api/guests/{token:str}/receipt", opt=OPEN, media_type=PDF, summary="A guest's receipt as PDF", tags=TAGS)
async def guest_receipt(request: HttpRequest, token: FromPath[str]) -> Response[bytes]:
    row = await guests.of_token(token, request.app.state.settings.secret_key)
    async with in_account(row["account_id"]):
        found = None if row["invoice_id"] is None or row["state"] != "paid" else await queries.bill_pdf(row["invoice_id"])
    if found is None:
        raise not_found("receipt")
    return pdf_answer(found[2], found[1])


async def _session_of(row: guests.Row) -> UUID | None:
    async with in_account(row["account_id"]):
        asked = None if row["request_id"] is None else await charging.request(row["request_id"])
    return None if asked is None else asked.session_id


async def _guest_view(request: HttpRequest, token: str, now: datetime) -> GuestView:
    row = await guests.of_token(token, request.app.state.settings.secret_key)
    session_id = await _session_of(row)
    async with in_account(row["account_id"]):
        found = None if session_id is None else await charging.session(session_id)
        session = None if found is None else await views.session_view(found, now)
    given_free = row["state"] in guest_payments.GIVEN_FREE
    charging_now = found is not None and (row["state"] == "starting" or (given_free and found.state == "open"))
    return {
        "state": "charging" if charging_now else row["state"], "reason": row["reason"], "code": row["public_code"],
        "currency": row["currency"], "hold_minor": row["hold_minor"], "session": session,
        "receipt": f"/api/guests/{token}/receipt" if row["state"] == "paid" else None,
    }  # fmt: skip


@post(
    "/api/stripe",
    status_code=200,
    opt={**OPEN, "problems": (400, 503), "exclude_from_csrf": True},
    summary="Stripe's messages, signed",
    tags=TAGS,
)
async def stripe_message(request: HttpRequest) -> dict[str, bool]:
    news = gateway_of(request).news(await request.body(), request.headers.get("stripe-signature", ""))
    return {"new": news is not None and await card_news.keep(news, request.app.state.clock())}


class GuestsTaken(TypedDict):
    """What is held on a guest's card at a station, the most that a charge costs there; None: it takes no guests."""

    hold_minor: int | None
    currency: str


@get("/api/stations/{station_id:uuid}/guests", opt=SEE, summary="Whether a station takes guests", tags=TAGS)
async def guests_taken(identity: Caller, station_id: FromPath[UUID]) -> GuestsTaken:
    return {"hold_minor": await guests.held_at(identity.account_id, station_id), "currency": identity.currency}


@put("/api/stations/{station_id:uuid}/guests", status_code=204, opt=OPERATE, summary="Take guests at a station, or no longer", tags=TAGS)
async def take_guests(request: HttpRequest, identity: Caller, station_id: FromPath[UUID], data: JSONBody[Guests]) -> None:
    await guests.take_guests(actor_of(identity), station_id, data.hold_minor, request.app.state.clock())


ROUTES = [
    guests_taken, take_guests, pay, paid, stored, store, keep, remove, guest, guest_charge, guest_begin, guest_pay, guest_stop,
    guest_receipt, stripe_message,
]  # fmt: skip
