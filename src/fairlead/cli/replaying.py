"""Commands that take decisions again: one bit for bit, or a period under another policy."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli.root import EXAMPLES, call, json_option, settings_of, show
from fairlead.clock import SystemClock
from fairlead.errors import ConfigError
from fairlead.reports.explained import human_replay
from fairlead.reports.replayed import human_period, human_shadow, write_csv

if TYPE_CHECKING:
    from fairlead.store.db import Db


@click.command(
    epilog=EXAMPLES
    + "  fairlead replay --policy next.yaml --since 30d\n"
    + "  fairlead replay --policy next.yaml --since 2026-12-01T00:00Z --csv changes.csv\n"
    + "  fairlead replay --decision d5e0c2f7a9b14c3d8e6f0a1b2"
)
@click.option("--decision", metavar="ID", help="One decision, as why shows it, bit for bit.")
@click.option("--policy", type=click.Path(path_type=Path), help="The candidate policy.")
@click.option("--since", metavar="WHEN", help="30d, 24h, or an instant with its zone.")
@click.option("--until", metavar="WHEN", help="The end of the period; now when not given.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="Changed leads as CSV.")
@click.option(
    "--limit", type=click.IntRange(0), default=20, show_default=True,
    help="Changed leads to list; 0 for all.",
)  # fmt: skip
@json_option
@click.pass_obj
def replay(
    config: Path | None,
    decision: str | None,
    policy: Path | None,
    since: str | None,
    until: str | None,
    csv_file: Path | None,
    limit: int,
    as_json: bool,
) -> None:
    """Take stored decisions again: a period under another policy, or one bit for bit."""
    if (decision is None) == (policy is None):
        raise click.UsageError("give --policy FILE with --since, or --decision ID")
    if decision is not None:
        if since or until or csv_file:
            raise click.UsageError("--since, --until and --csv go with --policy")
        result = call(config, "replay", decision=decision)
        show(result, as_json, human_replay)
        if not result["equal"]:
            sys.exit(1)
        return
    if since is None:
        raise click.UsageError("give --since, such as --since 30d")
    assert policy is not None
    found = _period(config, policy, since, until)
    if csv_file is not None:
        with csv_file.open("w", encoding="utf-8", newline="") as out:
            write_csv(found, out)
    show(found, as_json, lambda v: human_period(v, limit))


def _period(config: Path | None, policy: Path, since: str, until: str | None) -> dict[str, Any]:
    from fairlead.daemon.active_policy import read_policy
    from fairlead.daemon.replaying import replay_period
    from fairlead.daemon.since import parse_since

    candidate = read_policy(policy).policy
    now = SystemClock().now()
    begins = parse_since(since, now)
    ends = now if until is None else parse_since(until, now)
    if begins >= ends:
        raise ConfigError("the period ends before it begins")
    with _state_to_read(settings_of(config)) as db, _bar() as progress:
        return replay_period(db, candidate, begins, ends, progress)


@contextmanager
def _state_to_read(settings: Any) -> Iterator[Db]:
    """The state; while a daemon runs, a copy that it writes beside its own and that goes again."""
    from fairlead.daemon.control_socket import ControlClient
    from fairlead.store.db import Db

    client = ControlClient(settings.socket_path)
    if not client.running():
        if not settings.state.exists():
            raise ConfigError(
                f"there is no state file {settings.state} yet; start with: fairlead run"
            )
        db = Db(settings.state)
        try:
            yield db
        finally:
            db.close()
        return
    copy = settings.state.with_name(f".replay-{os.getpid()}.sqlite")
    try:
        client.call("backup", path=str(copy))
        db = Db(copy)
        try:
            yield db
        finally:
            db.close()
    finally:
        for end in ("", "-wal", "-shm", ".lock"):
            Path(f"{copy}{end}").unlink(missing_ok=True)


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """How far it is, on a terminal; silent elsewhere."""
    live = sys.stderr.isatty()

    def progress(done: int, all: int) -> None:
        if live:
            filled = "#" * (done * 30 // max(1, all))
            click.echo(f"\r[{filled:30}] {done} of {all} decisions ", nl=False, err=True)

    try:
        yield progress
    finally:
        if live:
            click.echo("\r" + " " * 70 + "\r", nl=False, err=True)


@click.command(epilog=EXAMPLES + "  fairlead shadow\n  fairlead shadow --since 7d --json")
@click.option("--since", default="", metavar="WHEN", help="Only leads decided on since then.")
@click.option(
    "--limit", type=click.IntRange(0), default=20, show_default=True,
    help="Leads to list that would have gone elsewhere; 0 for all.",
)  # fmt: skip
@json_option
@click.pass_obj
def shadow(config: Path | None, since: str, limit: int, as_json: bool) -> None:
    """What the second policy of run --shadow says, beside what was really decided."""
    show(call(config, "shadow", since=since), as_json, lambda v: human_shadow(v, limit))


COMMANDS = (replay, shadow)
