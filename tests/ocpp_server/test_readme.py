"""The README's tables against the `ocpp` package's enumerations and against what is handled."""

import re
from pathlib import Path

import pytest
from ocpp.v16.enums import Action as Action16
from ocpp.v201.enums import Action as Action201

from ocpp_server.protocols import OCPP_16, OCPP_201

README = Path(__file__).parents[2] / "README.md"
ABSENT = "–"
ACTIONS = [{one.value for one in Action16}, {one.value for one in Action201}]
PROTOCOLS = [OCPP_16, OCPP_201]


def table(head: str) -> dict[str, list[str]]:
    """Message -> what is done with it in 1.6 and 2.0.1."""
    text = README.read_text().split(f"| {head} | OCPP 1.6 | OCPP 2.0.1 |\n")[1].split("\n\n")[0]
    rows = [re.split(r"\s*\|\s*", line.strip("| ")) for line in text.splitlines()[1:]]
    assert all(len(row) == 3 and all(row) for row in rows), rows
    assert len({row[0] for row in rows}) == len(rows)
    return {name: words for name, *words in rows}


@pytest.mark.parametrize("column", [0, 1])
def test_every_message_of_the_packages_enumerations_has_a_row_that_says_what_is_done(column):
    rows = {**table("from the station"), **table("to the station")}
    said = {name for name, words in rows.items() if words[column] != ABSENT}
    assert said == ACTIONS[column]
    assert not set(table("from the station")) & set(table("to the station"))


@pytest.mark.parametrize("column", [0, 1])
def test_the_messages_from_stations_are_those_that_are_handled(column):
    rows = {name for name, words in table("from the station").items() if words[column] != ABSENT}
    assert rows == set(PROTOCOLS[column].handlers)
