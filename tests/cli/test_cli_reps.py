"""`rep away` and `rep back` on the state itself, as status then shows it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from fairlead.cli import main
from fairlead.store.db import Db

POLICY = """version: 1
sources: {sf: {crm: salesforce}}
reps: {anna@example.com: {}, ben@example.com: {}}
otherwise: {to: {rep: anna@example.com}}
"""


@pytest.fixture
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in os.environ:
        if name.startswith("FAIRLEAD_"):
            monkeypatch.delenv(name)
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    state = tmp_path / "state.db"
    Db(state).close()
    found = tmp_path / "fairlead.toml"
    found.write_text(
        f'policy = "{tmp_path / "policy.yaml"}"\nstate = "{state}"\n', encoding="utf-8"
    )
    return found


def test_away_and_back(settings_file: Path) -> None:
    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["--config", str(settings_file), *words])
        return done.exit_code, done.output

    said = run("rep", "away", "anna@example.com", "--until", "2999-01-02", "--reason", "sabbatical")
    assert said == (0, "anna@example.com is away until 2999-01-02\n")
    code, status = run("status")
    assert code == 0
    assert "away: anna@example.com until 2999-01-02 (sabbatical)" in status
    assert run("rep", "back", "anna@example.com") == (0, "anna@example.com is back\n")
    assert run("rep", "back", "anna@example.com") == (
        0, "anna@example.com is back; was not away\n"
    )  # fmt: skip
    away = ("rep", "away", "anna@example.com", "--until", "2999-01-02")
    assert run(*away, "--cover", "ben@example.com") == (
        0, "anna@example.com is away until 2999-01-02; ben@example.com covers\n"
    )  # fmt: skip
    assert "until 2999-01-02 (ben@example.com covers)" in run("status")[1]
    code, said_wrong = run(*away, "--cover", "bne@example.com")
    assert code == 78
    assert "did you mean ben@example.com" in said_wrong
    code, said_wrong = run("rep", "away", "ana@example.com", "--until", "2999-01-02")
    assert code == 78
    assert "did you mean anna@example.com" in said_wrong
