"""The command as a whole: its version, its help, its misuse, and faults that are ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import hansa
from hansa.cli.commands import Command
from hansa.cli.main import cli
from hansa.core.charter_templates import template
from hansa.core.errors import CharterError


def call(*words: str) -> click.testing.Result:
    return CliRunner().invoke(cli, list(words))


def test_the_version_is_the_packages() -> None:
    assert call("--version").stdout == f"hansa, version {hansa.__version__}\n"


def test_help_lists_every_noun_and_the_first_two_steps() -> None:
    shown = call("--help").stdout
    for noun in ("charter", "run", "predict", "partition", "data"):
        assert f"  {noun} " in shown
    assert "hansa charter init --simulated > charter.toml" in shown


@pytest.mark.parametrize(
    "words",
    [
        ("launch",),
        ("charter", "check"),
        ("charter", "init", "--simulated", "--csv", "a.csv"),
        ("predict", "out"),
        ("partition", "charter.toml"),
        ("data", "fetch", "weather"),
        ("run", "--resume", "out", "--out", "other"),
        ("run", "--rounds", "3"),
    ],
    ids=" ".join,
)
def test_misuse_ends_with_2_and_no_traceback(words: tuple[str, ...]) -> None:
    done = call(*words)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "Error: " in done.stderr


def test_run_without_a_charter_says_how_to_get_one(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = call("run")
    assert done.exit_code == 2
    assert "hansa charter init --simulated > charter.toml" in done.stderr


def test_explaining_a_charter_is_quick_for_it_loads_no_training(tmp_path: Path) -> None:
    path = tmp_path / "charter.toml"
    path.write_text(template("cmapss"))
    code = (
        "import sys; from hansa.cli.main import cli;"
        f"cli(['charter', 'check', {str(path)!r}], standalone_mode=False);"
        "print('jax' in sys.modules, 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False False"


@click.command(cls=Command)
@click.option("--fault", type=click.Choice(["ours", "theirs", "stop"]), help="Whose fault.")
def fail(fault: str) -> None:
    """Fail."""
    if fault == "stop":
        raise KeyboardInterrupt
    if fault == "ours":
        raise ZeroDivisionError
    raise CharterError("rounds is 0", do="write rounds = 1", where="charter.toml")


def test_a_users_fault_is_a_sentence_and_ours_is_loud() -> None:
    theirs = CliRunner().invoke(fail, ["--fault", "theirs"])
    assert (theirs.exit_code, theirs.stdout) == (2, "")
    assert theirs.stderr == "charter.toml: rounds is 0; write rounds = 1.\n"
    ours = CliRunner().invoke(fail, ["--fault", "ours"])
    assert isinstance(ours.exception, ZeroDivisionError)


def test_debug_shows_where_a_fault_came_up() -> None:
    done = CliRunner().invoke(fail, ["--fault", "theirs", "--debug"])
    assert done.exit_code == 2
    assert done.stderr.startswith("Traceback")
    assert "in fail\n" in done.stderr


def test_a_command_that_a_person_stops_says_so() -> None:
    done = CliRunner().invoke(fail, ["--fault", "stop"])
    assert (done.exit_code, done.stderr) == (130, "Stopped.\n")
