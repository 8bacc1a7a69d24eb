"""However the network cuts a station's octets: the same messages, each answered once and in order."""

import asyncio
import json
import random

import pytest

from ocpp_server.transport import whole_text

MASK = b"\x11\x22\x33\x44"


def framed(text, *, head=0x81, masked=True):
    data = text.encode()
    size, bit = len(data), 0x80 if masked else 0
    sized = bytes((head, bit | size)) if size < 126 else bytes((head, bit | 126)) + size.to_bytes(2, "big")
    return sized + MASK + bytes(octet ^ MASK[i % 4] for i, octet in enumerate(data)) if masked else sized + data


@pytest.mark.parametrize("size", [0, 1, 125, 126, 300, 65535])
def test_exactly_one_text_frame_is_read(size):
    text = "ü" * (size // 2) + "x" * (size % 2)
    assert whole_text(framed(text)) == text.encode()


@pytest.mark.parametrize(
    "octets",
    [b"", b"\x81", framed("abc")[:-1], framed("abc") + b"\x81", framed("abc") * 2, framed("abc", head=0x01), framed("abc", head=0x82),
     framed("abc", head=0xC1), framed("", head=0x89), framed("abcdefgh", masked=False), framed("x" * 200)[:5],
     b"\x81\xff" + bytes(6) + b"\x00\x03" + MASK + b"abc"],
    ids=["none", "one", "short", "more", "two", "part", "binary", "reserved", "ping", "unmasked", "head", "huge"],
)  # fmt: skip
def test_anything_else_goes_the_librarys_way(octets):
    assert whole_text(octets) is None


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_cut_anywhere_the_same_messages_are_answered_once_and_in_order(site, seed):
    chance = random.Random(seed)
    station = await site.connected()
    said, waiting, order = [], [], []
    for n in range(60):
        message_id = f"{seed}-{n}"
        action, payload = chance.choice([("Heartbeat", {}), ("DataTransfer", {"vendorId": "x" * chance.choice([1, 200])})])
        waiting.append(asyncio.get_running_loop().create_future())
        station.waiting[message_id] = waiting[-1]
        waiting[-1].add_done_callback(lambda _, n=n: order.append(n))
        said.append(framed(json.dumps([2, message_id, action, payload])))
        if chance.random() < 0.2:
            said.append(framed("?", head=0x89))
    stream = b"".join(said)
    while stream:
        size = chance.choice([1, 2, 3, 5, 7, 60, 61, 300, 301])
        station.writer.write(stream[:size])
        await station.writer.drain()
        await asyncio.sleep(0)
        stream = stream[size:]
    answers = await asyncio.wait_for(asyncio.gather(*waiting), 10)
    assert {one[0] for one in answers} == {3}
    assert order == list(range(60))


async def test_whole_frames_never_reach_the_librarys_parser(site, monkeypatch):
    station = await site.connected()
    await station.said("DataTransfer", {"vendorId": "not routine"})

    def never(*_):
        raise AssertionError("the library's parser")

    monkeypatch.setattr("websockets.server.ServerProtocol.receive_data", never)
    for _ in range(3):
        assert "currentTime" in await station.said("Heartbeat", {})
        await station.said("StatusNotification", station.status("Preparing"))
