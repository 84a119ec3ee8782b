"""One party of a judged run that sends what it should not gets a verdict, and the others go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest

from hansa.core import codec
from hansa.core.charter import Lateness
from hansa.core.errors import HansaError, MessageError, RefusedError
from hansa.core.messages import Terms
from hansa.core.steps import Step, step_of
from hansa.judging.arrival import SALT_BYTES
from hansa.nodes.schedule import BESIDE
from tests.nodes.frames import closed, opened
from tests.nodes.judged_node_world import JudgedNodes, judged_charter
from tests.nodes.node_world import Bytes, DiedError

VICTIM, OTHER = "party-2", "party-4"
RULE: dict[str, Any] = {"defence": {"rule": "geometric_median"}}
LATE = Lateness("go_on", 1.0)
Lie = Callable[[Mapping[str, bytes]], Any]
"""What takes the place of the victim's answer, of everybody's answers to the step."""


class Unreadable(Bytes):
    """An answer that is not what its sender signed for."""

    def read(self) -> bytes:
        """Return nothing."""
        raise MessageError("its message is garbled", do="drop it", where=VICTIM)


@dataclass
class Lying:
    """A transport in which one party's answers to a kind of step are others."""

    nodes: JudgedNodes
    kind: str
    lie: Lie

    def exchange(self, step: str, questions: Mapping[str, bytes], seconds: float) -> dict[str, Any]:
        """Carry questions and answers."""
        found = self.nodes.exchange(step, questions, seconds)
        if step_of(step).kind == self.kind and VICTIM in found:
            found[VICTIM] = self.lie(dict(found))
        return found


def lied(folder: Path, kind: str, lie: Lie, **changes: Any) -> JudgedNodes:
    """Return a run in which the victim's answers of a kind are lies."""
    nodes = JudgedNodes(judged_charter(**(RULE | changes)), folder)
    with closing(nodes):
        nodes.run(Lying(nodes, kind, lie))
    return nodes


def outcomes(nodes: JudgedNodes, party: str) -> set[tuple[str, str]]:
    """Return the outcomes of a party's rounds, and the checks that found them."""
    return {(one["outcome"], one["by"]) for one in nodes.found["verdicts"] if one["party"] == party}


def times(factor: float) -> Lie:
    """Return what shows an update that is so many times the one committed to."""

    def lie(found: Mapping[str, bytes]) -> bytes:
        body = found[VICTIM]
        head, leaves = opened(body[:-SALT_BYTES])
        grown = {
            name: leaf if name == "weight" else np.float32(factor) * leaf for name, leaf in leaves.items()
        }
        return Bytes(closed(head, grown) + body[-SALT_BYTES:])

    return lie


slow = pytest.mark.slow
LIES = [
    pytest.param(
        "training/reveal", times(-1.0), "commitment", id="shows another update than it committed to"
    ),
    pytest.param("training/reveal", lambda found: found[OTHER], "commitment", id="shows another's update"),
    pytest.param("training/reveal", lambda found: Bytes(b""), "schema", id="shows nothing", marks=slow),
    pytest.param(
        "training/reveal", lambda found: Bytes(b"\x80\x04pickle"), "schema", id="shows garbage", marks=slow
    ),
    pytest.param("training/reveal", lambda found: Unreadable(found[VICTIM]), "schema", id="is not signed"),
    pytest.param(
        "training/commit", lambda found: Bytes(b"garbage"), "commitment", id="commits to garbage", marks=slow
    ),
    pytest.param(
        "training/commit",
        lambda found: Bytes(codec.encode({"commitment": 5})),
        "commitment",
        id="to a number",
    ),
    pytest.param("training/commit", lambda found: found[OTHER], "commitment", id="commits as another does"),
    pytest.param(
        "training/commit", lambda found: Unreadable(b""), "commitment", id="unsigned commitment", marks=slow
    ),
]


@pytest.mark.parametrize(("kind", "lie", "check"), LIES)
def test_who_sends_no_update_that_it_committed_to_gets_a_verdict_and_the_others_go_on(
    tmp_path: Path, kind: str, lie: Lie, check: str
) -> None:
    nodes = lied(tmp_path, kind, lie)
    assert outcomes(nodes, VICTIM) == {("rejected", check)}
    for name in set(nodes.names) - {VICTIM}:
        assert "rejected" not in {outcome for outcome, _ in outcomes(nodes, name)}
    assert nodes.rounds == [1, 2, 3]
    assert nodes.judged[VICTIM]["party"]["rejected_by"] == {check: 3}
    assert nodes.judged[OTHER]["party"]["rejected_by"] == {}


