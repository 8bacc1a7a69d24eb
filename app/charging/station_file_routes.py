"""What stations themselves call: they fetch firmware and leave diagnostics under links that work once. The token is the key."""

from collections.abc import AsyncIterator

from litestar import Response, get, route
from litestar.datastructures import UploadFile
from litestar.params import FromPath
from litestar.response import Stream

from app.accounts.web.access import PUBLIC, HttpRequest
from app.charging import station_files
from app.charging.station_routes import announce, file_answer
from app.kernel.errors import Refused

OPEN = {"roles": PUBLIC, "exclude_from_csrf": True}
PATHS = ["/station-files/{token:str}", "/station-files/{token:str}/{name:path}"]
MOST = station_files.LARGEST_DIAGNOSTICS + 2**20  # a form has its own lines around the file


@get(PATHS, opt=OPEN, include_in_schema=False)
async def fetch(request: HttpRequest, token: FromPath[str], name: FromPath[str] = "") -> Stream:
    link, found = await station_files.firmware_for(token, request.app.state.clock())
    path = station_files.path_of(request.app.state.settings.data, link.account_id, found.id)

    async def body() -> AsyncIterator[bytes]:
        async for piece in station_files.chunks(path):
            yield piece
        # Only now: a transfer that broke may be tried again.
        await station_files.fetched(link, request.app.state.clock())

    return file_answer(request, link.account_id, found, body())


@route(PATHS, http_method=["HEAD"], opt=OPEN, include_in_schema=False)
async def look(request: HttpRequest, token: FromPath[str], name: FromPath[str] = "") -> Response[bytes]:
    _, found = await station_files.firmware_for(token, request.app.state.clock())
    return Response(b"", headers={"content-length": str(found.size)}, media_type="application/octet-stream")


@route(PATHS, http_method=["PUT", "POST"], status_code=201, opt=OPEN, request_max_body_size=MOST, include_in_schema=False)
async def leave(request: HttpRequest, token: FromPath[str], name: FromPath[str] = "") -> Response[None]:
    await station_files.open_link(token, request.app.state.clock(), upload=True)  # before a byte of the body is taken
    body: AsyncIterator[bytes] = request.stream()
    named = name
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        part = await _first_file(request)
        body, named = _pieces(part), name or part.filename
    _, changed = await station_files.keep_diagnostics(request.app.state.settings.data, token, named, body, request.app.state.clock())
    await announce(request, changed)
    return Response(None, status_code=201)


async def _first_file(request: HttpRequest) -> UploadFile:
    for value in (await request.form()).values():
        if isinstance(value, UploadFile):
            return value
    raise Refused("empty_file", 422, "The form holds no file. Nothing was kept.")


async def _pieces(part: UploadFile) -> AsyncIterator[bytes]:
    while piece := await part.read(station_files.CHUNK):
        yield piece


ROUTES = [fetch, look, leave]
