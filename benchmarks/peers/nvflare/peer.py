"""NVFLARE: its simulator with a thread and a process for each party, its FedAvg, weights sent as NumPy.

The parties are Executors: a script behind its Client API would wait for two more pollings in every round.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from nvflare.app_common.default_component_policy import DEFAULT_CLASS_ALLOW_LIST
from nvflare.job_config.api import FedJob

from benchmarks.peers.meter import asked
from benchmarks.peers.nvflare.parts import Coordinator, Party
from benchmarks.peers.tree import end_all_when_asked
from benchmarks.peers.work import read_work

SHIPPED_CHECK_S = 0.5  # how often its server looks whether a round is complete
SHIPPED_REQUEST_S = 2.0  # how often its parties ask for the next task


def main(check_s: float = SHIPPED_CHECK_S, request_s: float = SHIPPED_REQUEST_S) -> int:
    """Train as the command line asks; the coordinator, in a process of its own, writes the report."""
    end_all_when_asked()
    file, rounds, out = asked()
    work, parties = str(file.resolve()), len(read_work(file).x)
    job = FedJob("peer", min_clients=parties)
    job.set_app_packages(["benchmarks"])  # found on the path, not copied into the job
    job.to_server({"server": {"task_request_interval": request_s}})
    job.to_server(Coordinator(work, str(out.resolve()), os.getpid(), rounds, check_s))
    job.to_clients(Party(work), tasks=["train"])
    with tempfile.TemporaryDirectory(prefix="nvflare") as folder:
        _allow_our_parts(Path(folder))
        status = job.simulator_run(folder, n_clients=parties, threads=parties, log_config="ERROR")
    return int(status or 0)


def _allow_our_parts(workspace: Path) -> None:
    allowed = [*DEFAULT_CLASS_ALLOW_LIST, "benchmarks.peers.nvflare.parts"]
    (workspace / "local").mkdir()
    policy = {"format_version": 2, "class_allow_list": allowed}
    (workspace / "local" / "resources.json").write_text(json.dumps(policy), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
