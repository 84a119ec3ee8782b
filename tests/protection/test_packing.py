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
    with pytest.raises(PartyError, match="north: it counts for 1,001, and the charter for 1,000 at most"):
        packing.weighed(terms(1001.0), 1000.0, "north")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_not_sent(bad: float) -> None:
    with pytest.raises(PartyError, match="north: its training left the finite numbers"):
        packing.weighed(Terms({"w": jnp.float32(bad)}, jnp.float32(1.0)), 10.0, "north")
