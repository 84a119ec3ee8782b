"""Rows of `make measure TOPIC=judging` about robust rules: what they cost beside products and peers.

Times are medians of CPU time on one core, of 32 parties with 1M parameters each in float32. Ours and a plain
product, `X @ X.T` in one call, take turns; peers run in processes of their own, in the same run. Krum is
counted from updates to weights: nobody's update is copied, by us or by them.

Two goals are missed, and stay to be seen. Flower's newer Krum takes products as ours does, and costs some
five plain ones, so that no Krum from products could be eight times as fast; beside an offset its distances
have no true digit, which is shown. byzfl's trimmed mean of numpy arrays is numpy's own sort, of which the
network takes half the time.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median as middle
from typing import Any

import numpy as np

from benchmarks.children import environment
from benchmarks.measure import Row, at_least, at_most, not_measured, shown
from benchmarks.peers.environments import PEERS, CannotInstallError, make_environment
from benchmarks.peers.processes import THREADS
from hansa.judging.coordinates import meamed, median, trimmed_mean
from hansa.judging.defence import weights
from hansa.judging.networks import Floats32
from hansa.judging.table import table_of

COMMAND = "make measure TOPIC=judging"
PARTIES, DIM, BAD = 32, 1_000_000, 6
OFFSET, SPREAD = 100.0, 0.01
_REPEATS, _THEIR_REPEATS, _LIMIT_S = 21, 5, 600
_NAME = f"{PARTIES} parties, {DIM // 1_000_000}M parameters"
_PEERS = ("byzfl_rules", "peer.py"), ("flower_sums", "krum.py")
_TITLES = {"byzfl_rules": "byzfl", "flower_sums": "Flower"}
_GOALS = {"krum": 8, "median": 5, "trimmed_mean": 5}  # times ours
_PART = "krum, products alone"  # of a call, to see what reading records costs


class PeerFailedError(Exception):
    """A peer's process ended badly; the message is one line."""


def rows() -> Iterator[Row]:
    """Yield every row."""
    updates = np.random.default_rng(0).standard_normal((PARTIES, DIM), dtype=np.float32)  # (parties, dim)
    shifted = updates * np.float32(SPREAD) + np.float32(OFFSET)  # (parties, dim)
    ours = _turns(
        {
            "product": lambda: updates @ updates.T,
            "krum": lambda: _krum(updates),
            "krum, shifted": lambda: _krum(shifted),
            "median": lambda: median(updates),
            "trimmed_mean": lambda: trimmed_mean(updates, BAD),
            "meamed": lambda: meamed(updates, BAD),
        }
    )
    yield from _beside_the_product(ours)
    yield from _exactness(updates, shifted)
    for folder, script in _PEERS:
        yield from _beside(folder, script, ours)


def _krum(updates: Floats32) -> np.ndarray:
    return weights("krum", "none", table_of(updates), BAD)  # (parties,)


def _turns(acts: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median CPU seconds of each; they take turns, to meet the same machine."""
    taken: dict[str, list[float]] = {name: [] for name in acts}
    for number in range(_REPEATS + 1):
        for name, act in acts.items():
            began = time.process_time()
            act()
            if number:  # the first makes networks and room
                taken[name].append(time.process_time() - began)
    return {name: middle(seconds) for name, seconds in taken.items()}


def _beside_the_product(ours: Mapping[str, float]) -> Iterator[Row]:
    yield shown(f"{_NAME}: the product of updates, X @ X.T", 1000 * ours["product"], "ms", COMMAND)
    for name in ("krum", "median", "trimmed_mean", "meamed"):
        yield shown(f"{_NAME}: {name}", 1000 * ours[name], "ms", COMMAND)
    ratio = ours["krum"] / ours["product"]
    yield at_most(f"{_NAME}: Krum beside the product", ratio, 1.3, "times", COMMAND)
    ratio = ours["krum, shifted"] / ours["product"]
    what = "Krum of updates that share a large offset, beside the product"
    yield shown(f"{_NAME}: {what}", ratio, "times", COMMAND)


def _exactness(updates: Floats32, shifted: Floats32) -> Iterator[Row]:
    apart = float(np.abs(median(updates) - np.median(updates, axis=0)).max())
    yield at_most(f"{_NAME}: median, difference from numpy's", apart, 0, "", COMMAND)
    due = np.sort(updates, axis=0)[BAD:-BAD].astype(np.float64).mean(axis=0)  # (dim,)
    apart = float(np.abs(trimmed_mean(updates, BAD) - due).max())
    yield at_most(f"{_NAME}: trimmed mean, difference from sorting, 1e-6", 1e6 * apart, 1.0, "1e-6", COMMAND)
    name = f"{PARTIES} parties, offset {OFFSET:g}, spread {SPREAD:g}: relative error of squared distances"
    yield at_most(name, 1e5 * _error(shifted), 1.0, "1e-5", COMMAND)


def _error(updates: Floats32) -> float:
    """Return the largest relative error of a squared distance."""
    found, worst = table_of(updates).between, 0.0
    for one in range(PARTIES):
        for other in range(one):
            exact = float(((updates[one].astype(np.float64) - updates[other]) ** 2).sum())
            worst = max(worst, abs(found[one, other] / exact - 1))
    return worst


def _beside(folder: str, script: str, ours: Mapping[str, float]) -> Iterator[Row]:
    """Yield a peer's times, how many times ours they are, and its error."""
    peer = _TITLES[folder]
    try:
        theirs = _report(folder, script)
    except (CannotInstallError, PeerFailedError) as why:
        yield not_measured(f"{_NAME}: {peer}'s rules, over ours", ">= 5", "times", str(why), COMMAND)
        return
    name = f"{PARTIES} parties, offset {OFFSET:g}, spread {SPREAD:g}: {peer}'s error of squared distances"
    yield shown(name, theirs.pop("error of squared distances"), "", COMMAND)
    for rule, seconds in theirs.items():
        took = middle(seconds)
        yield shown(f"{_NAME}: {peer}'s {rule}", 1000 * took, "ms", COMMAND)
        if rule != _PART:
            own = rule.split(",")[0]
            name = f"{_NAME}: {peer}'s {rule}, over ours"
            yield at_least(name, took / ours[own], _GOALS[own], "times", COMMAND)


def _report(folder: str, script: str) -> dict[str, Any]:
    """Return what a peer wrote; raises CannotInstallError or PeerFailedError."""
    python = make_environment(folder)
    with tempfile.TemporaryDirectory(prefix="rules") as place:
        out = Path(place) / "report.json"
        numbers = map(str, (PARTIES, DIM, BAD, _THEIR_REPEATS))
        command = [str(python), str(PEERS / folder / script), *numbers, str(out)]
        quiet = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1", "FLWR_HOME": place}
        variables = environment(dict.fromkeys(THREADS, "1") | quiet)
        try:
            done = subprocess.run(  # noqa: S603 - our own command
                command, env=variables, capture_output=True, text=True, timeout=_LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired as late:
            raise PeerFailedError(f"it did not end within {_LIMIT_S} s") from late
        if done.returncode != 0 or not out.exists():
            last = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
            raise PeerFailedError(f"it ended with {done.returncode}: {last[-1]}")
        found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        return found
