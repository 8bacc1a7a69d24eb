"""Typst on strict terms: fonts of ours, warnings are errors, tagged PDF/A-3a, identical bytes for identical data."""

import io
import json
import unicodedata
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import pikepdf
import typst

FOLDER = Path(str(resources.files("app.billing.documents")))
SUBSTITUTE = "\N{WHITE SQUARE}"


class DocumentFailed(RuntimeError):
    """A document that could not be set; the text is typst's own."""


@cache
def _compiler() -> typst.Compiler:
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FOLDER / "fonts")])
    return typst.Compiler(font_paths=fonts)


def render(template: str, data: dict[str, Any], made_on: date) -> bytes:
    """Set `<template>.typ` with data (texts, numbers, lists). Raises DocumentFailed on any warning or error."""
    source = (FOLDER / "common.typ").read_text() + (FOLDER / f"{template}.typ").read_text()
    stamp = int(datetime(made_on.year, made_on.month, made_on.day, tzinfo=UTC).timestamp())
    try:
        pdf, warnings = _compiler().compile_with_warnings(
            input=source.encode(), format="pdf", sys_inputs={"data": json.dumps(printable(data))},
            pdf_standards=["a-3a", "ua-1"], timestamp=stamp,
        )  # fmt: skip
    except typst.TypstError as error:
        raise DocumentFailed(str(error)) from error
    if warnings:
        raise DocumentFailed("; ".join(str(warning.message) for warning in warnings))
    if not isinstance(pdf, bytes):
        raise DocumentFailed("typst gave no single document")
    return pdf


def joined(pdfs: Sequence[bytes]) -> bytes:
    """Documents one after the other in one PDF, to be printed. The same input, the same bytes."""
    with ExitStack() as opened:  # what is copied is read when the whole is written
        whole = opened.enter_context(pikepdf.new())
        for pdf in pdfs:
            whole.pages.extend(opened.enter_context(pikepdf.open(io.BytesIO(pdf))).pages)
        out = io.BytesIO()
        whole.save(out, deterministic_id=True)
    return out.getvalue()


def printable(value: Any) -> Any:
    """The same data with every character that the fonts lack replaced by a visible square."""
    if isinstance(value, str):
        text = unicodedata.normalize("NFC", value.encode("utf-8", "replace").decode())
        return "".join(char if _has(char) else _instead(char) for char in text)
    if isinstance(value, dict):
        return {key: printable(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [printable(entry) for entry in value]
    return value


def _has(char: str) -> bool:
    point = ord(char)
    return 0x20 <= point <= 0x7E or (0xA0 <= point <= 0x17F and point != 0xAD) or char in "–—‘’‚“”„•…‰€−→\u202f\u2009ȘșȚț"


def _instead(char: str) -> str:
    if char in "\n\r\t":
        return " "
    if unicodedata.category(char).startswith(("C", "M")):
        return ""
    simple = unicodedata.normalize("NFKD", char)[0]
    return simple if simple != char and _has(simple) else SUBSTITUTE
