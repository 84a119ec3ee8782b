"""Columnar files, Parquet and Arrow: what they state of themselves, and their rows whole or in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hansa.core.errors import DataError

ENDINGS = (".parquet", ".pq", ".arrow", ".feather")

_PARQUET_ENDINGS = (".parquet", ".pq")
_BUFFER_BYTES = 1 << 18  # of each column, while its pages are read


def is_columnar(path: Path | str) -> bool:
    """Return whether the file's name is that of a Parquet or Arrow file."""
    return str(path).lower().endswith(ENDINGS)


def stored_names(path: Path) -> list[str]:
    """Return the names of the columns as stored. Raises DataError for a file that is cut short."""
    with _naming(path):
        if not _is_parquet(path):
            with pa.OSFile(str(path)) as file:
                return list(pa.ipc.open_file(file).schema.names)
        return list(pq.read_schema(path).names)


def stored_rows(path: Path) -> int:
    """Return the number of rows that the file states. Raises DataError for a file that is cut short."""
    with _naming(path):
        if not _is_parquet(path):
            with pa.memory_map(str(path)) as file:
                found = pa.ipc.open_file(file, options=pa.ipc.IpcReadOptions(included_fields=[0]))
                return sum(found.get_batch(number).num_rows for number in range(found.num_record_batches))
        return int(pq.read_metadata(path).num_rows)


def read_stored(path: Path, columns: Sequence[str]) -> pa.Table:
    """Return all rows of these columns, by their names as stored; the others are left unread."""
    with _naming(path):
        if not _is_parquet(path):
            with pa.OSFile(str(path)) as file:
                fields = pa.ipc.IpcReadOptions(included_fields=_fields(file, columns))
                return pa.ipc.open_file(file, options=fields).read_all().select(list(columns))
        with pq.ParquetFile(path) as stored:
            return stored.read(columns=list(columns)).select(list(columns))


def stored_batches(path: Path, columns: Sequence[str], rows: int) -> Iterator[pa.Table]:
    """Yield the rows of these columns in their order, at most `rows` at a time, none empty.

    An Arrow file is read a batch of its own at a time, however large its writer made them.
    """
    batches = _parquet_batches if _is_parquet(path) else _arrow_batches
    for batch in batches(path, list(columns), rows):
        if batch.num_rows:
            yield pa.Table.from_batches([batch]).select(list(columns))
    pa.default_memory_pool().release_unused()


def _parquet_batches(path: Path, columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
    # No memory map: what is read counts as this process's memory, and is given back.
    with _naming(path), pq.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False) as file:
        yield from file.iter_batches(batch_size=rows, columns=columns)


def _arrow_batches(path: Path, columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
    with _naming(path), pa.OSFile(str(path)) as file:
        fields = pa.ipc.IpcReadOptions(included_fields=_fields(file, columns))
        stored = pa.ipc.open_file(file, options=fields)
        for number in range(stored.num_record_batches):
            batch = stored.get_batch(number)
            for start in range(0, batch.num_rows, rows):
                yield batch.slice(start, rows)


def _fields(file: pa.NativeFile, columns: Sequence[str]) -> list[int]:
    """Return the numbers of an Arrow file's columns."""
    names = pa.ipc.open_file(file).schema.names
    return sorted(names.index(name) for name in columns)


def _is_parquet(path: Path) -> bool:
    return path.name.lower().endswith(_PARQUET_ENDINGS)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn a reader's fault into a sentence that names the file."""
    try:
        yield
    except (pa.ArrowException, OSError) as fault:
        kind = "Parquet" if _is_parquet(path) else "Arrow"
        raise DataError(
            f"the file is not a complete {kind} file", do="write or copy it again", where=str(path)
        ) from fault
