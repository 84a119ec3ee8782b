"""In which order a party goes through its rows; that it is an order is tested with the shuffle itself."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hansa.models.shuffle import shuffled

shuffle = partial(jax.jit, static_argnums=1)(shuffled)


def epochs(key: jax.Array, rows: int, count: int) -> list[NDArray[np.int64]]:
    """Return the order of the rows in each epoch of one call to `train`."""
    drawn = [shuffle(jax.random.fold_in(key, epoch), rows, jnp.float32(rows)) for epoch in range(count)]
    return [np.asarray(order, np.int64) for order in drawn]


def rounds(key: jax.Array, rows: int, count: int, local_epochs: int) -> list[list[NDArray[np.int64]]]:
    """Return the orders of each training round of a party with this stream; rounds count from 1."""
    return [epochs(jax.random.fold_in(key, number), rows, local_epochs) for number in range(1, count + 1)]
