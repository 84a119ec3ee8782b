"""Sorting networks: fixed lists of comparisons that order numbers, cut down to the places asked for.

A comparison of two wires leaves the lesser number on the lower one. As the list does not depend on the
numbers, whole rows of columns are compared at a time, by minimum and maximum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two wires, and whether what each of them then holds is asked for."""

    low: int
    high: int
    low_counts: bool
    high_counts: bool


@cache
def network(wires: int, places: frozenset[int], together: frozenset[int]) -> tuple[Comparison, ...]:
    """Return the comparisons after which wires hold what is asked for, counted from the least.

    places: those that must hold their number of the order. together: those of which only the sum matters, so
    that they may hold each other's. Source: Batcher, Spring Joint Computer Conference 1968, odd-even merge.
    """
    counts, ordered = [wire in places or wire in together for wire in range(wires)], set(places)
    kept = []
    for low, high in reversed(list(_batcher(wires))):
        one_sum = counts[low] and counts[high] and not ordered & {low, high}
        if one_sum or not (counts[low] or counts[high]):
            continue
        kept.append(Comparison(low, high, counts[low], counts[high]))
        counts[low] = counts[high] = True
        ordered |= {low, high}
    return tuple(reversed(kept))


def _batcher(wires: int) -> Iterator[tuple[int, int]]:
    """Yield all comparisons that sort so many wires: those of the next power of two that stay inside."""
    run = 1
    while run < wires:
        step = run
        while step:
            for first in range(step % run, wires - step, 2 * step):
                for low in range(first, min(first + step, wires - step)):
                    if low // (2 * run) == (low + step) // (2 * run):
                        yield low, low + step
            step //= 2
        run *= 2


def compared(block: Floats32, steps: tuple[Comparison, ...], room: Floats32) -> list[Floats32]:
    """Return (wires,) rows of (columns,) after the comparisons; wires that nobody asked for hold anything.

    block: (wires, columns), left as it is. room: (wires + 1, columns), overwritten.
    """
    rows, free = list(block), list(room)  # (columns,) each
    own = [False] * len(rows)  # whether a row lies in the room
    for step in steps:
        low, high = rows[step.low], rows[step.high]
        if step.low_counts:
            rows[step.low] = np.minimum(low, high, out=free.pop())  # (columns,)
        if step.high_counts:
            rows[step.high] = np.maximum(low, high, out=high if own[step.high] else free.pop())  # (columns,)
        elif own[step.high]:
            free.append(high)
        if own[step.low]:
            free.append(low)
        own[step.low], own[step.high] = step.low_counts, step.high_counts
    return rows
