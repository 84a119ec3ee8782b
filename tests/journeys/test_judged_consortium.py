"""A consortium of processes whose charter judges and pays finds what a simulation of it finds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.deployed_nodes import NAMES, SERVER, Nodes, charter_text, digests, nodes, started, trial
from hansa.protection.enrolment import COORDINATOR
from tests.journeys.founding import Hansa, logs, refused

ROUNDS = 4
PATIENCE_S = 240.0
JUDGED = """
[defence]
rule = "geometric_median"

[validation]
share = 0.3

[gate]
every = 3

[reward]
measure = "shapley"
credits = 100
"""


def _founded(folder: Path, more: str = JUDGED) -> Path:
    """Return the charter's file; the nodes' homes are beside it."""
    folder.mkdir(exist_ok=True)
    text = charter_text("open", ROUNDS, more)
    trial(folder, text)
    (folder / "charter.toml").write_text(text, encoding="utf-8")
    return folder / "charter.toml"


def _out(folder: Path) -> Path:
    (out,) = (folder / COORDINATOR / "runs").iterdir()
    return out


def _judged(out: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((out / "result.json").read_text(encoding="utf-8"))
    return value["scenarios"]["fedavg"]["judged"]


def _told(folder: Path, name: str) -> dict[str, Any]:
    (file,) = (folder / name).glob("runs/*/judged.json")
    value: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return value


@pytest.mark.slow
def test_a_judged_consortium_that_is_killed_all_over_pays_what_a_simulation_does(
    tmp_path: Path, hansa: Hansa
) -> None:
    charter = _founded(tmp_path / "killed")
    with nodes(tmp_path / "killed") as killed:
        killed.look()
        points = [(2.5, COORDINATOR), (4.0, "bert"), (5.0, SERVER)]
        assert killed.finish(PATIENCE_S, points), logs(tmp_path / "killed")
        assert killed.kills == 3
    out, ledger = _out(tmp_path / "killed"), tmp_path / "credits.ledger"
    done = hansa("run", charter, "--out", tmp_path / "simulated")
    assert done.exit_code == 0, done.stderr
    found, due = _judged(out), _judged(tmp_path / "simulated")
    assert _plainly(found) == _plainly(due)
    assert found["shares"]["rounds"] == [1, 2, 3, 4]
    for name in NAMES:
        own = _told(tmp_path / "killed", name)
        assert own["verdicts"] == [one for one in found["verdicts"] if one["party"] == name]
        assert own["shares"] == found["shares"]["parties"][name]
        assert own["votes"] == found["votes"]

    shown = hansa("verdicts", out)
    assert shown.exit_code == 0, shown.stderr
    assert "Updates are weighed by geometric_median" in shown.stdout
    assert "parties voted 2 times" in shown.stdout
    one = hansa("verdicts", out, "--party", "anna")
    assert one.stdout.count("round ") == ROUNDS
    for words in (("open", ledger, "--charter", charter), ("issue", ledger, 1000)):
        assert hansa("credits", *words).exit_code == 0
    for _ in range(2):  # a run is paid once
        paid = hansa("credits", "earn", ledger, out, "--json")
        assert paid.exit_code == 0, paid.stderr
    held = json.loads(hansa("credits", "balance", ledger, "--json").stdout)
    earned = {name: one["credits"] for name, one in found["shares"]["parties"].items()}
    assert sum(earned.values()) == 100
    assert {name: held["parties"][name] for name in NAMES} == earned


def _plainly(found: dict[str, Any]) -> dict[str, Any]:
    """Return what must be the same whatever the order of additions: outcomes, votes, credits, findings."""
    return {
        "outcomes": [(one["round"], one["party"], one["outcome"], one["by"]) for one in found["verdicts"]],
        "votes": found["votes"],
        "kept": found["kept"],
        "checks": found["checks"],
        "credits": {name: one["credits"] for name, one in found["shares"]["parties"].items()},
        "findings": [(one["kind"], one["parties"]) for one in found["findings"]],
    }


def _poison(folder: str, name: str) -> None:
    """Be a party's node, with updates a thousand times as long and the other way round."""
    import jax
    import numpy as np

    from benchmarks.deployed_nodes import serve
    from hansa.core.messages import Ask, Terms
    from hansa.runtime.party import Member

    honest = Member.answer

    def answer(self: Member, ask: Ask, *, judged: bool = False) -> Terms:
        terms = honest(self, ask, judged=judged)
        return Terms(
            jax.tree.map(lambda leaf: np.float32(-1000) * np.asarray(leaf), terms.values), terms.weight
        )

    Member.answer = answer  # type: ignore[method-assign]
    serve(folder, name)


