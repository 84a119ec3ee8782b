"""A run from Python, with the progress and the report of the command line."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from hansa.cli.progress import ProgressLine
from hansa.cli.report import report_of
from hansa.runtime.large_fleet import untold
from hansa.runtime.result import RunResult
from hansa.simulation.launch import launch, train_in_memory
from hansa.simulation.notebook import Source, charter_file


def run(
    charter: Source, data: Path | str | None = None, out: Path | str | None = None, *, progress: bool = False
) -> RunResult:
    """Return the result of a charter, with its models by scenario in `models`.

    charter: a charter, the path of one, or its text. data: folder of the records; by default HANSA_DATA
    for C-MAPSS, and the charter's own folder for tables. out: folder to write result, models and report
    to; none: nothing is written. progress: whether to show on stderr how far the run is.
    Raises CharterError, DataError, PartyError or FolderError as `hansa run` says them.
    """
    file = charter_file(charter)
    folder = None if data is None else Path(data)
    with ProgressLine() if progress else nullcontext() as line:
        watch, tell = (_nothing, untold) if line is None else (line, line.tell)
        if out is None:
            return train_in_memory(file, folder, watch, tell)
        started = launch(file, folder, Path(out), tell)
        return started.go(report_of(file.text), watch, lambda: False)


def _nothing(_: object) -> None:
    """Show nothing."""
