"""A party whose table is larger than memory: `python -m benchmarks.streaming [--gb 10]`.

Writes a table of that size and one of a tenth of it, trains one round of FedAvg on each beside a small
party, in a process of its own, and prints what it took as JSON. The tables are deleted.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.children import environment
from hansa.runtime.world import STREAM_ABOVE_MB, STREAM_VARIABLE

SENSORS = 16
_ROW_BYTES = 8 * (SENSORS + 2) + 2.5  # as stored: sensors, time and failure time, and a name that repeats
_LIFE = 2000  # rows of an asset
_GROUP = 200_000  # rows that are written at once
_SMALL = 100_000  # rows of the other party, at most
_HELD = 0.5  # of the big party's numbers in the smaller run: above that a table is read in pieces
_SAMPLE_S = 0.05
_BESIDE_ROWS = ("opening", "judging and writing", "together", "whole process")

_CHARTER = """
name = "streaming"
consortium = "Measured"
seed = 7
rounds = 1
compare = []

[data]
source = "table"
label_cap = 500
label_bin = 5

[partition]
kind = "given"

[network]
hidden = [32, 16]

[protection]
secrecy = "open"

[algorithm]
name = "fedavg"

[label]
source = "failed_at"
column = "failed_at"

[columns.pump]
role = "asset"

[columns.hour]
role = "time"
unit = "h"

[columns.failed_at]
role = "target"
unit = "h"

{sensors}

[party.big]
data = "big.parquet"

