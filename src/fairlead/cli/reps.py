"""Commands about one rep."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.cli.root import EXAMPLES, Group, call


@click.group("rep", cls=Group)
def rep() -> None:
    """Who is away and who is back, until the policy says so itself."""


@rep.command(
    epilog=EXAMPLES + "  fairlead rep away anna@example.com --until 2027-01-02\n"
    "  fairlead rep away anna@example.com --until 2026-12-28T13:00 --reason dentist\n"
    "  fairlead rep away anna@example.com --until 2027-01-02 --cover ben@example.com"
)
@click.argument("rep")
@click.option("--until", required=True, help="The last day away, or the instant of return.")
@click.option("--reason", default="", help="Why; shown in status.")
@click.option("--cover", default="", help="Who gets the leads that go to the rep by name.")
@click.pass_obj
def away(config: Path | None, rep: str, until: str, reason: str, cover: str) -> None:
    """Give a rep no new leads from now on. Survives restarts."""
    done = call(config, "rep-away", rep=rep, until=until, reason=reason, cover=cover)
    covered = f"; {done['cover']} covers" if "cover" in done else ""
    click.echo(f"{done['rep']} is away until {done['until']}{covered}")


@rep.command(epilog=EXAMPLES + "  fairlead rep back anna@example.com")
@click.argument("rep")
@click.pass_obj
def back(config: Path | None, rep: str) -> None:
    """End a rep's leave now; a later one in the policy stands."""
    done = call(config, "rep-back", rep=rep)
    click.echo(f"{done['rep']} is back" + ("" if done["was_away"] else "; was not away"))


COMMANDS = (rep,)
