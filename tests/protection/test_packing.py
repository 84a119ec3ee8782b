"""What goes into a protected sum comes out of it as totals."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.errors import PartyError
from hansa.core.messages import Terms
from hansa.protection import packing

TREE = {"body": np.float32([[1.5, -2.0], [0.25, 8.0]]), "steps": np.float32(12.0), "none": None}


def terms(weight: float, scale: float = 1.0) -> Terms:
    values = {"body": jnp.asarray(scale * TREE["body"]), "steps": jnp.float32(scale * 12.0), "none": None}
    return Terms(values, jnp.float32(weight))


@given(weights=st.lists(st.integers(0, 1000), min_size=1, max_size=5))
def test_the_sum_of_rows_holds_the_weighted_totals(weights: list[int]) -> None:
    rows = [packing.weighed(terms(own, place + 1), 1000.0, "p") for place, own in enumerate(weights)]
    found = packing.totals(np.sum(rows, axis=0), 1000.0, terms(0.0))
    factor = sum(own * (place + 1) for place, own in enumerate(weights))
    assert float(found.weight) == pytest.approx(sum(weights))
    assert np.asarray(found.values["body"]) == pytest.approx(factor * TREE["body"], rel=1e-6)
    assert float(found.values["steps"]) == pytest.approx(factor * 12.0)
    assert found.values["body"].dtype == jnp.float32
    assert found.values["none"] is None


def test_a_weight_above_the_most_is_refused() -> None:
    with pytest.raises(PartyError, match="north: it counts for 1,001, and the charter for 0 to 1,000 rows"):
        packing.weighed(terms(1001.0), 1000.0, "north")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_not_sent(bad: float) -> None:
    with pytest.raises(PartyError, match="north: its training left the finite numbers"):
        packing.weighed(Terms({"w": jnp.float32(bad)}, jnp.float32(1.0)), 10.0, "north")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_what_is_no_weight_is_refused(bad: float) -> None:
    with pytest.raises(PartyError, match="north: it"):
        packing.weighed(terms(bad), 10.0, "north")
    with pytest.raises(PartyError, match="north: it"):
        packing.whole_weight(terms(bad), 10.0, "north")


def test_a_weight_that_is_not_whole_or_too_large_multiplies_no_shares() -> None:
    assert packing.whole_weight(terms(7.0), 10.0, "north") == 7
    with pytest.raises(PartyError, match=r"it counts for 0\.5, and shares are multiplied by whole numbers"):
        packing.whole_weight(terms(0.5), 10.0, "north")
    with pytest.raises(PartyError, match="agree on a larger most_rows"):
        packing.whole_weight(terms(11.0), 10.0, "north")


def test_numbers_beyond_the_clip_are_refused_and_not_cut_off() -> None:
    packing.check_within(np.array([-8.0, 8.0]), 8.0, "north")
    with pytest.raises(PartyError, match=r"north: a number of its term is 8\.01, and sums hold 8 at most"):
        packing.check_within(np.array([-8.01, 8.0]), 8.0, "north")
