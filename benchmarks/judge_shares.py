"""Rows on who brought what: what shares cost and how exact they are, and whether riders are named.

Times are medians of CPU time of one process, JAX's threads included. Federations are made by
`benchmarks.judge_shares_runs`; the limits of `hansa.judging.riders` were chosen on fleets of other seeds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.cpu_time import cpu_seconds
from benchmarks.judge_shares_runs import (
    EVEN,
    ROUNDS,
    SIZES,
    Numbers,
    Roles,
    Taught,
    by_sums,
    fleet_rounds,
    losses_of,
    roles_of,
    taught,
)
from benchmarks.measure import Row, at_least, at_most, shown
from hansa.judging.coalitions import Game, Losses, terms_of
from hansa.judging.gradient_scores import first_order, quadratic
from hansa.judging.riders import Finding, findings
from hansa.judging.shapley import Estimate, estimated, exact
from hansa.judging.shares import payment, shares_of
from hansa.judging.table import table_of

COMMAND = "make measure TOPIC=judging"
SEEDS = (1, 2, 3, 4, 5)
FLEETS = tuple(range(100, 124))
BUDGET = 85
_DISGUISE = 0.1
_RIDDEN = "simulated fleets, ten parties, six of them copies or riders"
_POOL = 1_000_000
_NAMES = [f"p{number}" for number in range(len(SIZES))]
_seconds = partial(cpu_seconds, repeats=7)
Floats = NDArray[np.float64]


def rows() -> Iterator[Row]:
    """Yield every row."""
    yield from _time()
    yield from _errors()
    yield from _bottom()
    yield from _copies()
    yield from _riders()
    yield from _disguised()
    yield from _honest()


def _time() -> Iterator[Row]:
    one = _taught(SEEDS[0])
    game = one.game(0, losses_of(one.network, one.x, one.y))
    name = (
        f"exact Shapley value, {len(SIZES)} parties, {len(game.common)} weights, {len(one.x)} rows, a round"
    )
    exact(game.utilities())  # which compiles
    spent = _seconds(lambda: exact(game.utilities()))
    yield at_most(f"{name}: CPU", spent, 0.6, "s", COMMAND)
    models = np.tile(game.common, (1 << len(SIZES), 1))  # (models, dim), the time is any model's
    plain, sums = losses_of(one.network, one.x, one.y), by_sums(one, 0)
    ratio = _seconds(lambda: np.asarray(sums(models))) / _seconds(lambda: plain(models))
    yield shown(f"{name}: losses with the first layer added up, over plain", ratio, "times", COMMAND)
    values = np.random.default_rng(0).normal(size=1 << 14)
    yield shown(
        "Shapley value of 14 parties, from utilities: CPU", _seconds(lambda: exact(values)), "s", COMMAND
    )


def _errors() -> Iterator[Row]:
    """Yield how far estimates are from the exact values, over the rounds of all seeds."""
    errors: dict[str, list[float]] = {"guided": [], "without": [], "own weights": []}
    models, lines, bowls = [], [], []
    for seed in SEEDS:
        one = _taught(seed)
        losses = losses_of(one.network, one.x, one.y)
        for number in range(ROUNDS):
            values, own = one.game(number, losses).utilities(), _by_own_weights(one, number, losses)
            due, found = exact(values), _guided(values, [seed, number])
            models.append(found.models)
            errors["guided"].append(_error(found.values, due))
            full = len(values) - 1
            errors["without"].append(_error(values[full] - values[full ^ 1 << np.arange(len(due))], due))
            errors["own weights"].append(_error(_guided(own, [seed, number]).values, exact(own)))
            for scores, kept in zip(_gram_scores(one, number), (lines, bowls), strict=True):
                kept.append(scores @ due / np.linalg.norm(scores) / np.linalg.norm(due))
    about = f"{len(SIZES)} parties, {len(models)} rounds of training"
    error = "relative L2 error"
    yield at_most(f"guided orders, {about}: {error}, mean", np.mean(errors["guided"]), 0.09, "", COMMAND)
    yield at_most(f"guided orders, {about}: distinct models, most", max(models), BUDGET, "models", COMMAND)
    yield shown(f"guided orders, {about}: {error}, worst round", max(errors["guided"]), "", COMMAND)
    yield shown(
        f"gain of all over all without one, {about}: {error}, mean", np.mean(errors["without"]), "", COMMAND
    )
    name = f"guided orders, {about}, a coalition's update its own members' mean"
    yield shown(f"{name}: {error}, mean", np.mean(errors["own weights"]), "", COMMAND)
    yield shown(f"first order, {about}: cosine with the exact values, mean", np.mean(lines), "", COMMAND)
    yield shown(f"quadratic, {about}: cosine with the exact values, mean", np.mean(bowls), "", COMMAND)


def _guided(values: Floats, seed: Sequence[int]) -> Estimate:
    return estimated(len(SIZES), lambda masks: values[list(masks)], BUDGET, np.random.default_rng(seed))


def _error(found: Floats, due: Floats) -> float:
    return float(np.linalg.norm(found - due) / np.linalg.norm(due))


def _by_own_weights(one: Taught, number: int, losses: Losses) -> Floats:
    """Return (coalitions,) utilities of another game than Hansa's: a coalition's own weights sum to 1."""
    at = one.rounds[number]
    inside = np.arange(1 << len(one.weights))[:, None] >> np.arange(len(one.weights)) & 1
    weights = inside * one.weights  # (coalitions, parties)
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1.0)
    return -losses((at.common + weights @ at.updates).astype(np.float32))


def _gram_scores(one: Taught, number: int) -> tuple[Floats, Floats]:
    """Return the (parties,) scores along the descent, and of a bowl around what the validation asks for."""
    at = one.rounds[number]
    along, bowl = (table_of(np.vstack([at.updates, target])) for target in (at.descent, at.asked))
    return first_order(along, one.weights), quadratic(bowl, one.weights)


def _bottom() -> Iterator[Row]:
    """Yield in how many federations a shuffled party and an idle one have two of the least three shares."""
    largest = 0.0
    for sizes, words in ((EVEN, "of equal size"), (SIZES, "of 50 to 1600 rows")):
        both = 0
        for seed in SEEDS:
            one, contributions = _taught(seed, sizes, idle=True), _exact_values(seed, sizes, idle=True)
            shares = shares_of(contributions, np.random.default_rng(seed))
            both += {one.shuffled, one.last} <= set(np.argsort(shares.mean, kind="stable")[:3].tolist())
            own = [contributions[:, one.last], shares.lower[[one.last]], shares.upper[[one.last]]]
            largest = max(largest, float(np.abs(np.concatenate(own)).max()))
        name = f"a shuffled party and an idle one among {len(sizes)} {words}: both in the least three shares"
        if sizes == EVEN:
            yield at_least(name, both, len(SEEDS), f"of {len(SEEDS)} runs", COMMAND)
        else:
            yield shown(name, both, f"of {len(SEEDS)} runs", COMMAND)
    yield at_most("the idle party: its largest share in any round", largest, 0, "", COMMAND)


def _copies() -> Iterator[Row]:
    """Yield what a party and two copies of it are paid together."""
    one = _taught(SEEDS[0])
    source = one.last
    twelve = [*range(len(SIZES)), source, source]
    losses = losses_of(one.network, one.x, one.y)
    tables, contributions = [], []
    for at in one.rounds:
        updates = at.updates[twelve]  # (parties, dim)
        tables.append(table_of(updates))
        contributions.append(
            exact(Game(at.common, terms_of(updates, one.weights[twelve]), losses).utilities())
        )
    owed = np.mean(contributions, axis=0)  # (parties,)
    names = [*_NAMES, "copy-1", "copy-2"]
    groups = [_places(one, names) for one in findings(tables, names) if one.kind == "copies"]
    yield at_least(
        "a party and two copies: groups that are named, and right",
        groups == [[source, 10, 11]],
        1,
        "",
        COMMAND,
    )
    paid = payment(owed, _POOL, groups).credits
    single = payment(owed[: len(SIZES)], _POOL).credits
    together = sum(paid[party] for party in (source, 10, 11))
    name = "a party and two copies, credits together"
    yield at_most(
        f"{name}, beside those of one with their mean share",
        abs(together - single[source]),
        0,
        "credits",
        COMMAND,
    )
    apart = sum(payment(owed, _POOL).credits[party] for party in (source, 10, 11))
    before = payment(_exact_values(SEEDS[0]).mean(axis=0), _POOL).credits[source]
    yield shown(f"{name}, over its own where nobody copies", together / before, "times", COMMAND)
    yield shown(f"{name}, over its own where nobody copies, if not grouped", apart / before, "times", COMMAND)


def _riders() -> Iterator[Row]:
    """Yield how often each kind of rider is named, and whether anybody else is."""
    named: Counter[str] = Counter()
    wrong, warned, shuffled, honest = 0, 0, 0, 0
    for seed in FLEETS:
        roles, found = roles_of(seed), _findings(seed, _DISGUISE)
        due = _due(roles)
        accused = {(one.kind, tuple(sorted(one.parties))) for one in found if one.accuses}
        named.update(kind for kind, _ in accused & due)
        wrong += len(accused - due)
        warnings = [one.parties for one in found if not one.accuses]
        shuffled += (_NAMES[roles.shuffled],) in warnings
        warned += sum(who != (_NAMES[roles.shuffled],) for who in warnings)
        honest += len(SIZES) - len(roles.copies) - 4
    runs = f"of {len(FLEETS)} runs"
    for kind in ("copies", "stale", "noise", "nothing"):
        yield at_least(f"{_RIDDEN}: {kind}, named", named[kind] / len(FLEETS), 0.95, runs, COMMAND)
    yield at_most(f"{_RIDDEN}: accusations beside those", wrong, 0, f"in {len(FLEETS)} runs", COMMAND)
    yield shown(f"{_RIDDEN}: shuffled labels, warned of", shuffled / len(FLEETS), runs, COMMAND)
    yield shown(f"{_RIDDEN}: honest parties warned of", warned / honest, f"of {honest}", COMMAND)


def _disguised() -> Iterator[Row]:
    """Yield how often riders are named that add more noise to what they send."""
    for disguise in (0.2, 0.5):
        named: Counter[str] = Counter()
        for seed in FLEETS:
            found = {(one.kind, tuple(sorted(one.parties))) for one in _findings(seed, disguise)}
            named.update(kind for kind, _ in found & _due(roles_of(seed)))
        for kind in ("copies", "stale"):
            name = f"{_RIDDEN}: {kind} with noise of {disguise:g} of their length, named"
            yield shown(name, named[kind] / len(FLEETS), f"of {len(FLEETS)} runs", COMMAND)


def _due(roles: Roles) -> set[tuple[str, tuple[str, ...]]]:
    """Return the accusations that a fleet's riders deserve."""
    alone = {"stale": roles.stale, "noise": roles.noise, "nothing": roles.nothing}
    found = {(kind, (_NAMES[party],)) for kind, party in alone.items()}
    return found | {("copies", tuple(sorted(_NAMES[party] for party in roles.copies)))}


