"""The public form that asks for access, and its answers, over HTTP."""

from typing import Any
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, JSONBody

from app.accounts.routes import address_of, throttle_of
from app.accounts.rules import OPERATORS, STAFF
from app.accounts.web.access import PUBLIC, Caller, HttpRequest
from app.residents import access_requests
from app.residents.access_requests import AccessAnswer, AccessForm, AccessRequest
from app.sites.routes import actor_of

OPERATE: dict[str, Any] = {"roles": sorted(OPERATORS), "problems": (409,)}
SEE: dict[str, Any] = {"roles": sorted(STAFF)}
TAGS = ["access"]


@post("/api/access-requests", status_code=204, opt={"roles": PUBLIC, "problems": (429,)}, tags=TAGS,
      summary="Ask for access, as a resident or an installer")  # fmt: skip
async def ask(request: HttpRequest, data: JSONBody[AccessForm]) -> None:
    await throttle_of(request).check(f"ask:{data.email}", address_of(request))
    await access_requests.ask_for_access(data, request.app.state.clock())


@get("/api/access-requests", opt=SEE, summary="Who asks for access", tags=TAGS)
async def listed(request: HttpRequest, identity: Caller) -> list[AccessRequest]:
    return await access_requests.open_requests(identity, request.app.state.clock())


@post(
    "/api/access-requests/{request_id:uuid}/answer", status_code=204, opt=OPERATE, summary="Let somebody in who asked, or refuse", tags=TAGS
)
async def answer(request: HttpRequest, identity: Caller, request_id: FromPath[UUID], data: JSONBody[AccessAnswer]) -> None:
    await access_requests.answer_request(identity, actor_of(identity), request_id, data, request.app.state.clock())


ROUTES = [ask, listed, answer]
