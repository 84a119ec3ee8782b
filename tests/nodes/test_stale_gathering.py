"""Late answers count once, in a round that is not too far, and less the older they are."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.core import arrays
from hansa.core.charter import Charter, Lateness, Party
from hansa.core.errors import AbortedError, PartyError
from hansa.core.framing import frame, framed
from hansa.core.messages import Ask, Terms, Totals
from hansa.core.steps import step_of
from hansa.nodes.asking import Asking
from hansa.nodes.stale_gathering import StaleGathering, part_of
from hansa.registry.node_store import NodeStore
from hansa.transport.seam import Answer, Refusal, Transport
from tests.batteries.wire import run_of, wire
from tests.nodes.node_world import Bytes, charter_of

NAMES = ("anna", "bert", "carl", "dora")
LIKE = Terms({"x": jnp.zeros(3)}, jnp.float32(0.0))


def charter(late: Lateness) -> Charter:
    """Return a charter of four parties."""
    return replace(charter_of("fedavg"), name="a run", roster=tuple(map(Party, NAMES)), lateness=late)


def terms(name: str, round_: int, common: Ask) -> Terms:
    """Return what a party finds: its name, the round and the model that it was asked with tell it."""
    own = np.float32(NAMES.index(name) + 1 + 0.1 * round_)
    return Terms({"x": jnp.array([own, -own, 1.0]) + common.shared["x"]}, jnp.float32(10 + NAMES.index(name)))


@dataclass
class Machine:
    """A party that works on one question for some rounds, keeps its last answer, and gives it again."""

    name: str
    lags: Mapping[int, int]  # the round of a question to how many rounds its answer takes
    kept: tuple[int, bytes] = (0, b"")
    work: tuple[int, bytes, int] | None = (
        None  # a question's round, the answer, and the round when it is done
    )
    made: list[int] = field(default_factory=list)

    def done(self, round_: int) -> None:
        """Keep what is ready in a round."""
        if self.work is not None and self.work[2] <= round_:
            self.kept, self.work = self.work[:2], None

    def answer(self, asked: int, question: bytes, round_: int) -> bytes | None:
        """Return an answer, or None while there is none."""
        self.done(round_)
        if self.kept[0] == asked:
            return self.kept[1]
        if self.work is not None:
            return None  # what is asked meanwhile waits
        if not question:
            return b""
        assert asked > self.kept[0], "it is asked for an earlier round than it has answered"
        assert asked not in self.made, "it computes an answer twice"
        self.made.append(asked)
        found = frame(terms(self.name, asked, framed(ask(0), question, "coordinator")))
        self.work = asked, found, round_ + self.lags.get(asked, 0)
        return self.answer(asked, question, round_)


@dataclass
class Post:
    """A transport to such parties, in whose rounds time does not pass unless all wait."""

    parties: dict[str, Machine]
    round: int = 0
    asked: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    oldest: int = 10  # rounds

    @contextmanager
    def asking(self, seconds: float) -> Iterator[Post]:
        """Open a round's questions."""
        del seconds
        self.asked = {}
        yield self

    @property
    def missing(self) -> list[str]:
        """Return who has not answered."""
        return list(self.asked)

    def ask(self, step: str, questions: Mapping[str, bytes]) -> None:
        """Ask."""
        for name, question in questions.items():
            work, asked = self.parties[name].work, step_of(step).round
            assert self.round - asked <= self.oldest
            busy = work is not None and work[0] != asked
            assert not busy or self.round - work[0] > self.oldest, "it is asked anew while it works"  # type: ignore[index]
            self.asked[name] = asked, question

    def heard(self, seconds: float) -> list[tuple[str, Any]]:
        """Return what is ready; where a round waits long, the first who works comes to its end."""
        came = self._ready()
        if not came and seconds > 1.0:
            for name in self.asked:
                machine = self.parties[name]
                if machine.work is not None:
                    machine.done(machine.work[2])
                    return self._ready()
        return came or time.sleep(seconds) or []  # type: ignore[func-returns-value]

    def exchange(self, step: str, questions: Mapping[str, bytes], seconds: float) -> dict[str, Any]:
        """Fail: no step of these tests asks all."""
        raise AssertionError(step)

    def _ready(self) -> list[tuple[str, Any]]:
        found = []
        for name, (round_, question) in list(self.asked.items()):
            answer = self.parties[name].answer(round_, question, self.round)
            if answer is not None:
                found.append((name, Bytes(answer)))
                del self.asked[name]
        return found


