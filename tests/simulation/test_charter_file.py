"""A charter's file, and where its records lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from hansa.core.charter_reader import parse_charter
from hansa.core.charter_templates import template
from hansa.core.errors import CharterError
from hansa.simulation.charter_file import CharterFile, charter_file_of, read_charter_file

TABLE = """
name = "pumps"
consortium = "Two utilities"
parties = 2
protection = { secrecy = "open" }
[data]
source = "table"
file = "pumps.csv"
[columns]
pump = { role = "asset" }
hour = { role = "time" }
left = { role = "target" }
heat = { role = "sensor" }
"""


def file(text: str) -> CharterFile:
    return CharterFile(parse_charter(text), text, Path("project"))


@pytest.mark.parametrize(
    ("text", "named", "variable", "found"),
    [
        (template("cmapss"), "here", "there", "here"),
        (template("cmapss"), None, "there", "there"),
        (template("cmapss"), None, "", None),
        (template("simulated"), None, "there", None),
        (TABLE, "here", "there", "here"),
        (TABLE, None, "there", "project"),
    ],
)
def test_a_named_folder_goes_before_the_variable_and_tables_start_at_their_charter(
    monkeypatch: pytest.MonkeyPatch, text: str, named: str | None, variable: str, found: str | None
) -> None:
    monkeypatch.setenv("HANSA_DATA", variable)
    assert file(text).data_folder(named and Path(named)) == (found and Path(found))


def test_the_text_is_kept_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(template("cmapss"), encoding="utf-8")
    assert read_charter_file(tmp_path / "c.toml") == CharterFile(
        parse_charter(template("cmapss")), template("cmapss"), tmp_path
    )


def test_a_charter_made_in_python_gets_a_text_that_reads_back() -> None:
    charter = parse_charter(template("simulated"))
    assert parse_charter(charter_file_of(charter).text) == charter


def test_a_folder_is_no_charter(tmp_path: Path) -> None:
    with pytest.raises(CharterError, match=r"the charter cannot be read \(Is a directory\)"):
        read_charter_file(tmp_path)