[party.small]
data = "small.parquet"
"""


def measure(gb: float) -> dict[str, Any]:
    """Return what a table of so many gigabytes takes, and one of a tenth of its rows.

    gb: size of the file. Keys: gb, rows, seconds of each pass and of training, peak_mb; `tenth` with the
    same keys; `memory_ratio`, which is 1 where memory is flat in rows; and `row_seconds_ratio`, of the
    seconds a row in the passes and in training, which is 1 where time grows as rows do.
    """
    with tempfile.TemporaryDirectory() as folder:
        # Both are read in pieces, also where so little is measured that memory would hold the tenth.
        above = min(STREAM_ABOVE_MB, _HELD * gb / 10 * 1e9 / (1 << 20))
        tenth = _measured(Path(folder), gb / 10, above)
        whole = _measured(Path(folder), gb, above)
    return whole | {
        "tenth": tenth,
        "memory_ratio": round(whole["peak_mb"] / tenth["peak_mb"], 3),
        "row_seconds_ratio": round(row_seconds(whole) / row_seconds(tenth), 3),
    }


def row_seconds(found: Mapping[str, Any]) -> float:
    """Return the seconds a row of the passes and of training, without opening, judging and writing."""
    seconds = (value for step, value in found["seconds"].items() if step not in _BESIDE_ROWS)
    return sum(seconds) / found["rows"]


def write_table(path: Path, rows: int, seed: int) -> None:
    """Write pumps of 2000 rows each, of which every sixth still runs, in batches."""
    rng = np.random.default_rng(seed)
    writer, done = None, 0
    while done < rows:
        table = _pumps(rng, done, min(_GROUP, rows - done))
        writer = writer or pq.ParquetWriter(path, table.schema, compression="none", use_dictionary=["pump"])
        writer.write_table(table)
        done += len(table)
    assert writer is not None
    writer.close()


def _pumps(rng: np.random.Generator, first: int, rows: int) -> pa.Table:
    number = (first + np.arange(rows)) // _LIFE  # (rows,)
    hour = ((first + np.arange(rows)) % _LIFE).astype(float)  # (rows,)
    wear = (hour / _LIFE)[:, None] ** rng.uniform(2, 6, SENSORS)  # (rows, sensors)
    sensors = 10 + wear + rng.normal(0, 0.1, wear.shape)
    runs = number % 6 == 5
    names, code = np.unique(number, return_inverse=True)
    pumps = pa.DictionaryArray.from_arrays(code.astype(np.int32), [f"P-{name:07}" for name in names])
    columns: dict[str, Any] = {"pump": pumps.cast(pa.string()), "hour": hour}
    columns |= {f"s{i}": sensors[:, i] for i in range(SENSORS)}
    return pa.table(columns | {"failed_at": pa.array(np.full(rows, _LIFE + 0.5), mask=runs)})


def _measured(folder: Path, gb: float, above_mb: float) -> dict[str, Any]:
    rows = int(gb * 1e9 / _ROW_BYTES)
    began = time.perf_counter()
    write_table(folder / "big.parquet", rows, 1)
    write_table(folder / "small.parquet", min(rows // 4, _SMALL), 2)
    wrote = time.perf_counter() - began
    sensors = "\n".join(f'[columns.s{i}]\nrole = "sensor"\nrange = [-100, 100]\n' for i in range(SENSORS))
    (folder / "charter.toml").write_text(_CHARTER.format(sensors=sensors), encoding="utf-8")
    size = (folder / "big.parquet").stat().st_size / 1e9
    seconds, peak, result = _run(folder, above_mb)
    for name in ("big.parquet", "small.parquet"):
        (folder / name).unlink()
    training = next(iter(result["scenarios"].values()))
    return {
        "gb": round(size, 3),
        "rows": rows,
        "seconds_writing_the_table": round(wrote, 1),
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "peak_mb": round(peak, 1),
        "rmse": round(training["all_cycle"]["raw"]["rmse"], 3),
    }


def _run(folder: Path, above_mb: float) -> tuple[dict[str, float], float, dict[str, Any]]:
    """Return the seconds of each step, the peak of resident memory in MB, and the result."""
    command = [sys.executable, "-m", "benchmarks.streaming", "--run", str(folder)]
    peak = 0.0
    began = time.perf_counter()
    variables = environment({STREAM_VARIABLE: str(above_mb)})
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables) as process:  # noqa: S603 - this program
        stopped = threading.Event()

        def sample() -> None:
            nonlocal peak
            while not stopped.wait(_SAMPLE_S):
                peak = max(peak, _resident_mb(process.pid))

        sampler = threading.Thread(target=sample)
        sampler.start()
        shown, _ = process.communicate()
        stopped.set()
        sampler.join()
    if process.returncode:
        raise RuntimeError(f"the run failed with status {process.returncode}")
    found = json.loads(shown)
    seconds = found["seconds"] | {"whole process": time.perf_counter() - began}
    return seconds, max(peak, found["result"]["peak_memory_mb"]), found["result"]


def _resident_mb(process: int) -> float:
    try:
        text = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:  # gone, or no Linux: the process reports its own peak
        return 0.0
    found = re.search(r"VmRSS:\s+(\d+) kB", text)
    return int(found[1]) / 1024 if found else 0.0


def _train(folder: Path) -> None:
    """Run the charter of a folder and print its result and the seconds of each step."""
    from hansa.simulation.charter_file import read_charter_file
    from hansa.simulation.launch import launch

    began = last = time.perf_counter()
    seconds: dict[str, float] = {}

    def took(step: str) -> None:
        nonlocal last
        now = time.perf_counter()
        seconds[step] = seconds.get(step, 0.0) + now - last
        last = now

    def tell(text: str, done: float) -> None:
        if done:  # what only begins took nothing yet
            took(text.split(": ")[1].split(",")[0])

    file = read_charter_file(folder / "charter.toml")
    started = launch(file, None, folder / f"out-{os.getpid()}", tell)
    took("opening")
    result = started.go(lambda result: "", lambda progress: took("training"), lambda: False)
    took("judging and writing")
    seconds["together"] = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "result": result.value()}))


if __name__ == "__main__":
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--gb", type=float, default=10.0)
    reader.add_argument("--run", type=Path, help="for the program itself: the folder of a charter")
    chosen = reader.parse_args()
    if chosen.run is not None:
        _train(chosen.run)
    else:
        print(json.dumps(measure(chosen.gb), indent=1))
