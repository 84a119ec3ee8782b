"""Whatever a person gets wrong is said in one sentence with its remedy; nothing is left behind."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Hansa = Callable[..., Result]
Tiny = Callable[..., str]

CMAPSS = '[data]\nsource = "cmapss"\nsubset = "FD001"'
TABLE = """\
[data]
source = "table"
file = "pumps.csv"
label_cap = 12

[columns]
pump = { role = "asset" }
hour = { role = "time" }
left = { role = "target" }
heat = { role = "sensor" }
noise = { role = "sensor" }
"""


@pytest.fixture
def refused(hansa: Hansa, tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs a charter's text, sees it refused and gives the sentence."""

    def run(charter: str, *words: object, out: Path | None = None) -> str:
        path = tmp_path / "charter.toml"
        path.write_text(charter, encoding="utf-8")
        out = tmp_path / "out" if out is None else out
        before = everything_below(tmp_path)
        done = hansa("run", path, "--out", out, *words)
        assert everything_below(tmp_path) == before, "something was written"
        return sentence(done)

    return run


def everything_below(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def sentence(done: Result) -> str:
    """Return the only line on stderr; stdout is empty and the status 2."""
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    said = done.stderr.strip()
    assert "\n" not in said
    assert "Traceback" not in said
    assert said.endswith(".")
    return said


def edit(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text()))


def line(number: int, change: Callable[[str], str]) -> Callable[[str], str]:
    def at(text: str) -> str:
        lines = text.split("\n")
        lines[number - 1] = change(lines[number - 1])
        return "\n".join(lines)

    return at


def pumps(folder: Path, *, from_left: int = 0) -> Path:
    """Write four pumps of 30 hours; their remaining life ends at `from_left`."""
    rows = [f"P{p},{h},{29 - h + from_left},{60 + h},{p + 1}" for p in range(4) for h in range(30)]
    path = folder / "pumps.csv"
    path.write_text("\n".join(["pump,hour,left,heat,noise", *rows]) + "\n", encoding="utf-8")
    return path


# --- files of C-MAPSS -----------------------------------------------------------------------------

