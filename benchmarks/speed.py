"""The rows of `make measure TOPIC=speed`: beside the peers, and near the machine's limit.

Runs parts of `make bench` and all of `make bench-peers`, each in processes of its own, about 40 minutes;
peers get environments of their own at the first time. The machine should do nothing else meanwhile.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import streaming
from benchmarks.bench import Job, run
from benchmarks.benches.growth import ratio_of
from benchmarks.measure import Row, at_least, at_most, shown
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
        case = run(Job("fedavg:roofline", size, one_thread=True))[0]
        assert case.roofline is not None
        share, measure = 100 * case.roofline.share, f"{case.name}: share of the matrix-multiply rate"
        if size == "8x4000":
            yield shown(
                "matrix-multiply rate in the same run", case.roofline.matmul_gflops, "GFLOP/s", COMMAND
            )
            yield at_least(measure, share, 60.0, "%", COMMAND)
        else:
            yield shown(measure, share, "%", COMMAND)


def _start() -> Iterator[Row]:
    cold, warm, _ = run(Job("start_up:start_up"))
    yield shown(cold.name, cold.wall_ms.median / 1000, "s", COMMAND)
    yield at_most(warm.name, warm.wall_ms.median / 1000, 1.5, "s", COMMAND)


def _growth() -> Iterator[Row]:
    for what in ("rows", "parties", "weights"):
        cases = run(Job("growth:growth", what))
        yield at_most(f"CPU of a round at ten times the {what}", ratio_of(cases), 11.5, "times", COMMAND)


def _fedlabsync() -> Iterator[Row]:
    if not os.environ.get("HANSA_DATA"):
        print("HANSA_DATA is not set: the row on real FD004 is left out.", file=sys.stderr)
        return
    whole = run(Job("fd004:rounds", "labsync", real=True))[-1]
    yield at_most(f"{whole.name}, {whole.note}", whole.wall_ms.median / 1000, 15.0, "s", COMMAND)


def _streaming() -> Iterator[Row]:
    found = streaming.measure(_BIG_GB)
    yield at_most(
        f"peak memory of training on a table of {_BIG_GB:g} GB", found["peak_mb"], 1024, "MiB", COMMAND
    )
    yield at_most("the same over a tenth of the rows: memory", found["memory_ratio"], 1.15, "times", COMMAND)


def _peers() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "peers.json"
        run_peers(["--out", str(out)])
        PEERS.write_bytes(out.read_bytes())
    book = json.loads(PEERS.read_text(encoding="utf-8"))
    for peer, why in book["left_out"].items():
        print(f"{peer} is left out: {why}", file=sys.stderr)
    for pair in book["pairs"]:
        yield from _beside(pair)


def _beside(pair: dict[str, Any]) -> Iterator[Row]:
    place = (pair["size"], pair["peer"])
    goal, factor = GOALS.get(place, ("", 0.0))
    for figure in ("cpu", "wall"):
        measure = f"{pair['peer']} beside Hansa, {pair['size']}: {figure} of a round"
        value = pair[figure]["median"]
        if not pair["same_work"]:
            yield Row(
                f"{measure} ({pair['note']})", "the same work", round(value, 2), "times", False, COMMAND
            )
        elif figure == goal:
            yield at_least(measure, value, factor, "times", COMMAND)
        else:
            yield shown(measure, value, "times", COMMAND)
