"""The built PWA: hashed assets for ever, the shell always fresh, every page's path answered with the shell."""

import mimetypes
from pathlib import Path
from typing import Any

from litestar import Request, Response
from litestar.exceptions import NotFoundException

FOLDER = Path(__file__).parents[3] / "pwa" / "dist"
TYPES = {".webmanifest": "application/manifest+json", ".wasm": "application/wasm", ".js": "text/javascript"}


def file_answer(request: Request[Any, Any, Any], path: str) -> Response[bytes]:
    """The file at a path of the PWA, or its shell. Raises NotFoundException."""
    wanted = (FOLDER / path.lstrip("/")).resolve()
    if not wanted.is_relative_to(FOLDER.resolve()):
        raise NotFoundException("No such page.")
    if not wanted.is_file():
        if "." in path.rsplit("/", 1)[-1] or path.startswith(("api/", "schema")):
            raise NotFoundException("No such page.")
        wanted = FOLDER / "index.html"
    if not wanted.is_file():
        text = "The pages are not built yet. Run `make build`, then load this address again.\n"
        return Response(text.encode(), status_code=503, media_type="text/plain; charset=utf-8")
    media_type = TYPES.get(wanted.suffix) or mimetypes.guess_type(wanted.name)[0] or "application/octet-stream"
    if media_type.startswith("text/"):
        media_type += "; charset=utf-8"
    hashed = "assets" in wanted.parts
    headers = {"cache-control": "public, max-age=31536000, immutable" if hashed else "no-cache", "vary": "accept-encoding"}
    packed = wanted.with_name(wanted.name + ".br")
    if packed.is_file() and "br" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "br"
        wanted = packed
    return Response(wanted.read_bytes(), media_type=media_type, headers=headers)
