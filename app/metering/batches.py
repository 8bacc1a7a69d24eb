"""A gateway's batch: JSON, plain or gzipped, up to 10,000 readings. What cannot be read is refused whole."""

import zlib
from typing import Annotated, Any

import msgspec

from app.kernel.errors import Refused
from app.metering.intake import MOST_READINGS, Reading, RefusedReading

MOST_PACKED = 4 * 2**20
MOST_BYTES = 16 * 2**20


class Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Readings of one house, in any order, also from days ago. `id`: the sender's own, told again in a report over MQTT."""

    readings: Annotated[list[Reading], msgspec.Meta(max_length=MOST_READINGS)]
    id: Annotated[str, msgspec.Meta(max_length=80)] = ""


class BrokerReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message. `id`: the batch's own. With a `code` the whole message was refused, for the reason in `detail`."""

    id: str = ""
    stored: int = 0
    known: int = 0
    refused: list[RefusedReading] = []
    code: str = ""
    detail: str = ""


DECODER = msgspec.json.Decoder(Batch)


def schema(kind: Any = Batch) -> dict[str, Any]:
    """The JSON Schema of a batch, or of what becomes of one, as gateways' makers need it."""
    made = msgspec.json.schema(kind)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def batch_of(body: bytes, encoding: str) -> Batch:
    """The batch in a body. Raises Refused too_large, bad_gzip, bad_batch."""
    if len(body) > MOST_PACKED:
        raise Refused("too_large", 413, "The batch is too large. Send at most 10,000 readings at once.", most_mb=MOST_PACKED // 2**20)
    if encoding.strip().lower() in ("gzip", "x-gzip"):
        body = _unpacked(body)
    elif encoding.strip().lower() not in ("", "identity"):
        raise Refused("bad_gzip", 422, "The body is packed in a way that is not known here. Send it plain, or with gzip.")
    if b"\\u0000" in body:  # a sign that no text of the database can have
        raise Refused("bad_batch", 422, "The batch cannot be read, and nothing of it was stored: it has a NUL in a text.")
    try:
        return DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Refused("bad_batch", 422, f"The batch cannot be read, and nothing of it was stored: {error}.") from error


def _unpacked(body: bytes) -> bytes:
    """No more than MOST_BYTES, whatever the packed body would come to."""
    unpack = zlib.decompressobj(wbits=31)
    try:
        plain = unpack.decompress(body, MOST_BYTES)
    except zlib.error as error:
        raise Refused("bad_gzip", 422, "The gzip is broken, and nothing of it was stored. Send the batch again.") from error
    if unpack.unconsumed_tail:
        raise Refused("too_large", 413, "The batch is too large. Send at most 10,000 readings at once.", most_mb=MOST_BYTES // 2**20)
    if not unpack.eof:
        raise Refused("bad_gzip", 422, "The gzip is broken, and nothing of it was stored. Send the batch again.")
    return plain
