"""The tables of a study, for its page and, as text, for Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hansa.control import study_words
from hansa.control.report_tables import REFERENCE, Cell, Row, Table
from hansa.control.report_words import figure_at, number, size, title_of
from hansa.control.yardstick import Yardstick, yardstick

Tree = Mapping[str, Any]

REFERENCES = ("isolated_mean", "isolated", "centralised")
_BASELINES = ("constant", "linear")
_COLUMNS = {
    "all_cycle": ("rmse", "mae", "raw_rmse", "raw_mae", "solo_mean", "solo_worst"),
    "last_cycle": (
        "rmse", "mae", "nasa", "raw_rmse", "raw_mae", "raw_nasa", "solo_mean", "solo_worst",
    ),
}  # fmt: skip
_HEADS = {"solo_mean": "mean party", "solo_worst": "worst party"}


def party_tables(study: Tree, summary: Tree, parties: int) -> list[Table]:
    """Return the tables of one number of parties: errors, then differences, under both protocols."""
    rows = [row for row in summary["rows"] if row["parties"] == parties]
    tables = [_error_table(study, summary, rows, protocol) for protocol in yardstick(study).protocols]
    tables += [_difference_table(study, rows, protocol) for protocol in yardstick(study).protocols]
    return [table for table in tables if table.rows]


def collapse_table(study: Tree, summary: Tree) -> Table:
    """Return every seed that collapsed, and why."""
    rows = tuple(
        Row(
            study_words.row_title(one, study),
            (
                Cell("any" if one["parties"] == 0 else str(one["parties"])),
                Cell(str(one["seed"])),
                Cell(number(one["rmse"]) if one["rmse"] is not None else "not finite"),
                Cell(number(one["constant"])),
                Cell(number(one["mean_of_others"])),
                Cell(one["reason"]),
            ),
            scenario=one["scenario"],
        )
        for one in summary["collapsed"]
    )
    return Table(
        name="collapsed",
        caption=f"{yardstick(study).within('Seeds that collapsed; all-cycle filtered RMSE')}.",
        corner="Scenario",
        heads=("parties", "seed", "RMSE", "constant", "mean of the other seeds", "reason"),
        rows=rows,
    )


def traffic_table(study: Tree, summary: Tree) -> Table:
    """Return what one party sent and received over a whole run, framed, by number of parties."""
    names = dict.fromkeys(
        row["scenario"] for row in summary["rows"] if row["scenario"] not in (*_BASELINES, REFERENCE)
    )
    found = {(row["parties"], row["scenario"]): row for row in summary["rows"]}
    rows = [
        Row(title_of(name), tuple(_traffic(found, study["parties"], name)), scenario=name) for name in names
    ]
    return Table(
        name="traffic",
        caption="Framed messages of one party over a whole run, mean over parties and seeds.",
        corner="Scenario",
        heads=("sent", "received") * len(study["parties"]),
        rows=tuple(rows),
        groups=tuple((_parties(count), 2) for count in study["parties"]),
        starts=tuple(range(0, 2 * len(study["parties"]), 2)),
    )


def markdown_table(table: Table) -> str:
    """Return a table in Markdown: its caption, then a header that names group and measure."""
    groups = [label for label, span in table.groups for _ in range(span)]
    heads = [f"{group}: {head}" for group, head in zip(groups, table.heads, strict=True)] if groups else []
    lines = [f"{_escaped(table.caption)}\n", _line([table.corner, *(heads or table.heads)])]
    lines.append("|---" + "|--:" * len(table.heads) + "|")
    for row in table.rows:
        cells = [f"**{_escaped(cell.text)}**" if cell.best else _escaped(cell.text) for cell in row.cells]
        note = f" ({_escaped(row.note)})" if row.note else ""
        lines.append("| " + " | ".join([_escaped(row.head) + note, *cells]) + " |")
    return "\n".join(lines) + "\n"


def _error_table(study: Tree, summary: Tree, rows: Sequence[Tree], protocol: str) -> Table:
    by = yardstick(study)
    names = _COLUMNS.get(protocol) or (*by.task.measures, "solo_mean", "solo_worst")
    rivals = [row for row in rows if row["scenario"] not in (*_BASELINES, REFERENCE)]
    best = {name: _best(rivals, protocol, name, by) for name in names}
    measures = sum(not name.startswith(("raw_", "solo_")) for name in names)
    groups = [(by.protocols[protocol], measures), (f"solo {by.title}", 2)]
    if by.filters:
        filtered = (f"filtered ({study['filter']})", measures)
        groups = [filtered, ("raw", measures), ("solo RMSE, filtered", 2)]
    return Table(
        name=f"errors-{protocol.replace('_', '-')}-{_count(rows)}",
        caption=f"{_parties(_count(rows))}, {by.protocols[protocol]}: mean ± standard deviation over"
        f" {study_words.seeds(study)}{_units(by, protocol)}."
        f" {by.extreme.capitalize()} mean of each column in bold; pooled records and baselines take no part.",
        corner="Scenario and its reading",
        heads=tuple(_head(by, name) for name in names),
        rows=tuple(line for row in rows for line in _error_rows(study, summary, row, protocol, best)),
        groups=tuple(groups),
        starts=tuple(measures * place for place in range(len(groups))),
    )


def _units(by: Yardstick, protocol: str) -> str:
    if not by.filters:
        return ""
    return f", in {by.unit}{' (NASA score: a sum, no unit)' if protocol == 'last_cycle' else ''}"


def _head(by: Yardstick, name: str) -> str:
    if name in _HEADS or by.filters:
        return _HEADS.get(name, name.removeprefix("raw_").upper())
    return ", ".join(part for part in (by.task.measures[name].title, by.units[name]) if part)


def _fallen(summary: Tree, row: Tree) -> str:
    """Return how many seeds of a row collapsed, as the end of its note; nothing where none did."""
    places = [(one["scenario"], one["parties"]) for one in summary["collapsed"]]
    count = places.count((row["scenario"], 0)) + places.count((row["scenario"], row["parties"]))
    return f"; {count} collapsed" if count else ""


def _error_rows(
    study: Tree, summary: Tree, row: Tree, protocol: str, found: Mapping[str, float | None]
) -> Iterator[Row]:
    """Yield the row of a scenario and, where a seed had a stuck model, that of the other seeds."""
    baseline = row["scenario"] in _BASELINES
    rival, digits = not baseline and row["scenario"] != REFERENCE, yardstick(study).task.digits
    title, mark = study_words.row_title(row, study), "" if baseline else row["scenario"]
    cells = tuple(_error_cell(row["figures"][protocol].get(name), best if rival else None, digits)
                  for name, best in found.items())  # fmt: skip
    yield Row(title, cells, row["reading"] + _fallen(summary, row), mark)
    if row["moving"]:
        others = tuple(_error_cell(row["moving"][protocol].get(name), None, digits) for name in found)
        yield Row(f"{title}, {study_words.moving(row)}", others, "no model is stuck at 0", mark)


def _error_cell(found: Tree | None, best: float | None, digits: int) -> Cell:
    mean = figure_at(found, "mean")
    marked = mean is not None and best is not None and round(mean, digits) == best
    return Cell(study_words.spread(found, digits), best=marked)


def _best(rows: Sequence[Tree], protocol: str, name: str, by: Yardstick) -> float | None:
    found = [figure_at(row["figures"][protocol], name, "mean") for row in rows]
    means = [round(mean, by.task.digits) for mean in found if mean is not None]
    return by.best(means) if len(means) > 1 else None


def _difference_table(study: Tree, rows: Sequence[Tree], protocol: str) -> Table:
    compared = [row for row in rows if row["against"]]
    references = [name for name in REFERENCES if any(name in row["against"] for row in compared)]
    by = yardstick(study)
    better, measure = "above" if by.measure.higher else "below", f"{'filtered ' * by.filters}{by.title}"
    return Table(
        name=f"differences-{protocol.replace('_', '-')}-{_count(rows)}",
        caption=f"{_parties(_count(rows))}, {by.protocols[protocol]}: difference of {measure}, paired by seed"
        f"{_units(by, '')}; {better} 0 is better than what stands at the head. Interval: 95 %, Student's t."
        " p: two-sided, not corrected for the number of comparisons.",
        corner="Scenario",
        heads=("mean ± sd", "95 % interval", "p") * len(references),
        rows=tuple(
            Row(
                study_words.row_title(row, study),
                tuple(
                    cell
                    for name in references
                    for cell in _difference_cells(row, name, protocol, by.task.digits)
                ),
                scenario=row["scenario"],
            )
            for row in compared
        ),
        groups=tuple((f"against {title_of(name).lower()}", 3) for name in references),
        starts=tuple(range(0, 3 * len(references), 3)),
    )


def _difference_cells(row: Tree, reference: str, protocol: str, digits: int) -> tuple[Cell, Cell, Cell]:
    found = row["against"].get(reference, {}).get(protocol)
    if found is None or figure_at(found, "mean") is None:
        return (Cell("–"), Cell("–"), Cell("–"))
    sd = figure_at(found, "sd")
    mean = study_words.signed(found["mean"], digits) + (f" ± {number(sd, digits)}" if sd is not None else "")
    return (Cell(mean), Cell(study_words.interval(found, digits)), Cell(study_words.chance(found["p"])))


def _traffic(found: Mapping[tuple[int, str], Tree], counts: Sequence[int], name: str) -> list[Cell]:
    return [
        Cell(size(figure_at(found.get((count, name)), key, "mean")))
        for count in counts
        for key in ("bytes_up", "bytes_down")
    ]


def _count(rows: Sequence[Tree]) -> int:
    return int(rows[0]["parties"]) if rows else 0


def _parties(count: int) -> str:
    return "1 party" if count == 1 else f"{count} parties"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_escaped(cell) for cell in cells) + " |"


def _escaped(text: str) -> str:
    """Return text that Markdown shows as it is."""
    text = text.replace("\\", "\\\\").replace("\n", " ").replace("&", "&amp;").replace("<", "&lt;")
    for sign in "|*_`[]":
        text = text.replace(sign, f"\\{sign}")
    return text
