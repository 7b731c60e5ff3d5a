"""Commands about the policy: check it, plan with it, start one."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from fairlead.cli.root import EXAMPLES, json_option, need_crm, progress_line, settings_of, show
from fairlead.clock import SystemClock
from fairlead.core.counted import counted
from fairlead.errors import EXIT_CONFIG, EXIT_WOULD_CHANGE, ConfigError
from fairlead.reports.findings import human_findings


@click.command(
    epilog=EXAMPLES + "  fairlead check policy.yaml\n  fairlead check policy.yaml --strict --json"
)
@click.argument("policy", type=click.Path(path_type=Path), required=False)
@click.option("--schema", is_flag=True, help="Print the JSON Schema for editors instead.")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@json_option
@click.pass_obj
def check(
    config: Path | None, policy: Path | None, schema: bool, strict: bool, as_json: bool
) -> None:
    """Check a policy: every mistake with its place, then what is probably not meant."""
    from fairlead.core.lint import Severity, lint
    from fairlead.core.policy_file import PolicyError, policy_json_schema
    from fairlead.daemon.acceptance import REFUSING
    from fairlead.daemon.active_policy import read_policy

    if schema:
        click.echo(json.dumps(policy_json_schema(), indent=2))
        return
    path = policy or settings_of(config).policy
    try:
        active = read_policy(path)
    except PolicyError as e:
        if not as_json:
            raise
        problems = [
            {
                "file": p.place.file, "line": p.place.line, "column": p.place.column,
                "message": p.message, "suggestion": p.suggestion,
            }
            for p in e.problems
        ]  # fmt: skip
        click.echo(json.dumps({"ok": False, "problems": problems}, indent=2))
        sys.exit(EXIT_CONFIG)
    found = active.policy
    findings = lint(found, SystemClock().now())
    fatal = REFUSING | {Severity.WARNING} if strict else REFUSING
    faults, unseen = _channels(config, found)
    good = not any(f.severity in fatal for f in findings) and not faults
    summary = {
        "ok": good, "hash": found.hash, "rules": count_rules(found.rules),
        "teams": len(found.teams), "reps": len(found.roster), "tables": len(found.tables),
        "findings": [f.as_json() for f in findings],
        "channels": [f.as_json() for f in faults], "channels_not_checked": unseen,
    }  # fmt: skip

    def human(v: Mapping[str, Any]) -> Iterator[str]:
        verdict = "is good" if v["ok"] else "can be read, and is not good"
        yield (
            f"{path} {verdict}: {counted(v['rules'], 'rule')}, {counted(v['teams'], 'team')},"
            f" {counted(v['reps'], 'rep')}, {counted(v['tables'], 'table')}"
            f" (policy {v['hash'][:12]})"
        )
        yield from human_findings(v["findings"])
        for fault in faults:
            yield f"error: {fault}"
            yield f"  remedy: {fault.remedy}"
        if v["channels_not_checked"]:
            yield v["channels_not_checked"]

    show(summary, as_json, human)
    if not good:
        sys.exit(EXIT_CONFIG)


def _channels(config: Path | None, policy: Any) -> tuple[list[Any], str]:
    """What the settings lack of the channels that the policy names; or what cannot be known."""
    from fairlead.daemon.channels_known import not_known, unknown_channels

    try:
        settings = settings_of(config)
    except ConfigError:
        return [], not_known(policy)  # a policy can be checked where it will not run
    if settings.config_file is None:
        return [], not_known(policy)
    return unknown_channels(policy, settings), ""


def count_rules(rules: Any) -> int:
    return sum(1 + count_rules(r.rules) for r in rules)


@click.command(
    epilog=EXAMPLES + "  fairlead plan\n  fairlead plan --policy next.yaml --created-since 7d"
)
@click.option("--policy", type=click.Path(path_type=Path), help="Policy file.")
@click.option(
    "--created-since", metavar="TIME", help="Treat leads since then as new: 7d, 24h or a date."
)
@json_option
@click.pass_obj
def plan(
    config: Path | None, policy: Path | None, created_since: str | None, as_json: bool
) -> None:
    """Show what would be written, and write nothing. Exit 3 when something would."""
    from fairlead.daemon.active_policy import read_policy
    from fairlead.daemon.connecting import build_connectors
    from fairlead.daemon.dry_run import dry_run
    from fairlead.daemon.since import parse_since

    settings = settings_of(config, policy=policy)
    active = read_policy(settings.policy)
    need_crm(settings)
    clock = SystemClock()
    since = parse_since(created_since, clock.now()) if created_since else None
    pairs = build_connectors(settings, active)
    with state_to_look_at(settings) as db, progress_line() as progress:
        try:
            readers = {n: p.reader for n, p in pairs.items()}
            result = dry_run(db, active, readers, clock, created_since=since, progress=progress)
        finally:
            for pair in pairs.values():
                pair.reader.close()
                pair.writer.close()
    rows = [
        {"lead": w.lead, "kind": w.kind, "owner": w.owner, "rule": w.rule, "reason": w.reason}
        for w in result.writes
    ]
    show({"writes": rows, "states": result.states}, as_json, human_plan)
    if rows:
        sys.exit(EXIT_WOULD_CHANGE)


@contextmanager
def state_to_look_at(settings: Any) -> Iterator[Any]:
    """The state to plan on: the daemon's copy, the file itself, or an empty one before the first
    start."""
    from fairlead.daemon.control_socket import ControlClient
    from fairlead.store.db import Db

    client = ControlClient(settings.socket_path)
    with tempfile.TemporaryDirectory(prefix="fairlead-plan-") as folder:
        if client.running():
            copy = Path(folder) / "state.sqlite"
            client.call("backup", path=str(copy))
            db = Db(copy)
        elif settings.state.exists():
            db = Db(settings.state)
        else:
            db = Db(None)
        try:
            yield db
        finally:
            db.close()


def human_plan(value: Mapping[str, Any]) -> Iterator[str]:
    writes = value["writes"]
    if not writes:
        yield "Nothing would be written."
        return
    yield f"{counted(len(writes), 'write')} would go out:"
    for w in writes:
        yield f"  {w['kind']:5} {w['lead']} -> {w['owner']}  [{w['rule'] or '-'}] {w['reason']}"


@click.command(epilog=EXAMPLES + "  fairlead init\n  fairlead init --output policy.yaml")
@click.option(
    "--output", type=click.Path(path_type=Path), default=Path("policy.yaml"), show_default=True
)
@click.option("--force", is_flag=True, help="Write over an existing file.")
@click.pass_obj
def init(config: Path | None, output: Path, force: bool) -> None:
    """Write a starter policy from the org's real queues, reps and fields."""
    from fairlead.daemon.starter import starter_policy

    if output.exists() and not force:
        raise ConfigError(f"{output} exists already; use --output or --force")
    settings = settings_of(config)
    text = starter_policy(settings)
    output.write_text(text, encoding="utf-8")
    click.echo(f"wrote {output}; read it, then: fairlead check {output}")


COMMANDS = (
    check,
    plan,
    init,
)
