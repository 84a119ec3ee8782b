"""Rows that all parties have, written for each: in one order, counted, and as good as one table dealt."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hansa.core.charter_reader import parse_charter
from hansa.core.errors import CharterError, DataError, FolderError, PartyError
from hansa.data.alignment import Counts
from hansa.registry.folders import read_json
from hansa.runtime.result import RunResult
from hansa.runtime.world import open_world
from hansa.simulation.aligned_folders import write_aligned
from hansa.simulation.charter_file import CharterFile, read_charter_file
from hansa.simulation.federation import Federation
from tests.batteries import columns_apart

pytest.importorskip("private_set_intersection.python")


def charter_file(folder: Path, algorithm: str = "vertical", compare: str = "[]") -> CharterFile:
    text = columns_apart.own_files(algorithm, compare)
    return CharterFile(parse_charter(text), text, folder)


def untidy(folder: Path) -> pd.DataFrame:
    """Write two files that share most rows, out of order, with a repeated row and one without an asset."""
    whole = columns_apart.pumps()
    maker, operator = whole.drop(index=[0, 5]), whole.drop(index=range(30, 45))
    maker = pd.concat([maker, maker.iloc[[3]].assign(heat=-1.0)])
    lost = operator.iloc[[7]].assign(pump=None)
    columns_apart.write(folder, maker, pd.concat([operator.sample(frac=1, random_state=1), lost]))
    return whole.drop(index=[0, 5, *range(30, 45)])


def trained(folder: Path, text: str) -> RunResult:
    federation = Federation(parse_charter(text), folder)
    for _ in federation.train(lambda progress: None, lambda: False):
        pass
    return federation.result()


def test_each_party_gets_its_shared_rows_in_one_order_with_the_counts(tmp_path: Path) -> None:
    shared = untidy(tmp_path)
    found = write_aligned(charter_file(tmp_path), None, tmp_path / "out")
    assert found.shared == len(shared)
    rows = len(columns_apart.pumps())
    assert found.counts == {
        "maker": Counts(rows - 1, 0, 1, len(shared)),
        "operator": Counts(rows - 14, 1, 0, len(shared)),
    }
    assert read_json(tmp_path / "out" / "alignment.json")["maker"]["repeated"] == 1
    maker = pd.read_csv(tmp_path / "out" / "maker" / "data.csv.gz")
    operator = pd.read_csv(tmp_path / "out" / "operator" / "data.csv.gz")
    assert list(operator.columns) == ["machine", "minute", "vibration", "minutes_left"]
    for name in ("pump", "hour", "heat"):
        np.testing.assert_array_equal(maker[name], shared[name])  # also that the first of two rows is kept
    np.testing.assert_array_equal(operator["machine"], shared["pump"])
    np.testing.assert_array_equal(operator["vibration"], shared["shake"])


def test_vertical_learning_on_aligned_files_is_that_of_one_table_dealt(tmp_path: Path) -> None:
    shared = untidy(tmp_path)
    shared.to_csv(tmp_path / "whole.csv", index=False)
    write_aligned(charter_file(tmp_path), None, tmp_path / "out")
    own = (tmp_path / "out" / "charter.toml").read_text().replace("compare = []", "")
    mine = trained(tmp_path / "out", own).scenarios["vertical"]
    dealt = trained(tmp_path, columns_apart.one_file("vertical", "vertical")).scenarios["vertical"]
    assert mine.reading == dealt.reading == "joined"
    assert mine.all_cycle.raw.rmse == pytest.approx(dealt.all_cycle.raw.rmse, rel=1e-5)
    for party in ("maker", "operator"):
        one, other = mine.parties[party], dealt.parties[party]
        assert one.last_cycle.filtered.rmse == pytest.approx(other.last_cycle.filtered.rmse, rel=1e-5)
        assert one.traffic == other.traffic


def test_rows_that_are_not_shared_are_refused_by_vertical_and_learnt_from_by_mixed(tmp_path: Path) -> None:
    untidy(tmp_path)
    columns_apart.write(tmp_path, columns_apart.pumps(), columns_apart.pumps().drop(index=range(30, 45)))
    with pytest.raises(PartyError, match=r"^maker: 15 of its \d+ rows are not at every party.* hansa align"):
        open_world(charter_file(tmp_path).charter, tmp_path)
    charter = charter_file(tmp_path, "mixed").charter
    world = open_world(charter, tmp_path)
    maker, operator = world.shares(charter, "given")
    assert (maker.shared_row < 0).sum() > 0
    assert (operator.shared_row >= 0).all()
    assert set(maker.shared_row[maker.shared_row >= 0]) == set(operator.shared_row)
    figures = trained(tmp_path, columns_apart.own_files("mixed")).scenarios["mixed"]
    assert np.isfinite(figures.all_cycle.filtered.rmse)


def test_no_shared_row_is_one_sentence_and_nothing_is_written(tmp_path: Path) -> None:
    whole = columns_apart.pumps()
    columns_apart.write(tmp_path, whole, whole.assign(pump="Q" + whole["pump"]))
    with pytest.raises(DataError, match=r"^alignment: no id is at all of maker, operator"):
        write_aligned(charter_file(tmp_path), None, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(DataError, match="no row is at every party, and mixed"):
        open_world(charter_file(tmp_path, "mixed").charter, tmp_path)


def test_parties_without_files_of_their_own_have_nothing_to_align(tmp_path: Path) -> None:
    text = columns_apart.one_file("vertical", "vertical")
    with pytest.raises(CharterError, match="so there are no files of parties to align"):
        write_aligned(CharterFile(parse_charter(text), text, tmp_path), None, tmp_path / "out")


def test_a_folder_with_other_things_is_refused_and_aligning_twice_gives_the_same_bytes(
    tmp_path: Path,
) -> None:
    untidy(tmp_path)
    file = charter_file(tmp_path)
    first = write_aligned(file, None, tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert write_aligned(file, None, tmp_path / "out") == first
    assert before == {path: path.read_bytes() for path in before}
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("dear")
    with pytest.raises(FolderError, match="is not empty and holds no aligned tables"):
        write_aligned(file, None, tmp_path / "letters")


def test_the_charter_that_is_written_is_the_same_but_for_the_files(tmp_path: Path) -> None:
    untidy(tmp_path)
    file = charter_file(tmp_path)
    write_aligned(file, None, tmp_path / "out")
    written = read_charter_file(tmp_path / "out" / "charter.toml").charter
    assert [party.data for party in written.roster] == ["maker/data.csv.gz", "operator/data.csv.gz"]
    assert json.loads((tmp_path / "out" / "aligned.json").read_text()).keys() == {
        "charter_digest",
        "roster_digest",
    }
    assert written.algorithm == file.charter.algorithm
