"""FedJAX: FedAvg on `for_each_client`, its building block for algorithms, in the compiled back end.

Batches are padded to four sizes, which its documentation recommends against recompiling; its own training
batches (`shuffle_repeat_batch`) fill the last one with rows drawn twice, which is other work. The other back
ends are no choice: `debug` compiles nothing, and `pmap` calls functions that JAX has removed.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from typing import Any

import fedjax
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers.meter import Meter, Trained, run
from benchmarks.peers.work import Work

jax.tree_map = jax.tree.map  # FedJAX 0.0.17 calls it by the name that JAX has removed

BATCH_SIZES = 4  # 128, 64, 32, 16: the last batch is padded to the next

Params = list[tuple[jax.Array, jax.Array]]  # weight (inputs, outputs) and bias (outputs,) of each layer


def train(work: Work, rounds: int, meter: Meter) -> Trained:
    """Return the network after all rounds."""
    parties = [fedjax.ClientDataset({"x": x, "y": y}) for x, y in zip(work.x, work.y, strict=True)]
    layers = zip(work.weights, work.biases, strict=True)
    params = [(jnp.asarray(weight), jnp.asarray(bias)) for weight, bias in layers]
    train_parties = _local_training(work)
    rng = np.random.default_rng(0)
    meter.lap()
    for _ in range(rounds):
        dealt = ((party, _deal(rows, rng, work.batch_size), None) for party, rows in enumerate(parties))
        answers = train_parties(params, dealt)
        params = fedjax.tree_util.tree_mean((answer, len(parties[party])) for party, answer in answers)
        jax.block_until_ready(params)
        meter.lap()
    return [np.asarray(weight) for weight, _ in params], [np.asarray(bias) for _, bias in params]


def _deal(rows: fedjax.ClientDataset, rng: np.random.Generator, batch_size: int) -> Any:
    order = rng.permutation(len(rows))  # (rows,)
    shuffled = fedjax.ClientDataset({name: column[order] for name, column in rows.raw_examples.items()})
    return shuffled.padded_batch(batch_size=batch_size, num_batch_size_buckets=BATCH_SIZES)


def _local_training(work: Work) -> Any:
    optimizer = fedjax.optimizers.sgd(work.learning_rate)

    def start(common: Params, _: None) -> tuple[Params, Any]:
        return common, optimizer.init(common)

    def step(state: tuple[Params, Any], batch: dict[str, jax.Array]) -> tuple[Params, Any]:
        params, memory = state
        memory, params = optimizer.apply(jax.grad(_loss)(params, batch), memory, params)
        return params, memory

    return fedjax.for_each_client(start, step, lambda _, state: state[0])


def _loss(params: Params, batch: dict[str, jax.Array]) -> jax.Array:
    activity = batch["x"]  # (batch, features)
    for weight, bias in params[:-1]:
        activity = jax.nn.relu(activity @ weight + bias)  # (batch, outputs)
    weight, bias = params[-1]
    errors = (activity @ weight + bias)[:, 0] - batch["y"]  # (batch,)
    real = batch[fedjax.EXAMPLE_MASK_KEY]  # (batch,)
    return (errors**2 * real).sum() / real.sum()


if __name__ == "__main__":
    run("fedjax", version("fedjax"), train, int(os.environ.get("NPROC") or os.cpu_count() or 1))
