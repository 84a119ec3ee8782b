"""Column names: what they suggest, and what they must not suggest."""

from __future__ import annotations

import pytest

from hansa.data.column_names import (
    lowest,
    names_asset,
    names_failure,
    names_setting,
    names_target,
    names_time,
    unit_of,
    words,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("opSetting_1 [m]", ("op", "setting", "1")),
        ("RUL", ("rul",)),
        ("Temp (°C)", ("temp",)),
        ("s21", ("s", "21")),
        ("", ()),
    ],
)
def test_a_name_is_split_into_lower_case_words(name: str, expected: tuple[str, ...]) -> None:
    assert words(name) == expected


@pytest.mark.parametrize(
    ("rule", "yes", "no"),
    [
        (names_asset, "asset machineID unit_number Engine id serial_number", "pump_speed unit_temp s1 idle"),
        (
            names_time,
            "time cycle time_in_cycles Timestamp operating_hours date",
            "time_to_failure rul s1 timer",
        ),
        (
            names_target,
            "RUL rul_h ttf time_to_failure remaining_useful_life cycles_to_failure",
            "time ruler life",
        ),
        (
            names_failure,
            "failed_at failure_date time_of_failure eol end_of_life failed",
            "time_to_failure rul default",
        ),
        (names_setting, "setting_1 opSetting2 altitude mode engine_load", "s1 model temp"),
    ],
)
def test_names_suggest_their_role_and_no_other(rule: object, yes: str, no: str) -> None:
    assert callable(rule)
    assert [name for name in yes.split() if not rule(name)] == []
    assert [name for name in no.split() if rule(name)] == []


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("temp_c", "degC"),
        ("oil_temp_F", "degF"),
        ("pressure_bar", "bar"),
        ("speed_rpm", "rpm"),
        ("voltage_v", "V"),
        ("Temp [degC]", "degC"),
        ("load (%)", "%"),
        ("rul_hours", "h"),
        ("cycle", "cycle"),
        ("phase_c", ""),
        ("s", ""),
        ("flow [made up]", ""),
        ("", ""),
    ],
)
def test_a_unit_is_read_off_a_name_only_where_the_name_states_it(name: str, unit: str) -> None:
    assert unit_of(name) == unit


def test_only_temperatures_have_a_lowest_value() -> None:
    assert (lowest("degC"), lowest("K"), lowest("bar")) == (-273.15, 0.0, None)