def _honest() -> Iterator[Row]:
    """Yield how many honest parties are accused where all are honest, with earlier updates and without."""
    accused, warned, open_accused, open_stale = 0, 0, 0, 0
    for seed in FLEETS:
        found = _findings(seed, None)
        accused += sum(len(one.parties) for one in found if one.accuses)
        warned += sum(not one.accuses for one in found)
        found = _findings(seed, None, earlier=True)
        open_accused += sum(len(one.parties) for one in found if one.accuses)
        who = (_NAMES[roles_of(seed).stale],)
        found = _findings(seed, _DISGUISE, earlier=True)
        open_stale += any(one.kind == "stale" and one.parties == who for one in found)
    honest, name = len(FLEETS) * len(SIZES), "simulated fleets of skewed honest parties"
    yield at_most(f"{name}: accused", accused, 0, f"of {honest}", COMMAND)
    yield shown(f"{name}: the rate that this leaves possible, 95 %", 3 / honest, "of parties", COMMAND)
    yield shown(f"{name}: warned of", warned / honest, f"of {honest}", COMMAND)
    also = "earlier updates in the table"
    yield at_most(f"{name}, {also}: accused", open_accused, 0, f"of {honest}", COMMAND)
    share = open_stale / len(FLEETS)
    yield shown(
        "simulated fleets, earlier updates in the table: stale, named",
        share,
        f"of {len(FLEETS)} runs",
        COMMAND,
    )


