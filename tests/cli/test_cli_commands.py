"""Every command says what it is for, shows how it is used, and ends with a code of the list."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from fairlead import __version__, errors
from fairlead.cli import main
from fairlead.cli.root import exit_code
from fairlead.demo.play import policy_folder


def commands(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*before, name))
        else:
            yield (*before, name)


ALL = sorted(commands(main))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, with no settings from anywhere."""
    for name in os.environ:
        if name.startswith("FAIRLEAD_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> Result:
    done = CliRunner().invoke(main, list(words))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_begins_with_a_sentence_and_ends_with_an_example_that_can_be_typed(
    words: Sequence[str], folder: Path
) -> None:
    done = run(*words, "--help")
    assert done.exit_code == 0
    lines = [x.strip() for x in done.stdout.splitlines() if x.strip()]
    assert lines[0].startswith("Usage: ")
    assert lines[1][0].isupper()
    assert "Examples:" in lines
    examples = lines[lines.index("Examples:") + 1 :]
    assert examples
    for line in examples:
        assert line.startswith("fairlead "), line
        assert set(words) <= set(line.split()), line
        typed = line.split(" > ")[0].split()
        for option in (w for w in typed if w.startswith("--")):
            assert option in done.stdout.split("Examples:")[0] or option == "--config", line


def test_the_commands_are_those_of_the_design(folder: Path) -> None:
    assert {w[0] for w in ALL} == {
        "backfill",
        "calibrate",
        "check",
        "completion",
        "dead-letters",
        "demo",
        "simulate",
        "doctor",
        "fairness",
        "init",
        "messages",
        "notify",
        "once",
        "pause",
        "plan",
        "policy",
        "preview",
        "reassign",
        "rep",
        "reload",
        "replay",
        "resume",
        "run",
        "sandbox",
        "shadow",
        "sla",
        "recycling",
        "times",
        "status",
        "weights",
        "why",
        "why-not",
    }


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("why",),
        ("check", "--colour"),
        ("dead-letters", "retry"),
        ("dead-letters", "retry", "3", "--all"),
        ("dead-letters", "drop", "three"),
        ("completion", "tcsh"),
        ("run", "--log-format", "xml"),
    ],
    ids=" ".join,
)
def test_a_wrong_use_exits_2_and_shows_the_right_one(words: Sequence[str], folder: Path) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert "Usage: " in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("why", "x@acme.example"),
        ("pause",),
        ("resume",),
        ("dead-letters", "list"),
        ("dead-letters", "retry", "--all"),
        ("dead-letters", "drop", "1"),
    ],
    ids=" ".join,
)
def test_without_a_state_a_command_says_how_to_begin(words: Sequence[str], folder: Path) -> None:
    done = run(*words)
    assert done.exit_code == 78
    assert done.stderr == (
        f"fairlead: there is no state file {folder}/fairlead.sqlite yet; start with: fairlead run\n"
    )
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("command", ["run", "once", "plan"])
def test_without_a_crm_it_says_what_to_add(command: str, folder: Path) -> None:
    for name in ("demo.yaml", "territories.csv"):
        (folder / name).write_text((policy_folder() / name).read_text("utf-8"))
    # A process, since `run` and `once` set up logging.
    done = subprocess.run(
        [sys.executable, "-m", "fairlead", command, "--policy", "demo.yaml"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 78
    assert "no CRM is configured; add a [salesforce] or [hubspot] table" in done.stderr
    assert not (folder / "fairlead.sqlite").exists()


@pytest.mark.parametrize("words", [("run",), ("status",), ("plan",), ("doctor",)], ids=" ".join)
def test_a_settings_file_that_is_not_there_is_named(words: Sequence[str], folder: Path) -> None:
    done = run("--config", "gone.toml", *words)
    assert done.exit_code == 78
    assert "--config: there is no file gone.toml" in done.stderr


def test_check_counts_what_a_good_policy_has(folder: Path) -> None:
    path = policy_folder() / "demo.yaml"
    done = run("check", str(path))
    assert done.exit_code == 0
    assert done.stdout.startswith(f"{path} is good: 3 rules, 4 teams, 8 reps, 1 table (policy ")
    told = json.loads(run("check", str(path), "--json").stdout)
    assert (told["ok"], told["rules"], told["reps"]) == (True, 3, 8)


def test_check_needs_no_settings_and_no_crm_but_a_policy(folder: Path) -> None:
    done = run("check")
    assert done.exit_code == 78
    assert f"cannot read the policy {folder}/policy.yaml" in done.stderr


def test_the_schema_for_editors_is_json(folder: Path) -> None:
    schema = json.loads(run("check", "--schema").stdout)
    assert "rules" in schema["properties"]


@pytest.mark.parametrize("name", ["typos", "rules", "roster", "tables", "yaml_traps", "not_yaml"])
def test_a_broken_policy_exits_78_and_a_machine_hears_of_every_problem(
    name: str, folder: Path
) -> None:
    path = policy_folder() / "broken" / f"{name}.yaml"
    for_people = run("check", str(path))
    assert for_people.exit_code == 78
    done = run("check", str(path), "--json")
    assert done.exit_code == 78
    told = json.loads(done.stdout)
    assert told["ok"] is False
    for problem in told["problems"]:
        assert problem["message"] in for_people.stderr
        place = f"{Path(problem['file']).name}:{problem['line']}:{problem['column']}"
        assert place in for_people.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(shell: str, folder: Path) -> None:
    done = run("completion", shell)
    assert done.exit_code == 0
    assert f"_FAIRLEAD_COMPLETE={shell}_complete" in done.stdout


def test_bash_completes_commands_by_it(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fairlead"],
        env={
            **os.environ,
            "_FAIRLEAD_COMPLETE": "bash_complete",
            "COMP_WORDS": "fairlead dead-letters re",
            "COMP_CWORD": "2",
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["plain,retry"]


def test_the_version_is_told(folder: Path) -> None:
    assert run("--version").stdout == f"fairlead, version {__version__}\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError("x"), 78),
        (errors.AuthFailed("x"), 78),
        (errors.PermissionMissing("x"), 78),
        (errors.SchemaDrift("x"), 78),
        (errors.StateLocked("x"), 73),
        (errors.RateLimited("x"), 75),
        (errors.Unavailable("x"), 75),
        (errors.Ambiguous("x"), 75),
        (errors.BadRecord("x"), 1),
        (errors.Bug("x"), 1),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: errors.FairleadError, code: int) -> None:
    assert exit_code(error) == code


def test_an_error_is_one_line_and_its_remedy_a_second(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise errors.AuthFailed("the CRM says no", remedy="put a new token into it")

    monkeypatch.setattr("fairlead.cli.looking.call", fail)
    done = run("status")
    assert done.exit_code == 78
    assert done.stderr == "fairlead: the CRM says no\n  remedy: put a new token into it\n"
    assert done.stdout == ""


def test_a_crm_that_cannot_be_reached_exits_75(folder: Path) -> None:
    (folder / "token").touch(mode=0o600)
    (folder / "token").write_text("t")
    for name in ("demo.yaml", "territories.csv"):
        (folder / name).write_text((policy_folder() / name).read_text("utf-8"))
    # Port 1 on loopback: nobody listens there.
    (folder / "fairlead.toml").write_text(
        'policy = "demo.yaml"\n[hubspot]\nbase_url = "http://127.0.0.1:1"\ntoken_file = "token"\n'
    )
    done = run("plan")
    assert (done.exit_code, done.stdout) == (75, "")
    assert done.stderr.startswith("fairlead: no answer: ")
    assert run("doctor").exit_code == 78
