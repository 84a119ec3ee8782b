"""A table that is read in pieces says the same of its party as the table in memory does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from hansa.algorithms import statistics
from hansa.core.charter import Charter, Preparation
from hansa.core.errors import DataError, PartyError
from hansa.data import pieces as piece_sizes
from hansa.data import tables
from hansa.data.columnar import stored_rows
from hansa.data.fleet import Dataset, joined
from hansa.data.prepare import regime_count, regime_of
from hansa.data.tally import tally
from hansa.data.targets import target_of
from hansa.runtime import large_fleet
from hansa.runtime.large_fleet import LargeDataset, LargeShare, large_table, open_large, untold
from hansa.runtime.world import STREAM_VARIABLE, World, open_world
from hansa.simulation.cohort import dealt, gather
from hansa.simulation.federation import Federation
from tests.batteries import pumps

CHARTER = pumps.charter()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of tables, which are read in small pieces once the variable says so."""
    monkeypatch.setattr(piece_sizes, "PIECE_CELLS", 400)
    monkeypatch.delenv(STREAM_VARIABLE, raising=False)
    return pumps.write(tmp_path)


def both(folder: Path, monkeypatch: pytest.MonkeyPatch, charter: Charter = CHARTER) -> tuple[World, World]:
    """Return the world with all tables in memory, and with all read in pieces."""
    held = open_world(charter, folder)
    monkeypatch.setenv(STREAM_VARIABLE, "0")
    return held, open_world(charter, folder)