def _findings(seed: int, disguise: float | None, *, earlier: bool = False) -> tuple[Finding, ...]:
    """Return what is found in a fleet; disguise: noise that riders add; None: all are honest."""
    tables, before = [], None
    for updates, last in _fleet(seed, disguise):
        older = [last[None]]  # (rows, dim) each
        if earlier:
            older.append(np.zeros_like(updates) if before is None else before)
        tables.append(table_of(np.vstack([updates, *older])))
        before = updates
    return findings(tables, _NAMES)


def _places(found: Finding, names: Sequence[str]) -> list[int]:
    return [names.index(name) for name in found.parties]


@cache
def _fleet(seed: int, disguise: float | None) -> tuple[tuple[Numbers, Numbers], ...]:
    if disguise is None:
        return tuple(fleet_rounds(seed, None))
    return tuple(fleet_rounds(seed, roles_of(seed), disguise))


@cache
def _taught(seed: int, sizes: tuple[int, ...] = SIZES, *, idle: bool = False) -> Taught:
    return taught(seed, sizes, idle=idle)


@cache
def _exact_values(seed: int, sizes: tuple[int, ...] = SIZES, *, idle: bool = False) -> Floats:
    """Return (rounds, parties) exact values of a federation."""
    one = _taught(seed, sizes, idle=idle)
    losses = losses_of(one.network, one.x, one.y)
    return np.stack([exact(one.game(number, losses).utilities()) for number in range(ROUNDS)])
