"""How far a run is, on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar

from hansa.control.report_words import duration
from hansa.simulation.federation import Progress

_LINE_EVERY_S = 10.0
_SILENT_S = 2.0  # before it the time that work before a round takes is not guessed
_FIRST_GUESS = 0.02  # share of the work that must be done before the time left is guessed
_MOST = 0.99  # of the bar that rounds fill: what they found is then still scored and written


class ProgressLine:
    """Shows the progress of one run while it is entered."""

    def __init__(self) -> None:
        """Find out whether stderr is a terminal."""
        self._console = Console(stderr=True)
        self._bar: Bar | None = None
        self._first: tuple[float, float] | None = None  # when, and share of the work, at the first call
        self._stage = ("", 0.0, 0.0)  # what is done beside the rounds, since when, and its share then
        self._said = ("", 0.0)  # scenario and time of the last plain line

    def __enter__(self) -> ProgressLine:
        """Start to show."""
        if self._console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
            self._bar = Bar(
                *columns, TextColumn("{task.fields[left]}"), console=self._console, transient=True
            )
            self._bar.start()
            self._bar.add_task("reading the records", total=1.0, left="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Show where the run is now."""
        now = time.monotonic()
        if self._first is None:
            self._first = (now, progress.done)
        left = self._time_left(progress, now)
        text = f"{progress.scenario}: round {progress.round} of {progress.rounds}"
        done = min(progress.done, _MOST)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], description=text, completed=done, left=left)
        elif progress.scenario != self._said[0] or now - self._said[1] > _LINE_EVERY_S:
            self._said = (progress.scenario, now)
            share = f"{done:.0%} of the run"
            self._console.print(", ".join(part for part in (text, share, left) if part), highlight=False)

    def tell(self, text: str, done: float) -> None:
        """Show how far the work beside the rounds is; text: what is done, then how much; done: its share.

        Once rounds have begun the bar is theirs: it then says what is done, and stays where it is.
        """
        now = time.monotonic()
        stage = text.split(",")[0]
        if stage != self._stage[0]:
            self._stage = (stage, now, done)
        left = self._stage_left(done, now)
        if self._bar is not None and self._first is not None:
            self._bar.update(self._bar.task_ids[0], description=text, left="")
        elif self._bar is not None:
            self._bar.update(self._bar.task_ids[0], description=text, completed=done, left=left)
        elif now - self._said[1] > _LINE_EVERY_S:
            self._said = (self._said[0], now)
            self._console.print(", ".join(part for part in (text, left) if part), highlight=False)

    def _stage_left(self, done: float, now: float) -> str:
        _, began, start = self._stage
        if done <= start or now - began <= _SILENT_S:
            return ""
        return _words((now - began) * (1.0 - done) / (done - start))

    def _time_left(self, progress: Progress, now: float) -> str:
        assert self._first is not None
        began, start = self._first
        if progress.done - start < _FIRST_GUESS:
            return ""
        return _words((now - began) * (1.0 - progress.done) / (progress.done - start))


def _words(seconds: float) -> str:
    return f"about {seconds:.0f} s left" if seconds < 100 else f"about {duration(seconds)} left"
