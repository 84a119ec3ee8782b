"""The schema that C-MAPSS and the simulated fleet share."""

from __future__ import annotations

from hansa.core.charter import Regimes
from hansa.core.charter_turbofan import (
    TRAIN_ENGINES,
    TURBOFAN_COLUMNS,
    TURBOFAN_REGIMES,
    default_columns,
    default_regimes,
)


def test_the_papers_sixteen_sensors_are_read_and_the_other_five_ignored() -> None:
    roles = {column.name: column.role for column in TURBOFAN_COLUMNS}
    assert [name for name, role in roles.items() if role == "setting"] == [
        "setting_1",
        "setting_2",
        "setting_3",
    ]
    assert sum(role == "sensor" for role in roles.values()) == 16
    assert [name for name, role in roles.items() if role == "ignore"] == ["s1", "s5", "s16", "s18", "s19"]


def test_there_are_six_operating_points_of_three_settings() -> None:
    assert len(TURBOFAN_REGIMES.centres) == 6
    assert all(len(centre) == 3 for centre in TURBOFAN_REGIMES.centres)


def test_a_table_has_no_columns_or_regimes_by_default() -> None:
    assert default_columns("table") == ()
    assert default_regimes("table") == Regimes()


def test_fd004_has_249_engines_to_learn_from() -> None:
    assert TRAIN_ENGINES["FD004"] == 249
