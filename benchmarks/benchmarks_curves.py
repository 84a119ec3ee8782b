"""The second figure of docs/benchmarks.md: what a round costs as rows, parties or weights grow, log-log."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

PREFIX = "Growth in "
_WIDTH, _HEIGHT = 560, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 150, 44, 56  # the right has room for the names of lines
_APART = 17  # between two names, at least
_TICKS = (1, 2, 5, 10, 20, 50, 100)
_STYLE = """\
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; fill: #3d4650; }
.head { font-weight: 600; fill: #14181d; } .tick { fill: #6b7580; } .grid { stroke: #e3e7eb; }
.ideal { stroke: #8b96a1; stroke-width: 1.5; stroke-dasharray: 5 4; } .curve { fill: none; stroke-width: 2; }
.c0 { stroke: #0063a3; } .c1 { stroke: #b4532a; } .c2 { stroke: #2f7d4f; } .c3 { stroke: #7a4fa3; }
.d0 { fill: #0063a3; } .d1 { fill: #b4532a; } .d2 { fill: #2f7d4f; } .d3 { fill: #7a4fa3; }"""
_COLOURS = 4


@dataclass(frozen=True, slots=True)
class Curve:
    """What grows, and its points: how much there is of it and what a round costs, both over the first's."""

    what: str
    points: tuple[tuple[float, float], ...]  # the first is (1, 1)


def curves(cases: Sequence[Mapping[str, Any]]) -> list[Curve]:
    """Return the curves of two points or more, by the amounts that names tell; the cost is CPU time."""
    found: dict[str, list[tuple[float, float]]] = {}
    for case in cases:
        if case["name"].startswith(PREFIX):
            what, size = case["name"].removeprefix(PREFIX).split(": ")
            amount = re.search(rf"([\d,]+) {what}", size)
            assert amount is not None, case["name"]  # the names are ours: benches/growth.py
            found.setdefault(what, []).append((float(amount[1].replace(",", "")), case["cpu_ms"]["median"]))
    return [Curve(what, _over_first(sorted(points))) for what, points in found.items() if len(points) > 1]


def _over_first(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    amount, cost = points[0]
    return tuple((x / amount, y / cost) for x, y in points)


def plot(found: Sequence[Curve]) -> str:
    """Return the figure as SVG; the dashed line is a cost that grows as the work does."""
    high = [max(point[axis] for curve in found for point in curve.points) for axis in (0, 1)]
    high[1] = max(high)  # the ideal line ends inside
    low = min(1.0, *(y for curve in found for _, y in curve.points))

    def across(value: float) -> float:
        return round(_LEFT + math.log(value) / math.log(high[0]) * (_WIDTH - _LEFT - _RIGHT), 1)

    def down(value: float) -> float:
        share = math.log(value / low) / math.log(high[1] / low)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)

    parts = [_OPENING, f"<style>{_STYLE}</style>"]
    parts.append(f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="6" fill="#ffffff"/>')
    parts.append(_text(16, 26, "CPU time of a round, over that of the smallest", "head", "start"))
    for tick in _TICKS:
        if tick <= high[0] * 1.001:
            x = across(tick)
            parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>')
            parts.append(_text(x, _HEIGHT - _BOTTOM + 20, f"{tick}x", "tick", "middle"))
        if low <= tick <= high[1] * 1.001:
            y = down(tick)
            parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
            parts.append(_text(_LEFT - 10, y + 4.5, f"{tick}x", "tick", "end"))
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(_text(middle, _HEIGHT - 14, "times the rows, parties or weights", "tick", "middle"))
    ends = [down(1.0), down(high[0])]
    parts.append(f'<line class="ideal" x1="{_LEFT}" x2="{across(high[0])}" y1="{ends[0]}" y2="{ends[1]}"/>')
    for number, curve in enumerate(found):
        places = [(across(x), down(y)) for x, y in curve.points]
        parts += _drawn(number % _COLOURS, places)
    parts += _names(found, [down(curve.points[-1][1]) for curve in found], ends[1])
    return "\n".join([*parts, "</svg>", ""])


def _drawn(colour: int, places: Sequence[tuple[float, float]]) -> Iterator[str]:
    line = " ".join(f"{x},{y}" for x, y in places)
    yield f'<polyline class="curve c{colour}" points="{line}"/>'
    for x, y in places:
        yield f'<circle class="d{colour}" cx="{x}" cy="{y}" r="4"/>'


def _names(found: Sequence[Curve], heights: Sequence[float], ideal: float) -> Iterator[str]:
    """Yield the name and the last figure of each line, from the top down, none on top of another."""
    named = [
        (y, f"{curve.what}, {curve.points[-1][1]:.1f}x", f"d{number % _COLOURS}")
        for number, (curve, y) in enumerate(zip(found, heights, strict=True))
    ]
    last = -math.inf
    for y, words, kind in sorted([(ideal, "as the work grows", "tick"), *named]):
        last = max(y, last + _APART)
        yield _text(_WIDTH - _RIGHT + 12, round(last + 4.5, 1), words, kind, "start")


def _text(x: float, y: float, words: str, kind: str, anchor: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


_OPENING = (
    f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}"'
    f' viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="CPU time of a round as rows, parties and'
    ' weights grow; the same figures are in the table">'
)
