"""A small Stripe of ours, written from the public API reference (it is no recording): the pages where cards are entered, holds,
captures, releases, kept cards, idempotency keys; and messages, signed, which tests may send twice, late or in another order.

What localstripe does truthfully is tried against localstripe, in test_stripe_gateway.py.
"""

import hashlib
import hmac
import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

SECRET = "whsec_of_the_tests"
PAGE = """<!doctype html><html lang="en"><title>Card</title><meta name="viewport" content="width=device-width">
<h1>Stripe's page (a double of the tests)</h1><p id="amount">{amount}</p>
<form method="post"><button id="pay">Pay</button></form><a id="back" href="{cancel}">Back</a></html>"""


class Refusal(Exception):
    """An error of the interface: status and body."""

    def __init__(self, status: int, code: str, kind: str = "invalid_request_error") -> None:
        super().__init__(code)
        self.status, self.body = status, {"error": {"type": kind, "code": code, "message": code}}


def unflattened(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """a[b][0]=c as Stripe's clients send it; lists become dicts by position."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        *path, last = name.replace("]", "").split("[")
        place = found
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return found


class StripeDouble:
    """The state behind the interface. `events` are the messages not yet sent, oldest first."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self.objects: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, tuple[str, int, dict[str, Any]]] = {}
        self.events: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.url = ""
        self.away = False
        self.declines = False
        self.loses = False  # does what is asked, and its answer never comes
        self.lock = threading.RLock()

    def new(self, prefix: str, **values: Any) -> dict[str, Any]:
        made = {"id": f"{prefix}_{next(self.numbers)}", "metadata": {}, **values}
        self.objects[made["id"]] = made
        return made

    def tell(self, kind: str, about: dict[str, Any]) -> None:
        event = {"id": f"evt_{next(self.numbers)}", "object": "event", "type": kind, "created": int(time.time()),
                 "data": {"object": json.loads(json.dumps(about))}}  # fmt: skip
        self.events.append(event)

    def signed(self, event: dict[str, Any], at: int | None = None) -> tuple[bytes, str]:
        """A message as Stripe sends it: body and signature."""
        body, moment = json.dumps(event).encode(), int(time.time()) if at is None else at
        mark = hmac.new(SECRET.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        return body, f"t={moment},v1={mark}"

    def answer(self, method: str, path: str, asked: dict[str, Any], key: str | None) -> tuple[int, dict[str, Any]]:
        """What is answered, unless it is away or its answer is lost."""
        away = 503, {"error": {"type": "api_error", "message": "away"}}
        found = away if self.away else self.done(method, path, asked, key)
        return away if self.loses else found

    def done(self, method: str, path: str, asked: dict[str, Any], key: str | None) -> tuple[int, dict[str, Any]]:
        """The same key with the same request is answered as before; with another one it is refused."""
        request = json.dumps([method, path, asked], sort_keys=True)
        if key in self.answers:
            before, status, body = self.answers[str(key)]
            return (status, body) if before == request else (400, Refusal(400, "idempotency_key_in_use", "idempotency_error").body)
        self.asked.append(f"{method} {path}")
        try:
            status, body = 200, json.loads(json.dumps(self.route(method, path.removeprefix("/v1/").split("/"), asked)))
        except Refusal as refusal:
            status, body = refusal.status, refusal.body
        if key is not None and method == "POST":
            self.answers[key] = (request, status, body)
        return status, body

    def route(self, method: str, path: list[str], asked: dict[str, Any]) -> dict[str, Any]:
        match [method, *path]:
            case ["POST", "checkout", "sessions"]:
                return self.checkout(asked)
            case ["POST", "checkout", "sessions", ref, "expire"]:
                if self.objects[ref]["status"] != "open":
                    raise Refusal(400, "checkout_session_not_open")
                self.expire(ref)
                return self.objects[ref]
            case ["DELETE", "customers", ref]:
                self.objects[ref]["deleted"] = True
                return {"id": ref, "object": "customer", "deleted": True}
            case ["POST", "customers"]:
                return self.new("cus", object="customer", **asked)
            case ["POST", "payment_intents"]:
                return self.charge(asked)
            case ["POST", "payment_intents", ref, "capture"]:
                return self.capture(self.objects[ref], int(asked.get("amount_to_capture", self.objects[ref]["amount"])))
            case ["POST", "payment_intents", ref, "cancel"]:
                return self.cancel(self.objects[ref])
            case ["GET", "payment_intents"]:
                mine = [
                    one
                    for one in self.objects.values()
                    if one.get("object") == "payment_intent" and one.get("customer") == asked["customer"]
                ]
                return {"object": "list", "has_more": False, "url": "/v1/payment_intents", "data": mine[::-1]}
            case ["POST", "payment_methods", ref, "detach"]:
                return {**self.objects[ref], "customer": None}
            case ["GET", *_, ref] if ref in self.objects:
                return self.objects[ref]
        raise Refusal(404, "resource_missing")

    def checkout(self, asked: dict[str, Any]) -> dict[str, Any]:
        intent = asked.get("payment_intent_data", {})
        amount = sum(int(item["price_data"]["unit_amount"]) * int(item["quantity"]) for item in asked.get("line_items", {}).values())
        made = self.new(
            "cs", object="checkout.session", status="open", payment_intent=None, setup_intent=None, amount_total=amount, **asked
        )
        made |= {"url": f"{self.url}/pay/{made['id']}", "capture": intent.get("capture_method", "automatic")}
        return made

    def enter_card(self, session_id: str) -> str:
        """What a person does on Stripe's page; returns where the browser goes."""
        session = self.objects[session_id]
        if session["status"] != "open":
            return str(session["success_url"])
        card = self.new("pm", object="payment_method", card={"brand": "visa", "last4": "4242", "exp_month": 4, "exp_year": 2031})
        session |= {"status": "complete", "url": None}
        if session["mode"] == "setup":
            setup = self.new("seti", object="setup_intent", status="succeeded", payment_method=card["id"],
                             metadata=session["setup_intent_data"]["metadata"])  # fmt: skip
            session["setup_intent"] = setup["id"]
            self.tell("setup_intent.succeeded", setup)
        else:
            held = session["capture"] == "manual"
            item = next(iter(session["line_items"].values()))
            intent = self.new("pi", object="payment_intent", status="requires_capture" if held else "succeeded",
                              amount=session["amount_total"], amount_received=0 if held else session["amount_total"],
                              currency=item["price_data"]["currency"], metadata=session["payment_intent_data"]["metadata"])  # fmt: skip
            session["payment_intent"] = intent["id"]
            self.tell("payment_intent.amount_capturable_updated" if held else "payment_intent.succeeded", intent)
        self.tell("checkout.session.completed", session)
        return str(session["success_url"])

    def expire(self, session_id: str) -> None:
        """Nobody entered a card in time."""
        self.objects[session_id] |= {"status": "expired", "url": None}
        self.tell("checkout.session.expired", self.objects[session_id])

    def charge(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self.declines:
            raise Refusal(402, "card_declined", "card_error")
        made = self.new("pi", object="payment_intent", status="succeeded", **{**asked, "amount": int(asked["amount"])})
        made["amount_received"] = made["amount"]
        self.tell("payment_intent.succeeded", made)
        return made

    def capture(self, intent: dict[str, Any], amount: int) -> dict[str, Any]:
        if intent["status"] != "requires_capture" or not 0 < amount <= intent["amount"]:
            raise Refusal(400, "payment_intent_unexpected_state")
        if amount < 50:
            raise Refusal(400, "amount_too_small")
        intent |= {"status": "succeeded", "amount_received": amount}
        self.tell("payment_intent.succeeded", intent)
        return intent

    def cancel(self, intent: dict[str, Any]) -> dict[str, Any]:
        if intent["status"] != "requires_capture":
            raise Refusal(400, "payment_intent_unexpected_state")
        intent["status"] = "canceled"
        self.tell("payment_intent.canceled", intent)
        return intent


def handler_of(double: StripeDouble) -> type[BaseHTTPRequestHandler]:
    """The interface and the page, over HTTP."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Quiet."""

        def send(self, status: int, body: bytes, kind: str = "application/json", to: str = "") -> None:
            self.send_response(status)
            if to:
                self.send_header("location", to)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def work(self, method: str) -> None:
            sent = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            path, sent = urlsplit(self.path).path, sent or urlsplit(self.path).query
            with double.lock:
                if path.startswith("/pay/"):
                    session = double.objects[path.rpartition("/")[2]]
                    if method == "POST":
                        return self.send(303, b"", to=double.enter_card(session["id"]))
                    amount = f"{session['amount_total'] / 100:.2f}"
                    return self.send(200, PAGE.format(amount=amount, cancel=session["cancel_url"]).encode(), "text/html")
                status, body = double.answer(method, path, unflattened(parse_qsl(sent)), self.headers.get("idempotency-key"))
            return self.send(status, json.dumps(body).encode())

        def do_GET(self) -> None:
            self.work("GET")

        def do_POST(self) -> None:
            self.work("POST")

        def do_DELETE(self) -> None:
            self.work("DELETE")

    return Handler


@contextmanager
def stripe_double() -> Iterator[StripeDouble]:
    """A running double on a free port."""
    double = StripeDouble()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(double))
    server.daemon_threads = True
    double.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield double
    server.shutdown()
    server.server_close()
    thread.join()