@pytest.mark.parametrize("factor", [-100.0, 1e20])
def test_a_poisoner_that_keeps_to_the_protocol_is_thrown_out(tmp_path: Path, factor: float) -> None:
    """Its own node commits to the poison and shows it: the rule finds it far from the others."""
    nodes = JudgedNodes(judged_charter(**RULE), tmp_path)
    poisoned = _Poisoner(nodes, factor)
    with closing(nodes):
        nodes.alive[VICTIM] = nodes.party(VICTIM)
        answers = nodes.alive[VICTIM]._answers
        answers._trained = poisoned.trained  # type: ignore[method-assign]
        poisoned.plain = type(answers)._trained
        nodes.run()
    assert outcomes(nodes, VICTIM) == {("rejected", "distance")}
    clean = JudgedNodes(judged_charter(**RULE), tmp_path / "clean")
    (tmp_path / "clean").mkdir()
    with closing(clean):
        clean.run()
    for leaf, own in clean.networks[OTHER].items():
        assert np.abs(nodes.networks[OTHER][leaf] - own).max() < 0.2


def test_a_party_whose_training_leaves_the_finite_numbers_gets_a_verdict_and_ends_nothing(
    tmp_path: Path,
) -> None:
    nodes = JudgedNodes(judged_charter(**RULE, reward={"measure": "shapley"}), tmp_path)

    def break_records(step: Step, party: str) -> None:
        if (step.round, step.number, party) == (1, 0, OTHER):
            ready = nodes.alive[VICTIM]._answers._ready
            assert ready is not None
            rows = ready.member.rows
            lost = np.full(len(rows.y), np.nan, np.float32)
            ready.member.rows = eqx.tree_at(lambda one: one.y, rows, lost)

    nodes.leaving = break_records
    with closing(nodes):
        nodes.run()
    own = [(one["outcome"], one["by"]) for one in nodes.found["verdicts"] if one["party"] == VICTIM]
    assert own[1:] == [("rejected", "finite")] * 2
    assert nodes.rounds == [1, 2, 3]


@pytest.mark.parametrize(
    ("kind", "lie"),
    [
        ("finish", lambda found: Bytes(b"garbage")),
        pytest.param("finish", lambda found: Unreadable(b""), marks=slow),
        pytest.param("vote", lambda found: Bytes(b"garbage"), marks=slow),
        ("vote", lambda found: Bytes(codec.encode({"aye": 7}))),
        pytest.param("vote", lambda found: Unreadable(b""), marks=slow),
        ("adopt", lambda found: Bytes(b"garbage")),
        ("mark", lambda found: Bytes(codec.encode({"marks": np.full(5, np.nan)}))),
        pytest.param("mark", lambda found: Bytes(codec.encode({"marks": np.zeros(3)})), marks=slow),
        pytest.param("mark", lambda found: Bytes(codec.encode({"marks": "many"})), marks=slow),
        pytest.param("mark", lambda found: Unreadable(b""), marks=slow),
        ("mark", lambda found: Bytes(codec.encode({"marks": np.full(5, 1e300)}))),
        pytest.param("verdicts", lambda found: Bytes(b"garbage"), marks=slow),
    ],
)
def test_who_votes_or_values_with_garbage_is_left_out_of_it_and_the_others_go_on(
    tmp_path: Path, kind: str, lie: Lie
) -> None:
    nodes = lied(tmp_path, kind, lie, gate={"every": 3}, reward={"measure": "shapley"})
    (vote,) = nodes.found["votes"]
    assert (VICTIM in vote["ayes"] + vote["noes"]) == (kind != "vote")
    assert len(nodes.found["shares"]["rounds"]) == 3
    values = np.array(nodes.found["shares"]["values"])
    assert np.isfinite(values).all()
    assert np.any(values)


def test_a_party_shows_nothing_before_it_has_committed_and_only_what_it_committed_to(tmp_path: Path) -> None:
    nodes = JudgedNodes(judged_charter(**RULE), tmp_path)
    refused = []

    class Curious:
        """A coordinator that asks for more than is due."""

        def exchange(self, step: str, questions: Mapping[str, bytes], seconds: float) -> dict[str, Any]:
            now = step_of(step)
            if now.kind == "training/commit":
                for kind in ("training/reveal", "training", "vote", "mark", "verdicts"):
                    for number in (now.number, now.number + 1):
                        with pytest.raises(HansaError) as fault:
                            nodes.answer(VICTIM, f"{now.round}.{number}.{kind}", codec.encode({}))
                        refused.append(fault.value)
            found = nodes.exchange(step, questions, seconds)
            if now.kind == "training/commit":
                with pytest.raises(RefusedError, match="asks another thing than before"):
                    nodes.answer(VICTIM, step, questions[VICTIM] + b"\0")
                assert nodes.answer(VICTIM, step, questions[VICTIM]) == found[VICTIM]
            return found

    with closing(nodes):
        nodes.run(Curious())
    assert len(refused) == 3 * 10
    assert all(isinstance(one, RefusedError) for one in refused)


