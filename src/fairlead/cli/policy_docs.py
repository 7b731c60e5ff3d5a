"""The `policy` group: what is made of a policy for those who do not write it."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.cli.root import EXAMPLES, Group, call, json_option, settings_of, show
from fairlead.core.counted import counted
from fairlead.errors import ConfigError
from fairlead.reports.replayed import human_history


@click.group("policy", cls=Group)
def policy() -> None:
    """The policy as a page for people, and every version of it that was used."""


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


@policy.command("history", epilog=EXAMPLES + "  fairlead policy history --json")
@json_option
@click.pass_obj
def history(config: Path | None, as_json: bool) -> None:
    """Every version that was used: when, and for how many decisions."""
    show(call(config, "policy-history"), as_json, human_history)


@policy.command("diff", epilog=EXAMPLES + "  fairlead policy diff 3f2a91c07b1e 9d0c44e1a2b3")
@click.argument("old", metavar="HASH")
@click.argument("new", metavar="HASH2")
@click.pass_obj
def diff(config: Path | None, old: str, new: str) -> None:
    """What differs between two versions, tables and roster too; exit 0 either way."""
    click.echo(call(config, "policy-diff", old=old, new=new)["diff"], nl=False)


@policy.command(
    "show",
    epilog=EXAMPLES
    + "  fairlead policy show 3f2a91c07b1e\n"
    + "  fairlead policy show 3f2a91c07b1e --output old-policy",
)
@click.argument("hash", metavar="HASH")
@click.option("--output", type=click.Path(path_type=Path), help="A new folder for its files.")
@click.pass_obj
def show_version(config: Path | None, hash: str, output: Path | None) -> None:
    """Print a version as it was, or write its files out, to go back to it."""
    found = call(config, "policy-show", hash=hash)
    if output is None:
        for name in sorted(found["files"], key=lambda n: (n != found["main"], n)):
            if len(found["files"]) > 1:
                click.echo(f"# -- {name}")
            click.echo(found["files"][name], nl=False)
        return
    if output.exists():
        raise ConfigError(f"{output} exists already; name a new folder")
    for name, text in found["files"].items():
        target = output / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
    click.echo(
        f"wrote {counted(len(found['files']), 'file')} to {output}; look: fairlead check", nl=False
    )
    click.echo(f" {output / found['main']}")


COMMANDS = (policy,)
