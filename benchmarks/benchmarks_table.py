"""Words, figures and rows of the tables of docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.peers.work import SIZES


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [_row(heads), "|" + "---|" * len(heads), *map(_row, rows)]
    return "\n".join(lines) + "\n"


def bullets(sentences: Iterable[str]) -> str:
    """Return a list in Markdown."""
    return "\n".join(f"- {sentence}" for sentence in sentences) + "\n"


def figure(value: float) -> str:
    """Return a figure to three digits, or whole where it has more of them."""
    size = abs(value)
    for least, digits in ((99.95, 0), (9.995, 1), (0.995, 2)):
        if size >= least:
            return f"{value:,.{digits}f}"
    return f"{value:.3g}"


def spread(middle: float, low: float, high: float) -> str:
    """Return a figure and what it varies between, if it does."""
    if low == high:
        return figure(middle)
    return f"{figure(middle)} [{figure(low)} .. {figure(high)}]"


def work(size: str) -> str:
    """Return a size of work in words: parties x rows of each."""
    one = SIZES.get(size)
    return f"{one.parties:,} x {one.rows:,}" if one else size


def machine(about: Mapping[str, Any]) -> str:
    """Return a machine in a sentence's end."""
    parts = [
        str(about["cpu"]),
        f"{about['cores']} cores",
        f"{about['memory_gib']:g} GiB",
        str(about["os"]),
        f"Python {about['python']}",
        f"load {about['load']:g} before it began",
    ]
    return ", ".join(parts)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
