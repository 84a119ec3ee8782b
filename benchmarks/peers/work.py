"""The work that every peer does: the same rows, first weights and recipe, kept in one .npz file.

Only NumPy is needed, so that every peer's environment can read it. A network of 16-96-84-1 units, ReLU
inside and linear at the end, 9,865 parameters in float32. A round is one local epoch of plain SGD on
mean((prediction - y)^2) in each party: rows dealt in a new order, batches of 128, the last one short and
averaged over its own rows; then the mean of the parties' weights by rows. All parties take part.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

FEATURES = 16
HIDDEN = (96, 84)
TEST_ROWS = 4000
LEARNING_RATE = 0.05
BATCH_SIZE = 128
NOISE = 0.5  # enough that the order of rows moves the final error by a few per cent at most


@dataclass(frozen=True, slots=True)
class Size:
    """How much work there is; parties is even, so that the ragged rows keep their mean."""

    parties: int
    rows: int  # mean rows of a party
    spread: int  # a party has rows - spread to rows + spread
    rounds: int
    alike: bool = False  # a party's rows are copies of one, so that their order cannot matter


SIZES = {
    "8x4000": Size(parties=8, rows=4000, spread=400, rounds=20),
    "100x100": Size(parties=100, rows=100, spread=40, rounds=20),
    "1000x100": Size(parties=1000, rows=100, spread=40, rounds=8),
}
# No chance is left in it: systems that do the same work end with the same error but for rounding.
EXACT = Size(parties=8, rows=192, spread=128, rounds=4, alike=True)


@dataclass(frozen=True, slots=True)
class Work:
    """What a peer trains on, from and by."""

    x: list[np.ndarray]  # of each party (rows, features), float32
    y: list[np.ndarray]  # of each party (rows,), float32
    test_x: np.ndarray  # (test rows, features)
    test_y: np.ndarray  # (test rows,)
    weights: list[np.ndarray]  # of each layer (inputs, outputs)
    biases: list[np.ndarray]  # of each layer (outputs,)
    learning_rate: float
    batch_size: int


def write_work(path: Path, size: Size, seed: int) -> None:
    """Write the work of a size; the same seed writes the same work."""
    rng = np.random.default_rng(seed)
    rows = _ragged(rng, size)  # (parties,)
    directions = _directions(rng)
    x, y = _draw(rng, size.parties if size.alike else int(rows.sum()), directions)
    if size.alike:
        x, y = np.repeat(x, rows, axis=0), np.repeat(y, rows)  # (all rows, features), (all rows,)
    test_x, test_y = _draw(rng, TEST_ROWS, directions)
    weights = _glorot_uniform(rng)
    arrays = {"rows": rows, "x": x, "y": y, "test_x": test_x, "test_y": test_y}
    arrays |= {f"weight_{layer}": weight for layer, weight in enumerate(weights)}
    arrays |= {"learning_rate": np.float64(LEARNING_RATE), "batch_size": np.int64(BATCH_SIZE)}
    np.savez(path, **arrays)


def read_work(path: Path) -> Work:
    """Return the work of a file."""
    with np.load(path) as kept:
        cuts = np.cumsum(kept["rows"])[:-1]  # (parties - 1,)
        weights = [kept[f"weight_{layer}"] for layer in range(len(HIDDEN) + 1)]
        return Work(
            x=np.split(kept["x"], cuts),
            y=np.split(kept["y"], cuts),
            test_x=kept["test_x"],
            test_y=kept["test_y"],
            weights=weights,
            biases=[np.zeros(weight.shape[1], np.float32) for weight in weights],
            learning_rate=float(kept["learning_rate"]),
            batch_size=int(kept["batch_size"]),
        )


def error_on_test_rows(work: Work, weights: list[np.ndarray], biases: list[np.ndarray]) -> float:
    """Return the mean squared error on the test rows; weights: (inputs, outputs) of each layer."""
    activity = work.test_x.astype(np.float64)  # (test rows, features)
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        activity = np.maximum(activity @ weight + bias, 0.0)  # (test rows, outputs)
    prediction = (activity @ weights[-1] + biases[-1])[:, 0]  # (test rows,)
    return float(np.mean((prediction - work.test_y) ** 2))


def _ragged(rng: np.random.Generator, size: Size) -> np.ndarray:
    more = rng.integers(0, size.spread, size=size.parties // 2, endpoint=True)  # (parties / 2,)
    return rng.permutation(np.concatenate([size.rows + more, size.rows - more]))  # (parties,)


def _directions(rng: np.random.Generator) -> np.ndarray:
    drawn = rng.standard_normal((FEATURES, 4))  # (features, 4)
    return drawn / np.linalg.norm(drawn, axis=0)


def _draw(rng: np.random.Generator, rows: int, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x = rng.standard_normal((rows, FEATURES))  # (rows, features)
    a, b, c, d = (x @ directions).T  # (rows,) each
    # The linear part is learned within a few steps: after 8 rounds the error already tells two recipes apart.
    y = 2.0 * a + np.sin(2.0 * b) + np.tanh(c) * d + NOISE * rng.standard_normal(rows)  # (rows,)
    return x.astype(np.float32), y.astype(np.float32)


def _glorot_uniform(rng: np.random.Generator) -> list[np.ndarray]:
    drawn = []
    for fan_in, fan_out in pairwise((FEATURES, *HIDDEN, 1)):
        bound = (6.0 / (fan_in + fan_out)) ** 0.5
        drawn.append(rng.uniform(-bound, bound, (fan_in, fan_out)).astype(np.float32))  # (fan_in, fan_out)
    return drawn
