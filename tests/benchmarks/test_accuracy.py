"""The rows of accuracy: their charters hold, and what they are computed from is read right."""

import pytest

from benchmarks import accuracy
from hansa.core.charter import Charter
from hansa.core.charter_digest import charter_digest
from hansa.core.charter_rules import check_charter

COMPARED = ("centralised", "isolated", "isolated_mean", "fedavg", "labsync_mean")
CHARTERS = (
    accuracy._aligned(1, 4, COMPARED, 125),
    accuracy._aligned(1, 4, COMPARED, 120),
    accuracy._averaged(1, 124, ("isolated",), 120),
    accuracy._one_regime(accuracy._aligned(1, 4, ("centralised",), 125)),
    *(
        accuracy._dealt(accuracy._averaged(1, 4, ("isolated", "ditto", "fine_tuned"), 120), deal)
        for deal in ("fault_mode", "regime")
    ),
)


@pytest.mark.parametrize("charter", CHARTERS)
def test_its_charters_hold(charter: Charter) -> None:
    check_charter(charter)


def test_each_charter_has_a_file_of_its_own() -> None:
    assert len({charter_digest(charter) for charter in CHARTERS}) == len(CHARTERS)


def test_a_party_is_held_against_itself_alone() -> None:
    run = {"all_cycle": {"ditto": {"solo": [9.0, 12.0]}, "isolated": {"solo": [10.0, 8.0]}}}
    assert accuracy._ratios(run, "ditto") == [0.9, 1.5]
