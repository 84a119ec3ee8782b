"""The sentences on fairness: which party is worst off, and which ones federating did not help in this run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hansa.control.report_words import figure_at, number, title_of
from hansa.control.yardstick import Yardstick, yardstick

_NAMED = 5  # parties that a sentence lists
_ALONE = ("isolated", "isolated_mean")  # in both, a party's own figure is that of its isolated model


def fairness(result: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the sentences on the worst party and on those that were not helped; none for a single party.

    A party's figure under the trained scenario is that of the model which it would use alone.
    """
    found = (worst_party(result), helped(result))
    return tuple(sentence for sentence in found if sentence)


def worst_party(result: Mapping[str, Any]) -> str:
    """Return who is worst off under the trained scenario, beside its isolated figure where that is known."""
    own, alone, by = _own(result), _isolated(result), yardstick(result)
    if len(own) < 2:
        return ""
    digits, trained, worst = by.task.digits, title_of(result["algorithm"]), _worst(own, by)
    where = f"{by.protocols[by.headline]}{', test assets of its own kind' if _own_kind(result) else ''}"
    figure = f"{_figure(own[worst], by)} ({where})"
    if len({round(value, digits) for value in own.values()}) == 1:
        opening = f"Under {trained} all parties have {figure}"
        if not alone:
            return f"{opening}."
        worst = _worst(alone, by)
        return f"{opening}; isolated, the worst, {worst}, has {number(alone[worst], digits)}."
    opening = f"Worst party under {trained}, each with its own model alone: {worst}"
    beside = f"; isolated it has {number(alone[worst], digits)}" if worst in alone else ""
    return f"{opening}, {figure}{beside}."


def helped(result: Mapping[str, Any]) -> str:
    """Return how many parties are better off than isolated, and who has not, as a finding of one run."""
    own, alone, by = _own(result), _isolated(result), yardstick(result)
    pairs = {party: (own[party], alone[party]) for party in own if party in alone}
    if len(pairs) < 2:
        return ""
    gains = {party: by.gain(*pair) for party, pair in pairs.items()}
    rest = sorted((party for party in pairs if gains[party] <= 0), key=gains.__getitem__)
    count = f"{len(pairs) - len(rest):,} of {len(pairs):,} parties"
    if len(rest) in (0, len(pairs)):
        count = f"all {len(pairs):,} parties" if not rest else f"none of the {len(pairs):,} parties"
    what = "error" if by.filters else by.title
    what += " on test assets of their own kind" if _own_kind(result) else ""
    opening = (
        f"In this one run federating {'raises' if by.measure.higher else 'lowers'} the {what} of {count}"
    )
    shown = []
    for party in rest:
        now, before = (number(value, by.task.digits) for value in pairs[party])
        shown.append(f"{party} (isolated {before}, now {now})")
    lacking = f"; it does not help {listed(shown)}" if rest else ""
    return f"{opening}{lacking}. One run can be chance: hansa study tests it over seeds."


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence lists them, the first few of many."""
    shown = list(names[:_NAMED])
    if len(names) > _NAMED:
        shown.append(f"{len(names) - _NAMED:,} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _own(result: Mapping[str, Any]) -> dict[str, float]:
    """Return each party's figure alone under the trained scenario; none where that is a baseline."""
    return {} if result["algorithm"] in _ALONE else _figures(result, result["algorithm"])


def _isolated(result: Mapping[str, Any]) -> dict[str, float]:
    return next((found for name in _ALONE if (found := _figures(result, name))), {})


def _figures(result: Mapping[str, Any], scenario: str) -> dict[str, float]:
    parties = (result["scenarios"].get(scenario) or {}).get("parties") or {}
    by = yardstick(result)
    place = ("own", by.headline) if _own_kind(result) else (by.headline, by.key)
    found = {name: figure_at(one, *place) for name, one in parties.items()}
    return {name: value for name, value in found.items() if value is not None}


def _own_kind(result: Mapping[str, Any]) -> bool:
    """Return whether parties differ by the deal, and each is known on the test assets that it would get."""
    headline = yardstick(result).headline
    told = [
        figure_at(one, "own", headline) is not None
        for name in (result["algorithm"], *_ALONE)
        for one in ((result["scenarios"].get(name) or {}).get("parties") or {}).values()
    ]
    return bool(told) and all(told)


def _worst(values: Mapping[str, float], by: Yardstick) -> str:
    return (min if by.measure.higher else max)(values, key=values.__getitem__)


def _figure(value: float, by: Yardstick) -> str:
    """Return a figure with its unit and measure: 14.76 cycles RMSE, 0.131 AUPRC."""
    return " ".join(part for part in (number(value, by.task.digits), by.unit, by.title) if part)
