"""Commands that look at the state, and the few that turn a switch in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from fairlead.cli.root import EXAMPLES, Group, call, json_option, show


@click.command(epilog=EXAMPLES + "  fairlead why 00Q5e00000AbCdEFGH\n  fairlead why x@acme.example")
@click.argument("lead")
@json_option
@click.pass_obj
def why(config: Path | None, lead: str, as_json: bool) -> None:
    """Explain a lead: the rule, each candidate passed over, the balances, what was written."""
    show(call(config, "why", lead=lead), as_json, human_why)


def human_why(found: list[Mapping[str, Any]]) -> Iterator[str]:
    for i, lead in enumerate(found):
        if i:
            yield ""
        yield f"{lead['lead']}: {lead['state']} ({lead['reason']}), owner {lead['owner'] or 'none'}"
        if lead["same_person"]:
            yield f"  same person: {', '.join(lead['same_person'])}"
        decision = lead["decision"]
        if decision is None:
            yield "  no decision was taken"
        else:
            yield f"  decision {decision['id']} at {decision['at']}"
            for line in decision["text"]:
                yield f"  {line}"
            if not decision["recomputed_equal"]:
                yield "  WARNING: taking it again gives another answer; please report this"
        for e in lead["effects"]:
            detail = f" ({e['detail']})" if e["detail"] else ""
            yield f"  {e['kind']}: {e['state']}{detail}"


@click.command(epilog=EXAMPLES + "  fairlead status\n  fairlead status --json")
@json_option
@click.pass_obj
def status(config: Path | None, as_json: bool) -> None:
    """Leads by state, the outbox, pools and dead letters."""
    show(call(config, "status"), as_json, human_status)


def human_status(v: Mapping[str, Any]) -> Iterator[str]:
    yield "daemon: running" if v["running"] else "daemon: not running"
    if v["paused"]:
        yield f"PAUSED since {v['paused']}"
    for wrong in (v.get("health") or {}).get("wrong", ()):
        yield f"WRONG: {wrong}"
    yield f"policy: {(v['policy'] or 'none')[:12]}"
    for crm, states in v["leads"].items():
        yield f"{crm}: " + ", ".join(f"{n} {state}" for state, n in sorted(states.items()))
    open_rows = {s: n for s, n in v["outbox"].items() if s in ("new", "inflight", "sent")}
    yield "outbox: " + (", ".join(f"{n} {s}" for s, n in open_rows.items()) or "empty")
    yield f"dead letters: {v['dead_letters']}"
    for pool, reps in v["pools"].items():
        yield f"pool {pool}:"
        for rep, r in sorted(reps.items()):
            yield f"  {rep}: {r['received']} leads, balance {r['balance_decimal']:+.3f}"


@click.group("dead-letters", cls=Group)
def dead_letters() -> None:
    """Records and writes that need a person."""


@dead_letters.command("list", epilog=EXAMPLES + "  fairlead dead-letters list --json")
@click.option("--all", "include_closed", is_flag=True, help="Also those retried or dropped.")
@json_option
@click.pass_obj
def dead_letters_list(config: Path | None, include_closed: bool, as_json: bool) -> None:
    """Show the list."""
    show(call(config, "dead-letters", all=include_closed), as_json, human_dead_letters)


def human_dead_letters(v: list[Mapping[str, Any]]) -> Iterator[str]:
    if not v:
        yield "No dead letters."
    for d in v:
        yield f"#{d['id']} {d['lead']} [{d['stage']}, {d['state']}] {d['reason']}"


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


@dead_letters.command("drop", epilog=EXAMPLES + "  fairlead dead-letters drop 3")
@click.argument("number", type=int)
@click.pass_obj
def dead_letters_drop(config: Path | None, number: int) -> None:
    """Give one up; its lead becomes terminal."""
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
    dead_letters,
    pause,
    resume,
)
