"""Commands that order leads that exist to be routed: backfill, reassign; and a look at one."""

from __future__ import annotations

import getpass
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from fairlead.cli.root import EXAMPLES, daemon_of, json_option, show
from fairlead.errors import EXIT_TEMPORARY, EXIT_WOULD_CHANGE
from fairlead.reports.ordered import human_batch, human_plan, human_preview

BEAT = 0.2
_where = click.option(
    "--where", metavar="CONDITION", help="Only leads for which this holds, as in a rule."
)
_limit = click.option("--limit", type=click.IntRange(1), help="Plan no more leads than so many.")
_apply = click.option("--apply", "plan", metavar="PLAN", help="Apply the plan of this id.")
_yes = click.option(
    "--yes", type=int, metavar="N", help="The number of leads, for a plan that asks for it."
)
_exactly = click.option(
    "--exactly", is_flag=True, help="Leave a lead out if it is another member's turn by now."
)
_stop = click.option("--stop", metavar="PLAN", help="End a plan that is being applied.")


@click.command(
    epilog=EXAMPLES + "  fairlead backfill\n"
    "  fairlead backfill --crm hubspot --where 'now - created_at < 90d' --limit 100\n"
    "  fairlead backfill --apply p3f0a9c21b7e"
)
@click.option("--crm", help="Only leads of this CRM.")
@_where
@_limit
@_apply
@_yes
@_exactly
@_stop
@json_option
@click.pass_obj
def backfill(
    config: Path | None,
    crm: str | None,
    where: str | None,
    limit: int | None,
    plan: str | None,
    yes: int | None,
    exactly: bool,
    stop: str | None,
    as_json: bool,
) -> None:
    """Route leads that were there before the first start: the plan, then --apply."""
    asked = {"crm": crm, "where": where, "limit": limit}
    _one_of(plan, stop, asked)
    if stop or plan:
        _carry_out(config, "backfill", plan, stop, yes, exactly, as_json)
    else:
        _plan(config, "backfill", asked, as_json)


@click.command(
    epilog=EXAMPLES + "  fairlead reassign --from anna@example.com\n"
    "  fairlead reassign --from anna@example.com --apply p3f0a9c21b7e\n"
    "  fairlead reassign 00Q5e00000AbCdEFGH --to ben@example.com --reason 'speaks Dutch'"
)
@click.argument("lead", required=False)
@click.option("--to", metavar="REP", help="Give the one lead to this rep.")
@click.option("--reason", help="Why; kept in the journal and shown by why.")
@click.option("--even-if-away", is_flag=True, help="Also to a rep who is away, off work or full.")
@click.option("--from", "rep", metavar="REP", help="All open leads of this rep, by the rules.")
@click.option("--to-team", metavar="TEAM", help="Among this team instead of by the rules.")
@_where
@_limit
@_apply
@_yes
@_exactly
@_stop
@json_option
@click.pass_obj
def reassign(
    config: Path | None,
    lead: str | None,
    to: str | None,
    reason: str | None,
    even_if_away: bool,
    rep: str | None,
    to_team: str | None,
    where: str | None,
    limit: int | None,
    plan: str | None,
    yes: int | None,
    exactly: bool,
    stop: str | None,
    as_json: bool,
) -> None:
    """Give one lead to a rep by hand, or all open leads of a rep to others by the rules."""
    if lead is not None:
        if to is None or not (reason or "").strip():
            raise click.UsageError("a LEAD goes with --to REP and --reason")
        if rep or to_team or where or limit or plan or stop or yes or exactly:
            raise click.UsageError("a LEAD goes with --to, --reason and --even-if-away only")
        _override(config, lead, to, reason or "", even_if_away, as_json)
        return
    if to is not None or even_if_away:
        raise click.UsageError("--to and --even-if-away go with a LEAD; see also --to-team")
    asked = {"team": to_team, "where": where, "limit": limit}
    _one_of(plan, stop, asked)
    if stop or plan:
        _carry_out(config, "reassign", plan, stop, yes, exactly, as_json)
    elif rep is None:
        raise click.UsageError("give a LEAD with --to and --reason, or --from REP")
    else:
        _plan(config, "reassign", {**asked, "rep": rep, "reason": reason or ""}, as_json)


