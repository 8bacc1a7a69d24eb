"""The baseline of a tap: one Litestar route that takes the same body and stores nothing."""

import socket
from typing import Any

import uvicorn
from litestar import Litestar, post


@post("/start", status_code=202)
async def start(data: dict[str, Any]) -> dict[str, Any]:
    return data


if __name__ == "__main__":
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(Litestar([start]), loop="uvloop", http="httptools", log_level="warning")).run(sockets=[listener])
