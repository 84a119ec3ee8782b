"""LabSync against Algorithm 2 done row by row, and FedLabSync against Algorithm 3 done by hand."""

import dataclasses
import math
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from hansa.algorithms.isolated import Isolated
from hansa.algorithms.labsync import MISSING, FedLabSync, label_maps
from hansa.algorithms.prediction_sharing import PredictionSharing
from hansa.core.messages import Terms
from hansa.models.losses import SharedLoss
from hansa.models.rows import Rows
from hansa.models.training import Recipe
from hansa.runtime.party import Member
from tests.algorithms.lines import LINES, holdings, line_of
from tests.batteries.algorithm import SharingBattery
from tests.batteries.roster import BY_LABEL, KEYS, LABELS, RECIPE, Played, Seat, opened, played, played_on
from tests.oracles import straight_line
from tests.oracles.label_maps import naive_label_maps

some_labels = st.lists(st.integers(-1, 4), max_size=9)
federations = st.lists(some_labels, min_size=1, max_size=4)


def _maps(labels: list[list[Any]], dtype: str = "int32") -> list[list[list[int]]]:
    return [one.tolist() for one in label_maps([np.array(own, dtype) for own in labels])]


class TestFedLabSync(SharingBattery):
    algorithm = FedLabSync(RECIPE, SharedLoss(), damping=0.3)
    alone = Isolated(RECIPE)
    seats = BY_LABEL


# --- Algorithm 2 ---------------------------------------------------------------------------------


@given(federations, st.sampled_from(["int8", "int32", "int64", "float32", "float64"]))
@example([[0, 1], []], "int32")
@example([[], []], "int32")
@example([[]], "float64")
def test_a_map_equals_algorithm_2_row_by_row(labels: list[list[int]], dtype: str) -> None:
    assert _maps(labels, dtype) == naive_label_maps(labels)


@given(st.lists(st.lists(st.sampled_from([0.0, 0.5, 0.125, 1e9, -2.5]), max_size=7), min_size=1, max_size=3))
def test_labels_may_be_fractions(labels: list[list[float]]) -> None:
    assert _maps(labels, "float64") == naive_label_maps(labels)


@given(
    st.lists(st.lists(st.sampled_from([-128, -1, 0, 3, 127]), min_size=1, max_size=6), min_size=1, max_size=3)
)
def test_narrow_and_far_apart_integers_do_not_overflow(labels: list[list[int]]) -> None:
    assert _maps(labels, "int8") == naive_label_maps(labels)
    far = {-128: -(2**63), -1: -1, 0: 0, 3: 70_000, 127: 2**63 - 1}
    spread = [[far[one] for one in own] for own in labels]
    assert _maps(spread, "int64") == naive_label_maps(spread)
    unsigned = [[abs(one) for one in own] for own in labels]
    assert _maps(unsigned, "uint8") == naive_label_maps(unsigned)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.integers(1, 5))
def test_identical_lists_give_the_identity(labels: list[int], parties: int) -> None:
    identity = np.repeat(np.arange(len(labels))[:, None], parties, axis=1)
    for one in label_maps([np.array(labels)] * parties):
        assert_array_equal(one, identity)


@given(some_labels)
def test_a_single_party_meets_itself(labels: list[int]) -> None:
    (alone,) = label_maps([np.array(labels, int)])
    assert_array_equal(alone[:, 0], np.where(np.array(labels, int) < 0, MISSING, np.arange(len(labels))))


def test_a_partner_with_fewer_rows_of_a_label_is_gone_through_again() -> None:
    assert _maps([[7, 7, 7, 7, 7], [3, 7, 7]])[0] == [[0, 1], [1, 2], [2, 1], [3, 2], [4, 1]]


def test_a_label_that_a_partner_lacks_is_missing_there_alone() -> None:
    assert _maps([[1, 2], [2, 3], [1, 1]])[0] == [[0, MISSING, 0], [1, 0, MISSING]]


