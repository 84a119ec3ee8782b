"""One scenario at work: what its figures are, what its traffic weighs, and where it refuses to go on."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from hansa.core.charter import Charter, Party
from hansa.core.errors import PartyError
from hansa.data.fleet import Dataset
from hansa.runtime.exam import exam
from hansa.runtime.result import PartyFigures
from hansa.runtime.world import World
from hansa.simulation.cohort import gather
from hansa.simulation.federation import Federation
from hansa.simulation.session import Session
from tests.simulation.small_world import LENGTHS, small, world

WORLD = world()
EXAM = exam(WORLD.test, 12.0, "kalman")
ROUNDS = 2


def _session(charter: Charter, scenario: str, rounds: int = ROUNDS) -> Session:
    cohort = gather(charter, scenario, WORLD)
    session = Session(cohort, [EXAM] * len(cohort.members), rounds)
    session.open()
    return session


@cache
def _done(scenario: str) -> Session:
    """Return a session after its last round; read only."""
    session = _session(small(), scenario)
    for _ in range(ROUNDS):
        session.step()
    return session


def _rmse(predictions: Any) -> float:
    return EXAM.figure(predictions)


# --- readings --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scenario", "reading"),
    [
        ("centralised", "one model"),
        ("fedavg", "one model"),
        ("isolated", "mean of parties"),
        ("labsync_mean", "joined"),
        ("labsync", "joined"),
    ],
)
def test_figures_say_what_they_are(scenario: str, reading: str) -> None:
    assert _done(scenario).figures(scenario).reading == reading


def test_the_joined_prediction_is_the_mean_of_the_parties() -> None:
    session = _done("labsync_mean")
    predictions = session.predictions()
    joined = np.mean([np.asarray(own, np.float64) for own in predictions], axis=0)
    assert np.ptp([_rmse(own) for own in predictions]) > 1e-3
    every, last = EXAM.score(joined.astype(np.float32))
    figures = session.figures("labsync_mean")
    assert figures.all_cycle.filtered.rmse == pytest.approx(every.filtered.rmse, rel=1e-5)
    assert figures.last_cycle.raw.nasa == pytest.approx(last.raw.nasa, rel=1e-4)
    assert figures.history["rmse"][-1] == pytest.approx(every.filtered.rmse, rel=1e-5)


def test_isolated_is_the_mean_of_the_parties_errors_and_isolated_mean_the_error_of_their_mean() -> None:
    session = _done("isolated")
    solo = [EXAM.score(own)[0].filtered.mae for own in session.predictions()]
    assert session.figures("isolated").all_cycle.filtered.mae == pytest.approx(np.mean(solo), rel=1e-6)
    joined = np.mean([np.asarray(own) for own in session.predictions()], axis=0)
    beside = session.figures("isolated_mean")
    assert beside.reading == "joined"
    assert beside.all_cycle.filtered.rmse == pytest.approx(_rmse(joined), rel=1e-5)
    assert beside.history["rmse"][-1] == pytest.approx(_rmse(joined), rel=1e-5)
    assert session.figures("isolated").history["rmse"][-1] == pytest.approx(
        np.mean([_rmse(own) for own in session.predictions()]), rel=1e-6
    )


def test_every_party_is_scored_alone_whatever_the_reading() -> None:
    for scenario in ("labsync_mean", "fedavg"):
        session = _done(scenario)
        for own, party in zip(session.predictions(), session.figures(scenario).parties.values(), strict=True):
            assert party.all_cycle.filtered.rmse == pytest.approx(_rmse(own), rel=1e-6)


def test_one_model_predicts_the_same_at_every_party() -> None:
    first, *others = _done("fedavg").predictions()
    assert all(np.array_equal(first, other) for other in others)


def test_under_eq_7_outputs_are_shares_of_a_sum_and_are_scaled_to_predictions() -> None:
    cohort = gather(small(algorithm={"loss": "sum"}), "labsync_mean", WORLD)
    session = Session(cohort, [EXAM] * 3, ROUNDS)
    for network, inputs, own in zip(
        session.networks(), session.cohort.inputs, session.predictions(), strict=True
    ):
        assert_allclose(own, 3 * np.asarray(network(inputs.of(EXAM.fleet))), rtol=1e-4, atol=1e-5)


def test_networks_are_the_ones_that_predict() -> None:
    for scenario in ("fedavg", "labsync"):
        session = _done(scenario)
        for network, inputs, own in zip(
            session.networks(), session.cohort.inputs, session.predictions(), strict=True
        ):
            assert_allclose(own, network(inputs.of(EXAM.fleet)), atol=1e-5)


# --- history ---------------------------------------------------------------------------------------


def test_history_has_a_point_a_round() -> None:
    history = _done("fedavg").figures("fedavg").history
    assert history["round"] == [1, 2]
    assert len(history["rmse"]) == len(history["train_loss"]) == 2


def test_a_long_run_is_scored_at_200_rounds_at_most_and_at_the_last() -> None:
    session = _session(small(), "isolated", rounds=402)
    for _ in range(7):
        session.step()
    assert session.history["round"] == [3, 6]
    session.done = 401
    session.step()
    assert session.history["round"] == [3, 6, 402]


def test_figures_taken_halfway_do_not_change_afterwards() -> None:
    session = _session(small(), "isolated")
    session.step()
    halfway, kept = session.figures("isolated"), session.snapshot()[1]["history"]
    session.step()
    assert halfway.history["round"] == kept["round"] == [1]


def test_a_training_that_leaves_the_finite_numbers_ends_with_the_partys_name() -> None:
    scenario = "isolated"
    wild = small(training={"optimizer": "sgd", "learning_rate": 1e30, "batch_size": 32})
    session = _session(wild, scenario, rounds=8)
    with pytest.raises(
        PartyError, match=rf"^party-\d: its training left the finite .* of {scenario}, seed 7; lower learn"
    ):
        for _ in range(8):
            session.step()


# --- traffic ---------------------------------------------------------------------------------------

STATISTICS = 3 * 3 * 4 * 8  # count, total and square of 3 regimes and 4 sensors, float64
WEIGHT = ROUND = 4  # one number beside the arrays of a term, and of an ask
LABELS = 13


def _traffic(scenario: str) -> list[Any]:
    return [party.traffic for party in _done(scenario).figures(scenario).parties.values()]


def test_labsync_mean_sends_two_numbers_a_label_each_way() -> None:
    exchange = 4 * 2 * LABELS
    for found in _traffic("labsync_mean"):
        assert found.array_bytes_up == STATISTICS + WEIGHT + (1 + ROUNDS) * (exchange + WEIGHT)
        assert found.array_bytes_down == STATISTICS + ROUND + (1 + ROUNDS) * ROUND + ROUNDS * exchange


def test_fedlabsync_sends_a_number_a_row_each_way() -> None:
    session = _done("labsync")
    for member, found in zip(session.cohort.members, _traffic("labsync"), strict=True):
        column = 4 * len(member.rows.y)
        up = column + (1 + ROUNDS) * column  # labels, then predictions
        down = column + ROUNDS * column  # how many partners, then their sums
        assert found.array_bytes_up == STATISTICS + WEIGHT + up + (2 + ROUNDS) * WEIGHT
        assert found.array_bytes_down == STATISTICS + ROUND + down + (2 + ROUNDS) * ROUND


def test_fedavg_sends_the_network_each_way() -> None:
    network = 4 * (4 * 4 + 4 + 4 + 1)
    for found in _traffic("fedavg"):
        assert found.array_bytes_up == STATISTICS + WEIGHT + ROUNDS * (network + WEIGHT)
        assert found.array_bytes_down == STATISTICS + ROUND + ROUNDS * (network + ROUND)


def test_who_is_alone_sends_nothing() -> None:
    for found in (*_traffic("isolated"), *_traffic("centralised")):
        assert (found.bytes_up, found.bytes_down, found.array_bytes_up, found.array_bytes_down) == (
            0,
            0,
            0,
            0,
        )


@pytest.mark.parametrize("scenario", ["labsync_mean", "labsync", "fedavg"])
def test_frames_are_larger_than_their_arrays_by_little(scenario: str) -> None:
    for found in _traffic(scenario):
        messages = 3 + ROUNDS
        assert 0 < found.bytes_up - found.array_bytes_up < 200 * messages
        assert 0 < found.bytes_down - found.array_bytes_down < 200 * messages


# --- parties with data of their own ----------------------------------------------------------------


def test_a_party_of_another_kind_is_judged_on_assets_of_its_kind_too() -> None:
    contract = small(
        partition={"kind": "horizontal", "deal": "regime"},
        algorithm={"name": "fedavg"},
        compare=("isolated",),
    )
    federation = Federation(contract, world=WORLD)
    for _ in federation.train(lambda _: None, lambda: False):
        pass
    found = federation.finished["isolated"].parties
    assert all(set(one.own) <= {"all_cycle", "last_cycle"} for one in found.values())
    assert any(one.own for one in found.values())
    again = PartyFigures.of(found["party-1"].value())
    assert again == found["party-1"]
    plain = Federation(replace(contract, partition=replace(contract.partition, deal="shuffled")), world=WORLD)
    assert plain.gathered("isolated")[0].owner is None


def test_parties_with_tests_of_their_own_are_read_as_their_mean() -> None:
    roster = (Party("a"), Party("b"))
    contract = small(roster=roster, partition={"kind": "given"}, compare=())
    halves = [WORLD.train.take_assets(part) for part in ([0, 1, 2], [3, 4, 5, 6])]
    tests = [WORLD.test.take_assets([0]), WORLD.test.take_assets([1])]
    own = World("own", None, None, tuple(Dataset("x", *pair) for pair in zip(halves, tests, strict=True)))
    exams = [exam(one, 12.0, "none") for one in tests]
    session = Session(gather(contract, "isolated", own), exams, 1)
    session.step()
    solo = [one.figure(predicted) for one, predicted in zip(exams, session.predictions(), strict=True)]
    found = session.figures("isolated")
    assert found.reading == "mean of parties"
    assert found.all_cycle.filtered.rmse == pytest.approx(np.mean(solo), rel=1e-6)
    assert found.history["rmse"] == pytest.approx([np.mean(solo)], rel=1e-6)
    assert found.curves.raw == ()
    assert sum(len(member.rows.y) for member in session.cohort.members) == sum(LENGTHS)
