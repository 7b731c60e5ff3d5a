"""The command line: one function per command, all errors turned into one line and an exit code.

Exit codes: 0 ok · 2 usage · 3 a plan would change something · 4 the evidence is thin · 73 the state
is locked · 75 try again later · 78 configuration or permission. While a daemon runs, commands that
need its state ask it over its Unix socket; without one they open the state themselves. The commands
are in the other modules of this folder; imports of the heavy parts wait until they run.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from fairlead import __version__
from fairlead.clock import SystemClock
from fairlead.errors import (
    EXIT_CONFIG,
    EXIT_LOCKED,
    EXIT_TEMPORARY,
    EXIT_THIN,
    EXIT_WOULD_CHANGE,
    Ambiguous,
    ConfigError,
    FairleadError,
    NeedsOperator,
    RetryLater,
    StateLocked,
    ThinEvidence,
    Unavailable,
    UnsafePlan,
)

EXAMPLES = "\b\nExamples:\n"


class Group(click.Group):
    """Turns errors of the house into one line on stderr and their exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except FairleadError as e:
            remedy = getattr(e, "remedy", "")
            click.echo(f"fairlead: {e}" + (f"\n  remedy: {remedy}" if remedy else ""), err=True)
            sys.exit(exit_code(e))


def exit_code(error: FairleadError) -> int:
    """The exit code of an error that ends a command."""
    if isinstance(error, StateLocked):
        return EXIT_LOCKED
    if isinstance(error, RetryLater | Ambiguous):
        return EXIT_TEMPORARY
    if isinstance(error, UnsafePlan):
        return EXIT_WOULD_CHANGE
    if isinstance(error, ThinEvidence):
        return EXIT_THIN
    if isinstance(error, ConfigError | NeedsOperator):
        return EXIT_CONFIG
    return 1


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fairlead")
@click.option(
    "--config", type=click.Path(path_type=Path), help="Settings file (default: fairlead.toml)."
)
@click.pass_context
def main(ctx: click.Context, config: Path | None) -> None:
    """Routes leads in Salesforce and HubSpot: fairly, once, and with a reason for each.

    Try `fairlead demo` first: it needs no CRM.
    """
    ctx.obj = config


json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")


def settings_of(config: Path | None, **overrides: Any) -> Any:
    from fairlead.settings import load_settings

    return load_settings(config, overrides)


def need_crm(settings: Any) -> None:
    """Raises ConfigError when the settings name no CRM at all."""
    if not settings.connectors:
        raise ConfigError("no CRM is configured; add a [salesforce] or [hubspot] table")


def show(value: Any, as_json: bool, human: Callable[[Any], Iterator[str]]) -> None:
    """Print a result for a machine or for a person."""
    if as_json:
        click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))
    else:
        for line in human(value):
            click.echo(line)


def call(config: Path | None, command: str, **args: Any) -> Any:
    """Run a command in the daemon if one runs, else on the state itself."""
    from fairlead.daemon.active_policy import ActivePolicy, read_policy
    from fairlead.daemon.commands import Commands
    from fairlead.daemon.control_socket import ControlClient
    from fairlead.daemon.first_policy import last_good
    from fairlead.store.db import Db

    settings = settings_of(config)
    client = ControlClient(settings.socket_path)
    if client.running():
        return client.call(command, **args)
    if not settings.state.exists():
        raise ConfigError(f"there is no state file {settings.state} yet; start with: fairlead run")
    db = Db(settings.state)
    try:
        try:
            active: ActivePolicy | None = read_policy(settings.policy)
        except ConfigError:
            # As the daemon would: what it decided with last is what these numbers are about.
            active = last_good(db)
        return Commands(db, lambda: active, SystemClock()).routes()[command](args)
    finally:
        db.close()


def daemon_of(config: Path | None) -> Any:
    """The running daemon's client; raises Unavailable, with what to do, when there is none."""
    from fairlead.daemon.control_socket import ControlClient

    client = ControlClient(settings_of(config).socket_path)
    if not client.running():
        raise Unavailable(
            "this needs the running daemon, which reads and writes the CRMs, and none answers on"
            f" {client.path}; start it (fairlead run, or systemctl start fairlead) and try again"
        )
    return client


@contextmanager
def progress_line() -> Iterator[Callable[[str, str, int], None]]:
    """A line that counts on a terminal; silent elsewhere."""
    live = sys.stderr.isatty()

    def progress(crm: str, what: str, n: int) -> None:
        if live:
            click.echo(f"\r{crm}: {n} {what} records read ", nl=False, err=True)

    try:
        yield progress
    finally:
        if live:
            click.echo("\r" + " " * 60 + "\r", nl=False, err=True)
