"""`python -m api.cli` is `sheepdog`."""

from api.cli.main import main

main(prog_name="sheepdog")