def test_a_party_read_in_pieces_has_the_counts_and_sums_of_the_table(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, large = both(folder, monkeypatch)
    assert (held.streamed(CHARTER), large.streamed(CHARTER)) == ((), ("big", "small"))
    for one, other in zip(held.own, large.own, strict=True):
        assert isinstance(one, Dataset)
        assert isinstance(other, LargeDataset)
        assert other.train.sensor_names == one.train.sensor_names
        assert other.train.setting_names == one.train.setting_names
        counted, found = tally(one.train, target_of(CHARTER.data), CHARTER.data.regimes), other.train.tally
        assert (found.assets, found.censored, found.rows) == (
            counted.assets,
            counted.censored,
            counted.rows,
        )
        for name in ("learnt", "known", "regimes"):
            assert_array_equal(getattr(found, name), getattr(counted, name))
        regimes = CHARTER.data.regimes
        sums = statistics.moments(one.train.sensors, regime_of(one.train, regimes), regime_count(regimes))
        for name in ("count", "total", "square"):
            assert_allclose(getattr(other.train.moments, name), getattr(sums, name), rtol=1e-13)


def test_the_test_and_the_rest_are_split_as_in_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held, large = both(folder, monkeypatch)
    for one, other in zip(held.own, large.own, strict=True):
        assert isinstance(other, LargeDataset)
        rest = joined(list(other.train.pieces(untold)))
        for expected, found in ((one.test, other.test), (one.train, rest)):
            assert found.asset_names == expected.asset_names
            for name in ("asset", "time", "settings", "sensors", "remaining"):
                assert_array_equal(getattr(found, name), getattr(expected, name))


def test_a_large_test_is_cut_to_what_memory_shall_hold(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = open_large(folder / "big.parquet", CHARTER, CHARTER.roster[0], untold).test
    monkeypatch.setattr(large_fleet, "TEST_ROWS", 80)
    cut = open_large(folder / "big.parquet", CHARTER, CHARTER.roster[0], untold)
    assert set(cut.test.asset_names) < set(wanted.asset_names)
    assert 40 < cut.test.rows <= 80
    assert cut.train.tally.assets == 24 - len(cut.test.asset_names)
    monkeypatch.setattr(large_fleet, "TEST_ROWS", 200_000)
    monkeypatch.setattr(large_fleet, "TEST_NUMBERS", 80 * 8)  # four sensors and their flags
    again = open_large(folder / "big.parquet", CHARTER, CHARTER.roster[0], untold)
    assert again.test.asset_names == cut.test.asset_names
    monkeypatch.setattr(large_fleet, "TEST_ROWS", 1)
    assert len(open_large(folder / "big.parquet", CHARTER, CHARTER.roster[0], untold).test.asset_names) == 1


def test_the_digest_tells_records_apart_and_not_the_size_of_pieces(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def digest() -> str:
        return open_large(folder / "big.parquet", CHARTER, CHARTER.roster[0], untold).train.digest

    first = digest()
    monkeypatch.setattr(piece_sizes, "PIECE_CELLS", 900)
    assert digest() == first
    frame = pumps.table([20] * 24)
    pumps.write(folder, frame)
    other = digest()
    frame.loc[3, "flow"] += 1e-9
    pumps.write(folder, frame)
    assert len({first, other, digest()}) == 3


def test_unpadded_names_have_one_digest_and_one_test_whatever_the_pieces(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pumps.table([20] * 24)
    names = {f"P-{number:03}": f"P-{number}" for number in range(24)}
    frame = frame.assign(pump=frame["pump"].map(names)).sort_values("pump", kind="stable")  # P-10 before P-2
    pumps.write(folder, frame)
    found = []
    for cells in (200, 1500, 1 << 20):
        monkeypatch.setattr(piece_sizes, "PIECE_CELLS", cells)
        found.append(open_large(folder / "big.parquet", CHARTER, CHARTER.roster[0], untold))
    assert len({one.train.digest for one in found}) == 1
    assert len({one.test.asset_names for one in found}) == 1


@pytest.mark.parametrize("scenario", ["fedavg", "isolated", "labsync_mean"])
@pytest.mark.parametrize("age", [0.0, 30.0])
def test_a_scenario_scales_and_labels_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, scenario: str, age: float
) -> None:
    charter = replace(pumps.charter("labsync_mean"), preparation=Preparation(age=age))
    worlds = both(folder, monkeypatch, charter)
    one, other = (gather(charter, scenario, world) for world in worlds)
    assert all(isinstance(own.share, LargeShare) for own in dealt(charter, scenario, worlds[1])[1])
    for expected, found in zip(one.inputs, other.inputs, strict=True):
        assert_allclose(found.mean, expected.mean, rtol=1e-12)
        assert_allclose(found.deviation, expected.deviation, rtol=1e-9)
    for expected, found in zip(one.members, other.members, strict=True):
        block = found.rows.block(0)
        for name in ("y", "weight", "key"):
            assert_array_equal(getattr(block, name), getattr(expected.rows, name))
        assert_allclose(block.x, expected.rows.x, rtol=1e-6, atol=1e-6)


def test_the_report_of_a_run_says_the_same_of_its_parties(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (Federation(CHARTER, world=world) for world in both(folder, monkeypatch))
    expected, found = one.result(), other.result()
    assert found.parties == expected.parties
    assert "streamed" not in expected.about
    assert found.about["streamed"] == ["big", "small"]
    assert one.data_digest() != other.data_digest()


def test_a_table_knows_how_wide_its_prepared_rows_are(folder: Path) -> None:
    for preparation in (Preparation(), Preparation(features="window", window=4, age=30.0)):
        charter = replace(CHARTER, preparation=preparation)
        width = large_table(folder / "big.parquet", charter, charter.roster[0]).width
        assert width == gather(charter, "fedavg", open_world(charter, folder)).inputs[0].features


def test_how_far_it_is_read_is_told(folder: Path) -> None:
    told: list[tuple[str, float]] = []
    open_large(
        folder / "big.parquet", CHARTER, CHARTER.roster[0], lambda what, done: told.append((what, done))
    )
    rows = stored_rows(folder / "big.parquet")
    assert told[-1] == (f"big: checking, {rows} of {rows} rows", 1.0)
    steps = [what.split(",")[0] for what, _ in told]
    assert sorted(set(steps), key=steps.index) == ["big: reading lives", "big: checking"]


# --- refusals --------------------------------------------------------------------------------------


def test_labsync_is_refused_before_the_table_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    charter = pumps.charter("labsync")
    open_world(charter, folder)
    monkeypatch.setenv(STREAM_VARIABLE, "0")
    monkeypatch.setattr(large_fleet, "pieces", None)
    with pytest.raises(PartyError, match=r"^big: its table is too large to be held .* \"labsync_mean\""):
        open_world(charter, folder)


def test_a_variable_that_is_no_number_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STREAM_VARIABLE, "much")
    with pytest.raises(
        DataError, match='HANSA_STREAM_ABOVE_MB is "much", which is no number; give megabytes'
    ):
        open_world(CHARTER, folder)


@pytest.mark.parametrize("text", ["nan", "-1", "-inf"])
def test_a_variable_that_is_no_size_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv(STREAM_VARIABLE, text)
    with pytest.raises(DataError, match=f'HANSA_STREAM_ABOVE_MB is "{text}", which is no size; give'):
        open_world(CHARTER, folder)


def test_columns_that_no_charter_needs_take_no_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pumps.table([20] * 24)
    held = open_world(CHARTER, pumps.write(folder, frame))
    pumps.write(folder, frame.assign(**{f"spare {number}": "x" for number in range(100)}))
    pages = {"SC_PAGE_SIZE": 1, "SC_PHYS_PAGES": 5 * 8 * 7 * len(frame)}
    monkeypatch.setattr(tables.os, "sysconf", pages.__getitem__)
    again = open_world(CHARTER, folder)
    for one, other in zip(held.own, again.own, strict=True):
        assert_array_equal(one.train.sensors, other.train.sensors)


def test_the_larger_table_alone_is_read_in_pieces(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = 8 * 8 * len(pumps.pd.read_parquet(folder / "big.parquet")) / (1 << 20)
    monkeypatch.setenv(STREAM_VARIABLE, str(size))
    assert open_world(CHARTER, folder).streamed(CHARTER) == ()
    monkeypatch.setenv(STREAM_VARIABLE, str(size * 0.99))
    assert open_world(CHARTER, folder).streamed(CHARTER) == ("big",)


@pytest.mark.parametrize("known", [0, 1])
def test_a_party_without_a_test_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch, known: int) -> None:
    frame = pumps.table([20] * 5)
    frame.loc[frame["pump"] >= f"P-{known:03}", "failed_at"] = np.nan
    pumps.write(folder, frame)
    monkeypatch.setenv(STREAM_VARIABLE, "0")
    with pytest.raises(DataError, match=f"{known} of 5 assets have a known remaining life"):
        open_world(CHARTER, folder)


def test_readings_that_have_no_sum_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pumps.table([20] * 24)
    frame.loc[frame["pump"] == "P-003", "flow"] = 1e200  # it still runs, so it is not of the test
    pumps.write(folder, frame)
    monkeypatch.setenv(STREAM_VARIABLE, "0")
    with pytest.raises(PartyError, match="big: readings of flow are too large to be summed"):
        gather(CHARTER, "fedavg", open_world(CHARTER, folder))


def test_what_is_pooled_and_too_large_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables.os, "sysconf", lambda name: 1)
    with pytest.raises(DataError, match="there are 0 GB; give each party a Parquet file"):
        open_world(CHARTER, folder)
    pooled = replace(
        CHARTER,
        data=replace(CHARTER.data, file="big.parquet"),
        partition=replace(CHARTER.partition, kind="hybrid"),
    )
    with pytest.raises(DataError, match="there are 0 GB; give each party a Parquet file"):
        open_world(pooled, folder)
