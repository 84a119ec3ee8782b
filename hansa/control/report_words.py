"""The sentences and number formats of a run's report, computed from result.json.

What is said of each scenario stands in `hansa.core.methods`, so that the tables and the charts say the
same words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any, TypeGuard

from hansa.control.yardstick import yardstick
from hansa.core.charter_words_leaves import SECRECY
from hansa.core.methods import BY_ROW, METHODS

TITLES: Mapping[str, str] = {name: method.title for name, method in METHODS.items()}
"""Names of the scenarios as a reader sees them, in the order in which tables show them."""

LEAVES: Mapping[str, str] = {name: method.leaves for name, method in METHODS.items()}
"""What leaves a party under each."""

PROTOCOLS: Mapping[str, str] = {"all_cycle": "all-cycle", "last_cycle": "last-cycle"}

_CAPS = {120: "all_cycle", 125: "last_cycle"}  # the cap under which each protocol's figures are published
_LETTERS = {"all_cycle": "(a) all-cycle", "last_cycle": "(b) last-cycle"}
_BESIDE = {
    "isolated_mean": "the mean of isolated models has {}",
    "isolated": "one company alone {} on average",
    "centralised": "one model on all records pooled {}",
}
_DEALS = {
    "horizontal": "each party has its own assets and all have the same sensors",
    "vertical": "all parties see the same assets, each with its own sensors",
    "hybrid": "each party has its own assets and its own sensors",
    "mixed": "some assets are shared, the others belong to one party, and each party has its own sensors",
    "given": "each party brought its own records",
}
_FILTERS = {
    "kalman": "Kalman (Algorithm 4)",
    "drift": "Kalman, with the drift of a life that runs out",
    "none": "none",
}


def secrecy(result: Mapping[str, Any]) -> str:
    """Return what the level of secrecy shows to whom, as a sentence."""
    said = SECRECY[result["secrecy"]].format(cohort=result["cohort"])
    return f"{said[0].upper()}{said[1:]}."


def ordered(scenarios: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the scenarios that ran, in the order of `TITLES`, unknown ones last."""
    known = tuple(name for name in TITLES if name in scenarios)
    return known + tuple(name for name in scenarios if name not in TITLES)


def title_of(scenario: str) -> str:
    """Return the name that a reader sees."""
    return TITLES.get(scenario, scenario)


def presumes(scenario: str, partition: str) -> str:
    """Return what the scenario's own figure takes for granted, re-dealing of the records included."""
    method = METHODS.get(scenario)
    text = method.presumes if method else ""
    if method and method.alike and partition in ("hybrid", "vertical", "mixed"):
        return text + " (records re-dealt by asset)"
    if scenario in BY_ROW and partition in ("hybrid", "horizontal", "mixed"):
        return text + " (records re-dealt: all rows at every party)"
    return text


def number(value: object, decimals: int = 2) -> str:
    """Return a figure for people: fixed decimals, none from 1,000 on, a dash where there is none."""
    if not is_figure(value):
        return "–"
    figure = float(value)
    return f"{figure:,.0f}" if abs(figure) >= 1000 else f"{figure:.{decimals}f}"


def plain(value: object) -> str:
    """Return a setting for people: 120 for 120.0, 0.5 for 0.5."""
    return f"{float(value):,g}" if is_figure(value) else "–"


def size(count: object) -> str:
    """Return a number of bytes in decimal units, three digits: 968 B, 48.4 kB, 6.19 MB."""
    if not is_figure(count):
        return "–"
    value = float(count)
    if value < 999.5:
        return f"{value:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5 or unit == "TB":
            break
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{decimals}f} {unit}"


def duration(seconds: object) -> str:
    """Return a time for people: 4.1 s, 3 min 20 s, 2 h 5 min."""
    if not is_figure(seconds):
        return "–"
    value = float(seconds)
    if value < 99.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 100:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def is_figure(value: object) -> TypeGuard[float]:
    """Return whether the value is a finite number."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def figure_at(tree: object, *keys: str) -> float | None:
    """Return the number at these keys, or None where a key is missing or the number is not finite."""
    for key in keys:
        if not isinstance(tree, Mapping) or key not in tree:
            return None
        tree = tree[key]
    return float(tree) if is_figure(tree) else None


def solo(result: Mapping[str, Any], scenario: str, protocol: str) -> list[float]:
    """Return each party's solo figure under a scenario, in the order of the parties, gaps left out."""
    parties, key = result["scenarios"].get(scenario, {}).get("parties") or {}, yardstick(result).key
    found = (figure_at(one, protocol, key) for one in parties.values())
    return [value for value in found if value is not None]


