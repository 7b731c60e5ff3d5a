"""Commands that need no daemon: doctor, the sandboxes, the demo, simulations, shell completion."""

from __future__ import annotations

import json
import secrets
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from click.shell_completion import get_completion_class

from fairlead.cli.root import EXAMPLES, json_option, settings_of, show
from fairlead.errors import EXIT_CONFIG, ConfigError


@click.command(epilog=EXAMPLES + "  fairlead doctor\n  fairlead doctor --json")
@json_option
@click.pass_obj
def doctor(config: Path | None, as_json: bool) -> None:
    """Look at log-in, rights, fields and limits of each CRM; exit 78 if a person must act."""
    from fairlead.daemon.doctor import examine

    settings = settings_of(config)
    findings = examine(settings)
    show(findings, as_json, human_doctor)
    if any(not f["ok"] and f["fatal"] for f in findings):
        sys.exit(EXIT_CONFIG)


def human_doctor(findings: list[dict[str, Any]]) -> Iterator[str]:
    for f in findings:
        mark = "ok  " if f["ok"] else ("BAD " if f["fatal"] else "note")
        yield f"{mark} {f['where']}: {f['check']}: {f['detail']}"
        if not f["ok"] and f["remedy"]:
            yield f"       {f['remedy']}"


@click.command(
    epilog=EXAMPLES
    + "  fairlead sandbox --salesforce-port 8801 --hubspot-port 8802 --token secret\n"
    + "  fairlead sandbox --json --tls"
)
@click.option("--salesforce-port", type=int, default=0, help="0 picks a free port.")
@click.option("--hubspot-port", type=int, default=0, help="0 picks a free port.")
@click.option("--token", help="Bearer token both accept; made up when not given.")
@click.option("--seed", type=int, default=1, show_default=True, help="Fixes all random choices.")
@click.option("--tls", is_flag=True, help="Serve https with an authority made for this run.")
@click.option("--empty", is_flag=True, help="Leave out the sample org.")
@json_option
def sandbox(
    salesforce_port: int,
    hubspot_port: int,
    token: str | None,
    seed: int,
    tls: bool,
    empty: bool,
    as_json: bool,
) -> None:
    """Run both CRM sandboxes on loopback until stopped."""
    from fairlead.sandbox.both import BothSandboxes

    with BothSandboxes(
        token=token or secrets.token_hex(16),
        ports={"salesforce": salesforce_port, "hubspot": hubspot_port},
        seed=seed,
        tls=tls,
        sample_org=not empty,
    ) as both:
        about = both.describe()
        if as_json:
            click.echo(json.dumps(about))
        else:
            for name in ("salesforce", "hubspot"):
                click.echo(f"{name}: {about[name]}")
            click.echo(f"token: {about['token']}")
            if about.get("ca_file"):
                click.echo(f"authority: {about['ca_file']}")
            click.echo("control: POST <url>/_sandbox/act and others; see docs/sandbox-*.md")
        sys.stdout.flush()
        wait_for_signal()


def wait_for_signal() -> None:
    """Return on SIGTERM or Ctrl-C."""
    done = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: done.set())
    done.wait()


@click.command(epilog=EXAMPLES + "  fairlead demo\n  fairlead demo --seconds 60 --keep")
@click.option("--seconds", type=float, default=30.0, show_default=True, help="Length of arrivals.")
@click.option("--leads", type=int, default=300, show_default=True, help="Leads that arrive.")
@click.option("--seed", type=int, default=1, show_default=True, help="Fixes all random choices.")
@click.option("--keep", is_flag=True, help="Leave daemon and sandboxes running at the end.")
@json_option
def demo(seconds: float, leads: int, seed: int, keep: bool, as_json: bool) -> None:
    """Show the whole product against two embedded CRMs, and check what it did."""
    from fairlead.demo import run_demo

    summary = run_demo(seconds=seconds, leads=leads, seed=seed, keep=keep, as_json=as_json)
    if not summary.ok:
        sys.exit(1)


@click.command(
    epilog=EXAMPLES + "  fairlead simulate\n  fairlead simulate --leads 500 --days 5 --seed 7"
)
@click.option(
    "--leads",
    type=click.IntRange(1, 200_000),
    default=10_000,
    show_default=True,
    help="Leads that arrive.",
)
@click.option(
    "--reps",
    type=click.IntRange(12, 1000),
    default=40,
    show_default=True,
    help="People who answer them, in six offices.",
)
@click.option(
    "--days", type=click.IntRange(1, 60), default=14, show_default=True, help="Simulated days."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Fixes all random choices.")
@json_option
def simulate(leads: int, reps: int, days: int, seed: int, as_json: bool) -> None:
    """Play two weeks of a sales company in minutes, and audit them from the CRMs' own logs."""
    from fairlead.simulation import simulate as play
    from fairlead.simulation.telling import Bar, as_dict, in_words
    from fairlead.telemetry import configure_logging

    configure_logging("text", "error")
    bar = Bar()
    found = play(leads=leads, reps=reps, days=days, seed=seed, progress=bar)
    bar.close()
    click.echo(json.dumps(as_dict(found), indent=2) if as_json else in_words(found, days))
    if not found.ok:
        sys.exit(1)


@click.command(
    epilog=EXAMPLES
    + "  fairlead completion bash > ~/.local/share/bash-completion/completions/fairlead"
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell."""
    found = get_completion_class(shell)
    if found is None:
        raise ConfigError(f"no completion for {shell}")
    root = ctx.find_root().command
    click.echo(found(root, {}, "fairlead", "_FAIRLEAD_COMPLETE").source())


COMMANDS = (doctor, sandbox, demo, simulate, completion)
