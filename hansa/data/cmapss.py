"""NASA's C-MAPSS turbofan subsets, read from the publisher's text files.

A subset is three files, plain or gzip: train_FDxxx.txt (engines run to failure), test_FDxxx.txt
(engines stopped earlier) and RUL_FDxxx.txt (cycles left after each test engine's last row). A row
has 26 numbers: engine, cycle, 3 settings, 21 sensors. Source: A. Saxena, K. Goebel, "Turbofan
Engine Degradation Simulation Data Set", NASA Ames Prognostics Data Repository, 2008.
"""

from __future__ import annotations

import gzip
import io
import math
import re
import zlib
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hansa.core.errors import DataError
from hansa.data.cmapss_lives import published
from hansa.data.fleet import Dataset, Fleet, Floats

SETTING_NAMES = ("setting_1", "setting_2", "setting_3")
SENSOR_NAMES = tuple(f"s{number}" for number in range(1, 22))

_COLUMNS = 2 + len(SETTING_NAMES) + len(SENSOR_NAMES)
_PARTS = ("train", "test", "RUL")
_REMEDY = "fetch the set with `hansa data fetch cmapss`, or name its folder with --data or HANSA_DATA"
_FETCH_AGAIN = "fetch it again with `hansa data fetch cmapss`"
_PUT_RIGHT = f"{_FETCH_AGAIN}, or put the row right"
_BROKEN_GZIP = (EOFError, zlib.error, gzip.BadGzipFile)


def read_cmapss(folder: Path, subset: str, *, gaps: bool = False) -> Dataset:
    """Return the train and test engines of one subset, remaining life in cycles and uncapped.

    folder: holds the three files, or a folder `cmapss` that does. subset: FD001 to FD004, or any
    other FDxxx whose files are there. A train engine fails at its last row; a test engine as many
    cycles after its last row as the RUL file says. gaps: whether a sensor may read NaN, which is kept.
    Raises DataError, naming file and line, for whatever is missing, cut off or out of order.
    """
    paths = {part: _find(folder, part, subset) for part in _PARTS}
    missing = [f"{part}_{subset}.txt" for part, path in paths.items() if path is None]
    if missing:
        raise _missing(folder, subset, missing)
    train_path, test_path, rul_path = (path for path in paths.values() if path is not None)
    train = _read_rows(train_path, "train", gaps)  # (rows, 26)
    test = _read_rows(test_path, "test", gaps)  # (rows, 26)
    left_at_end = _read_remaining(rul_path, engines=int(test[-1, 0]), test_name=test_path.name)
    failed_at_end = np.zeros(int(train[-1, 0]))  # (engines,)
    return Dataset(
        name=f"C-MAPSS {subset}",
        train=_fleet(train, "train", failed_at_end),
        test=_fleet(test, "test", left_at_end),
    )


def read_cmapss_rows(path: Path) -> pd.DataFrame:
    """Return the rows of one file of the set, or of a file like it: asset, time, settings and sensors.

    Whole histories are not asked for: engines and cycles may start anywhere and have gaps.
    Index: levels `file` and `line`. Raises DataError for a line that has not 26 finite numbers.
    """
    content = _read_whole(path)
    rows = _parse(content)  # (rows, 26)
    if rows is None or not np.isfinite(rows).all():
        rows = _parse_by_line(path, content, columns=_COLUMNS)
    frame = pd.DataFrame(rows, columns=["asset", "time", *SETTING_NAMES, *SENSOR_NAMES])
    lines = [[str(path)] * len(rows), np.arange(1, len(rows) + 1)]
    frame.index = pd.MultiIndex.from_arrays(lines, names=["file", "line"])
    return frame


def is_cmapss_text(path: Path) -> bool:
    """Return whether a file's first line is numbers between blanks, as the publisher's files are."""
    if not path.name.endswith((".txt", ".txt.gz")) or not path.is_file():
        return False
    cells = _read_whole(path).split(b"\n", 1)[0].split()
    return len(cells) > 2 and all(re.fullmatch(rb"[+-]?[\d.]+([eE][+-]?\d+)?", cell) for cell in cells)


def list_subsets(folder: Path) -> tuple[str, ...]:
    """Return the names of the subsets whose three files are in the folder or its folder `cmapss`."""
    names = set()
    for place in _places(folder):
        if place.is_dir():
            found = (re.fullmatch(r"train_(FD\d+)\.txt(\.gz)?", path.name) for path in place.iterdir())
            names |= {match[1] for match in found if match}
    return tuple(sorted(name for name in names if all(_find(folder, part, name) for part in _PARTS)))


