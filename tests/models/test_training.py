"""Local epochs against loops written by hand over the same batches; padding counts for nothing."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from hansa.models.losses import squared_error
from hansa.models.network import Perceptron, perceptron
from hansa.models.rows import Rows
from hansa.models.training import Learner, Recipe, learner, no_extras, train
from tests.oracles import orders
from tests.oracles.adam import adam_epochs
from tests.oracles.straight_line import Descent, Holding, Line

ROWS, FEATURES, BATCH, EPOCHS = 12, 3, 5, 2  # the last batch of an epoch has 2 rows
KEY = jax.random.key(3)

run = partial(jax.jit, static_argnums=(2, 4, 5))(train)


def _data(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(ROWS, FEATURES)), rng.uniform(size=ROWS)


def _rows(x: np.ndarray, y: np.ndarray, padding: int = 0, junk: float = 0.0) -> Rows:
    return Rows(
        jnp.asarray(np.pad(x, [(0, padding), (0, 0)], constant_values=junk), jnp.float32),
        jnp.asarray(np.pad(y, (0, padding), constant_values=junk), jnp.float32),
        jnp.asarray(np.pad(np.ones(len(y)), (0, padding)), jnp.float32),
        jnp.zeros(len(y) + padding, jnp.int32),
    )


def _line() -> Perceptron:
    return perceptron(np.random.default_rng(1), FEATURES, (), "sigmoid", "linear")


def _batches(rows: int = ROWS, size: int = BATCH) -> list[list[np.ndarray]]:
    return [[order[i : i + size] for i in range(0, rows, size)] for order in orders.epochs(KEY, rows, EPOCHS)]


def _flat(network: Perceptron) -> np.ndarray:
    return np.r_[np.asarray(network.weights[0], float)[:, 0], np.asarray(network.biases[0], float)]


def test_adam_equals_a_loop_by_hand() -> None:
    x, y = _data()
    recipe = Recipe("adam", 0.05, BATCH, EPOCHS)
    expected, expected_loss = adam_epochs(_flat(_line()), x, y, _batches(), 0.05)
    trained, loss = run(learner(_line(), recipe), _rows(x, y), no_extras, KEY, recipe, squared_error)
    assert_allclose(_flat(trained.network), expected, atol=1e-5)
    assert_allclose(loss, expected_loss, rtol=1e-4)


def test_adam_goes_on_where_it_was() -> None:
    x, y = _data()
    recipe = Recipe("adam", 0.05, BATCH, EPOCHS)
    start = learner(_line(), recipe)
    for _ in range(2):
        start, _ = run(start, _rows(x, y), no_extras, KEY, recipe, squared_error)
    expected, _ = adam_epochs(_flat(_line()), x, y, _batches() * 2, 0.05)
    assert_allclose(_flat(start.network), expected, atol=1e-5)


def test_sgd_equals_a_loop_by_hand() -> None:
    x, y = _data()
    recipe = Recipe("sgd", 0.2, BATCH, EPOCHS)
    line = Line(_flat(_line())[:-1].copy(), 0.0)
    own = Holding(x, y, np.zeros(ROWS, int), [])
    for batches in _batches():
        Descent(0.2, BATCH).epoch(line, own, np.concatenate(batches), lambda row, now: now - y[row])
    trained, _ = run(learner(_line(), recipe), _rows(x, y), no_extras, KEY, recipe, squared_error)
    assert_allclose(_flat(trained.network), [*line.weight, line.bias], atol=1e-5)


@pytest.mark.parametrize("padding", [3, 19])  # they fill the last batch; they make batches of their own
def test_rows_of_weight_0_change_nothing(padding: int) -> None:
    x, y = _data()
    recipe = Recipe("adam", 0.05, BATCH, EPOCHS)
    start = learner(_line(), recipe)
    plain, loss = run(start, _rows(x, y), no_extras, KEY, recipe, squared_error)
    padded, padded_loss = run(start, _rows(x, y, padding, junk=7.0), no_extras, KEY, recipe, squared_error)
    for one, other in zip(jax.tree.leaves(plain), jax.tree.leaves(padded), strict=True):
        assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    assert_allclose(loss, padded_loss, rtol=1e-5)


def test_a_batch_larger_than_the_rows_is_one_step_over_all_of_them() -> None:
    x, y = _data()
    recipe = Recipe("sgd", 0.2, 100, 1)
    trained, loss = run(learner(_line(), recipe), _rows(x, y), no_extras, KEY, recipe, squared_error)
    wide, start = np.c_[x, np.ones(ROWS)], _flat(_line())
    miss = wide @ start - y
    assert_allclose(_flat(trained.network), start - 0.2 * wide.T @ miss / ROWS, atol=1e-6)
    assert_allclose(loss, 0.5 * np.mean(miss**2), rtol=1e-5)


def test_a_party_without_rows_stays_where_it_is() -> None:
    recipe = Recipe("adam", 0.05, BATCH, EPOCHS)
    start = learner(_line(), recipe)
    nothing = _rows(np.zeros((0, FEATURES)), np.zeros(0), ROWS, junk=1.0)
    trained, loss = run(start, nothing, no_extras, KEY, recipe, squared_error)
    for one, other in zip(jax.tree.leaves(start), jax.tree.leaves(trained), strict=True):
        assert_array_equal(one, other)
    assert float(loss) == 0.0


def test_extras_are_dealt_with_their_rows() -> None:
    x, y = _data()
    recipe = Recipe("sgd", 0.2, BATCH, EPOCHS)
    rows = _rows(x, y)

    def told(network: Any, batch: Rows, extras: Any) -> jax.Array:
        return 0.5 * (network(batch.x) - extras["y"]) ** 2

    lying = Rows(rows.x, jnp.zeros(ROWS), rows.weight, rows.key)
    start = learner(_line(), recipe)
    by_extras, _ = run(start, lying, lambda _: {"y": rows.y}, KEY, recipe, told)
    by_labels, _ = run(start, rows, no_extras, KEY, recipe, squared_error)
    assert_allclose(_flat(by_extras.network), _flat(by_labels.network), atol=1e-6)


def test_momentum_keeps_a_share_of_the_last_step() -> None:
    x, y = _data()
    recipe = Recipe("sgd", 0.1, BATCH, EPOCHS, momentum=0.6)
    wide, weights, step = np.c_[x, np.ones(ROWS)], _flat(_line()), 0.0
    for places in (batch for epoch in _batches() for batch in epoch):
        step = 0.6 * step + wide[places].T @ (wide[places] @ weights - y[places]) / len(places)
        weights = weights - 0.1 * step
    trained, _ = run(learner(_line(), recipe), _rows(x, y), no_extras, KEY, recipe, squared_error)
    assert_allclose(_flat(trained.network), weights, atol=1e-5)


def test_a_horizon_lets_rows_near_failure_count_more() -> None:
    x, y = _data()
    recipe = Recipe("sgd", 0.2, 100, 1, horizon=3.0)
    trained, loss = run(
        learner(_line(), recipe), _rows(x, y, 5, junk=7.0), no_extras, KEY, recipe, squared_error
    )
    wide, start = np.c_[x, np.ones(ROWS)], _flat(_line())
    miss, counts = wide @ start - y, 1 + 3 * (1 - y)
    assert_allclose(_flat(trained.network), start - 0.2 * wide.T @ (counts * miss) / ROWS, atol=1e-5)
    assert_allclose(loss, 0.5 * np.mean(miss**2), rtol=1e-5)  # what is reported is the plain one


def test_every_epoch_has_an_order_of_its_own_and_another_key_another() -> None:
    first, second = _batches()
    assert not np.array_equal(np.concatenate(first), np.concatenate(second))
    x, y = _data()
    recipe = Recipe("sgd", 0.2, BATCH, EPOCHS)
    start = learner(_line(), recipe)
    one, _ = run(start, _rows(x, y), no_extras, KEY, recipe, squared_error)
    other, _ = run(start, _rows(x, y), no_extras, jax.random.key(4), recipe, squared_error)
    assert not np.array_equal(_flat(one.network), _flat(other.network))


def test_training_lowers_the_loss_of_a_network_with_hidden_units() -> None:
    x, _ = _data()
    y = 1 / (1 + np.exp(-x[:, 0]))
    recipe = Recipe("adam", 0.05, BATCH, 60)
    network = perceptron(np.random.default_rng(1), FEATURES, (6,), "tanh", "linear")
    before = float(squared_error(network, _rows(x, y), ()).mean())
    trained, loss = run(learner(network, recipe), _rows(x, y), no_extras, KEY, recipe, squared_error)
    assert isinstance(trained, Learner)
    assert float(loss) < 0.02 * before


@pytest.mark.parametrize(  # last batches of every length, below and after a whole one
    ("batch", "capacity"),
    [*((batch, 20) for batch in (1, 2, 3, 5, 8, 32)), pytest.param(32, 72, marks=pytest.mark.slow)],
)  # at 32 of 20 the capacity is below the batch
def test_every_rest_of_a_small_or_large_batch_is_one_step(batch: int, capacity: int) -> None:
    recipe = Recipe("adam", 0.05, batch, EPOCHS)
    for rows in range(1, capacity + 1):
        rng = np.random.default_rng(rows)
        x, y = rng.normal(size=(rows, FEATURES)), rng.uniform(size=rows)
        expected, expected_loss = adam_epochs(
            _flat(_line()), x, y, _batches(rows, min(batch, capacity)), 0.05
        )
        held = _rows(x, y, capacity - rows, junk=7.0)
        trained, loss = run(learner(_line(), recipe), held, no_extras, KEY, recipe, squared_error)
        assert_allclose(_flat(trained.network), expected, atol=2e-5, err_msg=f"{rows} rows")
        assert_allclose(loss, expected_loss, rtol=1e-4, err_msg=f"{rows} rows")


@pytest.mark.parametrize("pair", [(8, 9), (10, 13), (16, 3), (1, 20), (15, 24)])
def test_parties_side_by_side_may_have_different_rests(pair: tuple[int, int]) -> None:
    recipe = Recipe("adam", 0.05, 8, EPOCHS)
    start, held = learner(_line(), recipe), []
    for rows in pair:
        rng = np.random.default_rng(rows)
        x, y = rng.normal(size=(rows, FEATURES)), rng.uniform(size=rows)
        held.append(_rows(x, y, 24 - rows, junk=7.0))
    together = jax.tree.map(lambda *leaves: jnp.stack(leaves), *held)
    side = jax.jit(jax.vmap(lambda own: train(start, own, no_extras, KEY, recipe, squared_error)))
    trained, losses = side(together)
    for place, own in enumerate(held):
        alone, loss = run(start, own, no_extras, KEY, recipe, squared_error)
        for one, other in zip(jax.tree.leaves(trained), jax.tree.leaves(alone), strict=True):
            assert_allclose(one[place], other, rtol=1e-4, atol=1e-6)
        assert_allclose(losses[place], loss, rtol=1e-5)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_weight_decay_takes_a_share_of_every_weight_beside_the_gradient(optimizer: str) -> None:
    rows, start = _rows(*_data()), _line()
    plain, decayed = (
        run(learner(start, recipe), rows, no_extras, KEY, recipe, squared_error)[0].network
        for recipe in (Recipe(optimizer, 0.1, 100, 1), Recipe(optimizer, 0.1, 100, 1, weight_decay=0.5))
    )
    assert_allclose(_flat(decayed), _flat(plain) - 0.1 * 0.5 * _flat(start), atol=1e-6)
