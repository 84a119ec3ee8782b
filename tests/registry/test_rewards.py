"""What a run's folder says that its parties have earned, or why nobody has."""

import json
from pathlib import Path
from typing import Any

import pytest

from hansa.core.errors import FolderError
from hansa.registry.rewards import reward_of
from hansa.registry.run_folder import RunFolder

IDENTITY = {"charter_digest": "a", "roster_digest": "b", "data_digest": "c"}
SHARES = {"parties": {"x": {"credits": 7}, "y": {"credits": 0}}, "why": "The whole pool is paid."}


def run(path: Path, shares: dict[str, Any] | None = None, **more: Any) -> Path:
    RunFolder(path).claim("", IDENTITY)
    judged = {} if shares is None else {"judged": {"shares": shares}}
    value = {
        "complete": True,
        "algorithm": "fedavg",
        "rounds_done": 12,
        "scenarios": {"fedavg": judged},
    } | more
    (path / "result.json").write_text(json.dumps(value))
    return path


def test_credits_are_those_of_the_trained_algorithm_and_one_run_has_one_evidence(tmp_path: Path) -> None:
    found = reward_of(run(tmp_path / "one", SHARES, seconds=1.0))
    assert (dict(found.credits), found.rounds) == ({"x": 7, "y": 0}, 12)
    assert reward_of(run(tmp_path / "again", SHARES, seconds=2.0)).evidence == found.evidence
    other = SHARES | {"parties": {"x": {"credits": 6}, "y": {"credits": 1}}}
    assert reward_of(run(tmp_path / "other", other)).evidence != found.evidence


def test_of_machines_apart_the_run_stands_for_the_data_that_nobody_knows(tmp_path: Path) -> None:
    found = []
    for number in ("0a", "0b", "0b"):
        out = run(tmp_path / str(len(found)), SHARES)
        identity = {"charter_digest": "a", "roster_digest": "b", "run": number}
        (out / "run.json").write_text(json.dumps(identity))
        found.append(reward_of(out).evidence)
    assert found[0] != found[1] == found[2]


@pytest.mark.parametrize(
    ("shares", "more", "why"),
    [
        (SHARES, {"complete": False}, "is not complete; finish it: hansa run --resume"),
        (None, {}, "nobody is paid for it: its charter has no [reward]"),
        ({"unmeasured": "rows are nobody's"}, {}, "nobody is paid for it: rows are nobody's"),
        (
            {"parties": {"x": {"credits": 0}}, "why": "Nothing is paid."},
            {},
            "nobody is paid for it: Nothing is paid.",
        ),
    ],
)
def test_where_nobody_is_paid_it_is_said_why(
    tmp_path: Path, shares: dict[str, Any] | None, more: dict[str, Any], why: str
) -> None:
    with pytest.raises(FolderError) as refused:
        reward_of(run(tmp_path, shares, **more))
    assert why in str(refused.value)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="holds no run"):
        reward_of(tmp_path)
