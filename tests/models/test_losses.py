"""Eqs. 7, 8 and 9: values and slopes against closed forms, and the authors' variants as they defined them.

A network without hidden layers on one-hot inputs has one weight a row, so that the gradient of the
weights is the slope of the loss in each row's own prediction.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from hansa.models.losses import Partners, SharedLoss, squared_error
from hansa.models.network import Perceptron
from hansa.models.rows import Rows

N = 5
OWN = np.array([0.2, 0.9, 0.55, 0.4, 0.7])
Y = np.array([0.1, 1.0, 0.5, 0.0, 0.8])
TOTAL = np.array([1.1, 0.6, 1.6, 0.0, 0.3])
COUNT = np.array([2.0, 1.0, 3.0, 0.0, 1.0])  # nobody has the label of row 3
STALE = np.array([0.3, 0.8, 0.5, 0.5, 0.6])

unit = st.floats(0.05, 0.95)


def _network(score: Any, output: str = "linear") -> Perceptron:
    return Perceptron((jnp.asarray(score, jnp.float32)[:, None],), (jnp.zeros(1),), "sigmoid", output)


def _rows(y: Any = Y, weight: Any = None) -> Rows:
    n = len(y)
    return Rows(
        jnp.eye(n),
        jnp.asarray(y, jnp.float32),
        jnp.ones(n) if weight is None else jnp.asarray(weight),
        jnp.zeros(n, jnp.int32),
    )


def _partners(total: Any = TOTAL, count: Any = COUNT, stale: Any = STALE) -> Partners:
    return Partners(*(jnp.asarray(one, jnp.float32) for one in (total, count, stale)))


@partial(jax.jit, static_argnums=0)
def _values(loss: SharedLoss, network: Perceptron, rows: Rows, partners: Partners) -> jax.Array:
    return loss(network, rows, partners)


@partial(jax.jit, static_argnums=0)
def _slopes(loss: SharedLoss, network: Perceptron, rows: Rows, partners: Partners) -> jax.Array:
    """Return (rows,) d(sum of weighted losses) / d(score of each row)."""
    gradient = jax.grad(lambda net: (loss(net, rows, partners) * rows.weight).sum())(network)
    return gradient.weights[0][:, 0]


def _mixed(own: np.ndarray, in_mean: np.ndarray, share: Any) -> np.ndarray:
    return np.where(COUNT > 0, (share * (TOTAL + in_mean) + own) / 2, own)


SHARE = 1 / (COUNT + 1)
FACTOR = np.where(COUNT > 0, (1 + SHARE) / 2, 1.0)  # dc / d own


def test_a_partys_own_loss_is_half_its_squared_error() -> None:
    assert_allclose(squared_error(_network(OWN), _rows(), ()), 0.5 * (OWN - Y) ** 2, rtol=1e-5)


def test_eq_7_pulls_the_sum_of_all_predictions_to_the_label() -> None:
    loss = SharedLoss("sum")
    assert_allclose(
        _values(loss, _network(OWN), _rows(), _partners()), 0.5 * (OWN + TOTAL - Y) ** 2, rtol=1e-5
    )
    assert_allclose(_slopes(loss, _network(OWN), _rows(), _partners()), OWN + TOTAL - Y, rtol=1e-5)


def test_eq_8_mixes_the_own_prediction_with_the_mean_of_all() -> None:
    loss, mixed = SharedLoss("mse"), _mixed(OWN, OWN, SHARE)
    assert_allclose(_values(loss, _network(OWN), _rows(), _partners()), 0.5 * (mixed - Y) ** 2, rtol=1e-5)
    assert_allclose(_slopes(loss, _network(OWN), _rows(), _partners()), (mixed - Y) * FACTOR, rtol=1e-5)


def test_eq_9_is_the_cross_entropy_of_the_mixture() -> None:
    loss, c = SharedLoss("cross_entropy"), _mixed(OWN, OWN, SHARE)
    expected = -Y * np.log(c) - (1 - Y) * np.log(1 - c)
    assert_allclose(_values(loss, _network(OWN), _rows(), _partners()), expected, rtol=1e-4)
    slope = (-Y / c + (1 - Y) / (1 - c)) * FACTOR
    assert_allclose(_slopes(loss, _network(OWN), _rows(), _partners()), slope, rtol=1e-4)


def test_alpha_replaces_the_weight_of_each_prediction_in_the_mean() -> None:
    loss, mixed = SharedLoss("mse", alpha=0.4), _mixed(OWN, OWN, 0.4)
    assert_allclose(_values(loss, _network(OWN), _rows(), _partners()), 0.5 * (mixed - Y) ** 2, rtol=1e-5)
    factor = np.where(COUNT > 0, (1 + 0.4) / 2, 1.0)
    assert_allclose(_slopes(loss, _network(OWN), _rows(), _partners()), (mixed - Y) * factor, rtol=1e-5)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (SharedLoss("mse"), OWN - Y),
        (SharedLoss("mse", "matlab"), OWN - Y),
        (SharedLoss("mse", "python"), (OWN - Y) / np.sqrt(np.mean((OWN - Y) ** 2))),
        (SharedLoss("mse", alpha=0.3), OWN - Y),
        (SharedLoss("cross_entropy"), -Y / OWN + (1 - Y) / (1 - OWN)),
    ],
)
def test_rows_whose_keys_no_partner_has_are_learnt_alone(loss: SharedLoss, expected: np.ndarray) -> None:
    alone = _partners(np.zeros(N), np.zeros(N))
    assert_allclose(_slopes(loss, _network(OWN), _rows(), alone), expected, rtol=1e-4)


def test_the_matlab_variant_has_factor_1_and_no_derivative_of_the_output() -> None:
    score = np.array([0.2, -0.9, 0.55, -0.4, 0.7])  # relu: two rows are off
    own = np.maximum(score, 0)
    mixed = _mixed(own, own, SHARE)
    network = _network(score, "relu")
    assert_allclose(_slopes(SharedLoss("mse", "matlab"), network, _rows(), _partners()), mixed - Y, rtol=1e-5)
    exact = np.where(score > 0, (mixed - Y) * FACTOR, 0.0)
    assert_allclose(
        _slopes(SharedLoss("mse", "exact"), network, _rows(), _partners()), exact, rtol=1e-5, atol=1e-7
    )


def test_the_matlab_variant_has_the_value_of_the_exact_loss() -> None:
    network = _network(OWN, "sigmoid")
    exact, matlab = (SharedLoss("mse", gradient) for gradient in ("exact", "matlab"))
    assert_allclose(
        _values(matlab, network, _rows(), _partners()),
        _values(exact, network, _rows(), _partners()),
        rtol=1e-5,
    )


def test_the_python_variant_is_the_root_mean_square_with_a_stale_mean() -> None:
    mixed = _mixed(OWN, STALE, SHARE)
    root = np.sqrt(np.mean((mixed - Y) ** 2))
    loss, rows = SharedLoss("mse", "python"), _rows()
    assert_allclose(_values(loss, _network(OWN), rows, _partners()), np.full(N, root), rtol=1e-5)
    expected = (mixed - Y) / (N * root) * np.where(COUNT > 0, 0.5, 1.0)  # of the batch's mean
    assert_allclose(_slopes(loss, _network(OWN), rows, _partners()) / N, expected, rtol=1e-4)


def test_the_python_variant_counts_padding_for_nothing() -> None:
    weight = np.array([1, 1, 0, 1, 0], np.float32)
    loss, rows = SharedLoss("mse", "python"), _rows(weight=weight)
    mixed = _mixed(OWN, STALE, SHARE)
    root = np.sqrt((weight * (mixed - Y) ** 2).sum() / 3)
    assert_allclose(_values(loss, _network(OWN), rows, _partners()), np.full(N, root), rtol=1e-5)
    nothing = _rows(weight=np.zeros(N, np.float32))
    assert_array_equal(_slopes(loss, _network(OWN), nothing, _partners()), np.zeros(N))


@pytest.mark.parametrize("name", ["sum", "mse", "cross_entropy"])
@settings(max_examples=10)
@given(st.lists(st.tuples(unit, unit, st.lists(unit, max_size=4)), min_size=N, max_size=N))
def test_the_exact_slope_is_the_slope_of_the_value(
    name: str, rows: list[tuple[float, float, list[float]]]
) -> None:
    def value(own: float, y: float, partners: list[float]) -> float:
        """Return the loss in the paper's symbols, in float64."""
        if name == "sum":
            return 0.5 * (own + sum(partners) - y) ** 2
        c = (sum([*partners, own]) / (len(partners) + 1) + own) / 2
        return 0.5 * (c - y) ** 2 if name == "mse" else -y * np.log(c) - (1 - y) * np.log(1 - c)

    expected = [(value(own + 1e-6, y, met) - value(own - 1e-6, y, met)) / 2e-6 for own, y, met in rows]
    own, y, met = zip(*rows, strict=True)
    partners = _partners([sum(one) for one in met], [len(one) for one in met], own)
    assert_allclose(
        _slopes(SharedLoss(name), _network(own), _rows(y), partners), expected, rtol=2e-3, atol=2e-4
    )


@pytest.mark.parametrize("own", [-3.0, 0.0, 1.0, 40.0])
def test_the_cross_entropy_stays_finite_outside_of_0_and_1(own: float) -> None:
    loss, met = SharedLoss("cross_entropy"), _partners([own], [1], [own])
    for y in (0.0, 1.0):
        assert np.isfinite(_values(loss, _network([own]), _rows([y]), met)).all()
        assert np.isfinite(_slopes(loss, _network([own]), _rows([y]), met)).all()


@pytest.mark.parametrize("gradient", ["exact", "matlab", "python"])
def test_rows_do_not_look_at_each_others_labels(gradient: str) -> None:
    # the python variant divides by the batch's root mean square, so only directions can be compared
    loss = SharedLoss("mse", gradient)
    other = Y.copy()
    other[0] = 0.35
    here = _slopes(loss, _network(OWN), _rows(), _partners())[1:]
    there = _slopes(loss, _network(OWN), _rows(other), _partners())[1:]
    assert_allclose(here / np.linalg.norm(here), there / np.linalg.norm(there), rtol=1e-4, atol=1e-6)
