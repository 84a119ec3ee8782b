"""The rows of `make measure TOPIC=speed`: beside the peers, and near the machine's limit.

Runs parts of `make bench` and all of `make bench-peers`, each in processes of its own, about 40 minutes;
peers get environments of their own at the first time. The machine should do nothing else meanwhile.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import streaming
from benchmarks.bench import Job, JobFailedError, run
from benchmarks.benches.figures import Case
from benchmarks.benches.growth import ratio_of
from benchmarks.measure import Row, at_least, at_most, not_measured, shown
from benchmarks.peers.run import RESULT as PEERS
from benchmarks.peers.run import main as run_peers

COMMAND = "make measure TOPIC=speed"
_BIG_GB = 10.0
# Hansa has to be so many times faster: (work, peer) -> (figure, factor).
GOALS = {
    ("8x4000", "plain"): ("cpu", 3.0),
    ("8x4000", "fedjax"): ("cpu", 2.0),
    ("8x4000", "pfl"): ("cpu", 3.5),
    ("8x4000", "flower"): ("wall", 10.0),
    ("8x4000", "nvflare"): ("wall", 50.0),
    ("100x100", "plain"): ("cpu", 5.0),
    ("100x100", "pfl"): ("cpu", 7.0),
    ("100x100", "fedjax"): ("cpu", 4.0),
    ("1000x100", "plain"): ("cpu", 3.0),
    ("1000x100", "pfl"): ("cpu", 3.0),
    ("1000x100", "fedjax"): ("cpu", 2.5),
}


def rows() -> Iterator[Row]:
    """Yield every row, those of the machine's limit first."""
    yield from _limit()
    yield from _start()
    yield from _growth()
    yield from _fedlabsync()
    yield from _streaming()
    yield from _peers()


def _limit() -> Iterator[Row]:
    for size in ("8x4000", "100x100", "1000x100"):
        goal = (">= 60", "%") if size == "8x4000" else ()
        yield from _of_job(Job("fedavg:roofline", size, one_thread=True), partial(_shares, size), *goal)


def _shares(size: str, cases: list[Case]) -> Iterator[Row]:
    case = cases[0]
    assert case.roofline is not None
    share, measure = 100 * case.roofline.share, f"{case.name}: share of the matrix-multiply rate"
    if size == "8x4000":
        rate = case.roofline.matmul_gflops
        yield shown("matrix-multiply rate in the same run", rate, "GFLOP/s", COMMAND)
        yield at_least(measure, share, 60.0, "%", COMMAND)
    else:
        yield shown(measure, share, "%", COMMAND)


def _start() -> Iterator[Row]:
    yield from _of_job(Job("start_up:start_up"), _waits, "<= 1.5", "s")


def _waits(cases: list[Case]) -> Iterator[Row]:
    cold, warm, _ = cases
    yield shown(cold.name, cold.wall_ms.median / 1000, "s", COMMAND)
    yield at_most(warm.name, warm.wall_ms.median / 1000, 1.5, "s", COMMAND)


def _growth() -> Iterator[Row]:
    for what in ("rows", "parties", "weights"):
        yield from _of_job(Job("growth:growth", what), partial(_ratio, what), "<= 11.5", "times")


def _ratio(what: str, cases: list[Case]) -> Iterator[Row]:
    yield at_most(f"CPU of a round at ten times the {what}", ratio_of(cases), 11.5, "times", COMMAND)


def _fedlabsync() -> Iterator[Row]:
    yield from _of_job(Job("fd004:rounds", "labsync", real=True), _whole, "<= 15", "s")


def _whole(cases: list[Case]) -> Iterator[Row]:
    whole = cases[-1]
    yield at_most(f"{whole.name}, {whole.note}", whole.wall_ms.median / 1000, 15.0, "s", COMMAND)


def _of_job(
    job: Job, rows_of: Callable[[list[Case]], Iterator[Row]], goal: str = "measured", unit: str = ""
) -> Iterator[Row]:
    """Yield the rows of a job's cases, or one of its goal that says why there are none."""
    if job.real and not os.environ.get("HANSA_DATA"):
        why = "HANSA_DATA is not set: C-MAPSS is missing"
    else:
        try:
            yield from rows_of(run(job))
        except JobFailedError as failed:
            why = str(failed)
        else:
            return
    yield not_measured(job.name, goal, unit, why, COMMAND)


def _streaming() -> Iterator[Row]:
    found = streaming.measure(_BIG_GB)
    table, tenth = f"a table of {_BIG_GB:g} GB", "the same over a tenth of the rows"
    yield at_most(f"peak memory of training on {table}", found["peak_mb"], 1024, "MiB", COMMAND)
    yield at_most(f"{tenth}: memory", found["memory_ratio"], 1.15, "times", COMMAND)
    # Ten times the rows cost at most 11.5 times as much.
    measure = f"{tenth}: seconds a row of the passes and of training"
    yield at_most(measure, found["row_seconds_ratio"], 1.15, "times", COMMAND)


def _peers() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "peers.json"
        run_peers(["--out", str(out)])
        PEERS.write_bytes(out.read_bytes())
    yield from of_peers(json.loads(PEERS.read_text(encoding="utf-8")))


def of_peers(book: dict[str, Any]) -> Iterator[Row]:
    """Yield the rows of what the peers' command found, and one for each goal that it did not measure."""
    for peer, why in book["left_out"].items():
        print(f"{peer} is left out: {why}", file=sys.stderr)
    for pair in book["pairs"]:
        yield from _beside(pair)
    measured = {(pair["size"], pair["peer"]) for pair in book["pairs"]}
    for (size, peer), (figure, factor) in GOALS.items():
        if (size, peer) not in measured:
            why = book["left_out"].get(peer, "it was not run")
            yield not_measured(_measure(peer, size, figure), f">= {factor:g}", "times", why, COMMAND)


def _beside(pair: dict[str, Any]) -> Iterator[Row]:
    goal, factor = GOALS.get((pair["size"], pair["peer"]), ("", 0.0))
    for figure in ("cpu", "wall"):
        measure = _measure(pair["peer"], pair["size"], figure)
        value = pair[figure]["median"]
        if not pair["same_work"]:
            yield Row(
                f"{measure} ({pair['note']})", "the same work", round(value, 2), "times", False, COMMAND
            )
        elif figure == goal:
            yield at_least(measure, value, factor, "times", COMMAND)
        else:
            yield shown(measure, value, "times", COMMAND)


def _measure(peer: str, size: str, figure: str) -> str:
    return f"{peer} beside Hansa, {size}: {figure} of a round"
