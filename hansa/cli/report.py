"""How a run is reported: the page that control renders, for the room that runs and renders nothing."""

from __future__ import annotations

from hansa.control.report import render_report
from hansa.runtime.result import RunResult
from hansa.simulation.run import Report


def report_of(charter_text: str) -> Report:
    """Return what renders report.html of a run of this charter."""

    def render(result: RunResult) -> str:
        return render_report(result.value(), charter_text)

    return render
