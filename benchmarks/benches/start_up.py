"""How long a user waits: for the first round, with nothing compiled before and with all; and for `hansa run`.

Each wait is of a fresh process.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.benches.figures import Case, Laps
from benchmarks.children import environment
from benchmarks.peers.meter import Meter
from benchmarks.peers.processes import REPOSITORY
from benchmarks.peers.work import SIZES, read_work, write_work

_SIZE = "8x4000"
_PAIRS = 4
_RUNS = 3
_MANY = {  # table, key: value
    ("", "parties"): "10000",
    ("", "rounds"): "1",
    ("", "compare"): "[]",
    ("data", "engines"): "10000",
    ("protection", "secrecy"): '"open"',
    ("partition", "kind"): '"horizontal"',
    ("partition", "sensors_per_party"): "0",
    ("preparation", "features"): '"raw"',  # the paper's network and filter from here on
    ("preparation", "spans"): "[]",
    ("preparation", "age"): "0",
    ("preparation", "lacking"): '"mean"',
    ("network", "hidden"): "[10]",
    ("network", "activation"): '"sigmoid"',
    ("training", "learning_rate"): "0.01",
    ("algorithm", "name"): '"fedavg"',
    ("evaluation", "filter"): '"kalman"',
}
_NAME = "Start of the process to the end of round 1, 8 x 4,000 rows"


def start_up() -> list[Case]:
    """Return both waits, and what lies between them: compiling."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_work(folder / "work.npz", SIZES[_SIZE], seed=1)
        pairs = []
        for number in range(_PAIRS):
            cache = folder / f"cache-{number}"
            pairs.append((_first_round(folder / "work.npz", cache), _first_round(folder / "work.npz", cache)))
    threads = int(pairs[0][0]["threads"])
    cold, warm = (_laps([pair[place] for pair in pairs]) for place in (0, 1))
    between = [{key: a[key] - b[key] for key in ("wall_ms", "cpu_ms")} for a, b in pairs]
    compiling = _laps([one | {"peak_mb": cold.peak_mb} for one in between])
    return [
        cold.case(f"{_NAME}, nothing compiled before", threads),
        warm.case(f"{_NAME}, compiled before", threads),
        compiling.case("Compiling, 8 x 4,000 rows", threads, "the first wait less the second"),
    ]


def whole_run() -> list[Case]:
    """Return `hansa run` as a user meets it: on the simulated charter as it is printed, compiled before.

    CPU time and memory are those of the whole process, with reading, baselines, scoring and report.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        charter = folder / "charter.toml"
        charter.write_text(_cli(folder, "charter", "init", "--simulated")[0], encoding="utf-8")
        runs = [_cli(folder, "run", str(charter), "--out", str(folder / f"out-{number}"))[1]
                for number in range(1 + _RUNS)]  # fmt: skip
    from hansa.simulation.machine import threads  # late: a child's peak counts what its parent holds

    note = "simulated charter as printed: 4 parties, 100 rounds, 6 baselines, scores and report"
    return [_laps(runs[1:]).case("hansa run, the whole process, compiled before", threads(), note)]


def many_parties() -> list[Case]:
    """Return `hansa run` with 10,000 parties of an engine each for one round, compiled before."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        charter = folder / "charter.toml"
        charter.write_text(many(_cli(folder, "charter", "init", "--simulated")[0]), encoding="utf-8")
        runs = [_cli(folder, "run", str(charter), "--out", str(folder / f"out-{number}"))[1]
                for number in range(1 + _RUNS)]  # fmt: skip
    from hansa.simulation.machine import threads  # late, as above

    note = "10,000 parties of one simulated engine, one round of FedAvg, scores and report"
    return [_laps(runs[1:]).case("hansa run, 10,000 parties, compiled before", threads(), note)]


def many(text: str) -> str:
    """Return the printed charter with 10,000 parties that average weights."""
    for (table, key), value in _MANY.items():
        head, found, rest = text.partition(f"\n[{table}]\n") if table else ("", "", text)
        rest, changed = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", rest, count=1)
        assert changed, f"{key} of [{table}] is not in the printed charter"
        text = head + found + rest
    return text


def _cli(folder: Path, *words: str) -> tuple[str, dict[str, float]]:
    """Return what the command line says to stdout, and what its process took."""
    command = [sys.executable, "-m", "hansa.cli.start", *words]
    variables = environment({"XDG_CACHE_HOME": str(folder / "cache")})
    said, log = folder / "said.txt", folder / "log.txt"
    with said.open("wb") as out, log.open("wb") as err:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=REPOSITORY, env=variables, stdout=out, stderr=err)  # noqa: S603 - our own command
        _, status, used = os.wait4(process.pid, 0)  # its own figures, not those of all children together
        wall_s = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)  # it is waited for already
    if process.returncode:
        raise RuntimeError(log.read_text(encoding="utf-8"))
    found = {
        "wall_ms": 1000 * wall_s,
        "cpu_ms": 1000 * (used.ru_utime + used.ru_stime),
        "peak_mb": used.ru_maxrss / (1024 if sys.platform == "linux" else 2**20),
    }
    return said.read_text(encoding="utf-8"), found


def _laps(found: list[dict[str, float]]) -> Laps:
    """Return processes as laps; none is left out."""
    peak = max(one["peak_mb"] for one in found)
    return Laps([one["wall_ms"] for one in found], [one["cpu_ms"] for one in found], peak)


def _first_round(work: Path, cache: Path) -> dict[str, float]:
    variables = environment({"XDG_CACHE_HOME": str(cache)})
    command = [sys.executable, "-m", "benchmarks.benches.start_up", str(work)]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)  # noqa: S603 - this module
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def _main(work: Path) -> None:
    from benchmarks.peers.hansa.peer import train
    from hansa.simulation.machine import threads

    meter = Meter()
    train(read_work(work), 1, meter)
    found = {
        "wall_ms": 1000 * meter.start_s + meter.wall_ms[0],
        "cpu_ms": 1000 * time.process_time(),
        "peak_mb": meter.peak_mb,
        "threads": threads(),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
