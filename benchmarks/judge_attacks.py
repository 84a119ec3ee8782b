"""The rows about attacks: what bad parties cost FD004 under one rule, and what an honest skewed party pays.

The rule was fixed before any attack was tried. FedAvg without a rule stands beside each row.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean

from benchmarks.charters import fd004
from benchmarks.measure import Row, at_most, not_measured, shown
from hansa.core.charter import Charter
from hansa.runtime.world import World, open_world
from hansa.simulation.attack_outcome import Counts, Outcome
from hansa.simulation.attack_plan import plan
from hansa.simulation.attacks import ATTACKS, UNATTACKED, UNTARGETED
from hansa.simulation.red_team import RedTeam

COMMAND = "make measure TOPIC=judge"
RULE, BEFORE = "geometric_median", "nnm"  # fixed before any attack was written
SIZES = ((7, 3), (9, 4))  # parties, and how many of them are bad
ROUNDS = 100  # all rows together: about a quarter of an hour of one core
SEEDS = (1, 2, 3)  # a loss is the mean over them: that of a single last round is chance by several percent
_LOSS = 10.0  # percent of last-cycle RMSE
_SHIFT = 2.0  # percent of the mean prediction
_ACCUSED = 1.0  # percent of honest updates
_SKEWS = {"regime": "dealt by operating regime", "fleet_size": "fleets of very different size"}

Found = Mapping[tuple[str, str], Outcome]
"""Outcomes by rule and attack."""


def rows() -> Iterator[Row]:
    """Yield every row."""
    data = os.environ.get("HANSA_DATA")
    if not data:
        why = "HANSA_DATA names no folder"
        yield not_measured("FD004: loss of last-cycle RMSE under attacks", "<= 10", "%", why, COMMAND)
        return
    world = open_world(_charter(SIZES[0][0]), Path(data))
    for parties, bad in SIZES:
        aimed = ("backdoor", "backdoor_replacement")
        found = [_tried(_charter(parties, seed), world, (*UNTARGETED, *aimed), bad) for seed in SEEDS]
        yield from _losses(f"FD004, {bad} of {parties} parties bad", found)
        yield from _sybils(f"FD004, {bad} of {parties} parties Sybils", found)
        yield from _backdoors(f"FD004, {bad} of {parties} parties bad", found, aimed)
    yield from _undervaluation(world)
    yield from _skewed(world)


def _charter(parties: int, seed: int = SEEDS[0]) -> Charter:
    return fd004(parties=parties, seed=seed, algorithm="fedavg", rounds=ROUNDS)


def _written() -> str:
    return f"{BEFORE}+{RULE}" if BEFORE != "none" else RULE


def _tried(charter: Charter, world: World, attacks: Sequence[str], bad: int) -> Found:
    """Return what comes of attacks without a rule and under ours."""
    planned = plan(charter, (UNATTACKED, _written()), attacks, bad)
    assert not planned.left_out
    team = RedTeam(planned, world)
    assert not team.left_out
    return {(one.rule, one.attack): one for one in team.outcomes(lambda _: None)}


def _losses(where: str, found: Sequence[Found]) -> Iterator[Row]:
    """Yield the loss under every untargeted attack, and the worst of them."""
    base = mean(one[UNATTACKED, UNATTACKED].figures["last_cycle"] for one in found)
    yield shown(f"{where}: last-cycle RMSE unattacked, without a rule", base, "cycles", COMMAND)
    yield shown(f"{where}: loss by the rule alone", _loss(found, _written(), UNATTACKED), "%", COMMAND)
    for name in UNTARGETED:
        measure = f"{where}, {ATTACKS[name].title}: loss of last-cycle RMSE under {_written()}"
        yield _at_most(measure, _loss(found, _written(), name))
        broke = " (the run breaks)" if any(one[UNATTACKED, name].why for one in found) else ""
        what = f"{where}, {ATTACKS[name].title}: the same without a rule{broke}"
        yield shown(what, _loss(found, UNATTACKED, name), "%", COMMAND)
    worst = max(UNTARGETED, key=lambda name: _loss(found, _written(), name))
    measure = f"{where}: the worst attack, {ATTACKS[worst].title}"
    yield _at_most(measure, _loss(found, _written(), worst))
    single = max(_loss([one], _written(), name) for one in found for name in UNTARGETED)
    yield shown(f"{where}: the worst attack under a single seed", single, "%", COMMAND)
    refused = {name: mean(_refused(one[_written(), name]) for one in found) for name in UNTARGETED}
    worst = max(refused, key=lambda name: refused[name])
    measure = f"{where}: updates of the others rejected at worst, under {ATTACKS[worst].title}"
    yield shown(measure, refused[worst], "%", COMMAND)


def _refused(one: Outcome) -> float:
    """Return the share of honest updates that a verdict rejected, in percent."""
    return 100 * one.others.rejected if one.others else 0.0


def _loss(found: Sequence[Found], rule: str, attack: str) -> float:
    """Return the mean loss of runs in percent; of one that broke, 100,000."""
    each = [one[rule, attack] for one in found]
    return mean(1e5 if one.why else one.loss["last_cycle"] for one in each)


def _at_most(measure: str, loss: float) -> Row:
    return at_most(measure, loss, _LOSS, "%", COMMAND)


def _sybils(where: str, found: Sequence[Found]) -> Iterator[Row]:
    """Yield how many updates of Sybils are rejected or counted for less."""
    for name in ("sybils", "unlike_sybils"):
        what = f"{where}, {ATTACKS[name].title}: updates rejected or counted for less"
        every = [one[_written(), name] for one in found]
        yield shown(f"{what}, Sybils", mean(_less(one.bad) for one in every), "%", COMMAND)
        yield shown(f"{what}, the others", mean(_less(one.others) for one in every), "%", COMMAND)


def _less(counts: Counts | None) -> float:
    assert counts is not None
    return 100 * (counts.rejected + counts.less)


def _backdoors(where: str, found: Sequence[Found], attacks: Sequence[str]) -> Iterator[Row]:
    """Yield how many more worn test rows a pattern lifts to as good as new, by what was learnt of it."""
    for name in attacks:
        measure = f"{where}, {ATTACKS[name].title}: worn test rows lifted, more than unattacked"
        ruled, plain = (mean(_opened(one[rule, name]) for one in found) for rule in (_written(), UNATTACKED))
        yield shown(f"{measure}, under {_written()}", ruled, "points", COMMAND)
        yield shown(f"{measure}, without a rule", plain, "points", COMMAND)


def _opened(one: Outcome) -> float:
    assert one.aim is not None
    assert one.aim_before is not None
    return 100 * (one.aim - one.aim_before)


def _undervaluation(world: World) -> Iterator[Row]:
    """Yield how far one bad party of five moves predictions for one operating regime."""
    found = _tried(_charter(5), world, ("undervaluation",), 1)
    measure = "FD004, 1 of 5 parties lowers the labels of one regime by 20 %: shift of its predictions"
    ruled, plain = found[_written(), "undervaluation"].aim, found[UNATTACKED, "undervaluation"].aim
    assert ruled is not None
    assert plain is not None
    yield at_most(measure, abs(ruled), _SHIFT, "%", COMMAND)
    yield shown(f"{measure}, without a rule", abs(plain), "%", COMMAND)


def _skewed(world: World) -> Iterator[Row]:
    """Yield how many updates of honest parties are rejected that are unlike one another by the deal."""
    parties, bad = SIZES[0]
    for deal, words in _SKEWS.items():
        charter = _charter(parties)
        skewed = replace(charter, rounds=100, partition=replace(charter.partition, deal=deal))
        found = _tried(skewed, world, ("nan",), bad)
        one = found[_written(), UNATTACKED]
        assert one.bad is not None
        assert one.others is not None
        accused = 100 * _mean(one.bad, one.others, bad, parties)
        measure = f"FD004, {parties} honest parties, {words}, 100 rounds: updates rejected"
        yield at_most(measure, accused, _ACCUSED, "%", COMMAND)
        cost = f"FD004, {parties} honest parties, {words}: loss of last-cycle RMSE by the rule"
        yield shown(cost, one.loss["last_cycle"], "%", COMMAND)


def _mean(first: Counts, others: Counts, bad: int, parties: int) -> float:
    """Return the share of all parties' updates that was rejected."""
    return (bad * first.rejected + (parties - bad) * others.rejected) / parties
