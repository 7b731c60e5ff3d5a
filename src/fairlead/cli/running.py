"""Commands that run the daemon or one round of it."""

from __future__ import annotations

import signal
from pathlib import Path

import click

from fairlead.cli.root import EXAMPLES, json_option, need_crm, progress_line, settings_of, show
from fairlead.reports.human import human_status


@click.command(
    epilog=EXAMPLES + "  fairlead run\n  fairlead --config /etc/fairlead/fairlead.toml run"
)
@click.option("--policy", type=click.Path(path_type=Path), help="Policy file.")
@click.option("--log-format", type=click.Choice(["auto", "json", "text"]))
@click.pass_obj
def run(config: Path | None, policy: Path | None, log_format: str | None) -> None:
    """Run the daemon until SIGTERM or Ctrl-C."""
    from fairlead.daemon.active_policy import read_policy
    from fairlead.daemon.app import App, build_connectors
    from fairlead.telemetry import configure_logging

    settings = settings_of(config, policy=policy, log_format=log_format)
    configure_logging(settings.log_format, settings.log_level)
    active = read_policy(settings.policy)
    need_crm(settings)
    app = App(settings, active, build_connectors(settings, active))
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: app.stop())
    app.run()


@click.command(epilog=EXAMPLES + "  fairlead once\n  fairlead once --json")
@click.option("--policy", type=click.Path(path_type=Path), help="Policy file.")
@json_option
@click.pass_obj
def once(config: Path | None, policy: Path | None, as_json: bool) -> None:
    """One round and out: read what changed, decide, write, verify. For cron or a first try."""
    from fairlead.daemon.active_policy import read_policy
    from fairlead.daemon.app import App, build_connectors
    from fairlead.daemon.commands import Commands
    from fairlead.telemetry import configure_logging

    settings = settings_of(config, policy=policy)
    configure_logging(settings.log_format, settings.log_level)
    active = read_policy(settings.policy)
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


COMMANDS = (
    run,
    once,
)
