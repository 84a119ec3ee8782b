"""What a charter in plain words says of bad updates: who weighs them, who votes, and who is paid for what."""

from __future__ import annotations

from collections.abc import Iterator

from hansa.core.charter import Charter, DefenceChoice
from hansa.core.defences import DEFENCES
from hansa.core.methods import METHODS

_FIRST = {
    "none": "",
    "nnm": "; before that each update becomes the mean of those nearest to it",
    "arc": "; before that the longest updates are shortened",
}
_CHECKED = {
    "open": "An update is checked before: parts, shapes, finite numbers, length, repetition, distance from "
    "the others; parties commit to it before any is shown.",
    "shared": "An update is checked before by its size, its length and its distance from the others; nobody "
    "sees it.",
}
_BLIND = (
    "Bad updates: of one party's only size, sender and repetition can be checked, and nothing is measured: "
    "one member can spoil the sum"
)
_UNCHECKED = {
    "open": "Bad updates: nothing checks or weighs them; one party can spoil the model.",
    "shared": "Bad updates: servers throw out those that are too long; nothing weighs the others.",
    "masked": _BLIND,
    "encrypted": _BLIND,
}


def how_updates_are_judged(charter: Charter) -> Iterator[str]:
    """Yield how bad updates are met, how parties vote, and what they are paid for."""
    choice = charter.defence
    if charter.judges and choice.rule == "none":
        choice = DefenceChoice("mean")  # for a reward
    if choice.rule == "none":
        gate = "" if charter.secrecy in ("open", "shared") else _only_the_gate(charter)
        yield f"{_UNCHECKED[charter.secrecy]}{gate}"
    else:
        rule = DEFENCES[choice.rule]
        bears = f", to bear {choice.bad} bad parties" if choice.rule != "mean" else ", by their rows"
        held = f", held against {choice.trusted}" if choice.trusted else ""
        yield f"Updates are weighed by: {choice.rule} ({rule.source}){bears}{held}{_FIRST[choice.before]}."
        yield _CHECKED[charter.secrecy]
        yield "Every party can read the verdicts on its updates; a rule may give an honest one no weight."
    yield from _gate(charter)
    yield from _reward(charter)


def _reward(charter: Charter) -> Iterator[str]:
    reward = charter.reward
    if reward.measure == "none":
        return
    end = "the lower end of its interval" if reward.pays == "lower" else "the mean"
    often = "each round" if reward.every == 1 else f"every {reward.every} rounds"
    yield (
        f"Reward: {reward.credits:,} credits for the run, by each party's share of what all brought, {end}; "
        f"measured {often} by {_MEASURES[reward.measure]}, on assets that the others keep back."
    )
    if charter.secrecy == "open" and METHODS[charter.algorithm.name].exchanges == "weights":
        yield (
            "On machines of their own each member then gets what every other one adds to the model in a "
            "measured round, to try it on those assets."
        )


_MEASURES = {
    "shapley": "Shapley values of models",
    "gradient": "how far its update goes down the losses",
    "quadratic": "Shapley values of a quadratic loss",
}


def _only_the_gate(charter: Charter) -> str:
    if charter.gate.every:
        return "; what defends is the vote."
    return '; no vote defends either. A rule needs secrecy = "shared", a vote every = 10 in [gate].'


def _gate(charter: Charter) -> Iterator[str]:
    if charter.validation.share:
        yield f"Kept out of training: {charter.validation.share:.0%} of each party's own assets."
    if charter.gate.every:
        needed = charter.gate.quorum or charter.parties // 2 + 1
        yield (
            f"Vote: every {charter.gate.every} rounds each party tests the model on those, and says yes "
            f"where it loses at most {charter.gate.tolerance:.0%} more than the model adopted last. "
            f"{needed} of {charter.parties} parties adopt a model; else all go back to the last one."
        )
