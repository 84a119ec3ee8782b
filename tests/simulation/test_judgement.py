"""All that judges a scenario together: it goes on to the same bits, and what it found survives a file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hansa.core.charter import Charter, DefenceChoice, Gate, Reward, Validation
from hansa.runtime.result import ScenarioFigures
from hansa.simulation.federation import Federation
from hansa.simulation.session import Session
from tests.simulation.judged_world import WORLD, bad, bits, contract, filled, opened, played

EVERYTHING: dict[str, Any] = {
    "defence": DefenceChoice("geometric_median", "nnm"),
    "validation": Validation(0.4),
    "gate": Gate(2, None, 0.2),
    "reward": Reward("shapley"),
    "rounds": 4,
}


def everything(name: str = "fedavg", **changes: Any) -> Charter:
    return contract(name, **(EVERYTHING | changes))


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("fedavg", "foolsgold"),
        pytest.param("aligned", "geometric_median", marks=pytest.mark.slow),
        ("vertical", "median"),
        pytest.param("labsync_mean", "multi_krum", marks=pytest.mark.slow),
        pytest.param("fedadam", "trimmed_mean", marks=pytest.mark.slow),
    ],
)
def test_an_interrupted_run_with_everything_on_goes_on_to_the_same_bits(name: str, rule: str) -> None:
    given = everything(name, defence=DefenceChoice(rule), rounds=3)
    whole, first = Federation(given, world=WORLD), Federation(given, world=WORLD)
    assert list(whole.train(lambda _: None, lambda: False))
    seen = iter((False, True))
    assert list(first.train(lambda _: None, lambda: next(seen))) == []
    taken = first.checkpoint()
    taken.values = _plain(taken.values)  # as a file keeps it
    second = Federation(given, world=WORLD)
    assert list(second.train(lambda _: None, lambda: False, taken))
    one, other = (run.result().scenarios[name] for run in (whole, second))
    assert other.history == one.history
    assert other.curves == one.curves
    assert _plain(other.judged) == _plain(one.judged)


def test_a_snapshot_is_not_changed_by_what_follows() -> None:
    session = opened(everything())
    session.step()
    kept, values = session.snapshot()
    before = {name: leaf.tobytes() for name, leaf in kept.items()}, _plain(values["judged"])
    session.step()
    assert ({name: leaf.tobytes() for name, leaf in kept.items()}, _plain(values["judged"])) == before


@pytest.fixture(scope="module")
def done() -> Session:
    """Return a session with everything on and a party that is bad in round 2; read only."""
    return played(everything(), bad(filled(float("nan")), "party-2", rounds=[2]))


def test_figures_survive_a_round_trip(done: Session) -> None:
    figures = done.figures("fedavg")
    value = _plain(figures.value())
    again = ScenarioFigures.of(value, {"raw": figures.curves.raw, "filtered": figures.curves.filtered})
    assert _plain(again.value()) == value
    assert set(value["judged"]) == {"parties", "kept", "checks", "verdicts", "findings", "shares", "votes"}


def test_sums_by_party_are_those_of_its_verdicts(done: Session) -> None:
    found = done.judgement.found()
    assert len(found["verdicts"]) == 4 * 5
    for name, one in found["parties"].items():
        own = [verdict for verdict in found["verdicts"] if verdict["party"] == name]
        assert sum(one["outcomes"].values()) == len(own) == 4
        assert one["share"] == pytest.approx(sum(verdict["share"] for verdict in own) / 4)
    assert found["parties"]["party-2"]["rejected_by"] == {"finite": 1}
    assert found["parties"]["party-1"]["rejected_by"] == {}


def test_a_verdict_does_not_repeat_what_could_be_checked(done: Session) -> None:
    found = done.judgement.found()
    assert not any("checks" in verdict for verdict in found["verdicts"])
    assert "finite" in found["checks"]


def test_nothing_is_found_where_nobody_judges() -> None:
    session = opened(contract())
    assert session.judgement.found() == {}
    assert session.judgement.snapshot() == ({}, {})
    assert "judged" not in session.figures("fedavg").value()


def test_a_vote_alone_finds_votes_alone() -> None:
    session = opened(contract(gate=Gate(2), validation=Validation(0.4)))
    assert session.judgement.found() == {"votes": []}


def test_chance_does_not_tell_on_what_is_judged() -> None:
    """Salts of commitments are fresh in every run, and leave no trace."""
    one, other = (played(everything(rounds=2)) for _ in range(2))
    assert bits(one) == bits(other)
    assert _plain(one.judgement.found()) == _plain(other.judgement.found())
