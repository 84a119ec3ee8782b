"""An operator runs a judged, voted and rewarded charter, and a party reads what was found of its updates."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from hansa.cli.report import report_of
from hansa.simulation.charter_file import read_charter_file
from hansa.simulation.launch import launch, relaunch

Hansa = Callable[..., Result]

JUDGED = """
[algorithm]
name = "fedavg"

[defence]
rule = "geometric_median"
before = "arc"

[validation]
share = 0.4

[gate]
every = 2

[reward]
measure = "shapley"
credits = 100
"""


@pytest.fixture(scope="module")
def charter(tmp_path_factory: pytest.TempPathFactory, tiny: Any) -> Path:
    """Return a charter of three parties that judges all there is."""
    text = tiny(parties=3, rounds=3).replace('kind = "hybrid"\nsensors_per_party = 13', 'kind = "horizontal"')
    path = tmp_path_factory.mktemp("judged") / "judged.toml"
    path.write_text(text.replace("\n[protection]", f"{JUDGED}\n[protection]"))
    return path


@pytest.fixture(scope="module")
def out(charter: Path, hansa: Hansa) -> Path:
    """Return the folder of its run, with what the terminal said beside it."""
    done = hansa("run", charter, "--out", charter.parent / "out")
    assert done.exit_code == 0, done.stderr
    (charter.parent / "stdout.txt").write_text(done.stdout)
    return charter.parent / "out"


def test_the_charter_in_words_says_how_parties_are_judged(hansa: Hansa, charter: Path) -> None:
    told = hansa("charter", "check", charter).stdout
    assert "Updates are weighed by: geometric_median" in told
    assert "the longest updates are shortened" in told
    assert "Kept out of training: 40% of each party's own assets." in told
    assert "2 of 3 parties adopt a model" in told


def test_the_result_holds_verdicts_votes_and_shares(out: Path) -> None:
    found = json.loads((out / "result.json").read_text())["scenarios"]["fedavg"]["judged"]
    assert len(found["verdicts"]) == 9
    assert [one["round"] for one in found["votes"]] == [2, 3]
    assert sum(one["credits"] for one in found["shares"]["parties"].values()) in (0, 100)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Updates are weighed by geometric_median" in page
    assert "parties voted 2 times" in page


def test_the_terminal_says_how_they_voted(out: Path) -> None:
    assert "parties voted 2 times" in (out.parent / "stdout.txt").read_text()


def test_verdicts_of_all_are_a_table_and_sentences(hansa: Hansa, out: Path) -> None:
    done = hansa("verdicts", out)
    assert done.exit_code == 0
    for word in ("accepted", "down-weighted", "rejected", "party-1", "party-3", "geometric_median"):
        assert word in done.stdout


def test_a_party_reads_each_verdict_on_itself(hansa: Hansa, out: Path) -> None:
    done = hansa("verdicts", out, "--party", "party-2")
    assert done.exit_code == 0
    first, *others = done.stdout.splitlines()
    assert first == (
        "FedAvg: what could be checked: schema, shape, finite, length, replay, commitment, distance."
    )
    assert [line.partition(":")[0] for line in others] == ["round 1", "round 2", "round 3"]
    assert "party-1" not in done.stdout


def test_machines_read_the_same(hansa: Hansa, out: Path) -> None:
    whole = json.loads((out / "result.json").read_text())["scenarios"]["fedavg"]["judged"]
    assert json.loads(hansa("verdicts", out, "--json").stdout) == {"fedavg": whole}
    own = json.loads(hansa("verdicts", out, "--party", "party-2", "--json").stdout)
    assert own == {
        "fedavg": {
            "checks": whole["checks"],
            "verdicts": [one for one in whole["verdicts"] if one["party"] == "party-2"],
        }
    }


def test_what_a_run_rewards_is_paid_once(hansa: Hansa, charter: Path, out: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "credits.ledger"
    for words in (("open", ledger, "--charter", charter), ("issue", ledger, "1000")):
        assert hansa("credits", *words).exit_code == 0
    shares = json.loads((out / "result.json").read_text())["scenarios"]["fedavg"]["judged"]["shares"]
    due = {name: one["credits"] for name, one in shares["parties"].items()}
    first, again = (hansa("credits", "earn", ledger, out, "--json") for _ in range(2))
    assert first.exit_code == 0, first.stderr
    assert first.stdout == again.stdout
    held = json.loads(hansa("credits", "balance", ledger, "--json").stdout)
    assert held["parties"] == due
    assert held["pool"] == 1000 - sum(due.values()) == 900


def test_an_unknown_party_is_told_who_there_is(hansa: Hansa, out: Path) -> None:
    done = hansa("verdicts", out, "--party", "party-9")
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert 'no party is called "party-9"; name one of party-1, party-2, party-3' in done.stderr


def test_a_run_that_nobody_judged_says_what_to_write(hansa: Hansa, finished: Path) -> None:
    done = hansa("verdicts", finished / "out")
    assert done.exit_code == 2
    assert "nothing was judged in this run; write a rule in [defence] of its charter" in done.stderr


def test_a_folder_without_a_run_and_one_without_a_result_say_so(
    hansa: Hansa, out: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    assert hansa("verdicts", tmp_path / "empty").exit_code == 2
    assert hansa("verdicts", tmp_path / "none").exit_code == 2
    begun = tmp_path / "begun"
    begun.mkdir()
    for one in out.iterdir():
        if one.is_file() and one.name != "result.json":
            (begun / one.name).write_bytes(one.read_bytes())
    done = hansa("verdicts", begun)
    assert done.exit_code == 2
    assert f"holds no result yet; finish it: hansa run --resume {begun}" in done.stderr


def test_a_vote_alone_has_votes_and_no_verdicts_to_read(hansa: Hansa, tiny: Any, tmp_path: Path) -> None:
    voted = "\n[validation]\nshare = 0.4\n\n[gate]\nevery = 1\n"
    (tmp_path / "voted.toml").write_text(tiny(parties=3, rounds=1) + voted)
    assert hansa("run", tmp_path / "voted.toml", "--out", tmp_path / "out").exit_code == 0
    assert "parties voted 1 times" in hansa("verdicts", tmp_path / "out").stdout
    own = hansa("verdicts", tmp_path / "out", "--party", "party-1")
    assert own.exit_code == 2
    assert "no update of party-1 was judged" in own.stderr


def _untimed(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _untimed(v) for k, v in value.items() if k not in {"seconds", "peak_memory_mb"}}
    return [_untimed(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("rounds", [1, 2])
def test_an_interrupted_run_goes_on_to_the_same_result(
    charter: Path, out: Path, tmp_path: Path, rounds: int
) -> None:
    seen: list[Any] = []
    first = launch(read_charter_file(charter), None, tmp_path / "out")
    assert not first.go(report_of("judged"), seen.append, lambda: len(seen) >= rounds).complete
    partial = json.loads((tmp_path / "out" / "result.json").read_text())["scenarios"]["fedavg"]["judged"]
    assert len(partial["verdicts"]) == 3 * rounds
    assert relaunch(tmp_path / "out", None).go(report_of("judged"), seen.append, lambda: False).complete
    found = json.loads((tmp_path / "out" / "result.json").read_text())
    assert _untimed(found) == _untimed(json.loads((out / "result.json").read_text()))