def ask(round_: int) -> Ask:
    """Return a round's question, whose model the round tells."""
    return Ask(jnp.int32(round_), {"x": jnp.full(3, np.float32(round_))})


@dataclass
class Run:
    """A coordinator's rounds, which can be taken again from what it keeps."""

    late: Lateness
    post: Any
    store: NodeStore = field(
        default_factory=lambda: NodeStore(Path(tempfile.mkdtemp(prefix="stale")) / "node.db")
    )

    def round(self, number: int) -> Totals:
        """Return a round's totals, found by a coordinator that has just started."""
        if isinstance(self.post, Post):
            self.post.round = number
        asking = Asking(charter(self.late), self.post, self.store)
        asking.begin(number)
        gathering = StaleGathering(asking, charter(self.late), self.post, self.store)
        found = gathering.totals(ask(number), [LIKE], addressed=False)
        assert isinstance(found, Totals)
        self.counted = gathering._counted
        return found


lags = st.dictionaries(
    st.sampled_from(NAMES), st.dictionaries(st.integers(1, 8), st.integers(0, 6)), max_size=4
)


@settings(max_examples=25, deadline=None)
@given(lags, st.integers(1, 3), st.integers(1, 4), st.lists(st.integers(1, 8)))
def test_each_answer_counts_once_and_none_that_is_too_old(
    slow: dict[str, dict[int, int]], oldest: int, quorum: int, killed: list[int]
) -> None:
    machines = {name: Machine(name, slow.get(name, {})) for name in NAMES}
    post = Post(machines, oldest=oldest)
    run = Run(Lateness("stale", 60.0, quorum, oldest), post)
    seen: set[tuple[str, int]] = set()
    for number in range(1, 8):
        found = run.round(number)
        counted = list(run.counted)
        assert len({name for name, _ in counted}) == len(counted) >= quorum
        assert all(0 <= number - round_ <= oldest for _, round_ in counted)
        assert not seen.intersection(counted)
        seen.update(counted)
        due, weight = np.zeros(3, np.float32), np.float32(0.0)
        for name, round_ in counted:
            one = terms(name, round_, ask(round_))
            due = due + np.asarray(one.values["x"]) * (np.asarray(one.weight) * part_of(number - round_))
            weight = weight + np.asarray(one.weight)
        np.testing.assert_allclose(found.values["x"], due, rtol=1e-5)
        assert float(found.weight) == float(weight)
        for again in range(killed.count(number)):
            del again
            same = run.round(number)  # a coordinator that was killed before it took the step
            assert run.counted == counted
            assert np.asarray(same.values["x"]).tobytes() == np.asarray(found.values["x"]).tobytes()
    run.store.close()


def test_a_part_falls_with_age_and_is_whole_in_time() -> None:
    assert part_of(0) == 1.0
    assert part_of(3) == 0.5
    parts = [part_of(age) for age in range(11)]
    assert parts == sorted(parts, reverse=True)
    assert len(set(parts)) == len(parts)


def test_what_is_late_moves_the_model_less_even_where_nothing_else_comes() -> None:
    lags = {"anna": {1: 1}, "bert": {2: 9}, "carl": {1: 9}, "dora": {1: 9}}
    post = Post({name: Machine(name, lags[name]) for name in NAMES})
    run = Run(Lateness("stale", 60.0, 1, 4), post)
    run.round(1)
    assert run.counted == [("bert", 1)]
    alone = run.round(2)
    assert run.counted == [("anna", 1)]
    whole = terms("anna", 1, ask(1))
    moved, asked = np.asarray(alone.values["x"]) / float(alone.weight), np.asarray(whole.values["x"])
    np.testing.assert_allclose(moved, asked / np.sqrt(2.0), rtol=1e-6)


