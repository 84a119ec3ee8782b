"""Regimes: points that settings switch between are found, a continuum and a drift are not."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hansa.data.regime_search import MOST_REGIMES, centres, levels, switches


@given(
    st.lists(st.integers(0, 20), min_size=2, max_size=MOST_REGIMES, unique=True),
    arrays(float, 40, elements=st.floats(-0.01, 0.01)),
    st.floats(1e-3, 1e3),
)
def test_noisy_points_are_told_apart_whatever_their_unit(
    points: list[int], noise: np.ndarray, unit: float
) -> None:
    values = np.resize(np.array(points, dtype=float), 40)
    # The narrowest spacing, 1 in a range of 20, is 5 %; the noise is under 2 % of the narrowest range.
    found = levels((values + noise * np.ptp(values) / 20) * unit)
    assert found is not None
    assert found.tolist() == np.unique(values, return_inverse=True)[1].tolist()


def test_a_continuum_a_constant_and_too_many_points_have_no_levels() -> None:
    assert levels(np.linspace(0, 1, 200)) is None
    assert levels(np.ones(10)) is None
    assert levels(np.repeat(np.arange(MOST_REGIMES + 1.0), 3)) is None
    assert levels(np.r_[np.linspace(0, 0.4, 50), 1.0]) is None


def test_joint_points_have_their_mean_as_centre() -> None:
    settings = np.array([[0.0, 1.0], [0.2, 1.0], [10.0, 1.0], [10.0, 5.0], [10.0, 5.0], [10.0, 1.0]])
    assert centres(settings) == ((0.1, 1.0), (10.0, 1.0), (10.0, 5.0))


def test_a_rare_joint_point_leaves_no_regimes() -> None:
    settings = np.r_[np.zeros((150, 1)), np.ones((150, 1)), np.full((1, 1), 2.0)]
    assert centres(settings) == ()


def test_going_back_and_forth_is_switching_and_drifting_is_not() -> None:
    asset = np.repeat(np.arange(5), 40)
    back_and_forth = np.tile([0, 1, 1, 0], 50)
    drifting = np.tile(np.repeat([0, 1], 20), 5)
    assert switches(back_and_forth, asset)
    assert not switches(drifting, asset)
    assert not switches(np.array([0, 1]), np.array([0, 1]))
