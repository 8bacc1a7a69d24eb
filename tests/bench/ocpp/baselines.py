"""The baselines, which store nothing: `stock` is the `ocpp` package on `websockets` as in its examples; `echo` is `websockets`
with msgspec, which reads the frame and answers it."""

import asyncio
import contextlib
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec
import uvloop
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


async def stock(socket: ServerConnection) -> None:
    from ocpp.routing import on
    from ocpp.v16 import ChargePoint, call_result
    from ocpp.v16.datatypes import IdTagInfo
    from ocpp.v16.enums import Action, AuthorizationStatus, RegistrationStatus

    accepted = IdTagInfo(status=AuthorizationStatus.accepted)

    def now() -> str:
        return datetime.now(UTC).isoformat()

    class Central(ChargePoint):
        @on(Action.boot_notification)
        async def boot(self, **_: Any) -> Any:
            return call_result.BootNotification(current_time=now(), interval=300, status=RegistrationStatus.accepted)

        @on(Action.heartbeat)
        async def heartbeat(self, **_: Any) -> Any:
            return call_result.Heartbeat(current_time=now())

        @on(Action.status_notification)
        async def status(self, **_: Any) -> Any:
            return call_result.StatusNotification()

        @on(Action.meter_values)
        async def values(self, **_: Any) -> Any:
            return call_result.MeterValues()

        @on(Action.start_transaction)
        async def started(self, **_: Any) -> Any:
            return call_result.StartTransaction(transaction_id=1, id_tag_info=accepted)

        @on(Action.stop_transaction)
        async def stopped(self, **_: Any) -> Any:
            return call_result.StopTransaction()

    assert socket.request is not None
    with contextlib.suppress(ConnectionClosed):
        await Central(socket.request.path.rsplit("/", 1)[1], socket).start()


async def echo(socket: ServerConnection) -> None:
    read, write = msgspec.json.Decoder(tuple[int, str, str, msgspec.Raw]), msgspec.json.Encoder()
    with contextlib.suppress(ConnectionClosed):
        async for text in socket:
            _, message_id, _, _ = read.decode(text)
            await socket.send(write.encode((3, message_id, {})), text=True)


async def main() -> None:
    import logging

    logging.getLogger("ocpp").setLevel(logging.WARNING)
    handler = {"stock": stock, "echo": echo}[sys.argv[1]]
    async with serve(handler, "127.0.0.1", 0, subprotocols=["ocpp1.6"], compression=None, backlog=4096) as server:  # type: ignore[list-item]
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    uvloop.run(main())
