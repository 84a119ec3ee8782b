"""The report of one run: a single page that opens offline, prints, and asks nothing of a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hansa.control import report_charts, report_tables, report_words, task_words
from hansa.control.page import render_page
from hansa.control.report_charts import Figure
from hansa.control.report_classes import class_table
from hansa.control.report_fairness import fairness
from hansa.control.report_histogram import histogram_figure
from hansa.control.report_judging import judging_tables, judging_words, share_tables
from hansa.control.report_labels import label_table
from hansa.control.report_parties import are_many, many_note
from hansa.control.yardstick import yardstick


def render_report(result: Mapping[str, Any], charter_text: str) -> str:
    """Return the HTML page of one run; style, data and the charting library stand inside it.

    result: the tree of result.json, also of a partial run or of a few scenarios. charter_text: the
    charter as written. Names in both are treated as text, never as markup.
    """
    figures, by = _figures(result), yardstick(result)
    shown = {
        "result": result,
        "words": report_words,
        "task_words": task_words,
        "by": by,
        "engines": [figure for figure in figures if figure.name.startswith("engine-")],
        "tables": _tables(result),
        "party_tables": [report_tables.party_table(result, protocol) for protocol in by.protocols],
        "class_tables": [class_table(result, protocol) for protocol in by.protocols],
        "fairness": fairness(result),
        "many_note": many_note(result),
        "judging_words": judging_words(result),
        "judging_tables": [*judging_tables(result), *share_tables(result)],
        "drawn": report_charts.drawn_scenarios(result),
        "charter_text": charter_text,
    }
    return render_page("report.html.j2", figures, shown)


def _figures(result: Mapping[str, Any]) -> list[Figure]:
    """Return the charts that this result has something to show in."""
    every = [
        report_charts.glance_figure(result),
        report_charts.rounds_figure(result),
        *report_charts.engine_figures(result),
        histogram_figure(result) if are_many(result) else report_charts.party_figure(result),
    ]
    return [figure for figure in every if any(option["series"] for option in figure.options.values())]


def _tables(result: Mapping[str, Any]) -> dict[str, report_tables.Table]:
    every = (
        report_tables.error_table(result),
        report_tables.solo_table(result),
        report_tables.cost_table(result),
        report_tables.traffic_table(result),
        report_tables.holdings_table(result),
        label_table(result),
        report_tables.regime_table(result),
        report_tables.sensor_table(result),
    )
    return {table.name: table for table in every if table.rows and table.heads}
