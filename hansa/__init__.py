"""Hansa: rivals train one model of how their assets age, and each keeps its records."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# One thread a matrix product: the networks are small, and threads that fight over cores cost more
# than they bring. Parties run side by side instead: HANSA_THREADS (docs/speed.md).
_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
for _name, _value in (
    ("NPROC", os.environ.get("HANSA_THREADS") or str(_cores)),  # XLA's: one for each call that may run
    ("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false"),
    ("OPENBLAS_NUM_THREADS", "1"),
):
    os.environ.setdefault(_name, _value)

__version__ = "0.1.0"

_HOMES = {
    "read_charter": "hansa.simulation.notebook",
    "read_cmapss": "hansa.simulation.notebook",
    "partition": "hansa.simulation.notebook",
    "run": "hansa.cli.notebook",
    "load": "hansa.runtime.scoring",
}

__all__ = ["load", "partition", "read_charter", "read_cmapss", "run"]

if TYPE_CHECKING:
    from hansa.cli.notebook import run
    from hansa.runtime.scoring import load
    from hansa.simulation.notebook import partition, read_charter, read_cmapss


def __dir__() -> list[str]:
    """Return the public names, which are offered before they are loaded."""
    return sorted((*__all__, "__version__"))


def __getattr__(name: str) -> Any:
    """Return a public name from its home: importing hansa alone loads nothing heavy."""
    if name not in _HOMES:
        raise AttributeError(f"module 'hansa' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
