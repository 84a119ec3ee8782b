"""Several networks that start from other weights and predict by their mean: a deep ensemble.

Source: Lakshminarayanan et al., "Simple and Scalable Predictive Uncertainty Estimation using Deep
Ensembles", NeurIPS 2017, section 2.4: every member sees all rows, and first weights are what differs.
It is one network to whoever trains, averages or saves it, with a leading members axis on every leaf.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np


class Ensemble(eqx.Module):
    """Networks of one design, computed side by side."""

    members: Any  # tree like one network, with a leading members axis

    def __call__(self, x: jax.Array) -> jax.Array:
        """Return (rows,) the mean of the members' predictions; x: (rows, inputs)."""
        return self.each(x).mean(axis=0)

    def score(self, x: jax.Array) -> jax.Array:
        """Return (rows,) the mean of the members' outputs before their last function."""
        return jax.vmap(lambda member: member.score(x))(self.members).mean(axis=0)

    def each(self, x: jax.Array) -> jax.Array:
        """Return (members, rows) the members' predictions."""
        return jax.vmap(lambda member: member(x))(self.members)

    def head(self) -> tuple[jax.Array, ...]:
        """Return the weights of all members' last layers."""
        return self.members.head()

    def reach(self, has: jax.Array) -> Ensemble:
        """Return the tree with what each weight's input gets from `has`."""
        return Ensemble(jax.vmap(lambda member: member.reach(has))(self.members))

    @property
    def size(self) -> int:
        """Return how many members there are."""
        return jax.tree.leaves(self.members)[0].shape[0]


def ensemble(networks: Sequence[Any]) -> Ensemble:
    """Return the ensemble of networks of one design; its arrays are NumPy's, as theirs are."""
    return Ensemble(jax.tree.map(lambda *leaves: np.stack(leaves), *networks))


def members(network: Any) -> int:
    """Return how many networks predict together; 1 for a plain one."""
    return network.size if isinstance(network, Ensemble) else 1
