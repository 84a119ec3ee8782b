"""A charter and its text, from a file or from Python, and where its records lie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from hansa.core.charter import Charter
from hansa.core.charter_reader import parse_charter
from hansa.core.charter_writer import render_charter
from hansa.core.errors import CharterError

DATA_VARIABLE = "HANSA_DATA"
"""Environment variable: the folder of the C-MAPSS files, where no other is named."""


@dataclass(frozen=True, slots=True)
class CharterFile:
    """A charter, its text, and the folder that a table's paths start from."""

    charter: Charter
    text: str
    folder: Path

    def data_folder(self, named: Path | None) -> Path | None:
        """Return where the records lie: the folder named, else the variable's or the charter's own."""
        if named is not None or self.charter.data.source == "simulated":
            return named
        if self.charter.data.source == "table":
            return self.folder
        return variable_folder()


def variable_folder() -> Path | None:
    """Return the folder that the environment variable names, if it names one."""
    variable = os.environ.get(DATA_VARIABLE, "")
    return Path(variable) if variable else None


def read_charter_file(path: Path) -> CharterFile:
    """Return a charter's file, checked. Raises CharterError for whatever cannot hold in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as fault:
        raise CharterError(
            f"the charter cannot be read ({fault.strerror})",
            do="name a charter, or write one with hansa charter init > charter.toml",
            where=str(path),
        ) from fault
    except UnicodeDecodeError as fault:
        line = fault.object[: fault.start].count(b"\n") + 1
        raise CharterError(
            "the charter is not UTF-8 text", do="save it as UTF-8", where=f"{path}, line {line}"
        ) from fault
    return CharterFile(parse_charter(text, str(path)), text, path.parent)


def charter_file_of(charter: Charter) -> CharterFile:
    """Return a charter that was made in Python as if it stood in a file of the current folder."""
    return CharterFile(charter, render_charter(charter), Path())