@click.command(
    epilog=EXAMPLES + "  fairlead preview 00Q5e00000AbCdEFGH\n"
    "  fairlead preview salesforce:Lead:00Q5e00000AbCdEFGH --as-new"
)
@click.argument("lead")
@click.option("--as-new", is_flag=True, help="As if nobody owned it yet; pick_up is not asked.")
@json_option
@click.pass_obj
def preview(config: Path | None, lead: str, as_new: bool, as_json: bool) -> None:
    """Show what would be decided on one lead now, read from the CRM; nothing is written."""
    found = daemon_of(config).call("preview", lead=lead, as_new=as_new)
    show(found, as_json, human_preview)


# -- parts -----------------------------------------------------------------------------------------


def _one_of(plan: str | None, stop: str | None, asked: dict[str, Any]) -> None:
    if plan and stop:
        raise click.UsageError("--apply or --stop, not both")
    given = [k for k, v in asked.items() if v is not None]
    if (plan or stop) and given:
        raise click.UsageError("the plan knows its leads: give --apply or --stop alone")


def _me() -> str:
    return os.environ.get("SUDO_USER") or getpass.getuser()


def _plan(config: Path | None, kind: str, asked: dict[str, Any], as_json: bool) -> None:
    daemon = daemon_of(config)
    job = daemon.call(f"plan-{kind}", by=_me(), **asked)
    with _bar() as bar:
        while True:
            so_far = daemon.call("plan-progress", job=job["job"])
            bar("read", so_far["read"], so_far["total"])
            if so_far["plan"] is not None:
                break
            time.sleep(BEAT)
    found = daemon.call("plan-show", plan=so_far["plan"])
    show(found, as_json, human_plan)
    if found["leads"]:
        sys.exit(EXIT_WOULD_CHANGE)


def _carry_out(
    config: Path | None,
    kind: str,
    plan: str | None,
    stop: str | None,
    yes: int | None,
    exactly: bool,
    as_json: bool,
) -> None:
    daemon = daemon_of(config)
    if stop is not None:
        daemon.call("plan-stop", plan=stop, by=_me())
        show(daemon.call("plan-state", plan=stop), as_json, human_batch)
        return
    state = daemon.call("plan-apply", plan=plan, kind=kind, yes=yes, exactly=exactly, by=_me())
    with _bar() as bar:
        while state["may_write"] and (state["state"] == "applying" or state["open_writes"]):
            bar("decided", state["done"] + state["left_out"], state["leads"])
            time.sleep(BEAT)
            state = daemon.call("plan-state", plan=plan)
    rows = daemon.call("plan-show", plan=plan)["rows"]
    state["notes"] = [r for r in rows if r["note"]]
    show(state, as_json, human_batch)
    if state["state"] != "done" or state["open_writes"]:
        sys.exit(EXIT_TEMPORARY)


def _override(
    config: Path | None, lead: str, to: str, reason: str, even_if_away: bool, as_json: bool
) -> None:
    done = daemon_of(config).call(
        "override", lead=lead, to=to, reason=reason, even_if_away=even_if_away, by=_me()
    )

    def human(v: dict[str, Any]) -> Iterator[str]:
        yield f"{v['lead']} goes from {v['from'] or 'nobody'} to {v['to']}"
        if not v["may_write"]:
            yield "writing is stopped; it is written when it goes on"

    show(done, as_json, human)


@contextmanager
def _bar() -> Iterator[Any]:
    """A bar on a terminal; silent elsewhere."""
    live = sys.stderr.isatty()

    def draw(what: str, n: int, total: int) -> None:
        if live and total:
            full = 30 * n // total
            click.echo(f"\r[{'#' * full}{'.' * (30 - full)}] {n} of {total} {what} ", nl=False,
                       err=True)  # fmt: skip

    try:
        yield draw
    finally:
        if live:
            click.echo("\r" + " " * 70 + "\r", nl=False, err=True)


COMMANDS = (backfill, reassign, preview)
