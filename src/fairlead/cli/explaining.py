"""Commands that explain decisions already taken, and the fairness of all of them together."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.cli.root import EXAMPLES, call, json_option, show
from fairlead.reports.explained import human_fairness, human_why_not


@click.command("why-not", epilog=EXAMPLES + "  fairlead why-not x@acme.example anna@example.com")
@click.argument("lead")
@click.argument("rep")
@json_option
@click.pass_obj
def why_not(config: Path | None, lead: str, rep: str, as_json: bool) -> None:
    """Explain why a rep did not get a lead, and what would have sent it there."""
    show(call(config, "why-not", lead=lead, rep=rep), as_json, human_why_not)


@click.command(epilog=EXAMPLES + "  fairlead fairness\n  fairlead fairness --json")
@json_option
@click.pass_obj
def fairness(config: Path | None, as_json: bool) -> None:
    """The fairness certificate of each pool: balances, the proven bound, what was given back."""
    show(call(config, "fairness"), as_json, human_fairness)


COMMANDS = (why_not, fairness)
