"""Runs of a charter that are kept in runs/accuracy, so that a measurement that was stopped goes on."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from hansa.core.charter import Charter
from hansa.core.charter_digest import charter_digest, roster_digest
from hansa.simulation.federation import Federation

KEPT = Path(__file__).parents[1] / "runs" / "accuracy"
ALL, LAST = "all_cycle", "last_cycle"


def found(charter: Charter, data: Path) -> dict[str, Any]:
    """Return what a charter's run found, by protocol and scenario; from its file where it ran before.

    Each protocol holds rmse, nasa and solo (each party's RMSE, on the test engines that an uneven deal would
    give it); seconds and bytes stand beside, the latter framed, both ways, the mean over the parties.
    """
    return kept(charter, lambda: _figures(trained(Federation(charter, data))))


def kept(charter: Charter, find: Callable[[], dict[str, Any]], prefix: str = "") -> dict[str, Any]:
    """Return what `find` returns for a charter; from its file where the same code has found it before.

    prefix: tells apart what is found otherwise under the same charter.
    """
    name = f"{prefix}{charter_digest(charter)[:16]}-{roster_digest(charter)[:8]}-{code_digest()[:8]}"
    path = KEPT / f"{name}.json"
    if path.exists():
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return known
    began = time.perf_counter()
    made = find()
    KEPT.mkdir(parents=True, exist_ok=True)
    whole = path.with_suffix(".new")
    whole.write_text(json.dumps(made) + "\n", encoding="utf-8")
    whole.replace(path)
    words = (
        f"{prefix}{charter.name}, seed {charter.seed}, {charter.parties} parties, {charter.algorithm.name}"
    )
    print(f"{words}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return made


@cache
def code_digest() -> str:
    """Return the SHA-256 of the package's code and of the benchmarks', in hexadecimal."""
    here = Path(__file__).parents[1]
    sha = hashlib.sha256()
    for path in sorted([*here.glob("hansa/**/*.py"), *here.glob("benchmarks/*.py")]):
        sha.update(path.read_bytes())
    return sha.hexdigest()


def trained(federation: Federation) -> Federation:
    """Return the federation once every scenario is trained and judged."""
    for _ in federation.train(lambda _: None, lambda: False):
        pass
    return federation


def _figures(federation: Federation) -> dict[str, Any]:
    made: dict[str, Any] = {ALL: {}, LAST: {}, "seconds": {}, "bytes": {}}
    for name, one in federation.result().scenarios.items():
        made["seconds"][name] = one.seconds
        traffic = [party.traffic.bytes_up + party.traffic.bytes_down for party in one.parties.values()]
        made["bytes"][name] = float(np.mean(traffic))
        for protocol in (ALL, LAST):
            own = getattr(one, protocol).filtered
            solos = [
                party.own.get(protocol, getattr(party, protocol).filtered.rmse)
                for party in one.parties.values()
            ]
            made[protocol][name] = {"rmse": own.rmse, "nasa": own.nasa, "solo": solos}
    return made
