"""Re-runs every measured row of one topic: `python -m benchmarks.measure first-federation`.

Writes benchmarks/results/<topic>.json: a list of {measure, goal, value, unit, holds, command}. The
real data is found by HANSA_DATA; rows that need it are left out, and said so, where it is missing.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
TOPICS = {
    "first-federation": "benchmarks.first_federation",
    "speed": "benchmarks.speed",
    "accuracy": "benchmarks.accuracy",
    "secure-sums": "benchmarks.secure_sums",
    "judge": "benchmarks.judge",
    "deployed": "benchmarks.deployed",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One measured figure and whether it holds its goal."""

    measure: str
    goal: str
    value: float
    unit: str
    holds: bool
    command: str


def at_most(measure: str, value: float, limit: float, unit: str, command: str) -> Row:
    """Return the row of a figure that must not exceed a limit."""
    return Row(measure, f"<= {limit:g}", _rounded(value), unit, bool(value <= limit), command)


def at_least(measure: str, value: float, limit: float, unit: str, command: str) -> Row:
    """Return the row of a figure that must reach a limit."""
    return Row(measure, f">= {limit:g}", _rounded(value), unit, bool(value >= limit), command)


def shown(measure: str, value: float, unit: str, command: str) -> Row:
    """Return the row of a figure that stands beside others and has no goal of its own."""
    return Row(measure, "shown", _rounded(value), unit, True, command)


def not_measured(measure: str, goal: str, unit: str, why: str, command: str) -> Row:
    """Return the row of a goal that nothing could be measured for: it does not hold, and says why."""
    return Row(f"{measure} (not measured: {why})", goal, 0.0, unit, False, command)


def _rounded(value: float) -> float:
    """Return four places after the point; of what is less than a thousandth, three digits."""
    return round(value, 4) if abs(value) >= 1e-3 else float(f"{value:.3g}")


def main() -> int:
    """Measure, print each row as it comes, and write the file; exit 1 where a goal is missed."""
    topic = sys.argv[1] if len(sys.argv) == 2 else ""
    if topic not in TOPICS:
        names = ", ".join(TOPICS)
        print(f"Name one topic: {names}. Try: make measure TOPIC=first-federation", file=sys.stderr)
        return 2
    rows: Iterator[Row] = importlib.import_module(TOPICS[topic]).rows()
    kept = []
    for row in rows:
        kept.append(asdict(row))
        word = "ok  " if row.holds else "MISS"
        print(f"{word} {row.measure}: {row.value:g} {row.unit} ({row.goal})", flush=True)
    path = RESULTS / f"{topic}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print(f"Written: {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
    return 0 if all(row["holds"] for row in kept) else 1


if __name__ == "__main__":
    sys.exit(main())
