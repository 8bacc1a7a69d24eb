"""The demo's gateway: registers that never fall, and readings kept in order while the server is away."""

import gzip
import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

from infra.demo.gateway import BUFFER, DemoHouse, Sender, meters_of
from infra.demo.houses import PLANS

NOW = datetime(2026, 11, 20, 9, 7, tzinfo=UTC)


def house() -> DemoHouse:
    meters = meters_of(PLANS[0], 3)
    return DemoHouse(
        UUID(int=1),
        UUID(int=2),
        "token",
        meters,
        [UUID(int=n) for n in (3, 4, 5)],
        int((NOW - timedelta(days=400)).timestamp()) // 900 * 900,
    )


def test_registers_are_the_same_whenever_they_are_read_and_never_fall() -> None:
    early, late = house().readings(NOW, 96), house().readings(NOW + timedelta(hours=3), 96)
    known = {(one["meter"], one["at"]): one for one in early}
    assert sum(known.get((one["meter"], one["at"])) == one for one in late) > 400
    for serial in {one["meter"] for one in late}:
        series = [one["import"] for one in late if one["meter"] == serial]
        assert series == sorted(series)
    heat = [one["at"] for one in late if one["meter"] == "M-TH-1"]
    assert heat == ["2026-11-18T23:00:00+00:00", "2026-11-19T23:00:00+00:00"]  # once a day, at midnight of the place


async def test_what_the_server_does_not_hear_is_kept_a_week_and_sent_in_order() -> None:
    got: list[dict[str, Any]] = []
    away = True

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = gzip.decompress(self.rfile.read(int(self.headers["content-length"])))
            if not away:
                got.extend(json.loads(body)["readings"])
            self.send_response(503 if away else 200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        sender = Sender(f"http://127.0.0.1:{server.server_port}", "token")
        sent = [{"meter": "M", "at": str(n), "import": n} for n in range(12_000)]
        sender.queue.extend(sent)
        assert not await sender.send() and len(sender.queue) == 12_000
        away = False
        assert await sender.send() and not sender.queue and got == sent
        assert 7 * 24 * 60 * len(meters_of(PLANS[0], 3)) <= BUFFER
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
