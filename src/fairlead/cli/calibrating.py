"""`calibrate`: learns from the outcomes of past leads what a score should have said."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from fairlead.cli.root import EXAMPLES, json_option, show
from fairlead.errors import ConfigError


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
    + "  fairlead calibrate --data leads.csv --outcome status --time created\n"
    + "  fairlead calibrate --data leads.csv --outcome stage --positive 'Closed Won'"
    + " --time created_at --score lead_score --ignore amount"
)
@click.option(
    "--data", required=True, type=click.Path(path_type=Path), help="CSV file with a header line."
)
@click.option("--outcome", required=True, metavar="COL", help="Column: what became of the lead.")
@click.option("--time", required=True, metavar="COL", help="Column: when the lead came in.")
@click.option("--score", metavar="COL", help="Column: an existing score to compare with.")
@click.option("--positive", multiple=True, metavar="VALUE", help="An outcome that counts as won.")
@click.option("--undecided", multiple=True, metavar="VALUE", help="An outcome that is still open.")
@click.option("--ignore", multiple=True, metavar="COL", help="Column that is not to be used.")
@click.option(
    "--holdout", default="25%", show_default=True, callback=share, metavar="SHARE",
    help="The latest leads, on which the result is judged.",
)  # fmt: skip
@click.option(
    "--min-outcomes", default=50, show_default=True, type=click.IntRange(min=5),
    help="Leads of each outcome to learn from, at least.",
)  # fmt: skip
@json_option
def calibrate(
    data: Path, outcome: str, time: str, score: str | None, positive: tuple[str, ...],
    undecided: tuple[str, ...], ignore: tuple[str, ...], holdout: float, min_outcomes: int,
    as_json: bool,
) -> None:  # fmt: skip
    """Learn weights from the outcomes of past leads, and judge them on later ones. Changes nothing.

    Exit 4 when the evidence is thin.
    """
    from fairlead.core.calibration import calibrate as learn_and_judge
    from fairlead.core.evidence_file import decode, read_evidence
    from fairlead.core.evidence_leads import Asked
    from fairlead.reports.calibration import calibration_json, human_calibration

    try:
        text, encoding = decode(data.read_bytes())
    except OSError as e:
        raise ConfigError(f"{data} cannot be read: {e.strerror}") from e
    asked = Asked(outcome, time, score, positive, undecided, ignore, holdout, min_outcomes)
    with bar() as progress:
        found = learn_and_judge(read_evidence(data.name, text), asked, progress)
    show(calibration_json(found, encoding), as_json, human_calibration)


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
