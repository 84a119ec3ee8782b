"""The figure of docs/benchmarks.md: CPU time of a round, one dot a system, on a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH = 760
_LEFT, _RIGHT = 230, 96  # room for names, and for the last dot's figure
_LINE, _HEAD, _FOOT, _GAP = 26, 34, 40, 16  # heights
_STYLE = """\
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; fill: #3d4650; }
.head { font-weight: 600; fill: #14181d; } .ours { font-weight: 600; fill: #0063a3; } .tick { fill: #6b7580; }
.grid { stroke: #e3e7eb; } .span { stroke: #8b96a1; stroke-width: 2; } .span.us { stroke: #0063a3; }
.dot { fill: #8b96a1; } .dot.us { fill: #0063a3; }"""


@dataclass(frozen=True, slots=True)
class Dot:
    """A system: its median round in ms, and the least and the most of its processes."""

    name: str
    median: float
    least: float
    most: float
    ours: bool = False


def plot(panels: Sequence[tuple[str, Sequence[Dot]]]) -> str:
    """Return the figure as SVG; panels: a title, and dots in the order that they are drawn."""
    values = [value for _, dots in panels for dot in dots for value in (dot.least, dot.most)]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)) + 1e-9)
    heights = [_HEAD + _LINE * len(dots) + _GAP for _, dots in panels]
    height = sum(heights) + _FOOT

    def across(value: float) -> float:
        share = (math.log10(value) - low) / (high - low)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    parts = [_opening(height), f"<style>{_STYLE}</style>"]
    parts.append(f'<rect width="{_WIDTH}" height="{height}" rx="6" fill="#ffffff"/>')
    top = 0
    for (title, dots), own in zip(panels, heights, strict=True):
        bottom = top + own - _GAP
        for power in range(low, high + 1):
            x = across(10.0**power)
            parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{top + _HEAD - 6}" y2="{bottom}"/>')
        parts.append(f'<text class="head" x="16" y="{top + 24}">{escape(title)}</text>')
        for number, dot in enumerate(dots):
            y = top + _HEAD + _LINE * number + _LINE / 2
            parts += _drawn(dot, y, across(dot.median), across(dot.least), across(dot.most))
        top += own
    for power in range(low, high + 1):
        parts.append(_text(across(10.0**power), top + 4, f"{10.0**power:,g}", "tick", "middle"))
    parts.append(_text(across(10.0 ** ((low + high) / 2)), top + 24, "CPU ms a round", "tick", "middle"))
    return "\n".join([*parts, "</svg>", ""])


def _opening(height: int) -> str:
    label = "CPU time of a round by system and size of work; the same figures are in the tables"
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{label}">'


def _drawn(dot: Dot, y: float, x: float, first: float, last: float) -> Iterator[str]:
    us, ours = (" us", "ours") if dot.ours else ("", "")
    yield _text(_LEFT - 14, y + 4.5, dot.name, ours, "end")
    yield f'<line class="span{us}" x1="{first}" x2="{last}" y1="{y}" y2="{y}"/>'
    yield f'<circle class="dot{us}" cx="{x}" cy="{y}" r="5"/>'
    figure = f"{dot.median:,.0f}" if dot.median >= 10 else f"{dot.median:.1f}"
    yield _text(max(x, last) + 10, y + 4.5, figure, ours, "start")


def _text(x: float, y: float, words: str, kind: str, anchor: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'
