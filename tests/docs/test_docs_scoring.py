"""docs/scoring.md shows what `calibrate` says of the file that lies beside it, and its numbers."""

from __future__ import annotations

import re
import shlex

import pytest
from calibration.made_leads import as_csv, shown
from click.testing import CliRunner
from docs.pages import ROOT, blocks, text_of

from fairlead.cli import main
from fairlead.core import calibration, evidence, evidence_leads, leakage, points

PAGE = text_of("docs/scoring.md")
TEXT = " ".join(PAGE.split())
FILE = ROOT / "fixtures" / "calibration" / "leads.csv"
[SHOWN] = [b.text for b in blocks(ROOT / "docs" / "scoring.md") if b.kind == "console"]


def test_the_report_on_the_page_is_the_program_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    command, _, report = SHOWN.partition("\n")
    said = CliRunner().invoke(main, shlex.split(command.removeprefix("$ fairlead ")))
    assert said.exit_code == 0
    assert report == said.stdout, f"put this into docs/scoring.md:\n{said.stdout}"
    assert str(FILE.relative_to(ROOT)) in command


def test_the_file_is_the_made_one() -> None:
    assert FILE.read_text(encoding="utf-8") == as_csv(shown())


def test_without_leaving_it_out_the_reason_for_losing_is_warned_of() -> None:
    words = ["calibrate", "--data", str(FILE), "--outcome", "status", "--time", "created"]
    assert "WARNING: lost_reason" in CliRunner().invoke(main, words).stdout


def test_the_words_of_outcomes_are_all_there() -> None:
    [won, lost] = re.findall(r"As won count (.*?); as lost (.*?), whatever", TEXT)[0]
    assert set(re.findall(r"`(.*?)`", won)) == evidence_leads.WON
    assert set(re.findall(r"`(.*?)`", lost)) == evidence_leads.LOST


@pytest.mark.parametrize(
    "told",
    [
        f"{points.DOUBLES} points more double the odds",
        f"fewer than {evidence.RARE} earlier leads have",
        f"at most {evidence.MOST_VALUES} are kept apart",
        f"with an AUC of {leakage.TELLS_ALL} alone",
        f"more than {calibration.OVERFIT} higher than on the hold-out",
        f"fewer than {evidence_leads.Asked('', '').min_outcomes} won and",
    ],
)
def test_its_numbers_are_the_program_s(told: str) -> None:
    assert told in TEXT
