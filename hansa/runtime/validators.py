"""Validators: what models lose on the assets that parties keep back, and the way down.

A simulation has the rows of all parties in one, a party of separate machines its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hansa.core.charter import Charter
from hansa.models.losses import OWN_LOSSES
from hansa.models.rows import Rows

Numbers = NDArray[np.float32]

_ROWS = 1000  # of all validators together: more rows cost as much more, and tell little more


@dataclass(frozen=True, slots=True, eq=False)
class Validators:
    """Rows of all parties that keep some back."""

    rows: Rows  # of all, one party after the other
    parts: jax.Array  # (validators, rows), what each row counts for to each; rows of a validator sum to 1
    owners: tuple[str, ...]  # whose each validator is
    scenario: str
    loss: str  # of a row: squared or cross_entropy

    def losses(self, shared: Any, models: Numbers) -> NDArray[np.float64]:
        """Return (models, validators) losses of (models, dim) flat models; shared: a tree of their shape."""
        full = 1 << (len(models) - 1).bit_length()  # few numbers of models, few programs
        padded = np.zeros((full, models.shape[1]), np.float32)  # (full, dim)
        padded[: len(models)] = models
        found = _losses(self.scenario, self.loss, shared, padded, self.rows, self.parts)
        return np.asarray(found, np.float64)[: len(models)]

    def downhill(self, shared: Any) -> Numbers:
        """Return (validators, dim) minus the gradient of each one's loss, as directions of length 1 or 0."""
        found = np.asarray(_downhill(self.scenario, self.loss, shared, self.rows, self.parts))
        length = np.linalg.norm(found, axis=1, keepdims=True)  # (validators, 1)
        return np.divide(found, length, out=np.zeros_like(found), where=length > 0)


def validators_of(charter: Charter, scenario: str, kept_back: Mapping[str, Rows]) -> Validators:
    """Return the validators of a scenario; kept_back: each one's rows. Of many every so-manieth counts."""
    kept = [(name, own) for name, own in kept_back.items() if len(own.y)]
    each = max(_ROWS // charter.parties, 1)
    cut = [_spread(own, each) for _, own in kept]
    rows = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *cut)
    parts = np.zeros((len(cut), len(rows.y)), np.float32)  # (validators, rows)
    first = 0
    for validator, own in enumerate(cut):
        parts[validator, first : first + len(own.y)] = 1.0 / len(own.y)
        first += len(own.y)
    loss = "cross_entropy" if charter.task == "failure" else "squared"
    return Validators(rows, jnp.asarray(parts), tuple(name for name, _ in kept), scenario, loss)


def _spread(rows: Rows, most: int) -> Rows:
    """Return at most so many rows, evenly spread over all."""
    chosen = np.unique(np.linspace(0, len(rows.y) - 1, min(most, len(rows.y))).astype(int))  # (chosen,)
    return jax.tree.map(lambda leaf: np.asarray(leaf)[chosen], rows)


def _network(scenario: str, shared: Any) -> Any:
    """Return the network in what a coordinator sends out."""
    return shared.network if scenario == "scaffold" else shared


def _unflat(flat: jax.Array, like: Any) -> Any:
    """Return (dim,) numbers as a tree of the shape of `like`."""
    leaves, structure = jax.tree.flatten(like)
    ends = np.cumsum([leaf.size for leaf in leaves])[:-1]
    parts = jnp.split(flat, ends)
    made = [part.reshape(leaf.shape) for part, leaf in zip(parts, leaves, strict=True)]
    return jax.tree.unflatten(structure, made)


def _marks(  # noqa: PLR0913 - as of `_losses`, for one model
    scenario: str, loss: str, like: Any, flat: jax.Array, rows: Rows, parts: jax.Array
) -> jax.Array:
    """Return (validators,) losses of one flat model."""
    network = _network(scenario, _unflat(flat, like))
    return parts @ OWN_LOSSES[loss](network, rows, None)


@partial(jax.jit, static_argnums=(0, 1))
def _losses(  # noqa: PLR0913 - what is static, what is one for all models, and they
    scenario: str, loss: str, like: Any, models: Any, rows: Rows, parts: jax.Array
) -> jax.Array:
    return jax.vmap(lambda flat: _marks(scenario, loss, like, flat, rows, parts))(models)


@partial(jax.jit, static_argnums=(0, 1))
def _downhill(scenario: str, loss: str, like: Any, rows: Rows, parts: jax.Array) -> jax.Array:
    here = jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(like)])  # (dim,)
    return -jax.jacrev(lambda flat: _marks(scenario, loss, like, flat, rows, parts))(here)
