"""Parties that make more of their own failures before they train, where a charter asks for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from hansa.core import seeds
from hansa.core.charter import Charter
from hansa.core.errors import PartyError
from hansa.data.oversample import made_failures
from hansa.models.rows import Rows, Stream


def oversampled(charter: Charter, party: str, rows: Rows | Stream) -> Rows | Stream:
    """Return a party's rows with failures made by SMOTE behind them; as they are where none are asked for.

    Raises PartyError for rows that memory does not hold.
    """
    if charter.training.oversample == "none":
        return rows
    if isinstance(rows, Stream):
        raise PartyError(
            "its table is read in pieces, and SMOTE looks for neighbours among all failures",
            do='write oversample = "none" and a failure_weight, or raise HANSA_STREAM_ABOVE_MB',
            where=party,
        )
    x, failed = np.asarray(rows.x), np.asarray(rows.y) > 0  # (rows, features), (rows,)
    made = made_failures(x, failed, seeds.generator(charter.seed, party, "oversample"))
    key = np.asarray(rows.key)[failed][:1]  # all failures share one key
    columns: tuple[Any, ...] = (
        np.concatenate([x, made]),
        np.concatenate([rows.y, np.ones(len(made), np.float32)]),
        np.concatenate([rows.weight, np.ones(len(made), np.float32)]),
        np.concatenate([rows.key, np.repeat(key, len(made))]),
    )
    return Rows(*columns)