class Saying:
    """A transport whose parties say what a test does, once each time they are asked."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers, self.came, self.asked = answers, list[tuple[str, Any]](), list[str]()

    @contextmanager
    def asking(self, seconds: float) -> Iterator[Saying]:
        """Open a round's questions."""
        del seconds
        yield self

    missing: tuple[str, ...] = ()

    def ask(self, step: str, questions: Mapping[str, bytes]) -> None:
        """Ask."""
        self.asked += [f"{name} {step} {len(question) > 0}" for name, question in questions.items()]
        self.came += [(name, self.answers[name]) for name in questions if name in self.answers]

    def heard(self, seconds: float) -> list[tuple[str, Any]]:
        """Return what was said."""
        del seconds
        came, self.came = self.came, []
        return came


def sound(name: str, round_: int = 1) -> Bytes:
    """Return an answer."""
    return Bytes(frame(terms(name, round_, ask(round_))))


def test_an_answer_without_sense_and_a_refusal_harm_nobody_else() -> None:
    answers = {"anna": sound("anna"), "bert": Bytes(b"?"), "carl": Refusal("no"), "dora": sound("dora")}
    run = Run(Lateness("stale", 1.0, 2, 4), Saying(answers))
    found = run.round(1)
    assert run.counted == [("anna", 1), ("dora", 1)]
    assert float(found.weight) == 10 + 13
    run.post.asked.clear()
    run.round(2)
    assert run.post.asked == [f"{name} 2.0.training True" for name in NAMES]


def test_too_few_answers_end_the_run_and_it_is_said_why() -> None:
    late = Lateness("stale", 1.0, 3, 4)
    two = {name: sound(name) for name in ("anna", "bert")}
    with pytest.raises(
        AbortedError, match="within 1 s there was no answer of carl, dora, in training of round 1"
    ):
        Run(late, Saying(two)).round(1)
    with pytest.raises(PartyError, match="carl: refuses training of round 1: no"):
        Run(late, Saying(two | {"carl": Refusal("no")})).round(1)
    with pytest.raises(AbortedError, match="2 parties gave an answer, and training of round 1 needs 3"):
        Run(late, Saying(two | {"carl": Bytes(b"?"), "dora": Bytes(b"")})).round(1)


def test_after_a_restart_a_counted_answer_that_is_gone_ends_the_run() -> None:
    everybody = {name: sound(name) for name in NAMES}
    run = Run(Lateness("stale", 1.0, 2, 4), Saying(everybody))
    run.round(1)
    run.post = Saying({name: one for name, one in everybody.items() if name != "bert"})
    with pytest.raises(AbortedError, match="no answer of bert"):
        run.round(1)


def durable(name: str, seconds: float) -> Answer:
    """Return a party that takes so long for an answer, which it gives again."""
    kept: dict[str, bytes] = {}

    def answer(step: str, question: bytes) -> bytes:
        if not question:
            return kept.get(step, b"")
        if step not in kept:
            time.sleep(seconds)
            kept.clear()
            kept[step] = frame(terms(name, step_of(step).round, framed(ask(0), question, "coordinator")))
        return kept[step]

    return answer


def test_rounds_do_not_wait_for_a_slow_party_and_its_answers_count_later(tmp_path: Path) -> None:
    pauses = dict.fromkeys(NAMES, 0.02) | {"carl": 0.3}
    ages: list[int] = []
    with wire(tmp_path) as server, run_of(server, NAMES) as parties, ExitStack() as stack:
        for name in NAMES:
            stack.enter_context(parties.party(name, durable(name, pauses[name])))
        transport: Transport = parties.transport
        run = Run(Lateness("stale", 20.0, 3, 10), transport)
        began = time.perf_counter()
        for number in range(1, 31):
            run.round(number)
            ages += [number - round_ for name, round_ in run.counted if name == "carl"]
        took = time.perf_counter() - began
    assert took < 30 * 0.3 / 2  # a run that waits for it takes 9 s
    assert len(ages) >= 2
    assert max(ages) > 0


def test_parts_are_of_the_terms_number_type() -> None:
    run = Run(Lateness("stale", 1.0, 1, 4), Saying({"anna": sound("anna")}))
    found = arrays.flatten(run.round(1))
    assert {leaf.dtype for leaf in found.values()} == {np.dtype(np.float32)}
