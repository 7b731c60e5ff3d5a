"""Commands about messages out of the house: the list of what is not sent, and a test."""

from __future__ import annotations

from pathlib import Path

import click

from fairlead.cli.root import EXAMPLES, Group, call, json_option, settings_of, show
from fairlead.reports.messages import human_messages, human_test


@click.group("messages", cls=Group)
def messages() -> None:
    """Mails, chats and webhooks that wait or could not be sent."""


@messages.command("list", epilog=EXAMPLES + "  fairlead messages list --json")
@click.option("--all", "everything", is_flag=True, help="Also those that have gone.")
@json_option
@click.pass_obj
def messages_list(config: Path | None, everything: bool, as_json: bool) -> None:
    """Show the list."""
    show(call(config, "messages", all=everything), as_json, human_messages)


@messages.command("retry", epilog=EXAMPLES + "  fairlead messages retry 3")
@click.argument("number", type=int, required=False)
@click.option("--all", "everything", is_flag=True, help="Retry every one that failed.")
@json_option
@click.pass_obj
def messages_retry(
    config: Path | None, number: int | None, everything: bool, as_json: bool
) -> None:
    """Send one that failed again, or all."""
    if (number is None) == (not everything):
        raise click.UsageError("give a number or --all")
    done = call(config, "messages-retry", id=number)
    show(done, as_json, lambda v: iter([f"{v['retried']} will be sent again"]))


@messages.command("drop", epilog=EXAMPLES + "  fairlead messages drop 3")
@click.argument("number", type=int)
@json_option
@click.pass_obj
def messages_drop(config: Path | None, number: int, as_json: bool) -> None:
    """Give one up that is not sent."""
    done = call(config, "messages-drop", id=number)
    show(done, as_json, lambda v: iter([f"#{v['dropped']} dropped"]))


@click.group("notify", cls=Group)
def notify() -> None:
    """The channels that messages go to."""


@notify.command("test", epilog=EXAMPLES + "  fairlead notify test ops")
@click.argument("name")
@json_option
@click.pass_obj
def notify_test(config: Path | None, name: str, as_json: bool) -> None:
    """Send one test message to a channel, now."""
    from fairlead.daemon.channel_doctor import send_test

    show(send_test(settings_of(config), name), as_json, human_test)


COMMANDS = (
    messages,
    notify,
)
