"""`calibrate`: learns from the outcomes of past leads what a score should have said."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from fairlead.cli.root import EXAMPLES, json_option, need_crm, settings_of, show
from fairlead.clock import SystemClock
from fairlead.errors import ConfigError, ThinEvidence


def share(ctx: click.Context, param: click.Parameter, value: str) -> float:
    """Reads `25%` or `0.25`, between 5 and 50 percent."""
    try:
        found = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
    except ValueError:
        found = 0.0
    if not 0.05 <= found <= 0.5:
        raise click.BadParameter("a share from 5% to 50%, such as 25%")
    return found


@click.command(
    epilog=EXAMPLES
    + "  fairlead calibrate\n  fairlead calibrate --goal won --since 730d --diff > points.diff\n"
    + "  fairlead calibrate --data leads.csv --outcome status --time created\n"
    + "  fairlead calibrate --data leads.csv --outcome stage --positive 'Closed Won'"
    + " --time created_at --score lead_score --ignore amount"
)
@click.option(
    "--data", type=click.Path(path_type=Path),
    help="CSV file with a header line; without it, leads of the CRMs and the policy's points.",
)  # fmt: skip
@click.option("--outcome", metavar="COL", help="With --data: what became of the lead.")
@click.option("--time", metavar="COL", help="With --data: when the lead came in.")
@click.option("--score", metavar="COL", help="With --data: an existing score to compare with.")
@click.option("--positive", multiple=True, metavar="VALUE", help="With --data: what is won.")
@click.option("--undecided", multiple=True, metavar="VALUE", help="With --data: what is open.")
@click.option("--ignore", multiple=True, metavar="COL", help="With --data: not to be used.")
@click.option("--since", metavar="WHEN", help="Without --data: leads that came since then; 365d.")
@click.option(
    "--goal", type=click.Choice(["converted", "won"]),
    help="Without --data: what counts as success; converted.",
)  # fmt: skip
@click.option("--as-decided", is_flag=True, help="Without --data: only leads that were routed.")
@click.option("--diff", is_flag=True, help="Without --data: print the proposed diff alone.")
@click.option(
    "--write", type=click.Path(path_type=Path),
    help="Without --data: write the policy with the new points to this new file.",
)  # fmt: skip
@click.option(
    "--holdout", default="25%", show_default=True, callback=share, metavar="SHARE",
    help="The latest leads, on which the result is judged.",
)  # fmt: skip
@click.option(
    "--min-outcomes", default=50, show_default=True, type=click.IntRange(min=5),
    help="Leads of each outcome to learn from, at least.",
)  # fmt: skip
@json_option
@click.pass_obj
def calibrate(
    config: Path | None, data: Path | None, outcome: str | None, time: str | None,
    score: str | None, positive: tuple[str, ...], undecided: tuple[str, ...],
    ignore: tuple[str, ...], since: str | None, goal: str | None, as_decided: bool, diff: bool,
    write: Path | None, holdout: float, min_outcomes: int, as_json: bool,
) -> None:  # fmt: skip
    """Learn weights from the outcomes of past leads, and judge them on later ones. Changes nothing.

    Without --data it reads the outcomes from the CRMs and proposes new points for the policy's own
    scoring, as a diff. Exit 4 when the evidence is thin.
    """
    if data is None:
        if outcome or time or score or positive or undecided or ignore:
            raise click.UsageError("columns are named with --data FILE only")
        if diff and as_json:
            raise click.UsageError("--json has the diff; leave out --diff")
        asked = {"goal": goal or "converted", "as_decided": as_decided, "holdout": holdout,
                 "min_outcomes": min_outcomes}  # fmt: skip
        _policys_points(config, since or "365d", asked, diff, write, as_json)
        return
    if since or goal or as_decided or diff or write:
        raise click.UsageError(
            "--since, --goal, --as-decided, --diff and --write go without --data"
        )
    if outcome is None or time is None:
        raise click.UsageError("--data needs --outcome COL and --time COL")
    from fairlead.core.calibration import calibrate as learn_and_judge
    from fairlead.core.evidence_file import decode, read_evidence
    from fairlead.core.evidence_leads import Asked
    from fairlead.reports.calibration import calibration_json, human_calibration

    try:
        text, encoding = decode(data.read_bytes())
    except OSError as e:
        raise ConfigError(f"{data} cannot be read: {e.strerror}") from e
    columns = Asked(outcome, time, score, positive, undecided, ignore, holdout, min_outcomes)
    with bar() as progress:
        found = learn_and_judge(read_evidence(data.name, text), columns, progress)
    show(calibration_json(found, encoding), as_json, human_calibration)


def _policys_points(
    config: Path | None, since: str, asked: dict[str, Any], diff: bool, write: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Calibrate the points of the policy from what the CRMs know."""
    from fairlead.cli.policies import state_to_look_at
    from fairlead.daemon.active_policy import read_policy
    from fairlead.daemon.connecting import build_connectors
    from fairlead.daemon.recalibrating import Question, propose
    from fairlead.daemon.since import parse_since
    from fairlead.reports.recalibration import human_recalibration, recalibration_json

    if write is not None and write.exists():
        raise ConfigError(f"{write} is there already; name a new file and compare")
    settings = settings_of(config)
    active = read_policy(settings.policy)
    need_crm(settings)
    now = SystemClock().now()
    question = Question(parse_since(since, now), **asked)
    pairs = build_connectors(settings, active)
    try:
        with state_to_look_at(settings) as db, bar() as progress:
            readers = {n: p.reader for n, p in pairs.items()}
            found = propose(db, active, readers, question, now, progress)
    finally:
        for pair in pairs.values():
            pair.reader.close()
            pair.writer.close()
    if diff:
        click.echo(found.diff, nl=False)
    else:
        show(recalibration_json(found), as_json, human_recalibration)
    if write is not None:
        if not found.diff:
            raise ThinEvidence(
                f"nothing is proposed (verdict: {found.found.verdict}); {write} was not written",
                remedy="see fairlead calibrate without --write for the reasons",
            )
        write.write_text(found.text, encoding="utf-8")


@contextmanager
def bar() -> Iterator[Callable[[str, float], None]]:
    """A bar on a terminal; silent elsewhere."""
    live = sys.stderr.isatty()
    width = 30

    def progress(what: str, done: float) -> None:
        if live:
            full = round(width * done)
            line = f"\r[{'#' * full}{'.' * (width - full)}] {done:4.0%} {what:<10}"
            click.echo(line, nl=False, err=True)

    try:
        yield progress
    finally:
        if live:
            click.echo("\r" + " " * (width + 20) + "\r", nl=False, err=True)


COMMANDS = (calibrate,)
