"""Nobody marks his own work: a party's value is what the other parties' validation says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median_high

import numpy as np
from numpy.typing import NDArray

from hansa.core.errors import CharterError

Floats = NDArray[np.float64]

OUTSIZE = 100.0
"""Times the others' largest mark, in the middle, above which a validator's marks tell of itself alone."""

_MOST = 1e12  # of any mark: sums of such stay finite


def marked_by_others(values: Floats, owners: Sequence[int | None]) -> Floats:
    """Return (parties,) each party's mean value over the validators that are not its own.

    values: (validators, parties), what each validator's records say of each party; of utilities by mask,
    `shapley.exact` makes them. owners: of each validator the party that it belongs to; None: none of them.
    Validators count alike, whatever their loss is measured in. Parties that are marked by different
    validators are marked on different records: the values add up to no one validator's gain.
    Raises CharterError for a party that nobody else can mark.
    """
    own = np.array([-1 if owner is None else owner for owner in owners])  # (validators,)
    counts = own[:, None] != np.arange(values.shape[1])  # (validators, parties)
    alone = np.flatnonzero(~counts.any(axis=0))  # (parties without a validator,)
    if len(alone):
        raise CharterError(
            "nobody but itself could mark its work", do="name one more validator", where=f"party {alone[0]}"
        )
    return np.where(counts, values, 0.0).sum(axis=0) / counts.sum(axis=0)  # (parties,)


def without_outsize(values: Mapping[str, Floats]) -> dict[str, Floats]:
    """Return the marks of validators that are not out of all proportion to the others'; a lone one counts.

    values: (parties,) by validator. One that lies can still lie within that.
    """
    sizes = {name: float(np.abs(own).max(initial=0.0)) for name, own in values.items()}
    found = {}
    for name, own in values.items():
        others = [size for other, size in sizes.items() if other != name]
        usual = median_high(others) if others else 0.0
        if sizes[name] <= _MOST and not (usual and sizes[name] > OUTSIZE * usual):
            found[name] = own
    return found
