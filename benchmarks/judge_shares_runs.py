"""Federations of ten that `benchmarks.judge_shares` judges.

In one, which learns made-up targets, some parties have few, noisy, shuffled or shifted records; in the other,
a simulated fleet, some ride free.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from numpy.typing import NDArray

from hansa.algorithms.averaging import local_change
from hansa.core.charter import Network
from hansa.core.charter_reader import parse_charter
from hansa.judging.coalitions import Game, Losses, terms_of
from hansa.models.build import drawn
from hansa.models.network import Shape
from hansa.models.rows import Rows, held
from hansa.models.training import Recipe
from hansa.runtime.learning import recipe_of
from hansa.runtime.world import open_world
from hansa.simulation.cohort import gather

Numbers = NDArray[np.float32]

SIZES = (50, 75, 110, 160, 240, 350, 520, 760, 1100, 1600)  # rows of each party
EVEN = (500,) * 10
ROUNDS = 8
FEATURES, HIDDEN, VALIDATION = 64, (96, 32), 1000

FLEET_ROUNDS = 10
_RECIPE = Recipe("sgd", 0.05, 32, 2)
_DEALS = ("shuffled", "fleet_size", "fault_mode", "regime")  # of the engines, by seed
_FLEET = """
name = "fleet"
consortium = "Ten fleets, some of which ride free"
task = "rul"
parties = 10
seed = {seed}

[data]
source = "simulated"
engines = 80
test_engines = 2

[partition]
kind = "horizontal"
deal = "{deal}"

[network]
hidden = [16]

[training]
learning_rate = 0.003

[protection]
secrecy = "open"

[algorithm]
name = "fedavg"
"""


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """One round of the made-up federation."""

    common: Numbers  # (dim,)
    updates: Numbers  # (parties, dim)
    descent: Numbers  # (dim,) minus the gradient of the validation loss at the common model
    asked: Numbers  # (dim,) the update of somebody who learns from the validation's rows


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """A federation that learns what a made-up teacher says of normal inputs."""

    weights: NDArray[np.float64]  # (parties,) rows of each
    rounds: tuple[Round, ...]
    network: Any  # of the common model's tree
    x: Numbers  # (rows, features) of the validation
    y: Numbers  # (rows,)
    shuffled: int  # the party with shuffled targets
    last: int  # an honest party, or the idle one

    def game(self, number: int, losses: Losses) -> Game:
        """Return the game of a round; losses: what `losses_of` returns for these rows."""
        one = self.rounds[number]
        return Game(one.common, terms_of(one.updates, self.weights), losses)


@dataclass(frozen=True, slots=True)
class Roles:
    """Who does what in a simulated fleet; the others are honest."""

    copies: tuple[int, int, int]  # the first has records, the others send its update
    stale: int  # sends the last change of the common model
    noise: int
    nothing: int
    shuffled: int  # honest, but its labels are in disorder


def taught(seed: int, sizes: tuple[int, ...] = SIZES, *, idle: bool = False) -> Taught:
    """Return eight rounds among ten parties: two noisy, one shuffled, two shifted, by the seed.

    idle: whether one of the others sends no change, though it counts for its rows.
    """
    rng = np.random.default_rng(seed)
    teacher = _teacher(rng)
    order = rng.permutation(len(sizes))
    parties = [_records(rng, teacher, size, _fault(order, party)) for party, size in enumerate(sizes)]
    validation = _records(rng, teacher, VALIDATION, "none")
    network = drawn(rng, Network(HIDDEN, "relu", "linear"), Shape(FEATURES, 1))
    rows, trusted = stacked([_rows(*one) for one in parties]), stacked([_rows(*validation)])
    descent, weights = _descent(network, *validation), np.array(sizes, float)
    kept, common = [], np.asarray(ravel_pytree(network)[0])  # (dim,)
    for number in range(ROUNDS):
        keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), number), len(sizes))
        updates = changes(network, common, rows, keys, _RECIPE)  # (parties, dim)
        if idle:
            updates[order[-1]] = 0.0
        (asked,) = changes(network, common, trusted, keys[:1], _RECIPE)
        kept.append(Round(common, updates, np.asarray(descent(common)), asked))
        common = common + (weights / weights.sum() @ updates).astype(np.float32)
    return Taught(weights, tuple(kept), network, *validation, int(order[2]), int(order[-1]))


def losses_of(network: Any, x: Numbers, y: Numbers) -> Losses:
    """Return what predicts with flat models of the network's tree, one compiled program a power of two."""
    unravel = ravel_pytree(network)[1]

    @jax.jit
    def each(models: jax.Array) -> jax.Array:
        return jax.lax.map(lambda model: jnp.mean((unravel(model)(x) - y) ** 2), models)

    def losses(models: Numbers) -> NDArray[np.float64]:
        length = 1 << (len(models) - 1).bit_length()
        padded = np.pad(models, ((0, length - len(models)), (0, 0)), mode="edge")  # (length, dim)
        return np.asarray(each(padded), np.float64)[: len(models)]

    return losses


