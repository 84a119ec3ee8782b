"""What a red team found, in words and short texts: the same on the page and in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hansa.control.report_words import figure_at, number
from hansa.control.yardstick import yardstick

Tree = Mapping[str, Any]

NONE = "none"
"""The name of no attack, and of no rule."""

BAD_LOSS = 10.0
"""From how many percent of loss on an attack is said to work."""

_MOST = 999.0  # percent; what is more is not told in figures


def headline(found: Tree) -> str:
    """Return what was attacked, on which data."""
    return f"Attacks on {found['charter']}: {found['dataset']}, {_some(len(found['bad']), 'bad party')}"


def measured(found: Tree) -> str:
    """Return what losses are losses of, as a clause."""
    by = yardstick(found)
    return (
        f"by how many percent {by.axis(by.headline)} is worse than without attack and rule, which is "
        f"{number(_base(found), by.task.digits)}; figures are of what the parties that are not bad have"
    )


def loss(found: Tree, rule: str, attack: str) -> float | None:
    """Return the loss of a run in percent; infinite where it broke; None where it was not trained."""
    one = outcome(found, rule, attack)
    if one is None:
        return None
    value = figure_at(one["loss"], yardstick(found).headline)
    return float("inf") if value is None else value


def loss_text(value: float | None) -> str:
    """Return a loss as a cell shows it: 12.3, −0.4, > 999, broke, or a dash."""
    if value is None:
        return "–"
    if value == float("inf"):
        return "broke"
    if value > _MOST:
        return f"> {_MOST:.0f}"
    text = f"{value:.1f}" if abs(value) < 10 else f"{value:.0f}"
    return text.replace("-", "−") if float(text) else "0"


def percent(value: float | None) -> str:
    """Return a loss within a sentence: 12 %, or that the run broke."""
    text = loss_text(value)
    return "the run breaks" if text == "broke" else f"{text} %"


def outcome(found: Tree, rule: str, attack: str) -> Tree | None:
    """Return what came of a rule under an attack; None where it was not trained."""
    pairs = (one for one in found["outcomes"] if (one["rule"], one["attack"]) == (rule, attack))
    return next(pairs, None)


def lossy(found: Tree) -> tuple[str, ...]:
    """Return the attacks that are measured by the loss alone."""
    return tuple(name for name, one in found["attacks"].items() if not one["aim"])


def answers(found: Tree) -> list[str]:
    """Return what was found, in a few sentences: the worst attack, the best and the worst rule."""
    said = [_undefended(found), *_rules(found), *_aims(found)]
    return [sentence for sentence in said if sentence]


def found_of(found: Tree, attack: str) -> str:
    """Return what one attack did, in a sentence."""
    told = {rule: value for rule in found["rules"] if (value := loss(found, rule, attack)) is not None}
    if not told:
        return "Not tried."
    alone = f"Without a rule: {percent(told[NONE])}. " if NONE in told else ""
    rules = {rule: value for rule, value in told.items() if rule != NONE}
    if not rules:
        return alone.strip()
    best, worst = min(rules, key=lambda one: rules[one]), max(rules, key=lambda one: rules[one])
    if loss_text(rules[best]) == loss_text(rules[worst]):
        who = "every rule" if len(rules) > 1 else found["rules"][best]
        return f"{alone}Under {who}: {percent(rules[best])}."
    least = f"Least under {found['rules'][best]}: {percent(rules[best])}"
    return f"{alone}{least}; most under {found['rules'][worst]}: {percent(rules[worst])}."


def aim_text(found: Tree, one: Tree) -> str:
    """Return an attack's own measure, beside what it is without the attack."""
    aim, before = figure_at(one, "aim"), figure_at(one, "aim_before")
    kind = found["attacks"].get(one["attack"], {}).get("aim")
    if aim is None or not kind:
        return "–"
    if kind == "backdoor":
        return f"{100 * aim:.0f} %" + (f" ({100 * before:.0f} % unattacked)" if before is not None else "")
    return f"{aim:+.1f} %".replace("-", "−")


