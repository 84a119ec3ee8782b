"""What a measured process is told by its surroundings: nothing of what Hansa, once imported, set for itself.

`import hansa` says to XLA and to OpenBLAS how many threads to use, in os.environ, and a child inherits it:
a peer would run with Hansa's settings, and a job on one thread with all cores'. So these variables are
taken out, and each process gets those that are meant for it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

HANSA_SETS = ("NPROC", "XLA_FLAGS", "OPENBLAS_NUM_THREADS")  # hansa/__init__.py
THREADS = "HANSA_THREADS"


def environment(meant: Mapping[str, str]) -> dict[str, str]:
    """Return this process's variables without those on threads, and with what is meant on top."""
    kept = {name: value for name, value in os.environ.items() if name not in (*HANSA_SETS, THREADS)}
    return kept | dict(meant)
