"""Commands that say a user's fault in one sentence and exit with 2; what else escapes stays loud."""

from __future__ import annotations

import shlex
import traceback
from pathlib import Path
from typing import Any

import click

from hansa.core.errors import HansaError
from hansa.core.tasks import TASKS

STOPPED = 130  # exit status of a run that a person stopped
_DEBUG = "hansa.debug"


class Command(click.Command):
    """A command with `--debug`, which shows the traceback of a fault."""

    def __init__(self, name: str | None, **settings: Any) -> None:
        """Take what click.Command takes."""
        super().__init__(name, **settings)
        self.params.append(_debug_option())

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a HansaError becomes a sentence on stderr and exit status 2."""
        try:
            return super().invoke(ctx)
        except HansaError as fault:
            if ctx.meta.get(_DEBUG):
                click.echo(traceback.format_exc(), err=True, nl=False)
            click.echo(str(fault), err=True)
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
            ctx.exit(STOPPED)


class Group(click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type


def quoted(path: Path) -> str:
    """Return a path as a shell takes it."""
    return shlex.quote(str(path))


def ask_to_sign(question: str) -> None:
    """Return once a person says yes; for a no, or no more input, say what follows and end with 2."""
    try:
        if click.confirm(question):
            return
    except click.Abort:
        click.echo(err=True)
    click.echo("Not signed; nothing was sent: give the command again to sign.", err=True)
    raise click.exceptions.Exit(2)


def _debug_option() -> click.Option:
    def remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        ctx.meta[_DEBUG] = value

    return click.Option(
        ["--debug"],
        is_flag=True,
        expose_value=False,
        callback=remember,
        help="Show where in the code a fault came up.",
    )


PATH = click.Path(path_type=Path)
"""Type of an argument that is a path; files are checked where they are read."""

data_option = click.option(
    "--data",
    metavar="DIR",
    type=PATH,
    help="Folder of the records. C-MAPSS: by default HANSA_DATA. Tables: by default the charter's folder.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, nothing else.")

task_option = click.option(
    "--task",
    type=click.Choice(list(TASKS)),
    default="rul",
    show_default=True,
    help="What the table tells: lives (rul), failures, or prices.",
)