def headline_protocol(result: Mapping[str, Any]) -> str:
    """Return the protocol of answers; of lives the one that the cap suits."""
    return yardstick(result).headline


def headline(result: Mapping[str, Any]) -> str:
    """Return what was trained, on which data, by how many parties."""
    count = len(result["parties"])
    parties = "1 party" if count == 1 else f"{count} parties"
    return f"{title_of(result['algorithm'])} on {result['dataset']}, {parties}"


def deal(result: Mapping[str, Any]) -> str:
    """Return how the records lie at the parties."""
    meaning = _DEALS.get(result["partition"], "")
    return f"{result['partition']}: {meaning}" if meaning else str(result["partition"])


def answer(result: Mapping[str, Any]) -> str:
    """Return the run's result in one sentence; only figures that the result holds are named."""
    scenarios, by = result["scenarios"], yardstick(result)
    trained = scenarios.get(result["algorithm"], {})
    own = figure_at(trained, by.headline, by.key)
    if own is None:
        return f"{title_of(result['algorithm'])} has no figures yet."
    what, figure = by.title, number(own, by.task.digits)
    if by.filters:
        what, figure = "error", f"{figure} {by.unit} {by.title}"
    match trained.get("reading"):
        case "joined":
            opening = f"Federating brings the joined {what} to {figure}"
        case "one model":
            opening = f"Federating brings the {what} of the one shared model to {figure}"
        case _:
            article = "an" if what[0] in "aeiouA" else "a"
            opening = f"The parties' own models have {article} {what} of {figure} on average"
    others = _comparisons(result)
    return "; ".join([opening, *others]) + "." if others else opening + ". Nothing was trained beside it."


def verdict(result: Mapping[str, Any]) -> str:
    """Return whether federating paid, against the hardest baseline at hand, and how sure that is."""
    scenarios, by = result["scenarios"], yardstick(result)
    digits = by.task.digits
    own = figure_at(scenarios, result["algorithm"], by.headline, by.key)
    rival = next(
        (s for s in ("isolated_mean", "isolated") if s in scenarios and s != result["algorithm"]), ""
    )
    other = figure_at(scenarios, rival, by.headline, by.key)
    if own is None or other is None or result["algorithm"] in ("isolated", "isolated_mean"):
        return ""
    against = {"isolated_mean": "the mean of isolated models", "isolated": "one company alone"}[rival]
    rise = round(own, digits) - round(other, digits)
    if abs(rise) < 0.5 * 10.0**-digits:
        opening = f"That is level with {against}"
    else:
        word = "above" if rise > 0 else "below"
        share = f" ({abs(rise) / other:.1%})" if other else ""
        unit = f" {by.unit}" if by.unit else ""
        opening = f"That is {abs(rise):.{digits}f}{unit}{share} {word} {against}"
        if by.measure.higher:
            opening += f": {'better' if rise > 0 else 'worse'}, as a higher {by.title} is better"
    return f"{opening}. One seed only: hansa study says whether a small difference is more than chance."


def basis(result: Mapping[str, Any]) -> str:
    """Return what the headline figures are: protocol, filter and cap of lives, else the measure."""
    by = yardstick(result)
    if not by.filters:
        return f"{by.title} on the test, {'higher' if by.measure.higher else 'lower'} is better"
    cap = plain(result["label_cap"])
    return f"{PROTOCOLS[by.headline]}; filter: {filter_name(result)}; cap {cap} {result['time_unit']}"


def filter_name(result: Mapping[str, Any]) -> str:
    """Return the name of the filter that the filtered figures went through."""
    return _FILTERS.get(result["filter"], str(result["filter"]))


def cap_note(result: Mapping[str, Any]) -> str:
    """Return which protocol this run's cap suits."""
    cap = f"This run's cap is {plain(result['label_cap'])} {result['time_unit']}"
    suited = _CAPS.get(result["label_cap"])
    if suited is None:
        return f"{cap}, which suits neither: compare it only with runs of the same cap."
    other = "last_cycle" if suited == "all_cycle" else "all_cycle"
    return (
        f"{cap}: it suits {_LETTERS[suited]}. The figures under {_LETTERS[other]} are shown too, but they"
        f" are not to be compared with published ones."
    )


def _comparisons(result: Mapping[str, Any]) -> list[str]:
    """Return the clauses of the answer that name what the trained scenario is compared with."""
    by, trained = yardstick(result), result["algorithm"]
    clauses = []
    for name, words in _BESIDE.items():
        own = figure_at(result["scenarios"], name, by.headline, by.key)
        if own is not None and trained != name:
            clauses.append(words.format(number(own, by.task.digits)))
    return clauses
