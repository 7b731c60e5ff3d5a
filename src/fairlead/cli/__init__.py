"""The command line; `main` is the `fairlead` program. One module per kind of command."""

from fairlead.cli import (
    calibrating,
    explaining,
    looking,
    messaging,
    ordering,
    policies,
    policy_docs,
    replaying,
    reps,
    running,
    sandboxes,
    weighing,
)
from fairlead.cli.root import main

_PARTS = (
    running, policies, policy_docs, looking, explaining, replaying, weighing, ordering, reps,
    messaging, sandboxes, calibrating,
)  # fmt: skip
for _part in _PARTS:
    for _command in _part.COMMANDS:
        main.add_command(_command)

__all__ = ["main"]
