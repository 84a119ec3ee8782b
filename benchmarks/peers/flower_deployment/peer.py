"""Flower's deployment engine, an empty message to every node: `peer.py NODES ROUNDS OUT.json`.

No TLS, no keys and programs that look for work 20 times a second and not once are all to Flower's favour.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks.peers.flower_deployment.loopback import (
    LOG,
    LOOK_S,
    FlowerFailedError,
    Place,
    federation,
    submit,
)

APP = Path(__file__).parent / "app"
LIMIT_S = 240.0


def main() -> int:
    """Run the rounds and write what they took; 1 where they did not come to an end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    nodes, rounds, out = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    with tempfile.TemporaryDirectory(prefix="flwr", ignore_cleanup_errors=True) as folder:
        place, file = Place(Path(sys.executable).parent, Path(folder)), Path(folder) / "rounds.json"
        try:
            with federation(place, [{}] * nodes):
                submit(place, APP, {"nodes": nodes, "rounds": rounds, "out": str(file)})
                found = _awaited(file)
        except FlowerFailedError as why:
            print((place.folder / LOG).read_text(encoding="utf-8", errors="replace")[-4000:], file=sys.stderr)
            print(why, file=sys.stderr)
            return 1
    out.write_text(json.dumps({"version": version("flwr"), **found}) + "\n", encoding="utf-8")
    return 0


def _awaited(file: Path) -> dict[str, list[float]]:
    until = time.perf_counter() + LIMIT_S
    while time.perf_counter() < until:
        if file.exists() and (text := file.read_text(encoding="utf-8")).endswith("\n"):
            found: dict[str, list[float]] = json.loads(text)
            return found
        time.sleep(LOOK_S)
    raise FlowerFailedError(f"the rounds did not end within {LIMIT_S:g} s")


if __name__ == "__main__":
    sys.exit(main())
