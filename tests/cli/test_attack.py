"""`hansa attack` refuses in one sentence before anything is trained, and never writes over other files."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hansa.cli import attack as command
from hansa.cli.main import cli
from hansa.simulation.red_team import RedTeam

CHARTER = """\
name = "tiny"
consortium = "Four makers"
parties = 4
seed = 7
rounds = 2

[data]
source = "simulated"
engines = 8
test_engines = 4

[partition]
kind = "horizontal"

[protection]
secrecy = "open"

[algorithm]
name = "fedavg"
"""


def attack(*words: object) -> Result:
    return CliRunner(catch_exceptions=False).invoke(cli, ["attack", *map(str, words)])


@pytest.fixture
def charter(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(CHARTER, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--rules", "krumm"], '--rules: rule cannot be "krumm"'),
        (["--rules", "krum,,median"], "'krum,,median' is no list of names"),
        (["--attacks", "alie,flip"], '--attacks: attack cannot be "flip"'),
        (["--bad", "3"], "--bad: 3 of 4 parties cannot be bad"),
        (["--bad", "0"], "0 is not in the range x>=1"),
        (["--rounds", "0"], "0 is not in the range x>=1"),
    ],
)
def test_a_wrong_word_is_refused_in_a_sentence_before_anything_is_written(
    charter: Path, words: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(charter.parent)
    done = attack(charter, *words)
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert done.stdout == ""
    assert [path.name for path in charter.parent.iterdir()] == ["tiny.toml"]


def test_a_charter_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = attack(tmp_path / "none.toml")
    assert done.exit_code == 2
    assert "none.toml" in done.stderr


def test_a_folder_with_other_files_is_refused(charter: Path, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "notes").write_text("mine", encoding="utf-8")
    done = attack(charter, "--out", full)
    assert done.exit_code == 2
    assert "is not empty and holds no attacks" in done.stderr
    assert "is a file" in attack(charter, "--out", full / "notes").stderr
    assert [path.name for path in full.iterdir()] == ["notes"]


def test_what_was_stopped_leaves_a_page_of_what_is_done(
    charter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = RedTeam.outcomes

    def stopped(team: RedTeam, watch: Any) -> Any:
        for number, one in enumerate(whole(team, watch)):
            if number == 2:
                raise KeyboardInterrupt
            yield one

    monkeypatch.setattr(RedTeam, "outcomes", stopped)
    done = attack(charter, "--rules", "median", "--attacks", "alie", "--out", tmp_path / "out")
    assert done.exit_code == 130
    assert "Stopped; the page holds what is done." in done.stderr
    assert "Partial." in (tmp_path / "out" / "attack.html").read_text(encoding="utf-8")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(command._FILES)


def test_records_that_are_missing_leave_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HANSA_DATA", raising=False)
    path = tmp_path / "nasa.toml"
    nasa = CHARTER.replace(
        'source = "simulated"\nengines = 8\ntest_engines = 4', 'source = "cmapss"\nsubset = "FD001"'
    )
    path.write_text(nasa, encoding="utf-8")
    done = attack(path, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "no data folder was given" in done.stderr
    assert not (tmp_path / "out").exists()
