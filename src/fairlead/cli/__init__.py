"""The command line; `main` is the `fairlead` program. One module per kind of command."""

from fairlead.cli import looking, policies, running, sandboxes
from fairlead.cli.root import main

for _command in (*running.COMMANDS, *policies.COMMANDS, *looking.COMMANDS, *sandboxes.COMMANDS):
    main.add_command(_command)

__all__ = ["main"]