def _places(folder: Path) -> tuple[Path, Path]:
    return (folder, folder / "cmapss")


def _find(folder: Path, part: str, subset: str) -> Path | None:
    """Return the file, the plain one before the gzip one; None when there is neither."""
    for place in _places(folder):
        for ending in (".txt", ".txt.gz"):
            path = place / f"{part}_{subset}{ending}"
            if path.is_file():
                return path
    return None


def _missing(folder: Path, subset: str, missing: list[str]) -> DataError:
    """Return the error for an absent subset, or for a subset with a file absent."""
    at_hand = list_subsets(folder)
    if len(missing) == len(_PARTS) and at_hand:
        return DataError(
            f"there is no subset {subset}; at hand: {', '.join(at_hand)}",
            do=f"choose one of these, or {_REMEDY}",
            where=str(folder),
        )
    looked_in = " and ".join(str(place) for place in _places(folder))
    verb = "is" if len(missing) == 1 else "are"
    return DataError(
        f"{', '.join(missing)} {verb} missing (plain or .gz; looked in {looked_in})",
        do=_REMEDY,
        where=f"C-MAPSS {subset}",
    )


def _read_rows(path: Path, part: str, gaps: bool) -> Floats:
    """Return (rows, 26) checked numbers: engines 1, 2, 3, ... and each one's cycles 1, 2, 3, ..."""
    content = _read_whole(path)
    rows = _parse(content)
    if rows is None or not (np.isfinite(rows) | (gaps & _sensor_gaps(rows))).all():
        rows = _parse_by_line(path, content, columns=_COLUMNS, gaps=gaps)
    _check_order(path, rows)
    _check_published(path, part, rows)
    return rows


def _sensor_gaps(rows: Floats) -> NDArray[np.bool_]:
    """Return (rows, 26) where a sensor reads NaN."""
    return np.isnan(rows) & (np.arange(_COLUMNS) >= _COLUMNS - len(SENSOR_NAMES))


def _read_remaining(path: Path, engines: int, test_name: str) -> Floats:
    """Return (engines,) cycles left after the last row of each test engine."""
    remaining = _parse_by_line(path, _read_whole(path), columns=1)[:, 0]  # (lines,)
    if len(remaining) != engines:
        raise DataError(
            f"it has {len(remaining)} lines for the {engines} engines of {test_name}",
            do="fetch both files again with `hansa data fetch cmapss`: there must be one line per engine",
            where=str(path),
        )
    if (remaining < 0).any():
        line = int(np.argmax(remaining < 0)) + 1
        raise DataError(
            f"the remaining life is negative: {remaining[line - 1]:g}",
            do="write the cycles left after the engine's last row, 0 or more",
            where=f"{path}, line {line}",
        )
    return remaining


def _read_whole(path: Path) -> bytes:
    """Return the file's bytes, unpacked; every line of them ends."""
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b" or path.suffix == ".gz":
            content = gzip.decompress(content)
    except _BROKEN_GZIP as error:
        raise DataError("the gzip file is cut off or damaged", do=_FETCH_AGAIN, where=str(path)) from error
    except OSError as error:
        raise DataError(
            f"it cannot be read ({error.strerror})",
            do="check the file and your right to read it",
            where=str(path),
        ) from error
    if not content.strip():
        raise DataError("the file is empty", do=_FETCH_AGAIN, where=str(path))
    if not content.endswith(b"\n"):
        last = content.count(b"\n") + 1
        raise DataError(
            "the file stops within a line, so it was cut off",
            do=f"{_FETCH_AGAIN}, or end the line if it is whole",
            where=f"{path}, line {last}",
        )
    return content.rstrip() + b"\n"


def _parse(content: bytes) -> Floats | None:
    """Return (rows, 26) numbers, one row per line, or None when some line is not such a row."""
    try:
        frame = pd.read_csv(io.BytesIO(content), sep=r"\s+", header=None, dtype=np.float64, quoting=3)
    except ValueError:  # pandas' parser errors and decoding errors are ValueErrors
        return None
    if frame.shape != (content.count(b"\n"), _COLUMNS):
        return None
    return np.ascontiguousarray(frame.to_numpy())  # (rows, 26)


