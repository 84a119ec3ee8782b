"""Each party makes more of its own training failures; who has hardly any stays as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hansa.core.charter import Charter, Training
from hansa.core.errors import PartyError
from hansa.models.rows import Rows, Stream
from hansa.runtime.oversampling import oversampled
from hansa.runtime.world import World
from hansa.simulation.cohort import gather
from tests.batteries.fleets import fleet
from tests.simulation.small_world import small


def _world(failed: set[int]) -> World:
    parts = replace(fleet([1] * 60, 4), remaining=np.array([part in failed for part in range(60)], float))
    return World("parts", parts, parts)


def _charter(oversample: str) -> Charter:
    charter = small()
    data = replace(charter.data, task="failure")
    algorithm = replace(charter.algorithm, loss="cross_entropy")
    training = Training(oversample=oversample)
    return replace(charter, compare=(), data=data, training=training, algorithm=algorithm)


def test_every_party_balances_its_own_rows_and_keeps_them_first() -> None:
    world = _world(set(range(0, 60, 4)))
    plain, more = (gather(_charter(how), "labsync_mean", world) for how in ("none", "smote"))
    for before, after in zip(plain.members, more.members, strict=True):
        assert isinstance(before.rows, Rows)
        assert isinstance(after.rows, Rows)
        failed = np.asarray(after.rows.y) > 0
        assert failed.sum() == (~failed).sum() == (np.asarray(before.rows.y) == 0).sum()
        np.testing.assert_array_equal(after.rows.x[: len(before.rows.x)], before.rows.x)
        np.testing.assert_array_equal(np.asarray(after.rows.key), failed)


def test_a_party_with_one_failure_stays_as_it_is() -> None:
    world = _world({7})
    plain, more = (gather(_charter(how), "fedavg", world) for how in ("none", "smote"))
    assert [len(one.rows.y) for one in more.members] == [len(one.rows.y) for one in plain.members]


def test_rows_that_memory_does_not_hold_are_refused() -> None:
    rows = Stream(np.ones(2), 1, 1, lambda number: ())  # type: ignore[arg-type]
    with pytest.raises(PartyError, match=r"mine: its table is read in pieces.*failure_weight"):
        oversampled(_charter("smote"), "mine", rows)
    assert oversampled(_charter("none"), "mine", rows) is rows
