"""Writes docs/accuracy.md from measured JSON: `python -m benchmarks.accuracy_page`.

Reads accuracy.json and every *-search.json of benchmarks/results; what is not measured is said to be missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.benchmarks_table import table
from benchmarks.measure import RESULTS
from hansa.core.tasks import TASKS

PAGE = Path(__file__).parent.parent / "docs" / "accuracy.md"
NOT_MEASURED = "Not measured yet: `make measure TOPIC=accuracy` measures every row."

_HEAD = """\
# How accurate it is

For a consortium that asks what federating is worth: the error of one common model beside that of each party
alone and of all records pooled, on real data, for each of the [three tasks](charter.md#three-tasks).

This page is generated: `make measure TOPIC=accuracy` re-runs every row and writes
`benchmarks/results/accuracy.json`, and `python -m benchmarks.accuracy_page` writes the page from it. Figures
are means over seeds. Choices were made on validation assets, and the test was read once a row; the searches
stand at the end, with the scores that they saw.

The protocols:

- all-cycle: every row of every test engine, the truth capped at 120 cycles, filtered as the row says.
- last-cycle: the last row of each test engine, the truth capped at 125 cycles, as most published figures are.
- failures: the assets of the test that do not choose the threshold. AUPRC needs none, and higher is better.
- prices: every sale of the test. RMSLE counts a miss by its ratio.

A goal that is missed is marked; a row without a goal stands beside others to compare.
"""

_SEARCHES = """\
## The searches

Means over the seeds and draws of the validation assets. Of SECOM, draws of the units that each measured split
learns from.
"""


@dataclass(frozen=True, slots=True)
class _Group:
    """Rows that are read together."""

    title: str
    words: tuple[str, ...]  # one of them stands in the measure; none: whatever is left
    text: str = ""


_GROUPS = (
    _Group(
        "Remaining life of turbofans",
        ("FD00", "the same, solo"),
        "C-MAPSS: the engines of the training file learned from, those of the test file judged on.",
    ),
    _Group(
        "Fleets that differ",
        ("dealt by", "skewed", "worst party"),
        "The party that fares worst, and what a model of its own changes for each.",
    ),
    _Group(
        "Every algorithm in one setting",
        ("by regime, 60 rounds", "in its setting"),
        "One budget for all; then each in the setting that its paper is about, beside plain averaging or"
        " plain vertical learning: below 0 it is better there, else it is not.",
    ),
    _Group("Forgetting", ("the first fleets' RMSE",), "Error on assets before and after other fleets."),
    _Group("Failures", ("SECOM", "Bosch", "AUPRC"), "Whether a part fails: together, and single parties."),
    _Group("Prices", ("bulldozers", "RMSLE", "price"), "What a machine is sold for."),
    _Group("Other rows", ()),
)
_REPEATS = ("seed", "draw", "split", "repeat")
_MEASURES = frozenset(name for task in TASKS.values() for name in task.measures) | {"seconds", "bytes"}


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(RESULTS), encoding="utf-8")
    print(f"Written: {PAGE}")


def page(results: Path) -> str:
    """Return docs/accuracy.md from the files of a folder."""
    rows = _read(results / "accuracy.json")
    parts = [_HEAD, *(_measured(rows) if rows else [NOT_MEASURED + "\n"])]
    searches = sorted(results.glob("*-search.json"))
    if searches:
        parts += [_SEARCHES, *(_search(path) for path in searches)]
    return "\n".join(parts)


def _read(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file of rows, whether or not they stand in a table of their own; none: no file."""
    if not path.exists():
        return []
    value = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(value, Mapping):
        value = next((one for one in value.values() if isinstance(one, list)), [])
    return [one for one in value if isinstance(one, Mapping)]


def _measured(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    goals = [row for row in rows if row["goal"] != "shown"]
    held = sum(bool(row["holds"]) for row in goals)
    yield f"{held} of {len(goals)} goals hold.\n"
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(_group(str(row["measure"])).title, []).append(row)
    for group in _GROUPS:
        if group.title in groups:
            yield _section(group, groups[group.title])


def _group(measure: str) -> _Group:
    lowered = measure.lower()  # the first group has what all others may name, too
    found = (one for one in reversed(_GROUPS) if any(word.lower() in lowered for word in one.words))
    return next(found, _GROUPS[-1])


def _section(group: _Group, rows: Sequence[Mapping[str, Any]]) -> str:
    commands = dict.fromkeys(str(row["command"]) for row in rows)
    heads = ("measure", "goal", "figure", "unit", "holds")
    lines = [f"## {group.title}\n", f"{group.text}\n" if group.text else ""]
    beside, others = _beside(rows)
    lines += [f"{title}:\n\n{text}" for title, text in beside]
    lines += [table(heads, [_cells(row) for row in others])] if others else []
    lines += [f"Command: {', '.join(f'`{command}`' for command in commands)}.\n"]
    return "\n".join(line for line in lines if line)


def _beside(
    rows: Sequence[Mapping[str, Any]],
) -> tuple[list[tuple[str, str]], list[Mapping[str, Any]]]:
    """Return tables of rows that differ by a name and a figure, PREFIX, NAME: FIGURE, and all other rows."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    others = []
    for row in rows:
        setting, _, figure = str(row["measure"]).partition(": ")
        prefix, _, name = setting.partition(" rounds, ")
        if row["goal"] != "shown" or not (figure and name):
            others.append(row)
            continue
        head = f"{figure} ({row['unit']})" if row["unit"] else figure
        found.setdefault(f"{prefix} rounds", {}).setdefault(name, {})[head] = f"{row['value']:g}"
    tables = []
    for title, names in found.items():
        heads = list(dict.fromkeys(head for own in names.values() for head in own))
        lines = [[name, *(own.get(head, "–") for head in heads)] for name, own in names.items()]
        tables.append((title, table(("", *heads), lines)))
    return tables, others


def _cells(row: Mapping[str, Any]) -> list[str]:
    measured = "(not measured" not in str(row["measure"])
    figure = f"{row['value']:g}" if measured and isinstance(row["value"], int | float) else "–"
    holds = "" if row["goal"] == "shown" else "yes" if row["holds"] else "**no**"
    return [str(row["measure"]), str(row["goal"]), figure, str(row["unit"]), holds]


def _search(path: Path) -> str:
    """Return the section of one search: every setting with the mean of its scores."""
    rows = _read(path)
    where = f"[benchmarks/results/{path.name}](../benchmarks/results/{path.name})"
    title = path.name.removesuffix("-search.json").replace("-", " ").capitalize()
    scores = [key for key in (rows[0] if rows else {}) if _is_score(key)]
    if not scores:
        return f"### {title}\n\nEach score stands in {where}.\n"
    names = [key for key in rows[0] if key not in scores and key not in _REPEATS]
    found: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(tuple(_setting(row.get(name)) for name in names), []).append(row)
    lines = [
        [*setting, str(len(own)), *(_mean([one.get(key) for one in own]) for key in scores)]
        for setting, own in found.items()
    ]
    heads = (*names, "runs", *(key.replace("_", " ") for key in scores))
    return f"### {title}\n\nFrom {where}.\n\n{table(heads, lines)}"


def _is_score(key: str) -> bool:
    return any(key == one or key.endswith(f"_{one}") or key.startswith(f"{one}_") for one in _MEASURES)


def _setting(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)


def _mean(values: Sequence[Any]) -> str:
    known = [value for value in values if isinstance(value, int | float)]
    return f"{sum(known) / len(known):.4g}" if known else "–"


if __name__ == "__main__":
    main()
