"""Errors as RFC 9457 problem documents: a code that every language has a sentence for, never a stack trace."""

from typing import Any

import asyncpg
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from app.kernel.errors import Refused

log = structlog.get_logger()
MEDIA_TYPE = "application/problem+json"
CODES = {401: "not_signed_in", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def problem(status: int, code: str, detail: str, params: dict[str, Any] | None = None) -> Response[dict[str, Any]]:
    """The document."""
    body = {"type": f"urn:hofstrom:problem:{code}", "title": code.replace("_", " ").capitalize(), "status": status,
            "detail": detail, "code": code, "params": params or {}}  # fmt: skip
    headers = {"cache-control": "no-store"}
    if params and "retry_after_s" in params:
        headers["retry-after"] = str(params["retry_after_s"])
    return Response(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def on_refused(_: Request[Any, Any, Any], error: Refused) -> Response[dict[str, Any]]:
    """A refusal of ours."""
    return problem(error.status, error.code, error.detail, error.params)


def on_http(_: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    """Litestar's own errors: validation, unknown path, wrong method, CSRF."""
    if isinstance(error, ValidationException):
        extra = error.extra if isinstance(error.extra, list) else []
        fields = [str(entry.get("key", "")) for entry in extra if isinstance(entry, dict)]
        return problem(422, "invalid_input", "Some of the input cannot be used: check the fields named.", {"fields": fields})
    if "CSRF" in error.detail:
        return problem(403, "csrf", "The page is too old. Load it again, then repeat what you did.")
    return problem(error.status_code, CODES.get(error.status_code, "invalid_input"), error.detail)


def on_data(request: Request[Any, Any, Any], error: asyncpg.DataError) -> Response[dict[str, Any]]:
    """A number, day or text that no column can hold: nothing was stored."""
    log.warning("input that cannot be stored", path=request.url.path, error=str(error))
    return problem(422, "invalid_input", "A number, day or text is beyond what can be stored. Correct it.", {"fields": []})


def on_any(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    """Our own mistakes: logged in full, told in a sentence."""
    log.error("request failed", path=request.url.path, exc_info=error)
    return problem(500, "internal", "Something went wrong on our side. Nothing was changed; please try again.")


HANDLERS: dict[Any, Any] = {Refused: on_refused, HTTPException: on_http, asyncpg.DataError: on_data, Exception: on_any}
