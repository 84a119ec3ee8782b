"""`hansa run`: train what a charter says, compare, and write model, result and report."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hansa.cli.commands import PATH, STOPPED, Command, data_option, json_option

if TYPE_CHECKING:
    from hansa.runtime.large_fleet import Tell
    from hansa.simulation.launch import Launch

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_HERE = Path("charter.toml")


@click.command(cls=Command)
@click.argument("charter", required=False, type=PATH)
@data_option
@click.option("--out", metavar="DIR", type=PATH, help="Folder to write to. Default: runs/NAME-DIGEST.")
@json_option
@click.option("--resume", metavar="OUT", type=PATH, help="Go on with the interrupted run of this folder.")
def run(
    charter: Path | None, data: Path | None, out: Path | None, as_json: bool, resume: Path | None
) -> None:
    """Train what CHARTER says (default: charter.toml) and write model, result and report to a folder.

    The table goes to stdout, and last the folder. Ctrl-C ends the round at work and writes a partial
    result, which --resume continues.

    Example: hansa run charter.toml --out runs/first
    """
    from hansa.simulation.charter_file import read_charter_file
    from hansa.simulation.launch import is_complete, launch, relaunch

    if resume is not None:
        if charter is not None or out is not None:
            raise click.UsageError(
                "--resume needs neither a charter nor --out: the folder holds the charter."
            )
        if is_complete(resume):
            click.echo(f"{resume} is complete, there is nothing left to train.", err=True)
            _show(json.loads((resume / "result.json").read_text(encoding="utf-8")), resume, as_json)
            return
        _carry_out(lambda tell: relaunch(resume, data, tell), as_json)
        return
    if charter is None and not _HERE.is_file():
        raise click.UsageError("Name a charter, or write one: hansa charter init --simulated > charter.toml")
    file = read_charter_file(charter or _HERE)
    _carry_out(lambda tell: launch(file, data, out, tell), as_json)


def _carry_out(start: Callable[[Tell], Launch], as_json: bool) -> None:
    from hansa.cli.progress import ProgressLine
    from hansa.cli.report import report_of

    asked = threading.Event()
    with ProgressLine() as watch:

        def tell(text: str, done: float) -> None:
            # A table is read for long before a round could end; scoring and writing, told at 0, shall end.
            if asked.is_set() and done:
                raise KeyboardInterrupt
            watch.tell(text, done)

        started = start(tell)
        out = started.folder.path
        try:
            with _stop_flag(asked) as stop:
                result = started.go(report_of(started.charter_text), watch, stop)
        except KeyboardInterrupt:
            click.echo(f"Stopped while rows were prepared. Go on with: hansa run --resume {out}", err=True)
            click.get_current_context().exit(STOPPED)
    _show(result.value(), out, as_json)
    if not result.complete:
        click.echo(f"Stopped; the result is partial. Go on with: hansa run --resume {out}", err=True)
        click.get_current_context().exit(STOPPED)


def _show(result: dict[str, Any], out: Path, as_json: bool) -> None:
    """Print result.json alone, or the tables and last the folder."""
    if as_json:
        from hansa.registry.folders import json_text

        click.echo(json_text(result))
        return
    from hansa.cli.tables import result_lines

    click.echo("\n".join(result_lines(result)))
    click.echo(f"\nReport: {out / 'report.html'}\nModels, result and charter:\n{out}")


@contextmanager
def _stop_flag(asked: threading.Event) -> Iterator[Callable[[], bool]]:
    """Yield whether Ctrl-C or a request to terminate came; a second one ends the process at once."""
    if threading.current_thread() is not threading.main_thread():  # only there may signals be caught
        yield asked.is_set
        return

    def ask(_number: int, _frame: object) -> None:
        asked.set()
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        # A plain write: the interrupted code may be printing itself.
        os.write(2, b"\nStopping after this round; once more ends at once.\n")

    before = [signal.signal(number, ask) for number in _SIGNALS]
    try:
        yield asked.is_set
    finally:
        for number, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(number, handler)