class _OnePoisoned(Nodes):
    """A consortium in which bert's node is another program."""

    def look(self) -> None:
        """Start who does not run."""
        if "bert" not in self.running:
            self.running["bert"] = started(self.folder, "bert", _poison)
        super().look()


def test_a_member_whose_node_poisons_is_thrown_out_told_why_and_paid_nothing(
    tmp_path: Path, hansa: Hansa
) -> None:
    _founded(tmp_path)
    poisoned = _OnePoisoned(tmp_path)
    try:
        assert poisoned.finish(PATIENCE_S), logs(tmp_path)
    finally:
        poisoned.stop()
    found = _judged(_out(tmp_path))
    assert found["parties"]["bert"]["outcomes"] == {"rejected": ROUNDS}
    assert found["shares"]["parties"]["bert"]["credits"] == 0
    assert all("rejected" not in found["parties"][name]["outcomes"] for name in ("anna", "carl"))
    own = _told(tmp_path, "bert")
    assert own["party"]["rejected_by"] == {"distance": ROUNDS}
    assert "times as far from the others as is usual" in own["verdicts"][0]["reason"]
    assert len(set(digests(tmp_path).values())) == 1
    assert "bert was rejected 4 times: 4 by distance" in hansa("verdicts", _out(tmp_path)).stdout


_SHARED = '[reward]\nmeasure = "gradient"\n\n[validation]\nshare = 0.3\n'
REFUSED = [
    pytest.param("shared", _SHARED, 'secrecy "shared" runs in a simulation alone', id="shared"),
    pytest.param(
        "open",
        JUDGED + '\n[lateness]\nrule = "go_on"\n',
        r"a vote without those who are late runs in a simulation alone; write rule = \"wait\"",
        id="late votes",
    ),
]


@pytest.mark.parametrize(("secrecy", "more", "says"), REFUSED)
def test_what_separate_machines_do_not_judge_is_said_at_once(
    tmp_path: Path, hansa: Hansa, secrecy: str, more: str, says: str
) -> None:
    file = tmp_path / "charter.toml"
    file.write_text(charter_text(secrecy, ROUNDS, more), encoding="utf-8")
    refused(hansa("coordinator", "init", tmp_path / "hub", file), says)
    assert not (tmp_path / "hub").exists()


@pytest.mark.slow
def test_up_shows_a_judged_consortium_and_where_its_verdicts_are(tmp_path: Path, hansa: Hansa) -> None:
    charter = tmp_path / "charter.toml"
    charter.write_text(charter_text("open", ROUNDS, JUDGED), encoding="utf-8")
    words = [sys.executable, "-m", "hansa.cli.start", "up", charter, "--out", tmp_path / "up"]
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    out = _out(tmp_path / "up")
    assert f"How updates were judged: hansa verdicts {out}" in done.stdout
    assert sum(one["credits"] for one in _judged(out)["shares"]["parties"].values()) == 100
    assert hansa("verdicts", out, "--json").exit_code == 0
    assert "What was found of your updates" in (tmp_path / "up" / "anna" / "log").read_text(encoding="utf-8")