def _parse_by_line(path: Path, content: bytes, columns: int, gaps: bool = False) -> Floats:
    """Return (lines, columns) numbers, or raise the DataError of the first line at fault."""
    rows = []
    for number, line in enumerate(content.decode("utf-8", errors="replace").split("\n")[:-1], start=1):
        cells = line.split()
        where = f"{path}, line {number}"
        if len(cells) != columns:
            what = f"the line has {len(cells)} columns where {columns} belong"
            raise DataError(what, do=_PUT_RIGHT, where=where)
        sensors = len(SENSOR_NAMES) if columns == _COLUMNS else 0
        held = [gaps and column > columns - sensors for column in range(1, columns + 1)]
        rows.append([_number(cell, where, i, held[i - 1]) for i, cell in enumerate(cells, start=1)])
    return np.array(rows)  # (lines, columns)


def _number(cell: str, where: str, column: int, held: bool) -> float:
    try:
        value = float(cell.replace("_", "?"))  # Python would take 1_0 for 10
    except ValueError:
        shown = cell if len(cell) <= 20 else f"{cell[:20]}..."
        raise DataError(f"column {column} is {shown!r}, not a number", do=_PUT_RIGHT, where=where) from None
    if not math.isfinite(value) and not (held and math.isnan(value)):
        do = _PUT_RIGHT + (', or write missing = "hold" in [data]' if math.isnan(value) else "")
        raise DataError(f"column {column} is {cell}, not a finite number", do=do, where=where)
    return value


def _check_order(path: Path, rows: Floats) -> None:
    """Raise DataError at the first row whose engine or cycle does not follow from the row before."""
    engine, cycle = rows[:, 0], rows[:, 1]  # (rows,), (rows,)
    same = engine[1:] == engine[:-1]  # (rows - 1,)
    follows = np.where(same, cycle[1:] == cycle[:-1] + 1, (engine[1:] == engine[:-1] + 1) & (cycle[1:] == 1))
    good = np.concatenate([[engine[0] == 1 and cycle[0] == 1], follows])  # (rows,)
    if good.all():
        return
    fault = int(np.argmin(good))
    found = f"engine {engine[fault]:g} cycle {cycle[fault]:g}"
    before = f"engine {engine[fault - 1]:g} cycle {cycle[fault - 1]:g}" if fault else "the start of the file"
    within = fault > 0 and same[fault - 1]
    law = "its cycles must run 1, 2, 3, ..." if within else "engines must run 1, 2, 3, ... from cycle 1"
    raise DataError(
        f"{found} comes after {before}, but {law} without a gap",
        do=_PUT_RIGHT,
        where=f"{path}, line {fault + 1}",
    )


def _check_published(path: Path, part: str, rows: Floats) -> None:
    """Raise DataError for a published file in the other's place, or one that holds no first engines whole."""
    known = published((rows[0, 6], rows[0, 7], rows[0, 8]))
    if known is None:
        return
    if known.part != part:
        raise DataError(
            f"it holds the published {known.part} engines of {known.subset}, not {part} engines",
            do=f"put the {part} file there, or {_FETCH_AGAIN}",
            where=str(path),
        )
    lives = np.bincount(rows[:, 0].astype(np.int64))[1:].tolist()  # engines
    for engine, (life, whole) in enumerate(
        zip_longest(lives, known.lives[: len(lives)], fillvalue=0), start=1
    ):
        if life != whole:
            raise DataError(
                f"engine {engine} has {life} rows where the published file has {whole}: "
                "it was cut off or edited",
                do=_FETCH_AGAIN,
                where=str(path),
            )


def _fleet(rows: Floats, part: str, left_at_end: Floats) -> Fleet:
    """Return the fleet of these rows; left_at_end: (engines,) cycles from last row to failure."""
    engine = rows[:, 0].astype(np.int32) - 1  # (rows,)
    last_row = np.flatnonzero(np.diff(engine, append=-1))  # (engines,)
    failed_at = rows[last_row, 1] + left_at_end  # (engines,)
    return Fleet(
        asset_names=tuple(f"{part} {number}" for number in range(1, len(last_row) + 1)),
        asset=engine,
        time=rows[:, 1].copy(),
        settings=np.ascontiguousarray(rows[:, 2:5]),  # (rows, settings)
        sensors=np.ascontiguousarray(rows[:, 5:]),  # (rows, sensors)
        remaining=failed_at[engine] - rows[:, 1],
        setting_names=SETTING_NAMES,
        sensor_names=SENSOR_NAMES,
    )