@given(federations, st.randoms())
def test_moving_a_partners_rows_moves_values_and_nothing_else(labels: list[list[int]], random: Any) -> None:
    moved = list(range(len(labels[-1])))
    random.shuffle(moved)
    before = label_maps([np.array(own, int) for own in labels])
    after = label_maps([np.array(own, int) for own in [*labels[:-1], [labels[-1][i] for i in moved]]])
    for party in range(len(labels) - 1):
        assert_array_equal(before[party][:, :-1], after[party][:, :-1])
        here, there = before[party][:, -1], np.array([*moved, MISSING])[after[party][:, -1]]  # old numbers
        assert_array_equal(here == MISSING, there == MISSING)
        own = np.array(labels[party], int)
        for label in np.unique(own):  # each label meets as many rows, if the rows are as many
            rows = (own == label) & (here != MISSING)
            if rows.sum() and rows.sum() % labels[-1].count(int(label)) == 0:
                assert_array_equal(np.sort(here[rows]), np.sort(there[rows]))


def test_the_maps_of_a_large_fleet_hold_rows_of_the_same_label() -> None:
    rng = np.random.default_rng(0)
    labels = [rng.integers(0, 121, n) for n in (30_000, 20_000, 5)]
    for own, found in zip(labels, label_maps(labels), strict=True):
        assert found.shape == (len(own), 3)
        for partner, column in enumerate(found.T):
            met = column != MISSING
            assert_array_equal(labels[partner][column[met]], own[met])
            assert_array_equal(~met, ~np.isin(own, labels[partner]))


def test_the_map_is_read_as_in_the_papers_figure_4() -> None:
    # Row 1 of party 1 has M_syc = (1, 3, 2): it meets A(3, 2) and A(2, 3), counted from 1.
    labels = [[5, 1], [1, 1, 5], [1, 5]]
    assert _maps(labels)[0][0] == [0, 2, 1]
    table = [[0.1, 0.2], [1.1, 1.2, 1.3], [2.1, 2.2]]
    state = FedLabSync(RECIPE, SharedLoss()).start(None)
    for terms in (labels, table):
        state = FedLabSync(RECIPE, SharedLoss()).absorb(state, [_terms(one) for one in terms])
    assert_allclose(state.total[0][0], table[1][2] + table[2][1], rtol=1e-6)
    assert_array_equal(state.count[0], [2.0, 2.0])


def _terms(values: list[float]) -> Terms:
    kind = jnp.int32 if isinstance(values[0], int) else jnp.float32
    return Terms(jnp.array(values, kind), jnp.ones(()))


# --- Algorithm 3 ---------------------------------------------------------------------------------


def test_three_rounds_equal_algorithm_3_by_hand() -> None:
    damping = 0.4
    recipe = Recipe("sgd", 0.1, 5, 1)
    algorithm = FedLabSync(recipe, SharedLoss(), damping)
    held = holdings(LINES, 3, recipe)
    maps = naive_label_maps([seat.keys for seat in LINES])
    starts = [line_of(member.network) for member in opened(algorithm, LINES).members]
    expected = straight_line.hybrid(
        starts, held, straight_line.by_map(maps), 3, straight_line.Descent(0.1, 5), damping
    )
    found = played(algorithm, LINES, 3)
    for seat, line in zip(LINES, expected, strict=True):
        own = line_of(found.network(seat.name, algorithm))
        assert_allclose([*own.weight, own.bias], [*line.weight, line.bias], atol=2e-5)


def test_the_exchange_opens_with_labels_and_then_predictions() -> None:
    algorithm = TestFedLabSync.algorithm
    now = opened(algorithm, BY_LABEL)
    assert (algorithm.ask(now.state).opening, int(algorithm.ask(now.state).round)) == ("labels", 0)
    labelled = now.members[0].answer(algorithm.ask(now.state))
    assert_array_equal(labelled.values, BY_LABEL[0].keys)
    now = played_on(algorithm, opened(algorithm, BY_LABEL), 1)
    ask = algorithm.ask(now.state)
    assert ask.opening == "predictions"
    assert_array_equal(ask.addressed[1], [2, 2, 1, 0, 2, 2, 1])  # partners of party b that have the label
    untrained = now.members[0].network
    ask_a = dataclasses.replace(ask, addressed=ask.addressed[0])
    assert_allclose(now.members[0].answer(ask_a).values, untrained(now.members[0].rows.x), rtol=1e-5)


