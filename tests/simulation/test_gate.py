"""The vote of a scenario: a spoilt model is not adopted, and all go back to the same bits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from hansa.core import arrays
from hansa.core.charter import DefenceChoice, Gate, Validation
from hansa.core.errors import DataError
from hansa.models.rows import Rows
from hansa.runtime.kept_back import loss_of
from hansa.simulation.session import Session
from tests.simulation.judged_world import WORLD, bad, bits, contract, filled, gathered, opened, played, shared

KEPT = Validation(0.4)
EVERYBODY = tuple(f"party-{place}" for place in range(1, 6))
SPOILT = {"optimizer": "adam", "learning_rate": 30.0, "batch_size": 8}


def votes(session: Session) -> list[tuple[int, bool]]:
    return [(one["round"], one["promoted"]) for one in session.judgement.found()["votes"]]


def memories(session: Session) -> list[bytes]:
    """Return all that parties keep from round to round, to the bit."""
    return [leaf.tobytes() for leaf in arrays.flatten(session.parties.memories).values()]


def test_a_spoilt_model_is_voted_down_and_the_last_one_comes_back_to_the_bit() -> None:
    given = contract(gate=Gate(1, None, 1.0), validation=KEPT, rounds=3)
    session = opened(given, bad(filled(50.0), *EVERYBODY, rounds=[2]))
    session.step()
    before, held, predicted = bits(session), memories(session), session.predictions()
    session.step()
    assert bits(session) == before
    assert memories(session) == held
    assert all(np.array_equal(*pair) for pair in zip(session.predictions(), predicted, strict=True))
    assert int(session.ask().round) == 3  # the next round is a new one
    session.step()
    assert votes(session) == [(1, True), (2, False), (3, True)]
    assert bits(session) != before


@pytest.mark.parametrize(
    "name", ["vertical", *(pytest.param(one, marks=pytest.mark.slow) for one in ("aligned", "labsync_mean"))]
)
def test_training_that_spoils_everything_leaves_what_there_was(name: str) -> None:
    given = contract(name, gate=Gate(1, 5, 0.0), validation=KEPT, rounds=2, training=SPOILT)
    session, first = opened(given), opened(given)
    start, held = bits(first), memories(first)
    for _ in range(2):
        session.step()
    assert votes(session) == [(1, False), (2, False)]
    assert bits(session) == start
    assert memories(session) == held


def test_they_vote_every_so_many_rounds_and_after_the_last() -> None:
    session = played(contract(gate=Gate(2), validation=KEPT, rounds=5))
    assert [one for one, _ in votes(session)] == [2, 4, 5]


def test_each_party_votes_by_what_it_loses_on_its_own_assets() -> None:
    given = contract(gate=Gate(1, 1, 1e9), validation=KEPT, rounds=1)
    session = played(given)
    gate = session.judgement._gate
    assert gate is not None
    network = session.networks()[0]
    for member, rows in zip(session.cohort.members, session.cohort.kept_back, strict=True):
        outputs = np.asarray(network(rows.x), np.float64)
        due = np.mean(0.5 * (outputs - np.asarray(rows.y, np.float64)) ** 2)
        assert gate._losses[member.name] == pytest.approx(due, rel=1e-4)


@pytest.mark.parametrize("loss", ["mse", "sum"])
def test_where_rows_are_shared_they_test_the_joined_prediction(loss: str) -> None:
    """Under loss sum a party's output is its part of the sum: the joined one is all parts together."""
    given = contract("vertical", algorithm={"loss": loss}, gate=Gate(1, 1, 1e9), validation=KEPT, rounds=1)
    session = played(given)
    gate = session.judgement._gate
    assert gate is not None
    seen = [
        np.asarray(network(rows.x))
        for network, rows in zip(session.networks(), session.cohort.kept_back, strict=True)
    ]
    joined = np.sum(seen, axis=0) if loss == "sum" else np.mean(seen, axis=0)
    due = loss_of(joined, session.cohort.kept_back[0], "rul")
    assert list(gate._losses.values()) == pytest.approx([due] * 5, rel=1e-4)


