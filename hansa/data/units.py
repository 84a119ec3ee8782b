"""Units of columns: what is known, and conversion from a file's unit into the charter's.

Pint holds the definitions. Three things differ from its defaults, because machines are not physics
textbooks: a turn is one revolution, so that 60 rpm are 1 Hz and 2 pi rad/s; a cycle is a count of use
(flights, strokes) that no clock converts; and letters that engineers write on a sensor mean what they
mean there (C is a temperature, not a charge).
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from hansa.core.errors import CharterError
from hansa.data.fleet import Floats

if TYPE_CHECKING:
    import pint

_SPELLINGS = {
    "c": "degC",
    "celsius": "degC",
    "centigrade": "degC",
    "f": "degF",
    "fahrenheit": "degF",
    "r": "degR",
    "°r": "degR",
    "rankine": "degR",
    "psia": "psi",
    "bara": "bar",
    "kmh": "km/h",
    "mps": "m/s",
    "kpa": "kPa",
    "psi": "psi",
    "hz": "Hz",
    "rpm": "rpm",
    "cfm": "ft**3/min",
    "gpm": "gal/min",
    "lbm": "lb",
    "lbs": "lb",
    "lbm/s": "lb/s",
    "pps": "lb/s",
    "fraction": "dimensionless",
    "ratio": "dimensionless",
    "1": "dimensionless",
    "pct": "percent",
    "cycle": "counted_cycle",
    "cycles": "counted_cycle",
    "rev": "turn",
    "rev/min": "rpm",
    "1/min": "rpm",
}
_EXACT_SPELLINGS = {"Nm": "N*m", "kNm": "kN*m"}  # nm is a length, Nm a torque

_NAME = r"[^\W\d_][\w°]*?|°[^\W\d_]\w*|%|Å"
_TERM = rf"(?:{_NAME})(?: ?(?:\^|\*\*) ?-?\d)?"
_EXPRESSION = re.compile(rf"(?:1 ?/ ?)?{_TERM}(?: ?[*/·] ?{_TERM}| {_TERM})*|1")


def is_known(unit: str) -> bool:
    """Return whether this text is a unit that can be converted. The empty text is none."""
    return _parsed(unit.strip()) is not None


def can_convert(unit: str, into: str) -> bool:
    """Return whether values in `unit` can be expressed in `into`. Equal texts always can."""
    if unit.strip() == into.strip():
        return True
    source, target = _parsed(unit.strip()), _parsed(into.strip())
    return source is not None and target is not None and bool(source.is_compatible_with(target))


def converted(values: Floats, unit: str, into: str, *, where: str) -> Floats:
    """Return the values, same shape, expressed in `into`; a NaN stays a NaN.

    where: who says so, for the sentence: the party and the column, or the charter's key.
    Raises CharterError when one of the units is not known or the two do not measure the same thing.
    """
    unit, into = unit.strip(), into.strip()
    if unit == into:
        return values
    source, target = _parsed_or_refused(unit, into, where), _parsed_or_refused(into, unit, where)
    if not source.is_compatible_with(target):
        raise CharterError(
            f'values in "{unit}" cannot be expressed in "{into}": they do not measure the same thing',
            do="correct one of the two units, or convert the values in the file",
            where=where,
        )
    quantity = _registry().Quantity(values.astype(float), source)  # same shape
    converted_values: Floats = quantity.m_as(target)  # same shape
    return converted_values


def _parsed_or_refused(unit: str, other: str, where: str) -> pint.Unit:
    parsed = _parsed(unit)
    if parsed is None:
        what = f'the unit "{unit}" is not known' if unit else "no unit is stated"
        raise CharterError(
            f'{what}, so values cannot be converted from or into "{other}"',
            do='write a known unit (degC, kPa, rpm, km, kg, h, "%", ...), or convert the values in the file',
            where=where,
        )
    return parsed


@cache
def _parsed(unit: str) -> pint.Unit | None:
    """Return pint's unit, or None. Only products of names and one-digit powers reach pint's parser."""
    text = _EXACT_SPELLINGS.get(unit) or _SPELLINGS.get(unit.lower(), unit)
    if len(text) > 40 or not _EXPRESSION.fullmatch(text):
        return None
    import pint

    try:
        return _registry().parse_units(text.replace("·", "*"))
    except (pint.errors.PintError, ValueError, TypeError, AssertionError):
        return None


@cache
def _registry() -> pint.UnitRegistry[Any]:
    """Return the definitions. Imported late: it takes about half a second that most runs do not need."""
    import pint

    registry: pint.UnitRegistry[Any] = pint.UnitRegistry(cache_folder=None, on_redefinition="ignore")
    registry.define("turn = 1 = _ = revolution")
    registry.define("radian = turn / 6.283185307179586 = rad")
    registry.define("revolutions_per_minute = hertz / 60 = rpm")
    registry.define("counted_cycle = [counted_cycle]")
    return registry
