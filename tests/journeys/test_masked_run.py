"""An operator runs a masked charter, finds out who saw what, and is told what cannot be masked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Hansa = Callable[..., Result]


@pytest.fixture
def masked(tiny: Any) -> Callable[[int], str]:
    """Return the text of a charter of so many parties that does not speak of secrecy."""
    return lambda parties: tiny(parties=parties).replace('\n[protection]\nsecrecy = "open"\n', "")


def test_a_charter_that_says_nothing_is_masked_and_the_report_says_who_learns_what(
    hansa: Hansa, masked: Callable[[int], str], tmp_path: Path
) -> None:
    charter = tmp_path / "four.toml"
    charter.write_text(masked(4))
    told = hansa("charter", "check", charter).stdout
    assert "Secrecy: masked: what a party sends is under masks" in told
    assert "up to 1 of 4 parties may drop out: it takes 3 to open a sum" in told
    done = hansa("run", charter, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<strong>masked</strong>" in page
    assert "sums of at least 3 parties" in page


def test_two_parties_are_told_why_not_and_what_to_write(
    hansa: Hansa, masked: Callable[[int], str], tmp_path: Path
) -> None:
    charter = tmp_path / "two.toml"
    charter.write_text(masked(2))
    refused = hansa("run", charter, "--out", tmp_path / "out")
    assert refused.exit_code == 2
    assert refused.stderr.count("\n") == 1
    assert "which is for 3 to 50 parties, and there are 2" in refused.stderr
    assert 'write secrecy = "open" in [protection] if all members agree' in refused.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("level", ["shared", "encrypted"])
def test_the_other_levels_run_as_well(
    hansa: Hansa, masked: Callable[[int], str], tmp_path: Path, level: str
) -> None:
    if level == "encrypted":
        pytest.importorskip("tenseal", reason="needs TenSEAL: pip install 'hansa[encrypted]'")
    charter = tmp_path / "four.toml"
    charter.write_text(f'{masked(4)}\n[protection]\nsecrecy = "{level}"\n')
    done = hansa("run", charter, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert f"<strong>{level}</strong>" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
