"""The paper's experiment over numbers of parties and seeds, or any charter over seeds.

A unit (one seed, one number of parties) is trained as `hansa run` trains its charter, in lockstep with
the units that differ from it by their seed, and kept when all of them are whole. Pooled records do not
depend on the parties, so they are trained once a seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from hansa.core.charter import Charter
from hansa.models.metrics import Errors, errors
from hansa.runtime.exam import exam
from hansa.runtime.world import open_world
from hansa.simulation import baselines
from hansa.simulation.cohort import gather
from hansa.simulation.federation import Federation, Progress, Watch
from hansa.simulation.lockstep import train_together
from hansa.simulation.study_book import PROTOCOLS, Book, Entry, entry_of
from hansa.simulation.study_plan import Plan, Unit, unit_charter, with_ranges

_SEEDS = 8  # that are trained in lockstep: what an interruption loses, and whose records are held


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the caller of a study does while it runs."""

    keep: Callable[[Book], None]  # called with the book after all seeds of a unit
    watch: Callable[[Sequence[Unit], Progress], None]  # `done` is the share of what this call has to train
    stop: Callable[[], bool]  # asked after every round; the units at work are then given up


def describe(plan: Plan, data: Path | None) -> dict[str, Any]:
    """Return what a reader must know of a study: plan, data set and digest of the records.

    Raises DataError for records that are missing or wrong. A simulated fleet is made by each seed.
    """
    # The seed may choose the test's assets: the digest is taken under the charter's own.
    charter = plan.base if plan.file else _charter(plan, plan.units[0], data)
    federation = Federation(charter, data)
    simulated = plan.base.data.source == "simulated"
    units = {name: value for name, value in federation.about.items() if name in ("time_unit", "price_unit")}
    return (
        plan.value()
        | units
        | {
            "data": federation.world.name,
            "data_digest": "" if simulated else federation.data_digest(),
        }
    )


def run_study(plan: Plan, book: Book, data: Path | None, hooks: Hooks) -> bool:
    """Train what the book lacks and put it in; return whether all of it is there now."""
    batches = _batches([unit for unit in (_rest(unit, book) for unit in plan.units) if unit.scenarios])
    works = [sum(unit.work for unit in units) for units in batches]
    ends = np.cumsum(works)  # (batches,)
    for units, work, end in zip(batches, works, ends, strict=True):

        def watch(
            progress: Progress, units: Sequence[Unit] = units, work: float = work, end: float = end
        ) -> None:
            done = float((end - (1.0 - progress.done) * work) / ends[-1])
            hooks.watch(units, replace(progress, done=done))

        entries = _train(plan, units, data, watch, hooks.stop)
        if entries is None:
            return False
        book.add(entries)
        hooks.keep(book)
        jax.clear_caches()  # type: ignore[no-untyped-call] # another number of parties has other shapes
    return True


def _batches(units: Sequence[Unit]) -> list[list[Unit]]:
    """Return the units that differ by their seed alone together, a few at a time."""
    found: dict[tuple[int, tuple[str, ...]], list[Unit]] = {}
    for unit in units:
        found.setdefault((unit.parties, unit.scenarios), []).append(unit)
    return [
        alike[first : first + _SEEDS] for alike in found.values() for first in range(0, len(alike), _SEEDS)
    ]


def _rest(unit: Unit, book: Book) -> Unit:
    lacking = [name for name in unit.scenarios if not book.has(unit.seed, unit.parties, name)]
    return replace(unit, scenarios=tuple(lacking))


def _charter(plan: Plan, unit: Unit, data: Path | None) -> Charter:
    charter = unit_charter(plan, unit)
    if plan.file or charter.preparation.scaling != "range":  # a charter's ranges are its own
        return charter
    train = open_world(charter, data).train
    assert train is not None  # one set of assets is dealt to all parties
    return with_ranges(charter, train)


def _train(
    plan: Plan, units: Sequence[Unit], data: Path | None, watch: Watch, stop: Callable[[], bool]
) -> list[Entry] | None:
    """Return the entries of units that differ by their seed, or None where they were stopped."""
    federations = [Federation(_charter(plan, unit, data), data) for unit in units]
    pairs = list(zip(units, federations, strict=True))
    if any(name not in baselines.BASELINES for name in units[0].scenarios):
        trained = list(train_together(federations, watch, stop))
        if len(trained) < len(federations[0].units):
            return None
    return [entry for unit, own in pairs for entry in _baselines(unit, own) + _entries(unit, own)]


def _entries(unit: Unit, federation: Federation) -> list[Entry]:
    found = dict(federation.finished)
    if unit.parties == 0 and "isolated" in found:
        found["centralised"] = replace(found.pop("isolated"), reading="one model")
    zero = _zero(federation)
    trained = [name for name in unit.scenarios if name not in baselines.BASELINES]
    task = federation.charter.task
    return [entry_of((unit.seed, unit.parties, name), found[name], task, zero) for name in trained]


def _baselines(unit: Unit, federation: Federation) -> list[Entry]:
    charter, world = federation.charter, federation.world
    if not set(baselines.BASELINES) & set(unit.scenarios):
        return []
    assert world.test is not None  # one test set for all parties
    test = exam(world.test, charter.data.label_cap, charter.evaluation.filter)
    made = {
        "constant": lambda: baselines.constant(test),
        "linear": lambda: baselines.linear(gather(charter, "centralised", world), test),
    }
    return [
        Entry(unit.seed, 0, name, "one model", dict(zip(PROTOCOLS, made[name](), strict=True)))
        for name in unit.scenarios
        if name in made
    ]


def _zero(federation: Federation) -> Errors | None:
    """Return the raw all-cycle errors of predicting 0 for every row; None where no test is all parties'."""
    test, cap = federation.world.test, federation.charter.data.label_cap
    if test is None or federation.charter.task != "rul":
        return None
    known = test.remaining[np.isfinite(test.remaining)]  # (rows,)
    return errors(np.zeros(len(known)), np.clip(known, 0.0, cap))
