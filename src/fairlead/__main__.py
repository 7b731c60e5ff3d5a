"""`python -m fairlead` is the `fairlead` program."""

from fairlead.cli import main

main(prog_name="fairlead")
