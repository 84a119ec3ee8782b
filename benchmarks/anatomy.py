"""Where the time of a round goes, by XLA's own trace: `python -m benchmarks.anatomy`.

A round of 8 parties of 4,000 rows and a network of ten thousand weights, on one thread. A kernel is one
operation of the compiled program; matrix products are told from the rest by what XLA calls them.
"""

from __future__ import annotations

import os

os.environ["HANSA_THREADS"] = "1"  # before Hansa starts XLA

import tempfile
from collections import Counter
from pathlib import Path

import jax

from benchmarks.benches.fedavg import matmul_gflops, operations
from benchmarks.peers.hansa.peer import federation
from benchmarks.peers.work import SIZES, read_work, write_work

_SIZE = "8x4000"
_OUTER = ("while", "ThunkExecutor", "call", "conditional")  # what holds other kernels


def main() -> None:
    """Print each kind of kernel with its share of the block's time."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_work(folder / "work.npz", SIZES[_SIZE], seed=1)
        work = read_work(folder / "work.npz")
        algorithm, state, parties = federation(work)
        for _ in range(3):
            jax.block_until_ready(parties(algorithm.ask(state)))
        options = jax.profiler.ProfileOptions()
        options.host_tracer_level, options.python_tracer_level = 3, 0
        with jax.profiler.trace(folder / "trace", profiler_options=options):
            jax.block_until_ready(parties(algorithm.ask(state)))
        times = kernels(folder / "trace")
    total = sum(times.values())
    products = sum(time for kind, time in times.items() if is_product(kind))
    print(f"Matrix products: {products / total:.0%} of the kernels' time")
    for kind, time in times.most_common(14):
        print(f"{time / total:6.1%}  {time / 1e6:7.3f} ms  {kind}")
    rate = max(matmul_gflops())
    least = operations(sum(map(len, work.y))) / rate / 1e6
    print(f"The arithmetic alone takes {least:.2f} ms at the {rate:.0f} GFLOP/s of one large product;")
    print(f"the kernels took {total / 1e6:.2f} ms, traced.")


def kernels(trace: Path) -> Counter[str]:
    """Return the nanoseconds of each kernel."""
    found: Counter[str] = Counter()
    (file,) = trace.rglob("*.xplane.pb")
    for plane in jax.profiler.ProfileData.from_file(str(file)).planes:
        for line in plane.lines:
            for event in line.events:
                if not event.name.startswith(_OUTER) and not set(event.name) & set(":( "):
                    found[event.name] += int(event.duration_ns)
    return found


def is_product(kind: str) -> bool:
    """Return whether a kernel is a matrix product."""
    return kind.startswith(("dot", "ynn_fusion"))


if __name__ == "__main__":
    main()
