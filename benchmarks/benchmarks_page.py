"""Writes docs/benchmarks.md and its figures from measured JSON: `python -m benchmarks.benchmarks_page`.

Reads bench.json, peers.json and speed.json of benchmarks/results; the part of a missing file is left out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import benchmarks_curves as growth
from benchmarks import benchmarks_peers as peers
from benchmarks.benchmarks_plot import plot
from benchmarks.benchmarks_table import bullets, figure, machine, spread, table
from benchmarks.measure import RESULTS

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
PLOT = PAGE.with_suffix(".svg")
GROWTH_PLOT = PAGE.with_name("benchmarks-growth.svg")
FILES = ("peers", "bench", "speed")

_HEAD = """\
# How fast it is

For a reader who has to choose a simulator: what a round costs in Hansa, beside other systems that do the
same work, and what limits it. Ratios carry over to other machines better than milliseconds do, so look at
those first. All figures come from commands in this repository; the last section repeats them. What you
can set is in [speed](speed.md).

This page is generated: `python -m benchmarks.benchmarks_page` writes it from `benchmarks/results`.
"""

_PEERS = """\
## Beside other simulators

A ratio above 1 means that the peer took more than Hansa.

{ratios}
{plot}What the ratios are made of, in medians over processes [least .. most]. The wait to the end of round
1 is from the start of a process; Hansa keeps compiled programs, so of its processes the first of a size
may have compiled.

{absolute}
## Where Hansa is not ahead, and what was not compared

{losses}
## How the systems were compared

{method}"""

_PLOT = """\
![CPU time of a round, by system](benchmarks.svg)

One dot a system, on a logarithmic axis; the line spans the least and the most of its processes.

"""

_ROOFLINE = """\
## How near the machine's limit

Little that a core does is faster than a product of large matrices. One of 1024 x 1024 in float32 was
measured on one thread before and after the rounds of each row, in the same process. The arithmetic of a
round is counted from shapes: per row and weight 2 operations forward and 4 backward, less the inputs' own
gradient. All else (shuffling, activations, steps, averaging) is not counted, and lowers the share. Rates
are over CPU time.

{table}"""

_BENCH = """\
## Our own benchmarks

Medians [quartiles] of rounds. Jobs are measured in processes of their own with nothing compiled before.
The first round, which compiles, is left out unless the line says otherwise, but it counts in the peak
memory, which is that of the whole process from its start. FD004 is C-MAPSS with the paper's network of
ten units.

{table}
{left_out}"""

_GROWTH = """\
## How cost grows

{plot}{table}"""

_GROWTH_PLOT = """\
![CPU time of a round as rows, parties and weights grow](benchmarks-growth.svg)

Both axes are logarithmic, and each line starts at its smallest work. On the dashed line ten times the work
costs ten times the CPU time; a line below it grows more slowly.

"""

_SPEED = """\
## Goals

{table}"""

_REPEAT = """\
## To repeat

<!-- not run: takes minutes, and needs the peers' packages and C-MAPSS -->
```sh
make bench                  # our own benchmarks, about eight minutes
make bench-peers            # beside the peers, each installed in an environment of its own
make measure TOPIC=speed    # the goals
python -m benchmarks.benchmarks_page
```

