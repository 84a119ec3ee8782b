"""The battery that every robust rule passes: inherit, name the rule, and say what it promises."""

from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from hansa.core.defences import BEFORE, DEFENCES
from hansa.core.errors import CharterError
from hansa.judging.defence import aggregate, weights
from hansa.judging.networks import Floats32
from hansa.judging.table import table_of

PARTIES, BAD, DIM = 11, 2, 9  # as many as Bulyan needs
TRUSTED = 0
SEEDS = st.integers(0, 2**32 - 1)
EACH_BEFORE = pytest.mark.parametrize("before", BEFORE)
FEW = settings(max_examples=12)


class RuleBattery:
    """Laws of `hansa.judging.defence`, on few parties of which some may send anything."""

    name: ClassVar[str]
    moves: ClassVar[bool] = True  # whether an offset that all share moves the aggregate alike
    near: ClassVar[float] = 2.0  # times the honest spread that bad parties may move the aggregate; 0: any
    long: ClassVar[float] = 1.0  # times the longest honest update that the aggregate may be long; 0: any

    @EACH_BEFORE
    @given(seed=SEEDS)
    @FEW
    def test_weights_are_none_below_0_and_1_together_at_most(self, before: str, seed: int) -> None:
        if DEFENCES[self.name].needs == "table":
            found = weights(self.name, before, table_of(drawn(seed)), BAD, self._trusted)
            assert found.shape == (PARTIES,)
            assert found.dtype == np.float64
            assert (found >= 0).all()
            assert found.sum() <= 1 + 1e-12

    @EACH_BEFORE
    @given(seed=SEEDS)
    @FEW
    def test_the_same_updates_give_the_same_bits(self, before: str, seed: int) -> None:
        assert self._of(drawn(seed), before).tobytes() == self._of(drawn(seed), before).tobytes()

    @EACH_BEFORE
    @given(seed=SEEDS)
    @FEW
    def test_the_order_of_parties_does_not_matter(self, before: str, seed: int) -> None:
        updates = drawn(seed)
        order = np.r_[TRUSTED, 1 + np.random.default_rng(seed).permutation(PARTIES - 1)]
        assert_allclose(self._of(updates[order], before), self._of(updates, before), atol=3e-5)

    @EACH_BEFORE
    @given(seed=SEEDS)
    @FEW
    def test_larger_updates_give_a_larger_aggregate(self, before: str, seed: int) -> None:
        updates = drawn(seed)
        assert_allclose(self._of(4 * updates, before), 4 * self._of(updates, before), atol=3e-5)

    @EACH_BEFORE
    @given(seed=SEEDS)
    @FEW
    def test_an_offset_that_all_share_moves_the_aggregate_alike(self, before: str, seed: int) -> None:
        updates, offset = drawn(seed), np.float32(3.0)
        if self.moves and before != "arc":  # which looks at lengths
            moved = self._of(updates + offset, before) - offset
            assert_allclose(moved, self._of(updates, before), atol=3e-4)

    @EACH_BEFORE
    def test_of_equal_updates_the_aggregate_is_that_update(self, before: str) -> None:
        updates = np.tile(drawn(1)[:1], (PARTIES, 1))
        if self.name != "foolsgold":  # to it, those who agree wholly are one
            assert_allclose(self._of(updates, before), updates[0], rtol=2e-4)

    @EACH_BEFORE
    @pytest.mark.parametrize("size", [0.0, 1.0, 30.0, 1e5, 1e9, 1e25])
    @pytest.mark.parametrize("alike", [True, False])
    def test_bad_parties_cannot_move_the_aggregate_far(self, before: str, size: float, alike: bool) -> None:
        honest = drawn(7)[:-BAD]
        rng = np.random.default_rng(8)
        sent = rng.normal(size=(1 if alike else BAD, DIM)) * size  # (1 or bad, dim)
        updates = np.vstack([honest, np.broadcast_to(sent, (BAD, DIM))]).astype(np.float32)
        found = self._of(updates, before)
        centre = honest.mean(axis=0)  # (dim,)
        if self.long:
            assert np.linalg.norm(found) <= self.long * np.linalg.norm(honest, axis=1).max()
        if self.near and before != "arc":
            spread = np.linalg.norm(honest - centre, axis=1).max()
            assert np.linalg.norm(found - centre) <= self.near * spread

    def test_too_few_parties_are_refused(self) -> None:
        least = DEFENCES[self.name].least(BAD)
        assert np.isfinite(self._of(drawn(3)[:least], "none")).all()
        if least > 1:
            with pytest.raises(CharterError, match=f"{least - 1} parties are too few"):
                self._of(drawn(3)[: least - 1], "none")

    @property
    def _trusted(self) -> int | None:
        return TRUSTED if DEFENCES[self.name].trusted else None

    def _of(self, updates: Floats32, before: str) -> np.ndarray:
        if DEFENCES[self.name].needs == "updates":
            return aggregate(self.name, before, updates, BAD)
        found = weights(self.name, before, table_of(updates), BAD, self._trusted)
        return found @ updates.astype(np.float64)  # (dim,)


def drawn(seed: int) -> Floats32:
    """Return (parties, dim) updates that agree in part."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(PARTIES, DIM)) + 2 * rng.normal(size=DIM)).astype(np.float32)
