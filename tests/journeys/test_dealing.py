"""A simulation's records are carried to the parties' own machines, and run from there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from click.testing import Result

Hansa = Callable[..., Result]


def test_the_folders_of_a_partition_run_together_and_score_apart(
    hansa: Hansa, finished: Path, tmp_path: Path
) -> None:
    out = tmp_path / "parties"
    dealt = hansa("partition", finished / "tiny.toml", "--out", out)
    assert dealt.exit_code == 0, dealt.stderr
    assert dealt.stdout.splitlines()[-1] == str(out)
    assert dealt.stdout.startswith("party-1: 4 assets, ")
    assert f"Next: hansa run {out / 'charter.toml'}" in dealt.stderr

    done = hansa("run", out / "charter.toml", "--out", tmp_path / "run")
    assert done.exit_code == 0, done.stderr
    assert "each party brought its own records" in done.stdout
    test = out / "party-1" / "test.csv.gz"
    assert hansa("predict", tmp_path / "run", test, "--party", "party-1").exit_code == 0
    # What was trained on the whole simulation reads the party's files as well.
    assert hansa("predict", finished / "out", test, "--party", "party-1").exit_code == 0
