"""Scoring: what is no table is refused in a sentence, by a model that scores a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from hansa.core.charter import Column, Preparation, Regimes
from hansa.core.errors import DataError
from hansa.data.prepare import Inputs
from hansa.models.network import perceptron
from hansa.runtime.scoring import About, Joined, Model

COLUMNS = (Column("pump", "asset"), Column("hour", "time"), Column("heat", "sensor"))
ABOUT = About("north", "pumps", "", "h", 10.0, "none", COLUMNS)


@pytest.fixture
def model() -> Model:
    """Return an untrained model of one sensor."""
    mean, deviation = np.zeros((1, 1)), np.ones((1, 1))  # (regimes, sensors)
    inputs = Inputs(("heat",), (), Regimes(), mean, deviation, Preparation(), flags=False)
    return Model(ABOUT, inputs, perceptron(np.random.default_rng(0), 1, [2], "relu", "relu"), 1.0)


@pytest.mark.parametrize(
    ("rows", "kind"), [(None, "NoneType"), ({"pump": [1]}, "dict"), ([[1, 2]], "list"), ("a.csv", "str")]
)
def test_what_is_no_frame_is_refused_with_its_type(model: Model, rows: Any, kind: str) -> None:
    for one in (model, Joined(ABOUT, {"north": model})):
        with pytest.raises(DataError, match=f"the rows to score are of type {kind}, not a pandas DataFrame"):
            one.predict(rows)


def test_a_frame_is_scored_row_by_row(model: Model) -> None:
    frame = pd.DataFrame({"pump": ["b", "a"], "hour": [1, 2], "heat": [20.0, 30.0]})
    assert model.predict(frame)["asset"].tolist() == ["b", "a"]