def _other_model(value: dict[str, Any]) -> dict[str, Any]:
    head, leaves = opened(value["ask"])
    name = max(leaves, key=lambda one: leaves[one].size)
    return value | {"ask": closed(head, leaves | {name: leaves[name] + np.float32(1)})}


def _questions(kind: str, value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what a coordinator must not ask instead."""
    if kind == "mark":
        terms = value["terms"]
        wrong = [terms[:, 1:], terms[:0], terms[0], terms.astype("f8"), np.tile(terms, (2, 1)), "all", 5]
        yield from (value | {"terms": one} for one in wrong)
        yield _other_model(value)
    if kind in ("mark", "vote"):
        yield from (value | {"ask": one} for one in (None, b"", value["ask"][:-1], 7))
    elif kind == "adopt":
        yield from ({"promoted": one} for one in (None, 1, "yes"))
    elif kind == "verdicts":
        deep: Any = []
        for _ in range(300):
            deep = [deep]
        yield from ({"why": one} for one in (b"bytes", np.zeros(2), float("nan"), {1: "one"}, deep))


def test_what_is_no_question_of_judging_is_refused_and_the_run_goes_on(tmp_path: Path) -> None:
    nodes = JudgedNodes(judged_charter(**RULE, gate={"every": 1}, reward={"measure": "shapley"}), tmp_path)
    refused: Counter[str] = Counter()

    class Wrong:
        """A coordinator that asks wrongly before it asks what is due."""

        def exchange(self, step: str, questions: Mapping[str, bytes], seconds: float) -> dict[str, Any]:
            kind = step_of(step).kind
            value = codec.decode(questions[VICTIM]) if kind in BESIDE else {}
            for asked in (b"", b"garbage", *map(codec.encode, _questions(kind, value))) if value else ():
                with pytest.raises((MessageError, RefusedError)):
                    nodes.answer(VICTIM, step, asked)
                refused[kind] += 1
            return nodes.exchange(step, questions, seconds)

    with closing(nodes):
        nodes.run(Wrong())
    assert refused == {"vote": 4 * 6, "mark": 3 * 14, "adopt": 3 * 5, "verdicts": 7}
    assert VICTIM in nodes.judged


@dataclass
class Late:
    """A transport on which some answers do not come in time, and whose coordinator dies after each step."""

    nodes: JudgedNodes
    late: set[tuple[int, str]]  # rounds and kinds in which the victim is
    deaths: set[str] = field(default_factory=set)

    def exchange(self, step: str, questions: Mapping[str, bytes], seconds: float) -> dict[str, Any]:
        """Carry questions and answers."""
        now = step_of(step)
        absent = {VICTIM} if (now.round, now.kind) in self.late and step not in self.deaths else set()
        found = self.nodes.exchange(
            step, {one: questions[one] for one in questions if one not in absent}, seconds
        )
        if step not in self.deaths and now.round:
            self.deaths.add(step)
            if not absent:
                raise DiedError
        return found


def test_who_is_late_has_no_verdict_of_the_round_and_comes_again(tmp_path: Path) -> None:
    nodes = JudgedNodes(judged_charter(**RULE, lateness=LATE, reward={"measure": "shapley"}), tmp_path)
    transport = Late(nodes, {(1, "training/commit"), (2, "training/reveal"), (3, "mark")})
    with closing(nodes):
        while True:
            try:
                nodes.run(transport)
                break
            except DiedError:
                continue
    told = [one["round"] for one in nodes.found["verdicts"] if one["party"] == VICTIM]
    assert told == sorted(one["round"] for one in nodes.found["verdicts"] if one["party"] == OTHER)[-1:]
    values = np.array(nodes.found["shares"]["values"])
    assert not values[:2, 1].any()
    assert values[2, 1]


class _Poisoner:
    """A party's node whose updates are so many times its own."""

    def __init__(self, nodes: JudgedNodes, factor: float) -> None:
        self._nodes, self._factor, self.plain = nodes, factor, None

    def trained(self, kind: str, question: bytes) -> Any:
        """Return what the node would send, and what it remembers."""
        assert self.plain is not None
        terms, local = self.plain(self._nodes.alive[VICTIM]._answers, kind, question)
        grown = jax.tree.map(lambda leaf: np.float32(self._factor) * np.asarray(leaf), terms.values)
        return Terms(grown, terms.weight), local
