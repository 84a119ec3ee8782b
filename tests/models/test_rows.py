"""Rows and streams give one answer: what an algorithm asks of them does not tell where they lie."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from hansa.models.losses import squared_error
from hansa.models.network import perceptron
from hansa.models.rows import Rows, Stream, summed
from hansa.models.training import Recipe, learner, no_extras, train
from tests.batteries.roster import same_bits
from tests.oracles.adam import adam_epochs
from tests.oracles.orders import shuffle

FEATURES, SIZE = 3, 8
LENGTHS = (8, 5, 8)
KEY = jax.random.key(5)

run = partial(jax.jit, static_argnums=(2, 4, 5))(train)


def _block(number: int) -> tuple[np.ndarray, ...]:
    rng, real = np.random.default_rng(number), LENGTHS[number]
    x = np.zeros((SIZE, FEATURES), np.float32)
    y, weight, key = np.zeros(SIZE, np.float32), np.zeros(SIZE, np.float32), np.zeros(SIZE, np.int32)
    x[:real], y[:real] = rng.normal(size=(real, FEATURES)), rng.uniform(size=real)
    weight[:real], key[:real] = 1.0, rng.integers(0, 4, real)
    return x, y, weight, key


def _stream(*numbers: int) -> Stream:
    lengths = jnp.asarray([LENGTHS[number] for number in numbers], jnp.float32)
    return Stream(lengths, SIZE, FEATURES, lambda place: _block(numbers[int(place)]))


def _rows(*numbers: int) -> Rows:
    parts = [[leaf[: LENGTHS[number]] for leaf in _block(number)] for number in numbers]
    return Rows(*(jnp.asarray(np.concatenate(leaves)) for leaves in zip(*parts, strict=True)))


@pytest.mark.parametrize("numbers", [(0,), (0, 1, 2)])
def test_the_same_rows_are_counted_and_summed_alike(numbers: tuple[int, ...]) -> None:
    def sums(block: Rows) -> tuple[jax.Array, jax.Array]:
        return jax.ops.segment_sum(block.y * block.weight, block.key, 4), (block.x.T * block.weight).sum()

    assert float(_stream(*numbers).count) == float(_rows(*numbers).count) == sum(LENGTHS[i] for i in numbers)
    told = jax.jit(summed, static_argnums=1)
    for one, other in zip(told(_stream(*numbers), sums), told(_rows(*numbers), sums), strict=True):
        assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_stream_of_one_block_trains_as_its_rows_do_to_the_bit() -> None:
    recipe = Recipe("adam", 0.05, 3, 2)
    network = perceptron(np.random.default_rng(1), FEATURES, (4,), "tanh", "linear")
    rows = Rows(*map(jnp.asarray, _block(1)))
    streamed = run(learner(network, recipe), _stream(1), no_extras, KEY, recipe, squared_error)
    held = run(learner(network, recipe), rows, no_extras, KEY, recipe, squared_error)
    assert same_bits(streamed, held)


def test_blocks_come_in_an_order_of_their_own_and_are_shuffled_inside() -> None:
    """Against Adam by hand, with the batches that the shuffle says."""
    recipe, epochs = Recipe("adam", 0.05, 3, 2), 2
    line = perceptron(np.random.default_rng(1), FEATURES, (), "sigmoid", "linear")
    starts, batches, orders = np.cumsum([0, *LENGTHS]), [], []
    for epoch in range(epochs):
        chance = jax.random.fold_in(KEY, epoch)
        orders.append([int(one) for one in shuffle(chance, 3, jnp.float32(3))])
        batches.append([])
        for number in orders[-1]:
            inside = shuffle(jax.random.fold_in(chance, number), SIZE, jnp.float32(LENGTHS[number]))
            places = np.asarray(inside)[: LENGTHS[number]] + starts[number]
            batches[-1] += [places[i : i + 3] for i in range(0, len(places), 3)]
    flat = np.r_[np.asarray(line.weights[0], float)[:, 0], 0.0]
    rows = _rows(0, 1, 2)
    expected, loss = adam_epochs(flat, np.asarray(rows.x, float), np.asarray(rows.y, float), batches, 0.05)
    found, told = run(learner(line, recipe), _stream(0, 1, 2), no_extras, KEY, recipe, squared_error)
    weights, bias = found.network.weights[0], found.network.biases[0]
    assert_allclose(np.r_[np.asarray(weights)[:, 0], np.asarray(bias)], expected, atol=1e-5)
    assert_allclose(told, loss, rtol=1e-4)
    assert orders[0] != orders[1]


def test_extras_are_made_for_each_block() -> None:
    def beside(block: Rows) -> jax.Array:
        return 2.0 * block.y

    def told(network: object, batch: Rows, extras: jax.Array) -> jax.Array:
        return jnp.abs(extras - 2.0 * batch.y) * 1e6 + 0.0 * network.weights[0].sum()  # type: ignore[attr-defined]

    recipe = Recipe("sgd", 0.1, 3, 1)
    line = perceptron(np.random.default_rng(1), FEATURES, (), "sigmoid", "linear")
    _, loss = run(learner(line, recipe), _stream(0, 1, 2), beside, KEY, recipe, told)
    assert float(loss) == 0.0


def test_a_block_is_read_when_it_is_needed_and_no_other() -> None:
    read: list[int] = []

    def reader(place: np.ndarray) -> tuple[np.ndarray, ...]:
        read.append(int(place))
        return _block(int(place))

    stream = Stream(jnp.asarray(LENGTHS, jnp.float32), SIZE, FEATURES, reader)
    total = jax.jit(lambda rows: summed(rows, lambda block: block.weight.sum()))(stream)
    assert float(total) == sum(LENGTHS)
    assert_array_equal(read, [0, 1, 2])
