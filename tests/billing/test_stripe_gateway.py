"""The gateway against localstripe, a process of its own: customers, kept cards, holds, captures, releases, refusals."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from app.billing.stripe_gateway import CardGateway, Unavailable
from app.kernel.errors import Refused

KEY = "sk_test_of_the_tests"
SECONDS = 60


@pytest.fixture(scope="module")
def localstripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder: Path = tmp_path_factory.mktemp("localstripe")
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch"]
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, "HOME": str(folder)}, stdout=log, stderr=log, process_group=0)
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + SECONDS
    while True:
        assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
        try:
            httpx.get(f"{url}/v1/customers", auth=(KEY, ""))
            break
        except httpx.TransportError:
            time.sleep(0.05)
    yield url
    process.send_signal(signal.SIGTERM)
    process.wait(10)


@pytest.fixture
def gateway(localstripe: str) -> CardGateway:
    return CardGateway(KEY, "", localstripe)


def kept_card(gateway: CardGateway, customer: str, number: str = "4242424242424242") -> tuple[str, str]:
    """A card as Stripe's page would leave it: (SetupIntent, method)."""
    client = gateway.client
    assert client is not None
    details = {"number": number, "exp_month": 4, "exp_year": 2031, "cvc": "123"}
    method = client.v1.payment_methods.create({"type": "card", "card": details})  # type: ignore[typeddict-item]
    client.v1.payment_methods.attach(method.id, {"customer": customer})
    setup = client.v1.setup_intents.create({"customer": customer, "payment_method_types": ["card"]})
    client.v1.setup_intents.confirm(setup.id, {"payment_method": method.id})
    return setup.id, method.id


async def test_a_kept_card_is_read_by_its_last_digits_charged_and_forgotten(gateway: CardGateway) -> None:
    customer = await gateway.customer(str(uuid4()), "Anna Muster", "anna@example.org")
    setup, method = kept_card(gateway, customer)
    card = await gateway.card(setup)
    assert card is not None
    assert (card.method_ref, card.brand, card.last4, card.expires) == (method, "visa", "4242", "2031-04")
    paid = await gateway.charge(str(uuid4()), customer, method, 4210, "CHF", {"about": "bill"})
    assert (paid.state, paid.amount_minor, paid.currency) == ("paid", 4210, "CHF")
    await gateway.forget(method)
    await gateway.forget("pm_unknown")
    for _ in range(2):
        await gateway.forget_customer(customer)


async def test_a_declined_card_and_one_that_wants_its_holder_are_failed_payments_with_their_reason(gateway: CardGateway) -> None:
    customer = await gateway.customer(str(uuid4()), "Ben", None)
    _, declined = kept_card(gateway, customer, "4000000000000341")
    assert (await gateway.charge(str(uuid4()), customer, declined, 100, "CHF", {})).failure == "card_declined"
    _, secured = kept_card(gateway, customer, "4000002500003155")
    found = await gateway.charge(str(uuid4()), customer, secured, 100, "CHF", {})
    assert found.state in ("paid", "failed")


async def test_a_hold_is_captured_in_part_once_and_another_is_released(gateway: CardGateway) -> None:
    client = gateway.client
    assert client is not None
    customer = await gateway.customer(str(uuid4()), "Guest", None)
    _, method = kept_card(gateway, customer)

    def hold() -> str:
        asked = {
            "amount": 5000,
            "currency": "chf",
            "capture_method": "manual",
            "customer": customer,
            "payment_method": method,
            "confirm": True,
        }
        return str(client.v1.payment_intents.create(asked).id)  # type: ignore[arg-type]

    first, second = hold(), hold()
    assert (await gateway.intent(first)).state == "held"
    assert (await gateway.capture(first, 1234)).state == "paid"
    assert (await gateway.capture(first, 1234)).state == "paid"
    assert (await gateway.release(second)).state == "cancelled"
    assert (await gateway.release(second)).state == "cancelled"


async def test_what_stripe_refuses_or_a_stripe_that_is_away_is_to_be_tried_again_and_no_key_is_a_refusal(gateway: CardGateway) -> None:
    with pytest.raises(Unavailable, match="InvalidRequestError"):
        await gateway.intent("pi_unknown")
    away = CardGateway(KEY, "", "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="APIConnectionError"):
        await away.intent("pi_unknown")
    with pytest.raises(Refused) as refused:
        await CardGateway("", "", "").intent("pi_unknown")
    assert refused.value.code == "cards_unavailable"