# --- assets that nobody trains on --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["fedavg", "labsync_mean", "vertical", "mixed", "isolated"])
def test_held_back_assets_are_never_trained_on(name: str) -> None:
    kind = {"partition": {"kind": "horizontal"}} if name == "isolated" else {}
    more = {"gate": Gate(1)} if name != "isolated" else {}
    cohort = gathered(contract(name, validation=KEPT, **more, **kind))
    learnt = 0
    for member, kept in zip(cohort.members, cohort.kept_back, strict=True):
        own, back = _records(member.rows), _records(kept)
        assert own
        assert back
        assert not own & back
        learnt += len(own)
    whole = gathered(contract(name, **kind))
    assert learnt < sum(len(_records(member.rows)) for member in whole.members)
    for one, other in zip(cohort.inputs, whole.inputs, strict=True):
        assert not np.array_equal(one.mean, other.mean)  # what scales inputs does not know them either


def _records(rows: Any) -> set[bytes]:
    return {row.tobytes() for row in np.column_stack([np.asarray(rows.x), np.asarray(rows.y)])}


def test_where_all_have_the_same_rows_all_keep_back_the_same() -> None:
    cohort = gathered(contract("vertical", gate=Gate(1), validation=KEPT))
    first, *others = cohort.kept_back
    assert all(np.array_equal(one.y, first.y) for one in others)
    assert all(np.array_equal(one.key, first.key) for one in others)
    assert WORLD.train is not None


def test_nobody_keeps_anything_back_where_nobody_is_asked_to() -> None:
    assert not gathered(contract()).kept_back


def test_a_vote_that_nobody_can_win_is_refused_before_training() -> None:
    with pytest.raises(DataError, match="needs 6 parties that keep back a row with a known label, and 5 do"):
        opened(contract(gate=Gate(1, 6), validation=KEPT))  # a charter that the rules refuse


# --- losses -------------------------------------------------------------------------------------------


def _rows(truth: list[float]) -> Rows:
    y: Any = np.array(truth, np.float32)
    return Rows(y[:, None], y, np.ones_like(y), np.zeros(len(y), np.int32))


def test_a_loss_is_half_the_squared_error_or_the_cross_entropy() -> None:
    predicted = np.array([0.5, 0.25], np.float32)
    assert loss_of(predicted, _rows([1.0, 0.0]), "rul") == pytest.approx((0.125 + 0.03125) / 2)
    due = -(math.log(0.5) + math.log(0.75)) / 2
    assert loss_of(predicted, _rows([1.0, 0.0]), "failure") == pytest.approx(due)


def test_certainty_that_is_wrong_costs_much_and_not_infinitely() -> None:
    found = loss_of(np.array([0.0, 1.0], np.float32), _rows([1.0, 0.0]), "failure")
    assert 10 < found < 20


def test_what_is_not_finite_is_no_small_loss() -> None:
    for odd in (math.nan, math.inf):
        assert not loss_of(np.array([odd], np.float32), _rows([1.0]), "rul") < 1e9


def test_after_a_vote_against_it_the_predictions_of_a_round_do_not_come_back() -> None:
    """Round 2 is voted down and in round 3 too few are left: what was adopted stays, not round 2's."""
    given = contract(
        "labsync_mean", gate=Gate(1, 5, 0.0), validation=KEPT, rounds=2, training=SPOILT,
        defence=DefenceChoice("multi_krum"),
    )  # fmt: skip
    spoil = bad(filled(math.nan), *EVERYBODY[:3], rounds=[2])
    session, start = opened(given, spoil), bits(opened(given))
    session.step()
    assert votes(session) == [(1, False)]
    assert bits(session) == start
    session.step()
    assert session.cohort.judge is not None
    assert session.cohort.judge.memory.kept == [2]
    assert bits(session) == start
    assert np.isfinite(shared(session)).all()
