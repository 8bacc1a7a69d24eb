"""What a person may mistype at the `hofstrom` command ends in one sentence."""

from pathlib import Path

import pytest

from app.cli import main


@pytest.mark.parametrize("amount", ["abc", "", "0", "-5", "NaN", "Infinity", "32.895", "1e30"])
def test_an_amount_that_is_none_books_nothing(amount, monkeypatch, tmp_path: Path, capsys):
    monkeypatch.setenv("HOFSTROM_DATA", str(tmp_path))
    assert main(["payment", "--reference", "1", f"--amount={amount}", "--bank-reference", "B-1"]) == 2
    assert capsys.readouterr().err == f"hofstrom payment: '{amount}' is not an amount in CHF: write it as 32.89\n"


@pytest.mark.parametrize("command", [["badge", "DEMO-9", "04"], ["station", "DEMO-9", "status"]], ids=["badge", "station"])
def test_a_demo_station_that_is_none_is_named_with_what_to_do(command, monkeypatch, tmp_path: Path, capsys):
    monkeypatch.setenv("HOFSTROM_DATA", str(tmp_path))
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "DEMO-9 does not answer" in said and "make run" in said
