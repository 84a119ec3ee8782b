"""What of terms is compared and added up: predictions in their range, weights that a party has."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from hansa.algorithms.aligned import Owned
from hansa.core.messages import Ask
from hansa.models.network import perceptron
from hansa.runtime.views import View, view_of

FLOATS = st.floats(-1e3, 1e3, width=32)
NETWORK = jax.tree.map(jnp.asarray, perceptron(np.random.default_rng(0), 3, (2,), "tanh", "linear"))
ASK = Ask(jnp.int32(1), NETWORK)
SIZE = 3 * 2 + 2 + 2 + 1


def owned(*has: tuple[float, float, float]) -> np.ndarray:
    """Return (parties, numbers) terms of parties with some inputs; a change is its number in the order."""
    flat = np.arange(1.0, 1 + SIZE * len(has), dtype=np.float32).reshape(len(has), SIZE)
    return np.concatenate([flat, np.array(has, np.float32)], axis=1)


LIKE = Owned(NETWORK, jnp.zeros(3))


@given(arrays(np.float32, (4, 6), elements=FLOATS), arrays(np.bool_, (4, 6)))
@settings(max_examples=30)
def test_predictions_are_within_their_range_and_keys_are_had_or_not(
    predicted: np.ndarray, has: np.ndarray
) -> None:
    values = np.concatenate([predicted, has.astype(np.float32)], axis=1)
    view = view_of("labsync_mean", ASK, None, values)
    assert_array_equal(view.numbers, np.clip(predicted, 0, 1))
    assert_array_equal(view.beside, has)
    assert view.has is not None
    assert_array_equal(view.has, has)


@pytest.mark.parametrize(("told", "had"), [(0.5, False), (0.51, True), (1e6, True), (-3.0, False)])
def test_who_has_a_key_or_an_input_has_it_once(told: float, had: bool) -> None:
    values = np.array([[0.3, told], [0.4, 1.0]], np.float32)
    view = view_of("vertical", ASK, None, values)
    assert view.beside[0].tolist() == [float(had)]
    inputs = owned((1.0, told, 1.0))
    assert view_of("aligned", ASK, LIKE, inputs).beside.tolist() == [[1.0, float(had), 1.0]]


def test_changes_of_weights_are_taken_whole() -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    view = view_of("fedavg", ASK, NETWORK, values)
    assert_array_equal(view.numbers, values)
    assert view.beside.shape == (3, 0)
    assert view.has is None
    assert_array_equal(view.filled(), values)


def test_a_party_has_the_weights_of_its_inputs_and_of_all_that_follows() -> None:
    leaves = jax.tree.leaves(NETWORK.reach(jnp.array([1.0, 0.0, 1.0])))
    reach = np.concatenate([np.asarray(leaf).reshape(-1) for leaf in leaves])
    view = view_of("aligned", ASK, LIKE, owned((1.0, 0.0, 1.0), (1.0, 1.0, 1.0)))
    assert view.has is not None
    assert_array_equal(view.has[0], reach > 0)
    assert view.has[1].all()
    assert view.numbers.shape == (2, SIZE)
    assert int((~view.has[0]).sum()) == 2  # one input, two units


@given(arrays(np.float32, (5, 7), elements=FLOATS), arrays(np.bool_, (5, 7)))
@settings(max_examples=40)
def test_what_a_party_lacks_is_the_median_of_those_that_have_it(numbers: np.ndarray, has: np.ndarray) -> None:
    view = View(numbers, has.astype(np.float32), has)
    filled = view.filled()
    for column in range(7):
        own = numbers[has[:, column], column]
        due = np.median(own) if len(own) > 1 else 0.0  # what one party alone has is held against no change
        assert_array_equal(filled[has[:, column], column], own)
        assert_allclose(filled[~has[:, column], column], due, rtol=1e-6)
    assert np.isfinite(filled).all()


@given(
    arrays(np.float32, (4, 5), elements=FLOATS),
    arrays(np.bool_, (4, 5)),
    arrays(np.float64, 4, elements=st.floats(0, 10)),
)
@settings(max_examples=30)
def test_sums_are_over_those_that_have_a_number(
    numbers: np.ndarray, has: np.ndarray, weights: np.ndarray
) -> None:
    view = View(numbers, has.astype(np.float32), has)
    total = (weights[:, None] * np.where(has, numbers, 0)).sum(axis=0)
    support = (weights[:, None] * has).sum(axis=0)
    assert_allclose(view.summed(weights), [*total, *support], rtol=1e-4, atol=1e-2)
    common = numbers[0]
    assert_allclose(view.summed(weights, common), [*(common * support), *support], rtol=1e-4, atol=1e-2)


def test_where_all_have_all_the_weights_are_those_of_everybody() -> None:
    numbers = np.arange(6, dtype=np.float32).reshape(2, 3)
    view = View(numbers, numbers[:, :0], None)
    assert_allclose(view.summed(np.array([1.0, 3.0])), [9, 13, 17])
    assert_allclose(view.summed(np.array([1.0, 3.0]), np.ones(3, np.float32)), [4, 4, 4])


def test_a_view_of_some_is_of_them() -> None:
    view = view_of("aligned", ASK, LIKE, owned((1.0, 0.0, 1.0), (1.0, 1.0, 1.0), (0.0, 1.0, 1.0)))
    some = view.of([2, 0])
    assert view.has is not None
    assert some.has is not None
    assert_array_equal(some.numbers, view.numbers[[2, 0]])
    assert_array_equal(some.beside, view.beside[[2, 0]])
    assert_array_equal(some.has, view.has[[2, 0]])
