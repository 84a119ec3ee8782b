"""FedAvg, then alone: the battery, and what changes at the border."""

import jax
from numpy.testing import assert_allclose, assert_array_equal

from hansa.algorithms.averaging import local_change
from hansa.algorithms.fedavg import FedAvg
from hansa.algorithms.fine_tuned import FineTuned
from tests.batteries.algorithm import AlgorithmBattery
from tests.batteries.roster import ALIKE, RECIPE, leaves, played


class TestFineTuned(AlgorithmBattery):
    algorithm = FineTuned(RECIPE, 2)
    seats = ALIKE


def test_the_common_rounds_are_fedavgs_and_the_common_model_stays_afterwards() -> None:
    common = played(FedAvg(RECIPE), ALIKE, 2)
    for rounds in (2, 3, 4):
        found = played(FineTuned(RECIPE, 2), ALIKE, rounds)
        for a, b in zip(leaves(found.state.network), leaves(common.state.network), strict=True):
            assert_allclose(a, b, atol=1e-6)


def test_a_party_goes_on_from_the_common_model() -> None:
    algorithm = FineTuned(RECIPE, 2)
    before, after = played(algorithm, ALIKE, 2), played(algorithm, ALIKE, 3)
    for seat in ALIKE:
        key = jax.random.fold_in(after.local(seat.name).key, 3)
        change, _ = local_change(before.state.network, seat.learnt_from(), key, RECIPE)
        own = after.network(seat.name, algorithm)
        for now, common, by in zip(leaves(own), leaves(before.state.network), leaves(change), strict=True):
            assert_allclose(now, common + by, atol=1e-6)
    for seat in ALIKE:
        for a, b in zip(
            leaves(before.network(seat.name, algorithm)), leaves(before.state.network), strict=True
        ):
            assert_array_equal(a, b)


def test_alone_nothing_is_sent() -> None:
    algorithm = FineTuned(RECIPE, 2)
    found = played(algorithm, ALIKE, 2)
    terms = found.members[0].answer(algorithm.ask(found.state))
    assert float(terms.weight) == 0.0
    assert all(not leaf.any() for leaf in leaves(terms.values))
