"""The command that shows measured weights, and puts them in force."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.cli.root import EXAMPLES, call, json_option, show
from fairlead.reports.explained import human_weights


@click.command(epilog=EXAMPLES + "  fairlead weights\n  fairlead weights --apply --team emea")
@click.option("--apply", "apply_now", is_flag=True, help="Put the next weights in force now.")
@click.option("--team", metavar="NAME", help="With --apply: of this team only.")
@json_option
@click.pass_obj
def weights(config: Path | None, apply_now: bool, team: str | None, as_json: bool) -> None:
    """What each rep made of their leads, their weight now, and the next one."""
    if team is not None and not apply_now:
        raise click.UsageError("--team goes with --apply")
    if apply_now:
        show(call(config, "weights-apply", team=team), as_json, human_weights)
    else:
        show(call(config, "weights"), as_json, human_weights)


COMMANDS = (weights,)
