"""Flower: its simulation on Ray, one processor a node, FedAvg of its Message API, no evaluation."""

from __future__ import annotations

import os
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.peers.meter import Meter, asked, write_report
from benchmarks.peers.torch_party import perceptron, trained
from benchmarks.peers.tree import Tree
from benchmarks.peers.work import error_on_test_rows, read_work

QUIET = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
}


def main() -> None:
    """Train as the command line asks and write the report."""
    file, rounds, out = asked()
    tree = Tree(os.getpid())
    meter = Meter(tree.cpu_s, tree.peak_mb)
    with tempfile.TemporaryDirectory(prefix="flwr") as folder:
        os.environ |= {**QUIET, "FLWR_HOME": folder}
        arrays = _simulate(file.resolve(), rounds, meter, folder)
    work = read_work(file)
    network = perceptron(work)
    network.load_state_dict(arrays.to_torch_state_dict())
    mse = error_on_test_rows(work, *trained(network))
    write_report(out, "flower", version("flwr"), meter, mse, threads=1)


def _simulate(file: Path, rounds: int, meter: Meter, folder: str) -> Any:
    # Imported here: both read the variables above as they are imported.
    from flwr.app import ArrayRecord, ConfigRecord, Context
    from flwr.serverapp import Grid, ServerApp
    from flwr.serverapp.strategy import FedAvg
    from flwr.simulation import run_simulation

    from benchmarks.peers.flower.party_app import app as party_app

    class Laps(FedAvg):
        """FedAvg that marks the rounds."""

        def configure_train(self, server_round: int, *args: Any) -> Any:
            if server_round == 1:
                meter.lap()
            return super().configure_train(server_round, *args)

        def aggregate_train(self, *args: Any) -> Any:
            found = super().aggregate_train(*args)
            meter.lap()
            return found

    work = read_work(file)
    server_app, ended = ServerApp(), []

    @server_app.main()
    def coordinate(grid: Grid, context: Context) -> None:
        del context
        first = ArrayRecord(perceptron(work).state_dict())
        strategy = Laps(fraction_evaluate=0.0, min_train_nodes=len(work.x), min_available_nodes=len(work.x))
        ended.append(strategy.start(grid, first, rounds, train_config=ConfigRecord({"work": str(file)})))

    run_simulation(
        server_app,
        party_app,
        num_supernodes=len(work.x),
        backend_config={
            "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
            "init_args": {"_temp_dir": folder, "log_to_driver": False},
        },
    )
    return ended[0].arrays


if __name__ == "__main__":
    main()
