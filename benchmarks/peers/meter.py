"""What a run costs: start-up, wall and CPU time of every round, peak memory. Needs no hansa.

Every peer's script ends in `run(system, version, train)`, which reads `WORK.npz ROUNDS OUT.json` from the
command line, trains and writes the report.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.peers.work import Work, error_on_test_rows, read_work

_IMPORTED = time.perf_counter()

Trained = tuple[list[np.ndarray], list[np.ndarray]]  # weights (inputs, outputs) and biases of each layer


@dataclass(frozen=True, slots=True)
class Report:
    """One run of one system."""

    system: str
    version: str
    rounds: int
    start_s: float  # from the start of the process to the start of the first round
    first_round_s: float
    cpu_ms: list[float]  # of each round, all processes
    wall_ms: list[float]  # of each round
    peak_mb: float  # MiB of all processes together
    test_mse: float  # after the last round
    threads: int  # that one process may compute with


class Meter:
    """The laps of a run; CPU time and memory are those of this process unless given."""

    def __init__(
        self,
        cpu_s: Callable[[], float] = time.process_time,
        peak_mb: Callable[[], float] | None = None,
        pid: int | None = None,  # the process whose start is the run's start, if not this one
    ) -> None:
        self._cpu_s = cpu_s
        self._peak_mb = peak_mb or _own_peak_mb
        self._pid = os.getpid() if pid is None else pid
        self._began: tuple[float, float] | None = None  # wall and CPU seconds at the start of this round
        self.start_s = 0.0
        self.cpu_ms: list[float] = []
        self.wall_ms: list[float] = []
        self.peak_mb = 0.0

    @property
    def started(self) -> bool:
        """Whether the first round has begun."""
        return self._began is not None

    def lap(self) -> None:
        """Mark the start of the first round; each later call marks the end of a round and starts the next."""
        ended, cpu = time.perf_counter(), self._cpu_s()
        if self._began is None:
            self.start_s = _since_process_began_s(self._pid)
        else:
            self.wall_ms.append(round(1000 * (ended - self._began[0]), 4))
            self.cpu_ms.append(round(1000 * (cpu - self._began[1]), 4))
            self.peak_mb = self._peak_mb()
        self._began = (time.perf_counter(), self._cpu_s())


def run(system: str, version: str, train: Callable[[Work, int, Meter], Trained], threads: int = 1) -> None:
    """Train as the command line asks and write the report; `train` laps the meter at every round."""
    file, rounds, out = asked()
    work, meter = read_work(file), Meter()
    trained = train(work, rounds, meter)
    write_report(out, system, version, meter, error_on_test_rows(work, *trained), threads)


def asked() -> tuple[Path, int, Path]:
    """Return the work, the number of rounds and the file to write, as the command line names them."""
    if len(sys.argv) != 4 or not sys.argv[2].isdigit():
        print("Name the work, the rounds and the report: peer.py WORK.npz ROUNDS OUT.json", file=sys.stderr)
        raise SystemExit(2)
    return Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])


def write_report(  # noqa: PLR0913 - what the run found, one by one
    out: Path, system: str, version: str, meter: Meter, test_mse: float, threads: int
) -> None:
    """Write one run as JSON."""
    report = Report(
        system=system,
        version=version,
        rounds=len(meter.wall_ms),
        start_s=round(meter.start_s, 3),
        first_round_s=round(meter.wall_ms[0] / 1000, 4),
        cpu_ms=meter.cpu_ms,
        wall_ms=meter.wall_ms,
        peak_mb=round(meter.peak_mb, 1),
        test_mse=test_mse,
        threads=threads,
    )
    out.write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")


def read_report(path: Path) -> Report:
    """Return the report of a file; an unknown or missing key is an error."""
    return Report(**json.loads(path.read_text(encoding="utf-8")))


def _since_process_began_s(pid: int) -> float:
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():  # not Linux: the interpreter's own start, some 20 ms, is missed
        return time.perf_counter() - _IMPORTED
    fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
    began = int(fields[19]) / os.sysconf("SC_CLK_TCK")  # since boot: field 22 of proc(5)
    return time.clock_gettime(time.CLOCK_BOOTTIME) - began


def _own_peak_mb() -> float:
    """Return the peak resident memory since this program was loaded, in MiB.

    On Linux getrusage counts the parent's memory at the fork too, so the kernel's own mark is read.
    """
    status = Path("/proc/self/status")
    if status.exists():
        marks = [line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM")]
        return int(marks[0].split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS
