"""Our own benchmarks: `make bench`, or `python -m benchmarks.bench [--only WORD ...] [--out FILE]`.

Each job runs in a process of its own, with nothing compiled before, so that its peak memory is its own
and no job meets what another left behind. pytest-benchmark runs all in one process and reads one clock
a run; wall and CPU time are both wanted here. So this is a small runner, and it needs no extra package.
Writes benchmarks/results/bench.json; with --only, nothing but what --out names.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.benches.figures import Case, Roofline, Spread
from benchmarks.children import THREADS, environment
from benchmarks.measure import RESULTS
from benchmarks.peers.machine import machine
from benchmarks.peers.processes import REPOSITORY

RESULT = RESULTS / "bench.json"
_LIMIT_S = 300


@dataclass(frozen=True, slots=True)
class Job:
    """A function that returns cases, called in a process of its own."""

    place: str  # module of benchmarks.benches and function
    word: str = ""  # what the function is called with, if anything
    one_thread: bool = False
    real: bool = False  # needs C-MAPSS

    @property
    def name(self) -> str:
        """The place and the word."""
        return f"{self.place}:{self.word}" if self.word else self.place


JOBS = (
    Job("fedavg:rounds", "8x4000"),
    Job("fedavg:rounds", "100x100"),
    Job("fedavg:rounds", "1000x100"),
    Job("fedavg:rounds", "10000x20"),
    Job("fedavg:roofline", "8x4000", one_thread=True),
    Job("fedavg:roofline", "100x100", one_thread=True),
    Job("fedavg:roofline", "1000x100", one_thread=True),
    Job("fedavg:roofline", "10000x20", one_thread=True),
    Job("growth:growth", "rows"),
    Job("growth:growth", "parties"),
    Job("growth:growth", "small parties"),
    Job("growth:growth", "weights"),
    Job("start_up:start_up"),
    Job("start_up:whole_run"),
    Job("start_up:many_parties"),
    Job("kernels:maps", "1000000"),
    Job("kernels:maps", "8000000"),
    Job("kernels:gradients", one_thread=True),
    Job("fd004:rounds", "labsync", real=True),
    Job("fd004:rounds", "labsync_mean", real=True),
    Job("fd004:rounds", "vertical", real=True),
    Job("fd004:five_seeds", real=True),
    Job("fd004:study", "lockstep", real=True),
    Job("fd004:study", "in-turn", real=True),
)


class JobFailedError(Exception):
    """A job ended badly; the message is one line."""


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print each case as it comes, and write the file; exit 1 where a job failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="WORD", help="jobs whose name has one of these words")
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON to write")
    parser.add_argument("--job", metavar="NAME", help="for the program itself: print the cases of a job")
    asked = parser.parse_args(words)
    if asked.job:
        print(json.dumps([asdict(one) for one in _found(asked.job)]))
        return 0
    jobs = [job for job in JOBS if not asked.only or any(word in job.name for word in asked.only)]
    if not jobs:
        names = ", ".join(job.name for job in JOBS)
        print(f"No job is called so: choose words of {names}.", file=sys.stderr)
        return 2
    return _measure(jobs, asked.out or (None if asked.only else RESULT))


def _measure(jobs: Sequence[Job], out: Path | None) -> int:
    began, about, failed = time.perf_counter(), machine(), False
    cases: list[Case] = []
    left_out: dict[str, str] = {}
    for number, job in enumerate(jobs, start=1):
        print(f"{number} of {len(jobs)}: {job.name}", file=sys.stderr, flush=True)
        if job.real and not os.environ.get("HANSA_DATA"):
            left_out[job.name] = "HANSA_DATA is not set: C-MAPSS is missing"
        else:
            try:
                found = run(job)
            except JobFailedError as why:
                left_out[job.name], failed = str(why), True
            else:
                cases += found
                for one in found:
                    print(_line(one), flush=True)
        if job.name in left_out:
            print(f"{job.name} is left out: {left_out[job.name]}", file=sys.stderr, flush=True)
    if out is not None:
        out.write_text(text_of(about, cases, left_out), encoding="utf-8")
        print(f"Written: {out}, after {time.perf_counter() - began:.0f} s")
    return int(failed)


def run(job: Job) -> list[Case]:
    """Return the cases of a job. Raises JobFailedError where its process ends badly."""
    with tempfile.TemporaryDirectory(prefix="bench") as cache:
        meant = {"XDG_CACHE_HOME": cache, "PYTHONPATH": str(REPOSITORY)}
        variables = environment(meant | ({THREADS: "1"} if job.one_thread else {}))
        variables.pop("JAX_COMPILATION_CACHE_DIR", None)  # Hansa's own place for compiled programs is used
        said = said_by([sys.executable, "-m", "benchmarks.bench", "--job", job.name], variables)
    return [case_of(one) for one in json.loads(said)]


def said_by(command: Sequence[str], variables: Mapping[str, str]) -> str:
    """Return what a process prints. Raises JobFailedError where it ends badly or not within the limit.

    It is the first of a session: what it has started ends with it, also where we are interrupted.
    """
    with subprocess.Popen(  # noqa: S603 - this program
        command,
        cwd=REPOSITORY,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, complained = process.communicate(timeout=_LIMIT_S)
        except subprocess.TimeoutExpired as late:
            raise JobFailedError(f"it did not end within {_LIMIT_S} s") from late
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        lines = [line.strip() for line in complained.splitlines() if line.strip()]
        raise JobFailedError(f"it ended with {process.returncode}: {(lines or ['it said nothing'])[-1]}")
    return said


def _found(name: str) -> list[Case]:
    """Return the cases of a job, computed here."""
    module, function, *words = name.split(":")
    return getattr(importlib.import_module(f"benchmarks.benches.{module}"), function)(*words)


def case_of(value: dict[str, Any]) -> Case:
    """Return a case that was written as JSON; an unknown or missing key is an error."""
    limit = value["roofline"]
    spreads = {kind: Spread(**value[kind]) for kind in ("wall_ms", "cpu_ms")}
    return Case(**value | spreads | {"roofline": Roofline(**limit) if limit else None})


def text_of(about: dict[str, Any], cases: Iterable[Case], left_out: dict[str, str]) -> str:
    """Return the file: the machine, one case a line in the order of their names, and what is left out.

    The machine's matrix-multiply rate is the median of what the jobs measured.
    """
    ordered = sorted(cases, key=lambda case: _in_words_and_numbers(case.name))
    rates = [case.roofline.matmul_gflops for case in ordered if case.roofline is not None]
    about = about | {"matmul_gflops": round(median(rates), 2) if rates else None}
    lines = ",\n".join(f"  {json.dumps(asdict(case))}" for case in ordered)
    parts = (
        f' "machine": {json.dumps(about)},\n "left_out": {json.dumps(left_out)},\n "cases": [\n{lines}\n ]'
    )
    return f"{{\n{parts}\n}}\n"


def _in_words_and_numbers(name: str) -> list[tuple[int, str]]:
    parts = re.split(r"(\d[\d,]*)", name)  # words and numbers take turns
    return [(int(part.replace(",", "")), "") if place % 2 else (0, part) for place, part in enumerate(parts)]


def _line(case: Case) -> str:
    peak = f", {case.peak_mb:.0f} MiB" if case.peak_mb is not None else ""
    share = f", {case.roofline.share:.0%} of the matrix-multiply rate" if case.roofline else ""
    return (
        f"{case.name}: {case.cpu_ms.median:.4g} ms CPU ({case.cpu_ms.low:.4g} to {case.cpu_ms.high:.4g}),"
        f" {case.wall_ms.median:.4g} ms wall{peak}{share}{case.note and '; ' + case.note}"
    )


if __name__ == "__main__":
    sys.exit(main())
