"""Signed meter values in OCPP 2.0.1: kept byte for byte and verified, by the station's key or the one that they bring along."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from app.charging.intents import V201
from tests.ocpp_server.conftest import rows
from tests.ocpp_server.raw_station import moment201
from tests.ocpp_server.speaking import Charge
from tests.ocpp_server.test_doubts import SIGNED, VECTORS, with_key

AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=5)


def signed_moment(record: str, key: str | None, *, packed: bool):
    data = base64.b64encode(record.encode()).decode() if packed else record
    said = {"signedMeterData": data, "signingMethod": "", "encodingMethod": "OCMF", "publicKey": key or ""}
    moment = moment201(AT + timedelta(hours=2), 117_345, "Transaction.End")
    moment["sampledValue"][0]["signedMeterValue"] = said
    return moment


async def session(site, record: str, key: str | None = None, *, packed: bool = True, stop: int = 117_345):
    """A charge whose end carries its register once plain and once signed."""
    charge = Charge(await site.connected("CP-1", V201))
    await charge.begin(AT, 100_000)
    moment = signed_moment(record, key, packed=packed)
    moment["sampledValue"][0]["value"] = stop
    await charge.station.event("Ended", 1, AT + timedelta(hours=2), tx="tx-1", values=[moment])
    (found,) = await rows("SELECT * FROM charging_session")
    return found


@pytest.mark.parametrize("packed", [False, True])
async def test_a_signed_value_is_kept_byte_for_byte_and_verified_by_the_stations_key(site, packed):
    await with_key(SIGNED["public_key_der_hex"])
    ended = await session(site, SIGNED["record"], packed=packed)
    assert (ended["state"], ended["energy_wh"]) == ("ended", 17_345)
    (kept,) = await rows("SELECT * FROM signed_value")
    assert kept["record"] == SIGNED["record"].encode()
    assert kept["received"] == (base64.b64encode(kept["record"]).decode() if packed else SIGNED["record"])
    assert (kept["verdict"], kept["key_source"], kept["session_id"], kept["context"]) == (
        "valid",
        "station",
        ended["id"],
        "Transaction.End",
    )


async def test_without_a_key_of_the_station_the_one_in_the_message_counts_and_says_where_it_is_from(site):
    brought = base64.b64encode(b"oca:base16:asn1:" + SIGNED["public_key_der_hex"].encode()).decode()
    assert (await session(site, SIGNED["record"], brought))["state"] == "ended"
    assert [(one["verdict"], one["key_source"]) for one in await rows("SELECT * FROM signed_value")] == [("valid", "message")]


@pytest.mark.parametrize("name", ["tampered reading", "wrong key"])
async def test_a_manipulated_signed_value_is_never_charged_by_itself(site, name):
    await with_key(VECTORS[name]["public_key_der_hex"])
    held = await session(site, VECTORS[name]["record"])
    assert (held["state"], held["held_reason"], held["energy_wh"]) == ("held", "signature_invalid", None)
    assert "SessionEnded" not in await site.jobs()


async def test_registers_that_differ_from_the_signed_ones_are_held(site):
    await with_key(SIGNED["public_key_der_hex"])
    held = await session(site, SIGNED["record"], stop=118_000)
    assert (held["state"], held["held_reason"]) == ("held", "signed_differs")
