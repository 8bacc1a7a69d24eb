"""A person's data, and their erasure, over HTTP."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from app.accounts.web.access import Caller, HttpRequest
from app.database.transaction import in_account
from app.kernel.errors import Refused
from app.privacy import commands
from app.residents.access import reach_person
from app.sites.access import OPERATORS
from app.sites.routes import actor_of, today_of

ZIP = "application/zip"
MINE: dict[str, Any] = {"roles": ["resident", "former_resident", "owner", "proxy"]}
OPERATE: dict[str, Any] = {"roles": sorted(OPERATORS), "problems": (409,), "scope": "sites"}


class Erasure(msgspec.Struct, forbid_unknown_fields=True):
    """Who asked for it and when."""

    reason: str


def _file(content: bytes) -> Response[bytes]:
    headers = {"content-disposition": 'attachment; filename="hofstrom-data.zip"', "cache-control": "private, no-store"}
    return Response(content, media_type=ZIP, headers=headers)


@get("/api/me/data", opt=MINE, media_type=ZIP, summary="All data kept about me", tags=["privacy"])
async def my_data(request: HttpRequest, identity: Caller) -> Response[bytes]:
    if identity.person_id is None:
        raise Refused("forbidden", 403, "This login has no resident's account. Ask the operator of your house.")
    return _file(await commands.export_person(actor_of(identity), identity.person_id, request.app.state.clock()))


@get("/api/people/{person_id:uuid}/data", opt=OPERATE, media_type=ZIP, summary="All data kept about a person", tags=["privacy"])
async def data_of(request: HttpRequest, identity: Caller, person_id: FromPath[UUID]) -> Response[bytes]:
    async with in_account(identity.account_id):
        await reach_person(identity, person_id, today_of(request), OPERATORS)
    return _file(await commands.export_person(actor_of(identity), person_id, request.app.state.clock()))


@post("/api/people/{person_id:uuid}/erase", status_code=204, opt=OPERATE, summary="Erase a person who has left", tags=["privacy"])
async def erase(request: HttpRequest, identity: Caller, person_id: FromPath[UUID], data: JSONBody[Erasure]) -> None:
    async with in_account(identity.account_id):
        await reach_person(identity, person_id, today_of(request), OPERATORS)
    await commands.erase_person(actor_of(identity), person_id, data.reason, request.app.state.clock())


ROUTES = [my_data, data_of, erase]
