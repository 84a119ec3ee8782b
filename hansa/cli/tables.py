"""A run's result as text: the same words, figures and units as its report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hansa.control import report_words as words
from hansa.control.report_classes import class_lines
from hansa.control.report_fairness import fairness
from hansa.control.report_judging import judging_words
from hansa.control.report_tables import Table, error_table, solo_table
from hansa.control.task_words import judged
from hansa.control.yardstick import yardstick

_MOST_PARTIES = 8  # above, only the lowest, mean and highest are shown
_SHOWN_ERRORS = (0, 1, 2, 4, 5, 6, 7)  # of the report's columns: all but the raw MAE and NASA score
_ERROR_HEADS = ("RMSE", "MAE", "raw RMSE", "RMSE", "MAE", "NASA", "raw RMSE")


def result_lines(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a result: headline, errors, each party alone, traffic, and how it was judged.

    result: the tree of result.json, also of a partial run.
    """
    yield f"{words.headline(result)}; charter {result['charter']}, {result['charter_digest'][:8]}"
    yield f"Partition: {words.deal(result)}."
    if not result["complete"]:
        rounds = f"{result['rounds_done']} of {result['rounds']} rounds"
        yield f"Partial: stopped after {rounds} of the scenario at work."
    if result["scenarios"]:
        yield from _errors(result)
        yield from _alone(result)
        yield from _by_class(result)
        yield from _traffic(result)
        yield from _who_was_judged(result)
    yield from _judged(result)


def table_lines(table: Table) -> Iterator[str]:
    """Yield a table of the report as aligned text, its caption first."""
    yield ""
    yield table.caption
    rows = [(row.head, *(cell.text for cell in row.cells)) for row in table.rows]
    yield from _aligned([(table.corner, *table.heads), *rows])


def _errors(result: Mapping[str, Any]) -> Iterator[str]:
    table, scenarios, by = error_table(result), result["scenarios"], yardstick(result)
    shown = _SHOWN_ERRORS if by.filters else range(len(table.heads))
    rows = [
        (row.head, scenarios[row.scenario]["reading"], *(row.cells[i].text for i in shown))
        for row in table.rows
    ]
    yield ""
    if by.filters:
        yield f"Error in {by.unit}, filtered unless raw (NASA score: no unit)"
        heads = ("Scenario", "reading", *_ERROR_HEADS)
        yield from _aligned([heads, *rows], above=((2, 5, "all-cycle"), (5, 9, "last-cycle")), texts=2)
        return
    yield f"Figures on the test, {'higher' if by.measure.higher else 'lower'} is better"
    yield from _aligned([("Scenario", "reading", *table.heads), *rows], texts=2)


def _alone(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield each party's own reading, or the range of them where the parties are many."""
    parties, by = tuple(result["parties"]), yardstick(result)
    if len(parties) > _MOST_PARTIES:
        table = solo_table(result)
        yield ""
        yield f"One party's model alone (solo), {by.described}, over the parties"
        rows = [(row.head, *(cell.text for cell in row.cells)) for row in table.rows]
        above = [(3 * i + 1, 3 * i + 4, name) for i, name in enumerate(by.protocols.values())]
        yield from _aligned([("Scenario", *table.heads), *rows], above=above)
        return
    for protocol, name in by.protocols.items():
        yield ""
        yield f"One party's model alone (solo), {name}, {by.described}"
        yield from _aligned([("Scenario", *parties), *_solo_rows(result, parties, protocol)])


def _solo_rows(result: Mapping[str, Any], parties: Sequence[str], protocol: str) -> Iterator[tuple[str, ...]]:
    by = yardstick(result)
    for name in words.ordered(result["scenarios"]):
        own = result["scenarios"][name]["parties"]
        if any(party in own for party in parties):
            figures = (words.figure_at(own, party, protocol, by.key) for party in parties)
            yield (words.title_of(name), *(words.number(figure, by.task.digits) for figure in figures))


def _by_class(result: Mapping[str, Any]) -> Iterator[str]:
    lines = list(class_lines(result))
    if lines:
        by = yardstick(result)
        yield ""
        title = words.title_of(result["algorithm"])
        yield f"{title} by class of asset, {by.protocols[by.headline]}, {by.described}"
        yield from lines


def _traffic(result: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "Traffic of each party over the whole run, as framed messages, and computing time"
    rows = []
    for name in words.ordered(result["scenarios"]):
        scenario = result["scenarios"][name]
        own = list(scenario["parties"].values())
        sent, received = (_span([party[key] for party in own]) for key in ("bytes_up", "bytes_down"))
        rows.append((words.title_of(name), sent, received, words.number(scenario["seconds"], 1)))
    yield from _aligned([("Scenario", "sent", "received", "seconds"), *rows])


def _span(counts: Sequence[int]) -> str:
    low, high = words.size(min(counts)), words.size(max(counts))
    if max(counts) == 0:
        return "nothing"
    return low if low == high else f"{low} to {high}"


def _who_was_judged(result: Mapping[str, Any]) -> Iterator[str]:
    said = judging_words(result)
    if said:
        yield ""
        yield from said


def _judged(result: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield judged(result).short
    yield (
        "joined: the mean of all parties' predictions, which needs all their sensors on the row; "
        "mean of parties: the mean of their own errors."
    )
    if result["algorithm"] in result["scenarios"]:
        yield " ".join(part for part in (words.answer(result), words.verdict(result)) if part)
        yield from fairness(result)


def _aligned(
    rows: Sequence[Sequence[str]], above: Sequence[tuple[int, int, str]] = (), texts: int = 1
) -> Iterator[str]:
    """Yield the rows as aligned text; the first `texts` columns are words, the others figures.

    above: headings over columns, as first, behind the last, and text.
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    starts = [sum(widths[:i]) + 2 * i for i in range(len(widths) + 1)]
    if above:
        line = ""
        for first, behind, text in above:
            line = line.ljust(starts[first]) + f" {text} ".center(starts[behind] - 2 - starts[first], "-")
        yield line
    for row in rows:
        cells = [
            cell.ljust(width) if i < texts else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