def left_out(found: Tree) -> list[str]:
    """Return what was not tried, and why."""
    alike: dict[tuple[str, str], list[str]] = {}  # names by what is said of each, and by the reason
    for name, why in {**found["rules_left_out"], **found["attacks_left_out"]}.items():
        rule = name.rpartition("+")[2]
        of_each = "each " if why.startswith(f"{rule} ") else ""
        alike.setdefault((of_each, why.removeprefix(f"{rule} ")), []).append(name)
    return [
        f"{names[0]} {why}." if of_each and len(names) == 1 else f"{', '.join(names)}: {of_each}{why}."
        for (of_each, why), names in alike.items()
    ]


def _some(count: int, what: str) -> str:
    return f"{count} {what if count == 1 else what.replace('party', 'parties')}"


def _base(found: Tree) -> float | None:
    one = outcome(found, NONE, NONE)
    return None if one is None else figure_at(one["figures"], yardstick(found).headline)


def _undefended(found: Tree) -> str:
    told = {name: value for name in lossy(found) if (value := loss(found, NONE, name)) is not None}
    if not told:
        return ""
    works = [name for name, value in told.items() if value > BAD_LOSS]
    worst = max(told, key=lambda name: told[name])
    who = _some(len(found["bad"]), "bad party")
    most = f"the worst is {found['attacks'][worst]['title']}: {percent(told[worst])}"
    if not works:
        return f"Without a rule {who} cost 10 % at most, whichever attack is tried; {most}."
    return f"Without a rule {len(works)} of {len(told)} attacks cost more than 10 %; {most}."


def _rules(found: Tree) -> Iterator[str]:
    names = lossy(found)
    worst: dict[str, tuple[float, str]] = {}
    for rule in found["rules"]:
        told = {name: value for name in names if (value := loss(found, rule, name)) is not None}
        if rule != NONE and len(told) == len(names) > 0:
            attack = max(told, key=lambda name, told=told: told[name])  # type: ignore[misc]
            worst[rule] = told[attack], attack
    if not worst:
        return
    order = sorted(worst, key=lambda rule: worst[rule][0])
    yield _at_worst(found, "Best", order[0], worst[order[0]])
    if len(order) > 1:
        yield _at_worst(found, "Worst", order[-1], worst[order[-1]])


def _at_worst(found: Tree, which: str, rule: str, worst: tuple[float, str]) -> str:
    value, attack = worst
    cost = loss(found, rule, NONE)
    alone = f"; unattacked, the rule itself costs {percent(cost)}" if cost is not None else ""
    title = found["attacks"][attack]["title"]
    return f"{which} is {found['rules'][rule]}: at worst, under {title}, {percent(value)}{alone}."


def _aims(found: Tree) -> Iterator[str]:
    """Yield how near attacks with an aim came to it, without a rule and under the best one."""
    for name, one in found["attacks"].items():
        runs = {rule: run for rule in found["rules"] if (run := outcome(found, rule, name))}
        far = {rule: far for rule, run in runs.items() if (far := _from_aim(run)) is not None}
        if not one["aim"] or not far:
            continue
        best = min(far, key=lambda rule, far=far: far[rule])  # type: ignore[misc]
        said = {rule: aim_text(found, runs[rule]) for rule in dict.fromkeys((NONE, best)) if rule in far}
        words = [
            f"{text} {'without a rule' if rule == NONE else 'at best, under ' + found['rules'][rule]}"
            for rule, text in said.items()
        ]
        does = "lifts worn test rows to as good as new" if one["aim"] == "backdoor" else _moves(found)
        yield f"{one['title']} {does}: {', '.join(words)}."


def _from_aim(run: Tree) -> float | None:
    """Return how much an attack with an aim changed."""
    aim, before = figure_at(run, "aim"), figure_at(run, "aim_before")
    return None if aim is None else abs(aim - (before or 0.0))


def _moves(found: Tree) -> str:
    return f"moves predictions for {found['undervalued']}"


def meaning(found: Tree) -> Sequence[tuple[str, str]]:
    """Return what the measures of attacks with an aim are, for those that were tried."""
    kinds = {one["aim"] for one in found["attacks"].values()}
    pattern, undervalued = ", ".join(found["pattern"]), found["undervalued"]
    told = {
        "backdoor": (
            "backdoor",
            f"The pattern is on {pattern}. Given is the share of test rows, worn ones, that are predicted as "
            "good as new once they have the pattern; in brackets, without the attack.",
        ),
        "shift": (
            "undervaluation",
            f"By how much predictions for test rows of {undervalued} differ from those without the attack "
            "under the same rule.",
        ),
    }
    return [words for kind, words in told.items() if kind in kinds]
