"""Files as grid operators send them: SDAT-CH E66 (elements and codes as VSE publishes them, www.strom.ch) and CSV."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

POINT = "CH1018601234500000000000000011642"
ACTIVE, COMMUNITY = "<rsm:ebIXCode>8716867000030</rsm:ebIXCode>", "<rsm:VSENationalCode>2404050010123</rsm:VSENationalCode>"


def series(
    volumes: Sequence[str], start: datetime, *, point: str = POINT, way: str = "Consumption", product: str = ACTIVE, condition: str = "",
    minutes: int = 15, unit: str = "KWH",
) -> str:  # fmt: skip
    """A MeteringData with an observation a line."""
    end = start + minutes * timedelta(minutes=len(volumes))
    edges = "".join(f"<rsm:{name}DateTime>{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}</rsm:{name}DateTime>"
                    for name, at in (("Start", start), ("End", end)))  # fmt: skip
    told = f"<rsm:Condition>{condition}</rsm:Condition>" if condition else ""
    observed = "\n".join(
        f"<rsm:Observation><rsm:Position><rsm:Sequence>{place}</rsm:Sequence></rsm:Position><rsm:Volume>{volume}</rsm:Volume>{told}"
        "</rsm:Observation>" for place, volume in enumerate(volumes, start=1)
    )  # fmt: skip
    return (
        f"<rsm:MeteringData><rsm:DocumentID>X@1</rsm:DocumentID><rsm:Interval>{edges}</rsm:Interval>"
        f"<rsm:Resolution><rsm:Resolution>{minutes}</rsm:Resolution><rsm:Unit>MIN</rsm:Unit></rsm:Resolution>"
        f"<rsm:{way}MeteringPoint><rsm:VSENationalID>{point}</rsm:VSENationalID></rsm:{way}MeteringPoint>"
        f"<rsm:Product><rsm:ID>{product}</rsm:ID><rsm:MeasureUnit>{unit}</rsm:MeasureUnit></rsm:Product>\n{observed}\n</rsm:MeteringData>"
    )


def e66(*blocks: str, kind: str = "E66", before: str = "") -> bytes:
    """The whole document; its observations begin at line 3."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{before}<rsm:ValidatedMeteredData_16 xmlns:rsm="http://www.strom.ch">'
        "<rsm:ValidatedMeteredData_HeaderInformation><rsm:InstanceDocument><rsm:DocumentID>X</rsm:DocumentID><rsm:DocumentType>"
        f"<rsm:ebIXCode>{kind}</rsm:ebIXCode></rsm:DocumentType></rsm:InstanceDocument></rsm:ValidatedMeteredData_HeaderInformation>\n"
        + "".join(blocks) + "</rsm:ValidatedMeteredData_16>"
    ).encode()  # fmt: skip


def sheet(*lines: str, heading: str = "Messpunkt;Von;Einheit;Bezug;Einspeisung") -> bytes:
    return "\n".join([heading, *lines, ""]).encode()
