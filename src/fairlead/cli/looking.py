"""Commands that look at the state, and the few that turn a switch in it."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.cli.root import EXAMPLES, Group, call, json_option, show
from fairlead.reports.answering import human_indicators, human_staffing
from fairlead.reports.clocks import human_sla
from fairlead.reports.human import human_dead_letters, human_status, human_why
from fairlead.reports.recycling import human_recycling
from fairlead.reports.times import human_times_report


def target_share(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Reads `90%` or `0.9`, between 1 and 99 percent."""
    if value is None:
        return None
    try:
        found = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError:
        found = 0.0
    if not 0.01 <= found <= 0.99:
        raise click.BadParameter("a share from 1% to 99%, such as 90%")
    return found


@click.command(epilog=EXAMPLES + "  fairlead why 00Q5e00000AbCdEFGH\n  fairlead why x@acme.example")
@click.argument("lead")
@json_option
@click.pass_obj
def why(config: Path | None, lead: str, as_json: bool) -> None:
    """Explain a lead: the rule, each candidate passed over, the balances, what was written."""
    show(call(config, "why", lead=lead), as_json, human_why)


@click.command(epilog=EXAMPLES + "  fairlead status\n  fairlead status --json")
@json_option
@click.pass_obj
def status(config: Path | None, as_json: bool) -> None:
    """Leads by state, the outbox, pools and dead letters."""
    show(call(config, "status"), as_json, human_status)


@click.command(
    epilog=EXAMPLES
    + "  fairlead sla\n  fairlead sla --hours 24 --json\n"
    + "  fairlead sla --staffing --within 5m --team inbound\n"
    + "  fairlead sla --indicators --since 30d"
)
@click.option("--hours", default=8, show_default=True, help="How far the forecast looks.")
@click.option("--limit", default=50, show_default=True, help="How many clocks are listed.")
@click.option("--staffing", is_flag=True, help="Can these reps answer in time at this volume?")
@click.option("--within", metavar="TIME", help="With --staffing: the time to answer; 5m.")
@click.option("--team", metavar="NAME", help="With --staffing: of this team only.")
@click.option("--weeks", type=int, metavar="N", help="With --staffing: weeks back and ahead; 4.")
@click.option(
    "--handling", metavar="TIME", help="With --staffing: how long a lead keeps a rep busy."
)
@click.option(
    "--target", callback=target_share, metavar="SHARE",
    help="With --staffing: the share to be answered in time; 90%.",
)  # fmt: skip
@click.option("--indicators", is_flag=True, help="Touches that may have been for the clock only.")
@click.option("--since", metavar="WHEN", help="With --indicators: 30d, 24h, or an instant; 30d.")
@json_option
@click.pass_obj
def sla(
    config: Path | None, hours: int, limit: int, staffing: bool, within: str | None,
    team: str | None, weeks: int | None, handling: str | None, target: float | None,
    indicators: bool, since: str | None, as_json: bool,
) -> None:  # fmt: skip
    """The clocks that run, what each does next, and what will be over in the coming hours.

    With --staffing: whether the reps can meet an answer time. With --indicators: how answers came.
    """
    asked = {"within": within, "team": team, "weeks": weeks, "handling": handling, "target": target}
    if staffing and indicators:
        raise click.UsageError("--staffing and --indicators are two questions; ask one at a time")
    if not staffing and any(v is not None for v in asked.values()):
        raise click.UsageError("--within, --team, --weeks, --handling, --target go with --staffing")
    if not indicators and since is not None:
        raise click.UsageError("--since goes with --indicators")
    if staffing:
        show(call(config, "sla-staffing", **asked), as_json, human_staffing)
    elif indicators:
        show(call(config, "sla-indicators", since=since), as_json, human_indicators)
    else:
        show(call(config, "sla", hours=hours, limit=limit), as_json, human_sla)


@click.command(epilog=EXAMPLES + "  fairlead times\n  fairlead times --since 7d --json")
@click.option("--since", default="30d", show_default=True, help="How far back: 7d, 24h, a time.")
@json_option
@click.pass_obj
def times(config: Path | None, since: str, as_json: bool) -> None:
    """How long leads take from captured to answered, by rule, team and rep."""
    show(call(config, "times", since=since), as_json, human_times_report)


@click.command(epilog=EXAMPLES + "  fairlead recycling\n  fairlead recycling --limit 500 --json")
@click.option("--limit", default=50, show_default=True, help="How many of each kind are listed.")
@json_option
@click.pass_obj
def recycling(config: Path | None, limit: int, as_json: bool) -> None:
    """Leads that are recycled or at their end: why, which cycle, when they come back."""
    show(call(config, "recycling", limit=limit), as_json, human_recycling)


@click.group("dead-letters", cls=Group)
def dead_letters() -> None:
    """Records and writes that need a person."""


@dead_letters.command("list", epilog=EXAMPLES + "  fairlead dead-letters list --json")
@click.option("--all", "include_closed", is_flag=True, help="Also those that are closed.")
@json_option
@click.pass_obj
def dead_letters_list(config: Path | None, include_closed: bool, as_json: bool) -> None:
    """Show the list."""
    show(call(config, "dead-letters", all=include_closed), as_json, human_dead_letters)


@dead_letters.command("retry", epilog=EXAMPLES + "  fairlead dead-letters retry 3")
@click.argument("number", type=int, required=False)
@click.option("--all", "everything", is_flag=True, help="Retry every one.")
@click.pass_obj
def dead_letters_retry(config: Path | None, number: int | None, everything: bool) -> None:
    """Look again at one, or at all."""
    if (number is None) == (not everything):
        raise click.UsageError("give a number or --all")
    done = call(config, "dead-letters-retry", id=number)
    click.echo(f"{done['retried']} will be looked at again")
    for d in done["overtaken"]:
        click.echo(f"#{d['id']} {d['lead']} is closed: {d['reason']}")


@dead_letters.command("drop", epilog=EXAMPLES + "  fairlead dead-letters drop 3")
@click.argument("number", type=int)
@click.pass_obj
def dead_letters_drop(config: Path | None, number: int) -> None:
    """Give one up; a lead that could not be routed becomes terminal."""
    call(config, "dead-letters-drop", id=number)
    click.echo(f"#{number} dropped")


@click.command(epilog=EXAMPLES + '  fairlead pause --reason "import running"')
@click.option("--reason", default="", help="Why; shown in status.")
@click.pass_obj
def pause(config: Path | None, reason: str) -> None:
    """Stop all writing; reading and deciding go on. Survives restarts."""
    call(config, "pause", reason=reason)
    click.echo("paused; nothing is written until: fairlead resume")


@click.command(epilog=EXAMPLES + "  fairlead resume")
@click.pass_obj
def resume(config: Path | None) -> None:
    """Write again; each waiting write is checked against the CRM first."""
    call(config, "resume")
    click.echo("resumed")


COMMANDS = (
    why,
    status,
    sla,
    times,
    recycling,
    dead_letters,
    pause,
    resume,
)
