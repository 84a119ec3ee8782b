"""From a charter to the algorithm that both sides of a scenario run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hansa.algorithms.choice import averaging_algorithm, sharing_algorithm
from hansa.algorithms.contract import Algorithm
from hansa.algorithms.isolated import Isolated
from hansa.algorithms.own import own_algorithm
from hansa.algorithms.prediction_sharing import PredictionSharing
from hansa.core import seeds
from hansa.core.charter import Charter, Network, Party
from hansa.core.methods import BROUGHT, BY_ROW, METHODS
from hansa.data.targets import target_of
from hansa.models.brought import Code
from hansa.models.build import drawn
from hansa.models.network import Shape
from hansa.models.training import Recipe
from hansa.runtime.own_code import code_of


def recipe_of(charter: Charter) -> Recipe:
    """Return how a party trains on its own predictions."""
    training = charter.training
    return Recipe(
        training.optimizer,
        training.learning_rate,
        training.batch_size,
        training.local_epochs,
        training.momentum,
        training.weight_decay,
        horizon=training.horizon,
        failure_weight=training.failure_weight,
        loss="cross_entropy" if charter.task == "failure" else "squared",
    )


def algorithm_of(charter: Charter, scenario: str, keys: int, *, protected: bool) -> Algorithm:
    """Return the algorithm of a scenario; keys: that predictions are shared under."""
    plain = recipe_of(charter)
    if scenario in BROUGHT:
        return brought_algorithm(charter, plain)
    what = METHODS[scenario].exchanges
    if what == "nothing":
        return Isolated(plain)
    if what == "weights":
        return averaging_algorithm(charter, scenario, plain)
    found = sharing_algorithm(charter, scenario, replace(plain, horizon=0.0), keys)
    if isinstance(found, PredictionSharing) and charter.judges:
        return replace(found, judged=True)
    if protected and isinstance(found, PredictionSharing) and scenario not in BY_ROW:  # all have every row
        return replace(found, cohort=charter.protection.cohort)
    return found


def network_code(charter: Charter) -> Code | None:
    """Return what `model` names; None where the charter's network is built in."""
    return code_of(charter.network.model, charter.network.digest)


def brought_algorithm(charter: Charter, recipe: Recipe) -> Algorithm:
    """Return the algorithm that `own` names."""
    code = code_of(charter.algorithm.own, charter.algorithm.digest)
    assert code is not None  # the charter's rules ask for it
    return own_algorithm(code, recipe)


def possible_keys(charter: Charter) -> range:
    """Return the numbers of keys that a charter's algorithm may share predictions under."""
    by_label, rows = target_of(charter.data).keys, charter.protection.most_rows
    if charter.algorithm.name in BY_ROW:
        return range(rows + 1)
    return range(by_label, by_label + (rows if charter.algorithm.name == "mixed" else 0) + 1)


def check_code(charter: Charter, scenarios: Sequence[str]) -> None:
    """Raise CharterError for code that is not here, not with its digest, or that cannot be imported."""
    network_code(charter)
    if not set(BROUGHT).isdisjoint(scenarios):
        code_of(charter.algorithm.own, charter.algorithm.digest)


def network_of(charter: Charter, scenario: str, owner: Party, shape: Shape) -> Any:
    """Return an owner's fresh network."""
    design = replace(charter.network, hidden=owner.hidden or charter.network.hidden)
    chance = seeds.generator(charter.seed, owner.name, "network")
    if METHODS[scenario].linear:
        return drawn(chance, Network(hidden=()), shape)
    return drawn(chance, design, shape, network_code(charter))