def by_sums(taught: Taught, number: int) -> Callable[[Numbers], jax.Array]:
    """Return what finds the losses of all coalitions' models by adding up the first layer's outputs.

    The first layer is linear in its weights, so that its outputs for a coalition are sums of the parties'
    outputs: those of the first five parties plus those of the last five.
    """
    unravel = ravel_pytree(taught.network)[1]
    one, half = taught.game(number, losses_of(taught.network, taught.x, taught.y)), len(SIZES) // 2

    def first(model: jax.Array) -> jax.Array:
        network = unravel(model)
        return taught.x @ network.weights[0] + network.biases[0]  # (rows, hidden)

    def added(start: jax.Array, terms: jax.Array) -> jax.Array:
        found = start[None]  # (coalitions, rows, hidden)
        for term in terms:
            found = jnp.concatenate([found, found + term])
        return found

    @jax.jit
    def losses(models: jax.Array) -> jax.Array:
        terms = jax.lax.map(first, one.terms)  # (parties, rows, hidden)
        low, high = added(first(one.common), terms[:half]), added(jnp.zeros_like(terms[0]), terms[half:])

        def loss(place: tuple[jax.Array, jax.Array]) -> jax.Array:
            network = unravel(place[1])
            hidden = jax.nn.relu(low[place[0] % len(low)] + high[place[0] // len(low)])  # (rows, hidden)
            hidden = jax.nn.relu(hidden @ network.weights[1] + network.biases[1])
            return jnp.mean(((hidden @ network.weights[2] + network.biases[2])[:, 0] - taught.y) ** 2)

        return jax.lax.map(loss, (jnp.arange(len(models)), models))

    return losses


def fleet_rounds(seed: int, roles: Roles | None, disguise: float = 0.0) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield each round's (parties, dim) updates and the (dim,) change of the common model before it.

    roles: None where all are honest. disguise: noise that copies and stale changes are sent with, as a share
    of their length. The engines are dealt in another way with each seed.
    """
    rng = np.random.default_rng(seed)
    charter = parse_charter(_FLEET.format(seed=seed, deal=_DEALS[seed % len(_DEALS)]), "fleet")
    cohort = gather(charter, "fedavg", open_world(charter, None))
    own = [held(member.rows) for member in cohort.members]
    if roles is not None:
        own[roles.shuffled] = _disordered(own[roles.shuffled], rng)
    counts = np.array([float(np.sum(one.weight)) for one in own])  # (parties,)
    rows, network = stacked(own), cohort.common
    common = ravel_pytree(network)[0]
    last = np.zeros(len(common), np.float32)  # (dim,)
    for number in range(FLEET_ROUNDS):
        keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), number), len(own))
        updates = changes(network, common, rows, keys, recipe_of(charter))  # (parties, dim)
        if roles is not None:
            updates = _ridden(updates, last, roles, partial(_noise, rng), disguise)
        yield updates, last
        last = (counts / counts.sum() @ updates).astype(np.float32)
        common = common + last


def roles_of(seed: int) -> Roles:
    """Return who rides in a seed's fleet."""
    order = [int(party) for party in np.random.default_rng(seed).permutation(len(SIZES))]
    return Roles((order[0], order[1], order[2]), *order[3:7])


def changes(network: Any, common: Any, rows: Rows, keys: jax.Array, recipe: Recipe) -> Numbers:
    """Return (parties, dim) each party's change of the common model by its local epochs."""
    found = _changes(ravel_pytree(network)[1](common), rows, keys, recipe)
    return np.concatenate(
        [np.asarray(leaf).reshape(len(keys), -1) for leaf in jax.tree.leaves(found)], axis=1
    )


@partial(jax.jit, static_argnums=3)
def _changes(common: Any, rows: Rows, keys: jax.Array, recipe: Recipe) -> Any:
    return jax.lax.map(lambda one: local_change(common, one[0], one[1], recipe)[0], (rows, keys))


def stacked(each: Sequence[Rows]) -> Rows:
    """Return the parties' rows, padded to a power of two and stacked: few lengths, few programs."""
    longest = 1 << max(one.y.shape[0] - 1 for one in each).bit_length()

    def pad(leaf: Any) -> NDArray[Any]:
        return np.pad(np.asarray(leaf), [(0, longest - leaf.shape[0])] + [(0, 0)] * (leaf.ndim - 1))

    padded = [jax.tree.map(pad, one) for one in each]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *padded)


def _teacher(rng: np.random.Generator) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    inner = 1.5 * rng.normal(size=(FEATURES, 16)) / np.sqrt(FEATURES)  # (features, 16)
    outer = rng.normal(size=16) / 4  # (16,)
    return lambda x: np.tanh(x @ inner) @ outer + 0.3 * x[:, 0] * x[:, 1]


def _fault(order: NDArray[np.int64], party: int) -> str:
    place = int(np.flatnonzero(order == party)[0])
    return ("noisy", "noisy", "shuffled", "shifted", "shifted", *["none"] * 5)[place]


def _records(rng: np.random.Generator, teacher: Any, size: int, fault: str) -> tuple[Numbers, Numbers]:
    x = rng.normal(size=(size, FEATURES))  # (rows, features)
    if fault == "shifted":
        x = x + 0.5 * rng.normal(size=FEATURES)
    y = teacher(x) + (1.0 if fault == "noisy" else 0.05) * rng.normal(size=size)  # (rows,)
    if fault == "shuffled":
        y = rng.permutation(y)
    return x.astype(np.float32), y.astype(np.float32)


def _rows(x: Any, y: Any) -> Rows:
    ones: Any = np.ones(len(y), np.float32)
    nothing: Any = np.zeros(len(y), np.int32)
    return Rows(x, y, ones, nothing)


def _descent(network: Any, x: Numbers, y: Numbers) -> Callable[[Any], jax.Array]:
    unravel = ravel_pytree(network)[1]
    slope = jax.jit(jax.grad(lambda model: jnp.mean((unravel(model)(x) - y) ** 2)))
    return lambda model: -slope(model)


def _disordered(rows: Rows, rng: np.random.Generator) -> Rows:
    real = int(np.sum(rows.weight))
    y = np.array(rows.y)  # (rows,), padding last
    y[:real] = rng.permutation(y[:real])
    return Rows(rows.x, y, rows.weight, rows.key)  # type: ignore[arg-type]


def _ridden(
    updates: Numbers, last: Numbers, roles: Roles, noise: Callable[[Numbers], Numbers], disguise: float
) -> Numbers:
    """Return (parties, dim) updates with those of the riders; noise: as long as what it is given."""
    found = updates.copy()
    source, *others = roles.copies
    for other in others:
        found[other] = updates[source] + disguise * noise(updates[source])
    found[roles.stale] = last + disguise * noise(last)
    found[roles.noise] = noise(updates[roles.noise])
    found[roles.nothing] = 0.0
    return found


def _noise(rng: np.random.Generator, like: Numbers) -> Numbers:
    drawn = rng.normal(size=len(like))  # (dim,)
    return (np.linalg.norm(like) / np.linalg.norm(drawn) * drawn).astype(np.float32)
