"""The start of the command: a person may stop it while it still loads."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; the entry point of the installed command."""
    try:
        from hansa.cli.main import cli

        cli(prog_name="hansa")
    except KeyboardInterrupt:  # while the libraries load; a command itself says it, too
        sys.stderr.write("Stopped.\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
