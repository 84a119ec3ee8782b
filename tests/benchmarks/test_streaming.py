"""The streaming benchmark writes a table that a run accepts, and measures it."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks.streaming import measure, row_seconds, write_table


def test_the_table_is_sorted_by_asset_and_has_the_rows_asked_for(tmp_path: Path) -> None:
    write_table(tmp_path / "t.parquet", 450_001, 1)
    table = pq.read_table(tmp_path / "t.parquet", columns=["pump", "hour", "failed_at"]).to_pandas()
    assert len(table) == 450_001
    assert table["pump"].is_monotonic_increasing
    ends = table.groupby("pump")["failed_at"].agg(["nunique", "count"])
    assert (ends["count"] == 0).sum() == 37  # every sixth still runs


def test_the_seconds_a_row_are_those_of_passes_and_training() -> None:
    steps = {"reading lives": 2.0, "checking": 1.0, "training": 5.0, "opening": 9.0, "whole process": 99.0}
    assert row_seconds({"seconds": steps, "rows": 4}) == 2.0


@pytest.mark.slow
def test_a_small_measurement_has_all_its_figures() -> None:
    found = measure(0.02)
    assert found["rows"] > 9 * found["tenth"]["rows"] > 0
    assert {"reading lives", "checking", "preparing", "training"} <= set(found["seconds"])
    assert found["peak_mb"] < 1024
    assert 0.5 < found["memory_ratio"] < 1.5
    assert found["row_seconds_ratio"] > 0
