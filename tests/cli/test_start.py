"""The start of the command, before there is a command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import hansa


def test_who_stops_it_while_it_loads_sees_a_word_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt")  # loaded first, and interrupted
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from hansa.cli.start import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Stopped.\n")


def test_the_module_is_the_command() -> None:
    command = [sys.executable, "-m", "hansa.cli.start", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"hansa, version {hansa.__version__}\n"
