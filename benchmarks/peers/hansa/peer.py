"""Hansa: FedAvg with all parties batched."""

from __future__ import annotations

from importlib.metadata import version

import jax
import numpy as np

from benchmarks.peers.meter import Meter, Trained, run
from benchmarks.peers.work import Work
from hansa.algorithms.fedavg import FedAvg, State
from hansa.models.network import Perceptron
from hansa.models.rows import Rows
from hansa.models.training import Recipe
from hansa.runtime.coordinator import run_round
from hansa.runtime.party import Member
from hansa.simulation.batched import BatchedParties
from hansa.simulation.machine import threads


def train(work: Work, rounds: int, meter: Meter) -> Trained:
    """Return the network after all rounds."""
    algorithm, state, parties = federation(work)
    meter.lap()
    for _ in range(rounds):
        state = jax.block_until_ready(run_round(algorithm, state, parties))
        meter.lap()
    return list(map(np.asarray, state.network.weights)), list(map(np.asarray, state.network.biases))


def federation(work: Work) -> tuple[FedAvg, State, BatchedParties]:
    """Return the algorithm, its state before round 1, and the parties."""
    network = Perceptron(
        tuple(map(jax.device_put, work.weights)), tuple(map(jax.device_put, work.biases)), "relu", "linear"
    )
    # Hansa's loss is half the squared error: twice the step makes the same one.
    algorithm = FedAvg(Recipe("sgd", 2 * work.learning_rate, work.batch_size, 1))
    members = [
        Member(f"party-{party}", algorithm, _rows(x, y), network, jax.random.key(party))
        for party, (x, y) in enumerate(zip(work.x, work.y, strict=True))
    ]
    return algorithm, algorithm.start(network), BatchedParties(algorithm, members, [x[:1] for x in work.x])


def _rows(x: np.ndarray, y: np.ndarray) -> Rows:
    return Rows(x, y, np.ones(len(y), np.float32), np.ones(len(y), np.int32))


if __name__ == "__main__":
    run("hansa", version("hansa"), train, threads())
