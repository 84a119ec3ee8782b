"""The rows that a party keeps out of its training, and what predictions of them lose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hansa.core.charter import Charter
from hansa.data.partition import Share
from hansa.data.prepare import Inputs
from hansa.models.rows import Rows
from hansa.runtime.holdings import holding
from hansa.runtime.large_fleet import LargeShare
from hansa.runtime.preparation import parts
from hansa.runtime.spool import Spools


def kept_rows(
    charter: Charter, scenario: str, share: Share | LargeShare, inputs: Inputs, spools: Spools
) -> Rows:
    """Return the rows with a label that a party keeps back, as its network sees them.

    Raises PartyError for a table that is too large to keep any back.
    """
    kept = holding(parts(share, charter)[1] or share, charter, spools).rows(inputs, charter, scenario)
    assert isinstance(kept, Rows)
    return kept


def loss_of(predictions: NDArray[np.float32], rows: Rows, task: str) -> float:
    """Return the mean loss of (rows,) predictions: cross-entropy of failures, else half the squared error."""
    truth, found = np.asarray(rows.y, np.float64), np.asarray(predictions, np.float64)  # (rows,)
    if task == "failure":
        chance = np.clip(found, 1e-7, 1 - 1e-7)
        return float(-(truth * np.log(chance) + (1 - truth) * np.log1p(-chance)).mean())
    return float(0.5 * ((found - truth) ** 2).mean())
