"""The library from Python: read a charter, read records, deal them as the charter says."""

from __future__ import annotations

import re
from pathlib import Path

from hansa.core.charter import Charter
from hansa.core.charter_reader import parse_charter
from hansa.core.errors import DataError
from hansa.data import cmapss
from hansa.data.fleet import Dataset
from hansa.data.partition import Share
from hansa.runtime.large_fleet import LargeShare
from hansa.runtime.world import open_world, world_of
from hansa.simulation.charter_file import CharterFile, charter_file_of, read_charter_file, variable_folder

Source = Charter | Path | str
"""A charter, the path of one, or its text."""


def read_charter(source: Path | str) -> Charter:
    """Return the charter of a path or of a TOML text. Raises CharterError for what cannot hold in it."""
    return charter_file(source).charter


def read_cmapss(folder: Path | str | None = None, subset: str = "FD004") -> Dataset:
    """Return the train and test engines of one subset of C-MAPSS.

    folder: holds the files, or a folder `cmapss` that does; none: the one that HANSA_DATA names.
    Raises DataError naming file and line, or how to call it.
    """
    if folder is None:
        folder = variable_folder()
        if folder is None:
            do = f'set HANSA_DATA, or call read_cmapss(FOLDER, "{subset}")'
            raise DataError("no data folder was given", do=do, where="C-MAPSS")
    elif re.fullmatch(r"FD\d{3}", str(folder)) and not Path(folder).exists():
        do = (
            f'call read_cmapss(FOLDER, "{folder}"), or set HANSA_DATA and call read_cmapss(subset="{folder}")'
        )
        raise DataError(f'"{folder}" is a subset, and the folder comes first', do=do, where="C-MAPSS")
    return cmapss.read_cmapss(Path(folder), subset)


def partition(
    charter: Source, dataset: Dataset | None = None, data: Path | str | None = None
) -> list[Share | LargeShare]:
    """Return what each party holds, in the order of the roster.

    dataset: the records to deal; none: those that the charter names, found in the folder `data`.
    """
    file = charter_file(charter)
    folder = None if data is None else Path(data)
    agreed = file.charter
    world = open_world(agreed, file.data_folder(folder)) if dataset is None else world_of(dataset, agreed)
    return world.shares(agreed, agreed.partition.kind)


def charter_file(source: Source) -> CharterFile:
    """Return a charter with its text and folder; a text stands in the current folder."""
    if isinstance(source, Charter):
        return charter_file_of(source)
    if isinstance(source, str) and ("\n" in source or "=" in source):
        return CharterFile(parse_charter(source, "the charter"), source, Path())
    return read_charter_file(Path(source))
