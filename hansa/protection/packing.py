"""A party's terms as one row of numbers, and the totals that come out of a protected sum of such rows."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from hansa.core.errors import PartyError
from hansa.core.messages import Terms, Totals

Floats = NDArray[np.float64]


def flat(values: Any, party: str) -> Floats:
    """Return (numbers,) all leaves of a tree in order; raises PartyError for what is not finite."""
    check_finite(values, party)
    leaves = [np.asarray(leaf, np.float64).reshape(-1) for leaf in jax.tree.leaves(values)]
    return np.concatenate(leaves)


def size(terms: Terms) -> int:
    """Return how many numbers a party's values are."""
    return sum(leaf.size for leaf in jax.tree.leaves(terms.values))


def shaped(numbers: Floats, like: Any) -> Any:
    """Return (numbers,) as a tree of the shape and number types of `like`."""
    leaves, structure = jax.tree.flatten(like)
    ends = np.cumsum([leaf.size for leaf in leaves])[:-1]
    parts = np.split(numbers, ends)
    made = [
        jax.device_put(part.reshape(leaf.shape).astype(leaf.dtype))  # as `jnp.asarray`, without a program
        for part, leaf in zip(parts, leaves, strict=True)
    ]
    return jax.tree.unflatten(structure, made)


def weighed(terms: Terms, most: float, party: str) -> Floats:
    """Return (1 + numbers,) a party's weight as a share of the most there may be, and its values times it.

    Raises PartyError for a weight above the most: cut down, it would count less than the others believe.
    """
    share = checked_weight(terms, most, party) / most
    return np.append(share, share * flat(terms.values, party))


def checked_weight(terms: Terms, most: float, party: str) -> float:
    """Return what a party counts for; raises PartyError for what is no weight, or more than the charter's."""
    check_finite(terms.weight, party)
    weight = float(terms.weight)
    if not 0.0 <= weight <= most:
        raise PartyError(
            f"it counts for {weight:,.0f}, and the charter for 0 to {most:,.0f} rows",
            do="agree on a larger most_rows in [protection], the same for all",
            where=party,
        )
    return weight


def whole_weight(terms: Terms, most: float, party: str) -> int:
    """Return a party's weight, which servers multiply shares by; or PartyError for no such weight."""
    weight = checked_weight(terms, most, party)
    if not weight.is_integer():
        raise PartyError(
            f"it counts for {weight:g}, and shares are multiplied by whole numbers",
            do='let every party count for a whole number, or write secrecy = "masked"',
            where=party,
        )
    return int(weight)


def check_within(numbers: Floats, clip: float, party: str) -> None:
    """Pass if a party's numbers are not beyond the clip: cut off, they would say something else."""
    largest = float(np.abs(numbers).max(initial=0.0))
    if largest > clip:
        raise PartyError(
            f"a number of its term is {largest:.3g}, and sums hold {clip:.3g} at most",
            do="lower learning_rate, or check the scaling of its sensors",
            where=party,
        )


def totals(numbers: Floats, most: float, like: Terms) -> Totals:
    """Return the totals that the sum of `weighed` rows holds; like: any party's terms."""
    whole = numbers * most  # (1 + numbers,)
    weight = jax.device_put(whole[0].astype(like.weight.dtype))
    return Totals(shaped(whole[1:], like.values), weight)


def check_finite(values: Any, party: str) -> None:
    """Pass if a party's numbers are all finite; else raise PartyError."""
    if not all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(values)):
        raise PartyError(
            "its training left the finite numbers, nothing was sent",
            do="lower learning_rate or check the scaling of its sensors",
            where=party,
        )
