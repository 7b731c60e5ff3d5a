"""The `policy` group: what is made of a policy for those who do not write it."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.cli.root import EXAMPLES, Group, settings_of


@click.group("policy", cls=Group)
def policy() -> None:
    """The policy as a page for people."""


@policy.command(
    "docs",
    epilog=EXAMPLES
    + "  fairlead policy docs policy.yaml > policy.md\n"
    + "  fairlead policy docs --html policy.yaml > policy.html",
)
@click.argument("policy_file", metavar="POLICY", type=click.Path(path_type=Path), required=False)
@click.option("--html", "as_html", is_flag=True, help="One HTML file instead of Markdown.")
@click.pass_obj
def docs(config: Path | None, policy_file: Path | None, as_html: bool) -> None:
    """Print the rules in plain words, the teams, the tables and a picture of the flow."""
    from fairlead.daemon.active_policy import read_policy
    from fairlead.reports.policy_docs import html_page, markdown

    path = policy_file or settings_of(config).policy
    found = read_policy(path).policy
    title = f"Lead routing: {path.name}"
    click.echo((html_page if as_html else markdown)(found, title), nl=False)


COMMANDS = (policy,)