def test_rows_of_weight_0_meet_nobody() -> None:
    padded = [dataclasses.replace(BY_LABEL[1], padding=5), BY_LABEL[0]]
    now = played_on(TestFedLabSync.algorithm, opened(TestFedLabSync.algorithm, padded), 1)
    assert_array_equal(now.state.count[0][7:], np.zeros(5))
    alone = played_on(TestFedLabSync.algorithm, opened(TestFedLabSync.algorithm, BY_LABEL[1::-1]), 1)
    assert_array_equal(now.state.count[0][:7], alone.state.count[0])
    assert_array_equal(now.state.count[1], alone.state.count[1])


# --- LabSync-Mean has the same expectation ---------------------------------------------------------

_ONE_STEP = Recipe("sgd", 0.3, 100, 1)  # one batch of all rows
_TRIO = tuple(Seat(name, 12, 2, (), LABELS[turn:] + LABELS[:turn]) for turn, name in enumerate("xyz"))


def _members(algorithm: Any, shift: int) -> list[Member]:
    """Return the parties, with the rows of each label of the partners (all but the first) moved on."""
    members = []
    for place, seat in enumerate(_TRIO):
        rows, keys = seat.learnt_from(), np.array(seat.keys)
        order = np.arange(seat.rows)
        for key in np.unique(keys) if place else []:
            order[keys == key] = np.roll(order[keys == key], shift)
        moved = Rows(rows.x[order], rows.y[order], rows.weight, rows.key[order])
        one = seat.member(algorithm)
        members.append(Member(one.name, algorithm, moved, one.network, one.key))
    return members


def _first_party_after_a_step(algorithm: Any, shift: int = 0) -> np.ndarray:
    start = Played(algorithm.start(None), _members(algorithm, shift))
    after = played_on(algorithm, start, len(algorithm.openings) + 1)
    line = line_of(after.network("x", algorithm))
    return np.array([*line.weight, line.bias])


def test_labsync_mean_is_the_mean_of_fedlabsync_over_all_pairings() -> None:
    pairings = math.lcm(*(LABELS.count(key) for key in LABELS))  # every row meets every row equally often
    paired = FedLabSync(_ONE_STEP, SharedLoss())
    steps = np.array([_first_party_after_a_step(paired, shift) for shift in range(pairings)])
    by_mean = _first_party_after_a_step(PredictionSharing(_ONE_STEP, SharedLoss(), KEYS))
    assert np.ptp(steps, axis=0).max() > 1e-3  # a single pairing is not the mean
    assert_allclose(steps.mean(axis=0), by_mean, atol=1e-5)


# --- the authors' variants, inside the algorithms ----------------------------------------------------


@pytest.mark.parametrize(
    "algorithm",
    [
        FedLabSync(_ONE_STEP, SharedLoss("mse", "python")),
        PredictionSharing(_ONE_STEP, SharedLoss("mse", "python"), KEYS),
    ],
    ids=["labsync", "sharing"],
)
def test_the_python_variant_holds_the_prediction_from_the_start_of_the_round_constant(algorithm: Any) -> None:
    rows_of = [Seat(name, 12, 2, (), tuple(range(12))) for name in "xyz"]  # every row meets the same row
    before = [line_of(member.network) for member in opened(algorithm, rows_of).members]
    held = holdings(rows_of, 1, _ONE_STEP)
    own, second, third = (one.x @ line.weight + line.bias for line, one in zip(before, held, strict=True))
    mixed = ((own + second + third) / 3 + own) / 2
    miss = mixed - held[0].y
    slope = 0.5 * miss / (12 * np.sqrt(np.mean(miss**2)))
    after = line_of(played(algorithm, rows_of, 1).network("x", algorithm))
    assert_allclose(after.weight, before[0].weight - 0.3 * held[0].x.T @ slope, atol=1e-5)
    assert_allclose(after.bias, before[0].bias - 0.3 * slope.sum(), atol=1e-5)
