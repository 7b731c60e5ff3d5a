"""replay, shadow and the policy's versions from the command line, on a state file."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from daemon.house import POLICY, House, an_org

from fairlead.cli import main
from fairlead.clock import SystemClock
from fairlead.daemon.control_socket import serve_control
from fairlead.settings import load_settings
from fairlead.testing.clock import ManualClock

NEXT = POLICY.replace("employees >= 1000", "employees >= 9000")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a state of six leads, its policy and a candidate."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "next.yaml").write_text(NEXT)
    clock = ManualClock(SystemClock().now())
    sf = an_org(clock, "salesforce")
    house = House(tmp_path / "fairlead.sqlite", [sf], clock, shadow=tmp_path / "next.yaml")
    house.start()
    for n in range(6):
        sf.create_lead(email=f"x{n}@acme{n}.test", employees=5000 if n % 2 else 10)
        house.round()
    house.close()
    return tmp_path


def run(*words: str) -> Result:
    done = CliRunner().invoke(main, list(words))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


REPLAY = ("replay", "--policy", "next.yaml", "--since", "30d", "--until", "2099-01-01T00:00Z")


def test_replay_tells_what_changes_and_how_far_it_can_be_trusted(folder: Path) -> None:
    done = run(*REPLAY)
    assert done.exit_code == 0
    assert "6 leads, 6 decisions" in done.stdout
    assert "3 direct (another rule or destination)" in done.stdout
    assert "reproduces 6 of 6 leads" in done.stdout
    assert "@acme" not in done.stdout


def test_replay_as_json_and_csv(folder: Path) -> None:
    done = run(*REPLAY, "--json", "--csv", "changes.csv")
    found = json.loads(done.stdout)
    assert found["direct"] == 3
    with (folder / "changes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["lead"] for r in rows] == [c["lead"] for c in found["changed"]]
    assert {r["would_rule"] for r in rows if r["kind"] == "direct"} == {"Everybody"}


def test_replay_beside_a_daemon_works_on_a_copy_that_goes_again(folder: Path) -> None:
    settings = load_settings()
    clock = ManualClock(SystemClock().now())
    house = House(folder / "fairlead.sqlite", [an_org(clock, "salesforce")], clock)
    server = serve_control(settings.socket_path, house.commands.routes())
    before = {p.name for p in folder.iterdir()}
    try:
        done = run(*REPLAY, "--json")
        assert json.loads(done.stdout)["direct"] == 3
        assert {p.name for p in folder.iterdir()} == before
    finally:
        server.close()
        house.close()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("replay",), 2),
        (("replay", "--policy", "next.yaml"), 2),
        (("replay", "--decision", "d1", "--policy", "next.yaml"), 2),
        (("replay", "--decision", "d1", "--since", "3d"), 2),
        (("replay", "--policy", "next.yaml", "--since", "soon"), 78),
        (("replay", "--policy", "none.yaml", "--since", "3d"), 78),
        (("replay", "--policy", "next.yaml", "--since", "1d", "--until", "2d"), 78),
        (
            ("replay", "--policy", "next.yaml", "--since", "2d", "--until", "1d"),
            78,
        ),
        (("policy", "show", "zz"), 78),
        (("policy", "diff", "zz", "zz"), 78),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, tuple) else "",
)
def test_wrong_uses(folder: Path, words: tuple[str, ...], code: int) -> None:
    assert run(*words).exit_code == code


def test_shadow_compares_and_why_has_its_line(folder: Path) -> None:
    done = run("shadow", "--json")
    found = json.loads(done.stdout)
    assert (found["leads"], found["direct"]) == (6, 3)
    assert "shadow " in run("shadow").stdout
    lead = next(c["lead"] for c in found["changed"] if c["kind"] == "direct")
    assert "shadow: direct change: " in run("why", lead).stdout


def test_versions_are_listed_compared_and_written_out(folder: Path) -> None:
    versions = json.loads(run("policy", "history", "--json").stdout)
    assert sorted(v["decisions"] for v in versions) == [0, 6]
    [real] = [v["hash"] for v in versions if v["decisions"]]
    [beside] = [v["hash"] for v in versions if not v["decisions"]]
    assert real[:12] in run("policy", "history").stdout
    assert "+    when: employees >= 9000" in run("policy", "diff", real, beside).stdout
    assert run("policy", "show", real).stdout == POLICY
    assert run("policy", "show", real[:12], "--output", "old").exit_code == 0
    assert (folder / "old" / "policy.yaml").read_text() == POLICY
    assert run("policy", "show", real, "--output", "old").exit_code == 78