Close other programs first: the load before each run stands above. Lines on FD004 need C-MAPSS at
`HANSA_DATA`.
"""


def main() -> int:
    """Write the page and its figures."""
    found = read(RESULTS)
    PAGE.write_text(page(found), encoding="utf-8")
    for path, drawn in ((PLOT, svg(found)), (GROWTH_PLOT, growth_svg(found))):
        if drawn:
            path.write_text(drawn, encoding="utf-8")
        else:
            path.unlink(missing_ok=True)
    missing = [f"{name}.json" for name in FILES if found[name] is None]
    print(f"Written: {PAGE}" + (f", without {', '.join(missing)}" if missing else ""))
    return 0


def read(results: Path) -> dict[str, Any]:
    """Return what each file holds, None where it is missing."""
    paths = {name: results / f"{name}.json" for name in FILES}
    return {
        name: json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        for name, path in paths.items()
    }


def page(found: dict[str, Any]) -> str:
    """Return the page of what was measured."""
    parts = [_HEAD]
    if found["bench"] or found["peers"]:
        parts.append(_machines(found))
    if found["peers"]:
        parts.append(_beside(found))
    if found["bench"]:
        parts += _bench(found["bench"])
    if found["speed"]:
        parts.append(_SPEED.format(table=_goals(found["speed"])))
    if len(parts) == 1:
        parts.append("Nothing is measured yet.\n")
    return "\n".join([*parts, _REPEAT])


def svg(found: dict[str, Any]) -> str:
    """Return the figure, empty where there is nothing to draw."""
    panels = peers.dots(found["peers"]) if found["peers"] else []
    return plot(panels) if panels else ""


def growth_svg(found: dict[str, Any]) -> str:
    """Return the figure of how cost grows, empty where there is nothing to draw."""
    curves = growth.curves(found["bench"]["cases"]) if found["bench"] else []
    return growth.plot(curves) if curves else ""


def _machines(found: dict[str, Any]) -> str:
    lines = []
    if found["peers"]:
        lines.append(f"Beside peers: {machine(found['peers']['machine'])}.")
    if found["bench"]:
        about = found["bench"]["machine"]
        rate = about["matmul_gflops"]
        speed = f"; one thread multiplies matrices at {figure(rate)} GFLOP/s" if rate else ""
        lines.append(f"Our own benchmarks: {machine(about)}{speed}.")
    return "## The machine\n\n" + bullets(lines)


def _beside(found: dict[str, Any]) -> str:
    book = found["peers"]
    return _PEERS.format(
        ratios=peers.ratios(book),
        plot=_PLOT if svg(found) else "",
        absolute=peers.absolute(book),
        losses=peers.losses(book),
        method=peers.METHOD,
    )


def _bench(book: dict[str, Any]) -> list[str]:
    limited = [case for case in book["cases"] if case["roofline"]]
    growing = [case for case in book["cases"] if case["name"].startswith(growth.PREFIX)]
    shown = [case for case in book["cases"] if case not in limited + growing]
    parts = [_ROOFLINE.format(table=_limits(limited))] if limited else []
    if growing:
        parts.append(
            _GROWTH.format(
                plot=_GROWTH_PLOT if growth.curves(growing) else "", table=_cases(growing, peaks=False)
            )
        )
    left_out = [f"`{name}` was left out: {why}" for name, why in book["left_out"].items()]
    text = _BENCH.format(table=_cases(shown), left_out=bullets(left_out) if left_out else "")
    return [*parts, text.rstrip("\n") + "\n"]


def _limits(cases: Sequence[dict[str, Any]]) -> str:
    heads = ("work", "CPU ms", "GFLOP a round", "GFLOP/s", "matrix product, GFLOP/s", "share")
    rows = []
    for case in cases:
        limit = case["roofline"]
        cells = [figure(limit[name]) for name in ("gflop", "gflops", "matmul_gflops")]
        rows.append((case["name"], _spread(case["cpu_ms"]), *cells, f"{limit['share']:.0%}"))
    return table(heads, rows)


def _cases(cases: Sequence[dict[str, Any]], *, peaks: bool = True) -> str:
    heads = ("benchmark", "wall ms", "CPU ms", *(["peak MiB"] if peaks else []), "rounds", "threads", "note")
    rows = (
        (
            case["name"],
            *(_spread(case[kind]) for kind in ("wall_ms", "cpu_ms")),
            *([figure(case["peak_mb"])] if peaks else []),
            str(case["rounds"]),
            str(case["threads"]),
            case["note"],
        )
        for case in cases
    )
    return table(heads, rows)


def _spread(value: dict[str, float]) -> str:
    return spread(value["median"], value["low"], value["high"])


def _goals(rows: Sequence[dict[str, Any]]) -> str:
    cells = []
    for row in rows:
        holds = "" if row["goal"] == "shown" else "yes" if row["holds"] else "**no**"
        cells.append((row["measure"], row["goal"], f"{row['value']:g}", row["unit"], holds))
    return table(("measure", "goal", "figure", "unit", "holds"), cells)


if __name__ == "__main__":
    sys.exit(main())
