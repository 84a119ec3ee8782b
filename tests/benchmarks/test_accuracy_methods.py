"""The table of algorithms: nobody is left out, and its charters hold."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from benchmarks.accuracy_methods import _AS_DEALT, _EVERYBODY, _PLAIN, SETTINGS, _charter, _line
from hansa.core.charter_rules import check_charter
from hansa.core.methods import BROUGHT, METHODS, TRAINABLE


def test_the_charters_of_the_table_hold() -> None:
    check_charter(_charter(1, _EVERYBODY, 4))
    check_charter(_charter(1, ("fedavg", *_PLAIN), 4))


@pytest.mark.parametrize("name", SETTINGS)
def test_the_charter_of_a_setting_holds(name: str) -> None:
    about, beside, parties, changes = SETTINGS[name]
    assert about
    check_charter(_charter(1, (beside, name), parties, changes))


def test_every_method_that_averages_weights_of_like_parties_is_held_against_fedavg() -> None:
    left_out = set() if find_spec("xgboost") else {"trees"}
    assert set(_EVERYBODY) | set(_PLAIN) == set(TRAINABLE) - set(BROUGHT) - left_out
    alike = {name for name in TRAINABLE if METHODS[name].alike and name not in BROUGHT}
    assert alike - {"fedavg", "trees"} <= set(SETTINGS) | set(_AS_DEALT)


def test_a_line_shows_the_mean_error_the_worst_party_bytes_and_time() -> None:
    runs = [
        {
            "all_cycle": {"ditto": {"rmse": 12.0, "solo": [9.0, 15.0]}},
            "bytes": {"ditto": 2e6},
            "seconds": {"ditto": 3.0},
        },
        {
            "all_cycle": {"ditto": {"rmse": 14.0, "solo": [17.0, 11.0]}},
            "bytes": {"ditto": 2e6},
            "seconds": {"ditto": 5.0},
        },
    ]
    assert [row.value for row in _line("ditto", "Ditto", runs, "make")] == [13.0, 16.0, 2.0, 4.0]
