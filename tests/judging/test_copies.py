"""What coincides is one source, whatever else is sent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from hansa.judging.copies import once_each
from hansa.judging.table import table_of

SEEDS = st.integers(0, 2**32 - 1)


def honest(seed: int, parties: int = 7) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.5 * rng.normal(size=50) + rng.normal(size=(parties, 50))).astype(np.float32)


@given(SEEDS)
def test_honest_updates_are_sources_of_their_own(seed: int) -> None:
    assert_array_equal(once_each(table_of(honest(seed)), 3), np.eye(7))


@given(SEEDS, st.floats(0.001, 1000))
def test_many_names_with_one_update_are_one_source_however_far_it_is(seed: int, size: float) -> None:
    rows = honest(seed)
    rows[[1, 4, 6]] = np.float32(size) * rows[1]
    found = once_each(table_of(rows), 3)
    assert found.shape == (5, 7)
    assert_allclose(found.sum(axis=1), 1.0)
    (group,) = found[found[:, 1] > 0]
    assert_allclose(group, [0, 1 / 3, 0, 0, 1 / 3, 0, 1 / 3])


def test_copies_of_copies_are_one_and_a_trusted_party_is_never_one_with_others() -> None:
    rows = honest(3)
    step = 0.05 * np.linalg.norm(rows[0] - rows[5]) / np.sqrt(50)
    for place, by in ((1, 1.0), (2, 2.0)):
        rows[place] = rows[0] + np.float32(by * step)  # the second is near the first alone
    assert len(once_each(table_of(rows), 3)) == 5
    apart = once_each(table_of(rows), 3, apart=0)
    assert len(apart) == 6
    assert_array_equal(apart[apart[:, 0] > 0], np.eye(7)[:1])


@given(SEEDS)
def test_more_than_the_bad_parties_have_a_voice_for_each_beyond_them(seed: int) -> None:
    rows = honest(seed)
    rows[1:3] = rows[0]
    found = once_each(table_of(rows), 1)
    assert len(found) == 6  # two voices of three, and four others
    assert_allclose(found[:2], np.tile([1 / 3] * 3 + [0] * 4, (2, 1)))


@pytest.mark.parametrize("rows", [np.zeros((5, 3)), np.ones((5, 3)), np.ones((1, 3))])
def test_where_most_agree_nothing_tells_copies_from_agreement(rows: np.ndarray) -> None:
    assert_array_equal(once_each(table_of(rows.astype(np.float32)), 1), np.eye(len(rows)))
