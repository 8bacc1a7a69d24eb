"""The application with one more route: it answers what a file holds, behind the same sign-in and the same middleware."""

import os
import socket
from pathlib import Path

import uvicorn
from litestar import Litestar, Response, get
from litestar.params import FromQuery

from app.accounts.web.access import Caller
from app.kernel.settings import settings_from
from app.main import create_app

HELD: dict[str, bytes] = {}


@get("/api/bare", opt={"roles": ["resident"], "scope": "anyone"})
async def bare(identity: Caller, name: FromQuery[str]) -> Response[bytes]:
    if name not in HELD:
        HELD[name] = (Path(os.environ["HOFSTROM_DATA"]) / f"{name}.json").read_bytes()
    return Response(HELD[name], media_type="application/json")


def application() -> Litestar:
    made = create_app(settings_from(os.environ))
    made.register(bare)
    return made


if __name__ == "__main__":
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(application(), loop="uvloop", http="httptools", log_level="warning", access_log=False, timeout_keep_alive=3600)
    uvicorn.Server(config).run(sockets=[listener])
