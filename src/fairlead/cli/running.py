"""Commands that run the daemon or one round of it."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from fairlead.cli.root import EXAMPLES, json_option, need_crm, progress_line, settings_of, show
from fairlead.errors import EXIT_CONFIG
from fairlead.reports.human import human_reload, human_status


@click.command(
    epilog=EXAMPLES + "  fairlead run\n  fairlead --config /etc/fairlead/fairlead.toml run"
)
@click.option("--policy", type=click.Path(path_type=Path), help="Policy file.")
@click.option("--shadow", type=click.Path(path_type=Path), help="A policy that only records.")
@click.option("--log-format", type=click.Choice(["auto", "json", "text"]))
@click.pass_obj
def run(
    config: Path | None, policy: Path | None, shadow: Path | None, log_format: str | None
) -> None:
    """Run the daemon until SIGTERM or Ctrl-C. SIGHUP reads the policy again."""
    from fairlead.daemon.app import App
    from fairlead.daemon.connecting import build_connectors
    from fairlead.daemon.first_policy import policy_to_start_with
    from fairlead.store.db import Db
    from fairlead.telemetry import configure_logging

    def read() -> Any:
        return settings_of(config, policy=policy, shadow=shadow, log_format=log_format)

    settings = read()
    configure_logging(settings.log_format, settings.log_level)
    with ExitStack() as on_failure:
        db = Db(settings.state) if settings.state.exists() else None
        if db is not None:
            on_failure.callback(db.close)
        active, refused = policy_to_start_with(settings.policy, db)
        need_crm(settings)
        pairs = build_connectors(settings, active)
        app = App(settings, active, pairs, db=db, refused=refused, settings_again=read)
        on_failure.pop_all()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: app.stop())
    on_terminal = os.isatty(2)

    def hang_up(*_: object) -> None:
        # The same signal says that the terminal was closed: then there is nobody to run for.
        if on_terminal and not os.isatty(2):
            app.stop()
        else:
            app.reload()

    signal.signal(signal.SIGHUP, hang_up)
    app.run()


@click.command(epilog=EXAMPLES + "  fairlead once\n  fairlead once --json")
@click.option("--policy", type=click.Path(path_type=Path), help="Policy file.")
@json_option
@click.pass_obj
def once(config: Path | None, policy: Path | None, as_json: bool) -> None:
    """One round and out: read what changed, decide, write, verify. For cron or a first try."""
    from fairlead.daemon.acceptance import read_acceptable
    from fairlead.daemon.app import App
    from fairlead.daemon.commands import Commands
    from fairlead.daemon.connecting import build_connectors
    from fairlead.telemetry import configure_logging

    settings = settings_of(config, policy=policy)
    configure_logging(settings.log_format, settings.log_level)
    active = read_acceptable(settings.policy).active
    need_crm(settings)
    with progress_line() as progress:
        app = App(settings, active, build_connectors(settings, active), progress=progress)
        try:
            app.once()
            # Asked as from outside: when this ends, no daemon runs.
            status = Commands(app.db, lambda: active, app.clock).status()
        finally:
            app.close()
    show(status, as_json, human_status)


@click.command(epilog=EXAMPLES + "  fairlead reload\n  fairlead reload --json")
@json_option
@click.pass_obj
def reload(config: Path | None, as_json: bool) -> None:
    """Let the running daemon read its policy now; exit 78 if it is refused."""
    from fairlead.daemon.control_socket import ControlClient

    result = ControlClient(settings_of(config).socket_path).call("reload")
    show(result, as_json, human_reload)
    if result["outcome"] == "refused":
        sys.exit(EXIT_CONFIG)


COMMANDS = (
    run,
    once,
    reload,
)
