"""The command line; `main` is the `fairlead` program. One module per kind of command."""

from fairlead.cli import (
    explaining,
    looking,
    ordering,
    policies,
    policy_docs,
    replaying,
    reps,
    running,
    sandboxes,
)
from fairlead.cli.root import main

for _part in (
    running, policies, policy_docs, looking, explaining, replaying, ordering, reps, sandboxes,
):  # fmt: skip
    for _command in _part.COMMANDS:
        main.add_command(_command)

__all__ = ["main"]
