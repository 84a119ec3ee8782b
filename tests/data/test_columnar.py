"""Columnar files: the same rows from Parquet and Arrow, whole or in batches."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pytest

from hansa.core.errors import DataError
from hansa.data.columnar import is_columnar, read_stored, stored_batches, stored_names, stored_rows
from hansa.data.pieces import pieces
from hansa.data.tables import read_table
from tests.batteries import pumps
from tests.data.test_pieces import assert_equal, joined, large, whole

FRAME = pumps.table([5, 6, 7])
FORMS = ["t.parquet", "t.pq", "t.arrow", "t.feather"]


def written(folder: Path, name: str, frame: pd.DataFrame = FRAME) -> Path:
    """Write the table in small batches; feather compresses, arrow does not."""
    path, table = folder / name, pa.Table.from_pandas(frame, preserve_index=False)
    if name.endswith((".parquet", ".pq")):
        frame.to_parquet(path, index=False, row_group_size=4)
    elif name.endswith(".feather"):
        feather.write_feather(table, path, compression="lz4", chunksize=4)
    else:
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=4)
    return path


@pytest.mark.parametrize("name", FORMS)
def test_every_form_has_the_same_rows(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name)
    assert is_columnar(path)
    assert stored_names(path) == list(FRAME.columns)
    assert stored_rows(path) == len(FRAME)
    pd.testing.assert_frame_equal(read_stored(path, list(FRAME.columns)).to_pandas(), FRAME)
    pd.testing.assert_frame_equal(read_table(path).reset_index(drop=True), FRAME)
    for rows in (1, 3, 100):
        batches = list(stored_batches(path, ["temp", "pump"], rows))
        assert {len(batch) for batch in batches} <= set(range(1, rows + 1))
        found = pa.concat_tables(batches).to_pandas()
        pd.testing.assert_frame_equal(found, FRAME[["temp", "pump"]])


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_read_in_pieces(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name)
    assert_equal(joined(list(pieces(large(path), cells=50))), whole(path))


@pytest.mark.parametrize("name", FORMS)
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name)
    path.write_bytes(path.read_bytes()[:-20])
    kind = "Parquet" if "p" in path.suffix else "Arrow"
    for read in (stored_names, stored_rows, read_table):
        with pytest.raises(DataError, match=f"the file is not a complete {kind} file; write"):
            read(path)
