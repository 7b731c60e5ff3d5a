"""The command line; `main` is the `fairlead` program. One module per kind of command."""

from fairlead.cli import looking, policies, reps, running, sandboxes
from fairlead.cli.root import main

for _module in (running, policies, looking, reps, sandboxes):
    for _command in _module.COMMANDS:
        main.add_command(_command)

__all__ = ["main"]
