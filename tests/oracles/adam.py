"""Adam by hand for a straight line under half squared errors (Kingma and Ba, ICLR 2015, Algorithm 1)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def adam_epochs(
    start: Floats, x: Floats, y: Floats, batches: Sequence[Sequence[NDArray[np.int64]]], rate: float
) -> tuple[Floats, float]:
    """Return (features + 1,) weights and bias after all epochs, and the mean loss of the last one.

    start: (features + 1,), bias last. batches[epoch]: row numbers of each batch.
    """
    now, first, second, step = start.copy(), np.zeros_like(start), np.zeros_like(start), 0
    wide = np.c_[x, np.ones(len(x))]  # (rows, features + 1)
    loss = 0.0
    for epoch in batches:
        loss = 0.0
        for rows in epoch:
            miss = wide[rows] @ now - y[rows]
            loss += float((0.5 * miss**2).sum())
            gradient = wide[rows].T @ miss / len(rows)
            step += 1
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            now = now - rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    return now, loss / len(y)
