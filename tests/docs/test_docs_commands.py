"""docs/commands.md has every command with every option, an example that parses, its exit codes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest
from docs.pages import all_blocks, table, text_of

from fairlead import errors
from fairlead.cli import main

PAGE = text_of("docs/commands.md")
CODES = {v for n, v in vars(errors).items() if n.startswith("EXIT_")} | {1}


def commands(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*before, name))
        else:
            yield (*before, name)


COMMANDS = {" ".join(path): path for path in commands(main)}


def command_at(path: tuple[str, ...]) -> click.Command:
    found: click.Command = main
    for name in path:
        assert isinstance(found, click.Group)
        found = found.commands[name]
    return found


def section(name: str) -> str:
    found = re.findall(rf"(?ms)^### `fairlead {name}`\n(.*?)(?=^##|\Z)", PAGE)
    assert len(found) == 1
    text: str = found[0]
    return text


def lines_of_shell() -> list[tuple[str, str]]:
    """Every line of a shell block, on any page, that calls fairlead; and where it stands."""
    found = []
    for block in all_blocks():
        if block.kind not in ("sh", "console"):
            continue
        for line in block.text.replace("\\\n", " ").splitlines():
            prompt, dollar, rest = line.partition("$ ")
            command = rest if dollar and not prompt else line
            if command.startswith("fairlead ") and (block.kind == "sh" or dollar):
                found.append((str(block), command))
    return found


def test_there_is_one_section_for_each_command_and_none_more() -> None:
    assert sorted(re.findall(r"(?m)^### `fairlead ([a-z -]+)`$", PAGE)) == sorted(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_it_has_every_option_and_argument_and_no_other(name: str) -> None:
    text = section(name)
    for param in command_at(COMMANDS[name]).params:
        if isinstance(param, click.Argument):
            assert f"`{param.human_readable_name}`" in text
        else:
            assert any(f"`{o}`" in text for o in param.opts), f"{name}: {param.opts}"
    known = {o for p in command_at(COMMANDS[name]).params for o in p.opts}
    assert set(re.findall(r"`(--[a-z-]+)`", text)) <= known


@pytest.mark.parametrize("name", COMMANDS)
def test_it_has_an_example_and_known_exit_codes(name: str) -> None:
    text = section(name)
    assert re.search(rf"(?m)^fairlead {name}( |$)", text)
    [codes] = re.findall(r"(?m)^Exit codes: (.*)$", text)
    told = {int(c) for c in re.findall(r"\b\d+\b", codes)}
    assert {0} <= told <= CODES


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_of_the_help_are_on_the_page(name: str) -> None:
    lines = [x.strip() for x in (command_at(COMMANDS[name]).epilog or "").splitlines()]
    examples = [x for x in lines if x.startswith("fairlead ")]
    assert examples
    assert [x for x in examples if x not in section(name)] == []


def test_defaults_are_the_program_s() -> None:
    compared = 0
    for name, path in COMMANDS.items():
        for options, told in re.findall(r"(?m)^\| (`--[^|]+) \| ([^|]*) \|", section(name)):
            for option in re.findall(r"`(--[a-z-]+)`", options):
                [param] = [p for p in command_at(path).params if option in p.opts]
                if isinstance(param, click.Option) and param.show_default:
                    wanted = param.default
                    assert told == (f"{wanted:g}" if isinstance(wanted, float) else str(wanted))
                    compared += 1
    assert compared >= 5


@pytest.mark.parametrize(("place", "line"), lines_of_shell())
def test_every_call_on_any_page_is_one_that_the_program_takes(place: str, line: str) -> None:
    words = shlex.split(line.split(" > ")[0], comments=True)[1:]
    command: click.Command = main
    while isinstance(command, click.Group) and words not in (["--help"], ["--version"]):
        parser = command.make_parser(click.Context(command))
        parser.allow_interspersed_args = False
        _, rest, _ = parser.parse_args(list(words))
        assert rest, f"{place}: {line}: names no command"
        assert rest[0] in command.commands, f"{place}: {line}: no command {rest[0]!r}"
        command, words = command.commands[rest[0]], rest[1:]
    if not isinstance(command, click.Group):
        command.make_context(command.name, list(words))


def test_the_exit_codes_are_all_there_are() -> None:
    assert {int(row[0]) for row in table(PAGE, "code")} == CODES
