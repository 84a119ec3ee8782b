"""CPU time of something small, by the median."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median


def cpu_seconds(act: Callable[[], object], repeats: int) -> float:
    """Return the median CPU seconds of this process for one call."""
    taken = []
    for _ in range(repeats):
        began = time.process_time()
        act()
        taken.append(time.process_time() - began)
    return median(taken)
