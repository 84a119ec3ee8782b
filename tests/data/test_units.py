"""Units: conversions against known answers, round trips, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.errors import CharterError
from hansa.data.units import can_convert, converted, is_known

FAMILIES = (
    ("degC", "degF", "K", "degR", "°C", "C", "F", "celsius"),
    ("Pa", "kPa", "bar", "psi", "psia", "mmHg", "bara", "MPa"),
    ("m", "ft", "km", "mi", "mm", "inch"),
    ("rpm", "Hz", "rad/s", "rev/min", "deg/s", "1/min"),
    ("m/s", "km/h", "mph", "kmh", "knot", "ft/s"),
    ("kg", "lb", "g", "lbs", "lbm"),
    ("s", "min", "h", "day", "hours", "days", "hr"),
    ("J", "kWh", "BTU", "MJ", "Wh"),
    ("W", "kW", "hp"),
    ("%", "percent", "fraction", "pct", "1"),
    ("A", "mA"),
    ("V", "mV", "kV"),
    ("kg/s", "lbm/s", "pps", "lb/s"),
    ("N*m", "Nm", "N·m", "N m", "kNm"),
    ("m^3/h", "m**3/h", "l/min", "gpm", "cfm"),
    ("cycle", "cycles"),
)
"""Each tuple measures one thing; no two tuples measure the same thing, but energy and torque."""

KNOWN_ANSWERS = (
    (100.0, "degC", "degF", 212.0),
    (0.0, "K", "degC", -273.15),
    (518.67, "degR", "degC", 15.0),
    (1.0, "bar", "kPa", 100.0),
    (14.695948775513, "psia", "Pa", 101325.0),
    (1.0, "km", "ft", 3280.8398950131),
    (60.0, "rpm", "Hz", 1.0),
    (1.0, "Hz", "rad/s", 2 * np.pi),
    (36.0, "km/h", "m/s", 10.0),
    (1.0, "lb", "g", 453.59237),
    (36.0, "h", "day", 1.5),
    (1.0, "kWh", "MJ", 3.6),
    (0.25, "fraction", "%", 25.0),
    (3.0, "cycles", "cycle", 3.0),
    (2.0, "Nm", "N*m", 2.0),
)

pairs_in_a_family = st.sampled_from(FAMILIES).flatmap(
    lambda family: st.tuples(st.sampled_from(family), st.sampled_from(family))
)


@pytest.mark.parametrize(("value", "unit", "into", "expected"), KNOWN_ANSWERS)
def test_known_answers_are_met(value: float, unit: str, into: str, expected: float) -> None:
    assert converted(np.array([value]), unit, into, where="here")[0] == pytest.approx(expected, rel=1e-9)


@given(pairs_in_a_family, st.lists(st.floats(-1e6, 1e6), max_size=5))
def test_there_and_back_is_the_same_value(pair: tuple[str, str], values: list[float]) -> None:
    there = converted(np.array(values), pair[0], pair[1], where="here")
    back = converted(there, pair[1], pair[0], where="here")
    np.testing.assert_allclose(back, values, rtol=1e-9, atol=1e-6)


@given(st.sampled_from(FAMILIES), st.sampled_from(FAMILIES), st.data())
def test_only_units_of_one_family_convert(
    one: tuple[str, ...], other: tuple[str, ...], data: st.DataObject
) -> None:
    unit, into = data.draw(st.sampled_from(one)), data.draw(st.sampled_from(other))
    torque_and_energy = {"J", "N*m"} <= {one[0], other[0]}
    assert can_convert(unit, into) == (one == other or torque_and_energy)


def test_a_missing_value_stays_missing_and_the_input_is_left_alone() -> None:
    values = np.array([32.0, np.nan])
    np.testing.assert_allclose(converted(values, "degF", "degC", where="here"), [0.0, np.nan], atol=1e-9)
    np.testing.assert_array_equal(values, [32.0, np.nan])


def test_equal_units_need_not_be_known() -> None:
    assert can_convert("widgets", "widgets")
    assert converted(np.array([1.0]), "widgets", "widgets", where="here")[0] == 1.0


@pytest.mark.parametrize(
    "text", ["", "2 bar", "9**9**9", "bar^bar", "((", "bar/", "bar\nK", "import os", "barg", "psig", "x" * 99]
)
def test_what_is_no_unit_is_not_known(text: str) -> None:
    assert not is_known(text)


@given(st.text(max_size=12))
def test_no_text_breaks_the_parser(text: str) -> None:
    assert is_known(text) in (True, False)


def test_an_unknown_unit_is_refused_with_both_units() -> None:
    with pytest.raises(CharterError) as refusal:
        converted(np.zeros(1), "barg", "kPa", where='party north, column "p30"')
    sentence = str(refusal.value)
    assert sentence.startswith('party north, column "p30": the unit "barg" is not known')
    assert '"kPa"' in sentence


def test_a_unit_of_another_kind_is_refused_with_both_units() -> None:
    with pytest.raises(CharterError, match='values in "degC" cannot be expressed in "bar"'):
        converted(np.zeros(1), "degC", "bar", where="here")


def test_a_unit_that_the_charter_does_not_state_is_refused() -> None:
    with pytest.raises(CharterError, match=r'no unit is stated.*"degC"'):
        converted(np.zeros(1), "degC", "", where="here")
