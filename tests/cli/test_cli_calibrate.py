"""`calibrate` as somebody types it: the report, the program's form, errors and exit codes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from calibration.made_leads import Row, as_csv, leads
from click.testing import CliRunner, Result

from fairlead.cli import main

BASE = ("--outcome", "outcome", "--time", "created")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "leads.csv"
    path.write_text(as_csv(leads("plain", 1200)), encoding="utf-8")
    return path


def run(file: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["calibrate", "--data", str(file), *BASE, *more])


def write(file: Path, rows: list[Row]) -> None:
    file.write_text(as_csv(rows), encoding="utf-8")


def test_the_report_has_every_part(file: Path) -> None:
    result = run(file, "--ignore", "weather")
    assert (result.exit_code, result.stderr) == (0, "")
    for part in (
        "1200 leads; read as UTF-8", "  won: won (", "  learned from    900 leads, ",
        "  judged on       300 leads, ", "  AUC               0.500 (0.500 to 0.500)  0.",
        "  calibration error ", "  over-fit: AUC ", "what was said, and what came true",
        "points: 20 more double the odds; 0 points are a chance of ", "  asked_for_demo\n",
        "for each 5 more (0 at ", "  weather: as asked",
        "Nothing was changed: this is a proposal.",
    ):  # fmt: skip
        assert part in result.stdout, part


def test_the_program_s_form_has_the_same_numbers(file: Path) -> None:
    told = json.loads(run(file, "--json").stdout)
    assert told["verdict"] == "better"
    assert told["changed"] == []
    assert told["earlier"]["last"] < told["holdout"]["first"]
    assert told["points"]["double_the_odds"] == 20
    assert {c["column"] for c in told["points"]["columns"]} == {
        "asked_for_demo", "country", "source", "visits", "weather",
    }  # fmt: skip
    shown = run(file).stdout
    assert f"{told['after']['auc']['value']:.3f}" in shown
    assert f"{told['after']['reliability']['error']:.3f}" in shown


def test_nothing_is_written_anywhere(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    before = file.read_bytes()
    assert run(file).exit_code == 0
    assert [p.name for p in file.parent.iterdir()] == ["leads.csv"]
    assert file.read_bytes() == before


def test_thin_evidence_has_its_own_exit_code(file: Path) -> None:
    write(file, leads("plain", 80))
    result = run(file)
    assert (result.exit_code, result.stdout) == (4, "")
    assert "fairlead: the evidence is thin, nothing was fitted: " in result.stderr
    assert "  remedy: take more leads" in result.stderr
    assert run(file, "--min-outcomes", "10").exit_code == 0


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("outcome", "maybe", "outcome 'maybe' is neither won nor lost"),
        ("created", "soon", "created 'soon' is not a time"),
        ("created", "", "created is empty"),
    ],
)
def test_a_bad_cell_is_told_with_its_place(file: Path, column: str, cell: str, said: str) -> None:
    rows = leads("plain", 1200)
    rows[10][column] = cell
    write(file, rows)
    at = 1 + sum(len(rows[10][c]) + 1 for c in list(rows[10])[: list(rows[10]).index(column)])
    result = run(file)
    assert result.exit_code == 78
    assert f"fairlead: leads.csv:12:{at}: {said}\n  remedy: " in result.stderr


def test_an_unknown_column_is_told_with_the_nearest(file: Path) -> None:
    result = run(file, "--score", "visit")
    assert result.exit_code == 78
    assert "there is no column 'visit'\n  remedy: did you mean 'visits'?" in result.stderr


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = run(tmp_path / "none.csv")
    assert result.exit_code == 78
    assert "cannot be read: No such file" in result.stderr


@pytest.mark.parametrize("share", ["80%", "0.6", "-5%", "0", "nan", "a quarter"])
def test_a_hold_out_is_a_share(file: Path, share: str) -> None:
    result = run(file, "--holdout", share)
    assert result.exit_code == 2
    assert "a share from 5% to 50%" in result.stderr


@pytest.mark.parametrize("share", ["40%", "0.4"])
def test_the_hold_out_can_be_chosen(file: Path, share: str) -> None:
    assert json.loads(run(file, "--holdout", share, "--json").stdout)["holdout"]["leads"] == 480


def test_a_suspect_column_is_warned_of_with_the_way_out(file: Path) -> None:
    rows = [{**r, "closed": "x" if r["outcome"] == "won" else ""} for r in leads("plain", 1200)]
    write(file, rows)
    shown = run(file).stdout
    assert "WARNING: closed: tells won from lost almost alone (AUC 1.00)" in shown
    assert "--ignore 'closed'" in shown
    assert json.loads(run(file, "--json").stdout)["verdict"] == "suspect"
    assert "WARNING" not in run(file, "--ignore", "closed").stdout


def test_control_characters_of_the_file_do_not_reach_the_terminal(file: Path) -> None:
    rows = [{**r, "\x1b[2J": f"\x1b[31m{r['country']}"} for r in leads("plain", 1200)]
    write(file, rows)
    shown = run(file).stdout
    assert "\x1b" not in shown
    assert "\\x1b[31m" in shown


def test_of_many_values_the_highest_and_the_lowest_are_shown(file: Path) -> None:
    rows = [{**r, "desk": f"d{n % 30}"} for n, r in enumerate(leads("noise", 3000))]
    write(file, rows)
    shown = run(file).stdout
    assert "18 values between; --json has all" in shown
    told = json.loads(run(file, "--json").stdout)
    [desk] = [c for c in told["points"]["columns"] if c["column"] == "desk"]
    assert len(desk["values"]) == 30


def test_a_terminal_sees_a_bar_that_goes_away(file: Path) -> None:
    parent, child = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "fairlead", "calibrate", "--data", str(file), *BASE],
            stdout=subprocess.PIPE, stderr=child, check=True, text=True,
        )  # fmt: skip
    finally:
        os.close(child)
    said = b""
    try:
        while chunk := os.read(parent, 4096):
            said += chunk
    except OSError:  # Linux says so at the end of a terminal.
        pass
    finally:
        os.close(parent)
    assert b"fitting" in said
    assert b"100%" in said
    assert said.endswith(b" \r")
    assert "\r" not in done.stdout