BROKEN = {
    "a missing file": ("test", lambda path: path.unlink(), ["test_FD001.txt is missing", "hansa data fetch"]),
    "a file cut within a line": (
        "train",
        lambda path: edit(path, lambda text: text[: len(text) // 2]),
        ["train_FD001.txt, line ", "cut off", "fetch it again"],
    ),
    "a gzip file cut off": (
        "train",
        lambda path: path.write_bytes(gzip.compress(path.read_bytes())[:900]),
        ["train_FD001.txt: ", "gzip file is cut off", "fetch it again"],
    ),
    "a wrong column count": (
        "train",
        lambda path: edit(path, line(7, lambda row: row + " 1")),
        ["train_FD001.txt, line 7: ", "27 columns where 26 belong"],
    ),
    "a cell that is no number": (
        "test",
        lambda path: edit(path, line(3, lambda row: re.sub(r"\S+$", "n/a", row))),
        ["test_FD001.txt, line 3: ", "column 26 is 'n/a', not a number", "put the row right"],
    ),
    "a sensor that is NaN": (
        "train",
        lambda path: edit(path, line(5, lambda row: re.sub(r"\S+$", "NaN", row))),
        ["train_FD001.txt, line 5: ", "not a finite number"],
    ),
    "engine ids with gaps": (
        "train",
        lambda path: edit(path, lambda text: re.sub(r"(?m)^3 ", "33 ", text)),
        ["train_FD001.txt, line ", "engine 33 cycle 1 comes after engine 2", "without a gap"],
    ),
    "a RUL file of the wrong length": (
        "RUL",
        lambda path: edit(path, lambda text: text + "5\n"),
        ["RUL_FD001.txt: it has 5 lines for the 4 engines", "one line per engine"],
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_file_is_named_with_line_and_remedy(
    refused: Callable[..., str], tiny: Tiny, nasa: Path, fault: str
) -> None:
    part, break_it, words = BROKEN[fault]
    break_it(nasa / f"{part}_FD001.txt")
    said = refused(tiny(CMAPSS), "--data", nasa)
    assert all(word in said for word in words), said


def test_a_subset_that_is_not_there_is_named_with_those_at_hand(
    refused: Callable[..., str], tiny: Tiny, nasa: Path
) -> None:
    said = refused(tiny(CMAPSS.replace("FD001", "FD004")), "--data", nasa)
    assert "there is no subset FD004; at hand: FD001" in said


def test_a_subset_that_does_not_exist_is_refused_with_those_that_do(
    refused: Callable[..., str], tiny: Tiny, nasa: Path
) -> None:
    said = refused(tiny(CMAPSS.replace("FD001", "FD005")), "--data", nasa)
    assert 'subset cannot be "FD005"; choose among "FD001", "FD002", "FD003", "FD004"' in said


def test_no_folder_of_records_is_asked_for(refused: Callable[..., str], tiny: Tiny) -> None:
    assert "pass --data DIR or set HANSA_DATA" in refused(tiny(CMAPSS))


# --- parties, labels and tables -------------------------------------------------------------------


def test_more_parties_than_engines_of_the_charter_are_refused(
    refused: Callable[..., str], tiny: Tiny
) -> None:
    assert "9 parties cannot share 8 engines; write parties = 8 or fewer" in refused(tiny(parties=9))


def test_more_parties_than_engines_of_the_files_are_refused(
    refused: Callable[..., str], tiny: Tiny, nasa: Path
) -> None:
    assert "9 parties cannot share 8 assets" in refused(tiny(CMAPSS, parties=9), "--data", nasa)


def own_table(tiny: Tiny) -> str:
    return tiny(TABLE).replace("sensors_per_party = 13", "")


def test_labels_that_no_party_has_are_named(refused: Callable[..., str], tiny: Tiny, tmp_path: Path) -> None:
    pumps(tmp_path, from_left=3)
    said = refused(own_table(tiny))
    assert "no party has a row with label 0 to 2" in said
    assert "widen label_bin" in said


def test_a_party_that_learns_nothing_is_named(
    refused: Callable[..., str], tiny: Tiny, tmp_path: Path
) -> None:
    text = own_table(tiny).replace('left = { role = "target" }', 'left = { role = "ignore" }')
    text += '[label]\nsource = "failed_at"\ncolumn = "failed"\n'
    rows = [f"P{p},{h},0,{60 + h},{p + 1},{30 if p < 2 else ''}" for p in range(12) for h in range(10)]
    (tmp_path / "pumps.csv").write_text("\n".join(["pump,hour,left,heat,noise,failed", *rows]) + "\n")
    said = refused(text.replace("parties = 2", "parties = 4"))
    assert re.match(r"party-\d: none of its rows has a known remaining life; ", said)


def test_an_empty_sensor_cell_is_named_unless_the_charter_allows_it(
    refused: Callable[..., str], tiny: Tiny, tmp_path: Path
) -> None:
    edit(pumps(tmp_path), line(9, lambda row: row.replace(",67,", ",,")))
    said = refused(own_table(tiny))
    assert f"{tmp_path / 'pumps.csv'}, line 9: " in said
    assert 'column "heat" is empty' in said
    assert 'missing = "hold"' in said


def test_a_column_that_the_file_lacks_is_named(
    refused: Callable[..., str], tiny: Tiny, tmp_path: Path
) -> None:
    edit(pumps(tmp_path), line(1, lambda row: row.replace("heat", "temp")))
    said = refused(own_table(tiny))
    assert "pumps.csv: " in said
    assert 'there is no column "heat"' in said


def test_a_table_that_is_not_there_is_named(refused: Callable[..., str], tiny: Tiny) -> None:
    assert "pumps.csv: there is no such file or folder" in refused(own_table(tiny))


def test_training_that_leaves_the_finite_numbers_leaves_no_folder(
    refused: Callable[..., str], tiny: Tiny
) -> None:
    steep = '\n[training]\noptimizer = "sgd"\nlearning_rate = 1e30\n\n[network]\nactivation = "relu"\n'
    said = refused(tiny() + steep)
    assert re.match(r"party-\d: its training left the finite numbers", said)
    assert "lower learning_rate" in said


# --- charters -------------------------------------------------------------------------------------


def test_a_charter_that_is_no_toml_is_named_with_its_line(refused: Callable[..., str], tiny: Tiny) -> None:
    assert "charter.toml, line 5: not readable as TOML" in refused(tiny().replace("rounds = 2", "rounds = "))


def test_an_unknown_key_is_named_with_the_nearest(refused: Callable[..., str], tiny: Tiny) -> None:
    said = refused(tiny().replace("rounds =", "runds ="))
    assert 'unknown key "runds"; write "rounds"' in said


@pytest.mark.parametrize("command", ["run", "charter check", "partition"])
def test_a_charter_that_cannot_be_read_is_named(hansa: Hansa, tmp_path: Path, command: str) -> None:
    more = ["--out", tmp_path / "out"] if command != "charter check" else []
    missing = sentence(hansa(*command.split(), tmp_path / "no.toml", *more))
    assert missing.startswith(f"{tmp_path / 'no.toml'}: the charter cannot be read (No such file")
    assert "hansa charter init > charter.toml" in missing
    (tmp_path / "bytes.toml").write_bytes(b'name = "a"\nconsortium = "\xff"\n')
    binary = sentence(hansa(*command.split(), tmp_path / "bytes.toml", *more))
    assert binary.startswith(f"{tmp_path / 'bytes.toml'}, line 2: the charter is not UTF-8 text")


# --- output folders -------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_is_refused_before_training(
    refused: Callable[..., str], tiny: Tiny, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    said = refused(tiny(), out=tmp_path / "file" / "out")
    assert f"{tmp_path / 'file' / 'out'}: cannot be written to" in said
    assert "--out" in said
    assert "is a file" in refused(tiny(), out=tmp_path / "file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_refused(
    refused: Callable[..., str], tiny: Tiny, tmp_path: Path
) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    assert "Permission denied" in refused(tiny(), out=tmp_path / "locked" / "out")


def test_a_folder_of_another_charter_is_refused(
    refused: Callable[..., str], tiny: Tiny, finished: Path
) -> None:
    before = everything_below(finished)
    said = refused(tiny(rounds=1), out=finished / "out")
    assert f"{finished / 'out'}: holds a run of another charter" in said
    assert "choose another folder with --out" in said
    assert everything_below(finished) == before


def test_a_folder_of_another_roster_is_refused(
    refused: Callable[..., str], tiny: Tiny, finished: Path
) -> None:
    text = (finished / "tiny.toml").read_text().replace("parties = 2", "parties = 3")
    assert "holds a run of another roster of parties" in refused(text, out=finished / "out")


def test_a_folder_with_other_things_in_it_is_refused(
    refused: Callable[..., str], tiny: Tiny, tmp_path: Path
) -> None:
    (tmp_path / "holidays").mkdir()
    (tmp_path / "holidays" / "beach.jpg").write_bytes(b"")
    assert "is not empty and holds no run" in refused(tiny(), out=tmp_path / "holidays")


def test_the_traceback_is_shown_on_request_alone(hansa: Hansa, tmp_path: Path) -> None:
    done = hansa("charter", "check", tmp_path / "no.toml", "--debug")
    assert done.exit_code == 2
    assert "Traceback" in done.stderr
    assert "the charter cannot be read" in done.stderr.splitlines()[-1]
