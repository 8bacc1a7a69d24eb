"""A Swiss SDAT-CH file (ebIX document E66, ValidatedMeteredData), read as a stream. Pure: bytes in, quarter-hours out.

Names are read without their namespace and version. A document type declaration, and with it every entity, is refused as soon
as it begins. Of the products active energy alone is taken: the shares of a community are parts of it.
"""

from typing import Any
from xml.parsers import expat

from app.kernel.errors import Refused
from app.metering.interval_rules import BadLine, IntervalFile, Quarter, amount_of, point_of, time_of
from app.metering.reading_rules import QUARTER_S

PIECE = 65_536
MOST_DEEP = 30
MOST_TEXT = 200  # no number or code is longer
ACTIVE_ENERGY = "8716867000030"
NOT_MEASURED = {"21", "56"}  # for the time being; estimated
ABSENT = "46"  # there is no value
POINTS = ("ConsumptionMeteringPoint", "ProductionMeteringPoint")
# Where a text lies below its MeteringData, and what it is.
TEXTS: dict[tuple[str, ...], str] = {
    ("Interval", "StartDateTime"): "start", ("Interval", "EndDateTime"): "end",
    ("Resolution", "Resolution"): "step", ("Resolution", "Unit"): "step_unit",
    ("Product", "ID", "ebIXCode"): "product", ("Product", "ID", "VSENationalCode"): "product", ("Product", "ID"): "product",
    ("Product", "MeasureUnit"): "unit",
    **{(point, "VSENationalID"): point for point in POINTS},
}  # fmt: skip
OBSERVED: dict[tuple[str, ...], str] = {("Position", "Sequence"): "place", ("Volume",): "volume", ("Condition",): "condition"}


def read_e66(content: bytes) -> IntervalFile:
    """The quarter-hours of an E66. Raises Refused xml_entities, bad_xml, not_e66."""
    reader = _Reader()
    try:
        for begin in range(0, len(content), PIECE):
            reader.parser.Parse(content[begin : begin + PIECE], False)
        reader.parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise Refused("bad_xml", 422, f"The XML is broken in line {error.lineno}, and nothing of it was stored. Fetch the file again.",
                      line=error.lineno) from error  # fmt: skip
    except (LookupError, ValueError) as error:  # an encoding that nobody knows
        raise Refused("bad_xml", 422, "The XML is broken in line 1, and nothing of it was stored. Fetch the file again.", line=1) from error
    if not reader.is_e66:
        raise _not_e66()
    return reader.found


def _not_e66() -> Refused:
    return Refused("not_e66", 422, "This XML is no SDAT-CH file of quarter-hours (ebIX E66). Nothing of it was stored.")


class _Reader:
    """Follows the elements; keeps one series at a time."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._begin
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._said
        self.found = IntervalFile(directed=True)
        self.is_e66 = False
        self.path: list[str] = []
        self.text = ""
        self.series: dict[str, str] = {}
        self.observed: dict[str, str] = {}
        self.observations: list[tuple[int, dict[str, str]]] = []
        self.line = 0
        self.series_line = 0

    def _doctype(self, *_: Any) -> None:
        raise Refused("xml_entities", 422, "The XML declares a document type or entities, which no grid operator's file needs."
                      " Nothing of it was stored.")  # fmt: skip

    def _begin(self, name: str, _: Any) -> None:
        plain = name.rpartition(" ")[2]
        if not self.path and not plain.startswith("ValidatedMeteredData"):
            raise _not_e66()
        if len(self.path) >= MOST_DEEP:
            raise _not_e66()
        self.path.append(plain)
        self.text = ""
        if plain == "MeteringData":
            self.series, self.observations, self.series_line = {}, [], self.parser.CurrentLineNumber
        elif plain == "Observation":
            self.observed, self.line = {}, self.parser.CurrentLineNumber

    def _said(self, text: str) -> None:
        if len(self.text) <= MOST_TEXT:
            self.text += text[: MOST_TEXT + 1]

    def _end(self, _: str) -> None:
        text, self.text = self.text.strip(), ""
        path, name = self.path, self.path.pop()
        if name == "ebIXCode" and path[-1:] == ["DocumentType"]:
            self.is_e66 = text == "E66"
            if not self.is_e66:
                raise _not_e66()
        elif len(path) >= 2 and path[1] == "MeteringData":
            self._inside((*path[2:], name), text)
        elif name == "MeteringData":
            self._close()

    def _inside(self, place: tuple[str, ...], text: str) -> None:
        if place == ("Observation",):
            self.observations.append((self.line, self.observed))
        elif place[0] == "Observation" and place[1:] in OBSERVED:
            self.observed[OBSERVED[place[1:]]] = text
        elif place in TEXTS and text:
            self.series[TEXTS[place]] = text

    def _close(self) -> None:
        """A series is over: its quarter-hours, or why it has none."""
        series, bad = self.series, self.found.bad
        consumed, produced = (point_of(series.get(point, "")) for point in POINTS)
        meter = consumed or produced
        if series.get("product") != ACTIVE_ENERGY:
            self.found.left_out += 1
            return
        if not meter or (consumed and produced):
            bad.append(BadLine(line=self.series_line, code="unknown_meter", meter=meter))
            return
        if (series.get("step"), series.get("step_unit", "").upper()) != ("15", "MIN"):
            bad.append(BadLine(line=self.series_line, code="not_a_quarter", meter=meter, value=series.get("step", "")))
            return
        try:
            start, end = (time_of(series.get(edge, ""), None) for edge in ("start", "end"))
        except Refused as refused:
            bad.append(BadLine(line=self.series_line, code=refused.code, meter=meter, value=series.get("start", "")))
            return
        for line, observed in self.observations:
            if observed.get("condition") == ABSENT:
                continue
            try:
                wh = amount_of(observed.get("volume", ""), series.get("unit", ""))
                at = _place(observed.get("place", ""), start, end)
            except Refused as refused:
                bad.append(BadLine(line=line, code=refused.code, meter=meter, value=observed.get("volume", "")))
                continue
            self.found.quarters.append(
                Quarter(line, meter, at, wh if consumed else None, None if consumed else wh, observed.get("condition") in NOT_MEASURED)
            )


def _place(text: str, start: int, end: int) -> int:
    at = start + (int(text) - 1) * QUARTER_S if text.isascii() and text.isdecimal() and len(text) < 8 else end
    if not start <= at < end:
        raise Refused("not_a_quarter", 422, "A position lies outside of its interval.")
    return at
