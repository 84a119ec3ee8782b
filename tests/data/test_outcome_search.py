"""A table of failures or of prices gives a charter that reads it without a change."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core.charter import Data
from hansa.data.cells import Sheet
from hansa.data.columns import fleet_from_sheet
from hansa.data.describe import Description, describe
from hansa.data.outcome_search import failed_cells, target_column
from hansa.data.profile import profile
from tests.batteries.outcomes import parts, sales


def read(frame: pd.DataFrame, found: Description, task: str) -> np.ndarray:
    """Return the targets of the table as the proposal reads them."""
    schema = Data(task=task, source="table", columns=found.columns, label=found.label, missing=found.missing)
    return fleet_from_sheet(Sheet(frame, "parts.csv", None), schema).remaining


def roles(found: Description) -> dict[str, str]:
    return {column.name: column.role for column in found.columns}


def test_a_table_of_failures_is_read_by_its_own_proposal() -> None:
    frame = parts()
    found = describe(frame, "parts.csv", "failure")
    assert found.faults == ()
    assert roles(found) == {
        "id": "asset", "heat": "sensor", "load": "sensor", "wear": "sensor", "noise": "sensor",
        "outcome": "target",
    }  # fmt: skip
    assert found.label.failed == "fail"
    failed = (frame["outcome"] == "fail").sum()
    assert math.isclose(found.failure_weight, (len(frame) - failed) / failed, rel_tol=0.05)
    assert sorted(read(frame, found, "failure")) == sorted((frame["outcome"] == "fail").astype(float))
    (note,) = [one for one in found.notes if "taken for failures" in one]
    assert f'cells "fail" of column "outcome" ({failed} of 240)' in note


def test_a_table_of_prices_is_read_by_its_own_proposal() -> None:
    frame = sales()
    found = describe(frame, "sales.csv", "price")
    assert found.faults == ()
    target = next(column for column in found.columns if column.role == "target")
    assert target.name == "price"
    assert target.low is not None
    assert target.high is not None
    assert 0 < target.low <= frame["price"].min()
    assert frame["price"].max() <= target.high
    assert sorted(read(frame, found, "price")) == sorted(frame["price"])


@pytest.mark.parametrize(
    ("cells", "failed"),
    [
        ([0, 0, 0, 1], "1"),
        ([-1, -1, -1, 1], "1"),
        ([1, 1, 1, 0], "1"),
        (["ok", "ok", "NOK"], "NOK"),
        (["a", "b", "a"], "b"),
        (["Pass", "Fail", "Fail"], "Fail"),
    ],
)
def test_a_word_for_failure_comes_before_the_rarer_cell(cells: list[object], failed: str) -> None:
    assert failed_cells(pd.Series(cells))[0] == failed


@given(st.lists(st.floats(0.01, 1e7), min_size=2, max_size=20))
def test_the_range_of_prices_holds_all_of_them_and_begins_over_0(prices: list[float]) -> None:
    found = target_column(profile("price", pd.Series(prices)), "price")
    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low <= min(prices) * (1 + 1e-6)
    assert found.high >= max(prices) * (1 - 1e-6)
    assert found.high <= 10 * max(prices)


def test_a_column_named_for_failures_comes_before_another_of_two_cells() -> None:
    frame = parts().assign(side=lambda one: np.where(one["heat"] > 0, "left", "right"))
    frame = frame[["id", "side", "heat", "wear", "outcome"]]
    found = describe(frame, "parts.csv", "failure")
    assert roles(found)["outcome"] == "target"
    assert roles(found)["side"] == "category"


def test_what_lacks_is_said_with_what_to_do() -> None:
    bare = parts().drop(columns=["id", "outcome"])
    found = describe(bare.assign(heat=0.5), "parts.csv", "failure")
    assert any("tells the assets apart" in fault for fault in found.faults)
    assert any('failed = "CELL"' in fault for fault in found.faults)
    assert any("tells the price" in fault for fault in describe(bare, "parts.csv", "price").faults)
    twice = pd.concat([parts(), parts()])
    assert any('"id" repeats' in fault for fault in describe(twice, "parts.csv", "failure").faults)


def test_assets_that_repeat_have_their_time() -> None:
    frame = parts().assign(hour=1)
    later = frame.assign(hour=2, heat=0.1)
    found = describe(pd.concat([frame, later], ignore_index=True), "parts.csv", "failure")
    assert roles(found)["hour"] == "time"
    assert found.faults == ()


@pytest.mark.parametrize(("make", "task"), [(parts, "failure"), (sales, "price")])
def test_a_target_with_empty_cells_is_the_target_and_no_sensor(
    make: Callable[[], pd.DataFrame], task: str
) -> None:
    frame = make().astype({"outcome" if task == "failure" else "price": object})
    frame.iloc[3, -1] = None
    found = describe(frame, "own.csv", task)
    assert roles(found)[frame.columns[-1]] == "target"
    (fault,) = found.faults
    assert "is empty" in fault
    assert "row 4" in fault
