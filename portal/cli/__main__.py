"""`python -m portal.cli` is the command `portal`."""

from portal.cli import main

main(prog_name="portal")
