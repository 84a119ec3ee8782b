"""Temporary."""

from typing import Any

import numpy as np


def weights(name: str, before: str, table: Any, bad: int, trusted: int | None = None) -> Any:
    w = np.full(table.parties, 1 / table.parties)
    for _ in range(50):
        d = np.sqrt(np.maximum(table.from_point(w), 1e-12 * max(table.between.max(), 1e-30)))
        if not d.all():
            break
        w = 1 / d
        w /= w.sum()
    return w


def aggregate(name: str, updates: Any, bad: int) -> Any:
    return np.median(updates, axis=0)
