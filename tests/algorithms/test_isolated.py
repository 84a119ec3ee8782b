"""Every party alone: the battery, and nothing that leaves a party."""

import jax
import numpy as np

from hansa.algorithms.isolated import Isolated
from hansa.core import arrays
from tests.batteries.algorithm import AlgorithmBattery
from tests.batteries.roster import BY_LABEL, RECIPE, played, same_bits


class TestIsolated(AlgorithmBattery):
    algorithm = Isolated(RECIPE)
    seats = BY_LABEL


def test_a_party_sends_nothing_but_an_empty_weight() -> None:
    member = BY_LABEL[0].member(TestIsolated.algorithm)
    terms = member.answer(TestIsolated.algorithm.ask(TestIsolated.algorithm.start(None)))
    assert jax.tree.leaves(terms.values) == []
    assert arrays.array_bytes(terms) == 4
    assert not np.asarray(terms.weight).any()


def test_partners_change_nothing() -> None:
    together = played(TestIsolated.algorithm, BY_LABEL)
    by_itself = played(TestIsolated.algorithm, BY_LABEL[:1])
    assert same_bits(together.local("a"), by_itself.local("a"))
