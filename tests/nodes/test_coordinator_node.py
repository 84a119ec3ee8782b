"""A coordinator names the party whose answer is none, keeps its store as it was, and can be gone on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hansa.core import codec
from hansa.core.errors import AbortedError, HansaError, MessageError, PartyError
from hansa.core.steps import step_of
from hansa.protection.enrolment import COORDINATOR
from hansa.transport.seam import Refusal
from tests.nodes.frames import closed, opened
from tests.nodes.node_world import Bytes, Network, NodeWorld, alike, charter_of

VICTIM = "party-2"
Lie = Callable[[bytes], Any]
"""What takes the place of an honest answer: bytes, a refusal, or None where nothing arrives."""


@dataclass
class Lying:
    """A transport that carries one answer of one party otherwise."""

    nodes: NodeWorld
    step: str
    lie: Lie
    told: bool = False

    def exchange(self, step: str, questions: Mapping[str, bytes], seconds: float) -> dict[str, Any]:
        """Carry questions and answers; one answer is another."""
        found = self.nodes.exchange(step, questions, seconds)
        if step == self.step:
            self.told = True
            lie = self.lie(found.pop(VICTIM))
            if lie is not None:
                found[VICTIM] = Bytes(lie) if isinstance(lie, bytes) else lie
        return {name: found[name] for name in questions if name in found}


@pytest.fixture(scope="module", params=["open", "masked"])
def whole(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[NodeWorld, Mapping[str, Network]]:
    """Return a run that went well, whose parties answer again all that they keep; and what it found."""
    nodes = NodeWorld(charter_of("fedavg", request.param), tmp_path_factory.mktemp("whole"))
    with closing(nodes):
        return nodes, dict(nodes.run())


def _standing(nodes: NodeWorld) -> bytes | None:
    with closing(nodes.store(COORDINATOR)) as store:
        return store.state("standing")


def _named(nodes: NodeWorld, step: str, lie: Lie) -> HansaError:
    """Return what a run ends with whose coordinator is lied to in a step."""
    transport = Lying(nodes, step, lie)
    with pytest.raises(HansaError) as fault:
        nodes.run(transport)
    assert transport.told
    assert "\n" not in str(fault.value)
    assert len(str(fault.value)) < 800
    assert fault.value.where == VICTIM or VICTIM in fault.value.what
    return fault.value


def _lies(step: str, answer: bytes, chance: np.random.Generator) -> Iterator[Lie]:
    for wrong in (b"", answer[:-1], answer + b"\0", chance.bytes(50), chance.bytes(len(answer))):
        yield lambda _, wrong=wrong: wrong
    kind = step_of(step).kind
    if "/" in kind:
        yield lambda _: bytes([answer[0] ^ 1]) + answer[1:]
        return
    if kind == "training":
        for one in _wrong_frames(answer):
            yield lambda _, one=one: one
        return
    value = codec.decode(answer)
    plain: list[Any] = [[], None, 5, [value]] + ([{}] if value else [])
    plain += [value | changes for changes in _changes(kind, value)]
    for one in plain[: 4 if kind in ("finish", "scale", "meet") else None]:
        yield lambda _, one=one: codec.encode(one)


def _changes(kind: str, value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what makes an answer to a step a wrong one."""
    odd: list[Any] = [-1, 2**31 - 1, 2**70, True, 1.0, float("nan"), "1", None, b"", [1], np.int64(1)]
    if kind == "join":
        yield from ({name: one} for name in ("keys", "readings") for one in odd)
        if "advert" in value:
            yield from ({"advert": one} for one in (None, b"", 5, value["advert"][:-1], bytes(500)))
    elif kind == "statistics":
        yield from ({"sum": one} for one in _wrong_numbers(value["sum"]))
    elif kind == "start":
        shape = value["shape"]
        yield from ({"shape": [one, *shape[1:]]} for one in odd)
        yield from ({"shape": one} for one in ([], shape[:3], [*shape, 1], None, "abcd", [[1]] * 4, 7))
        lookups: list[Any] = [[1], [[1, 2, 3]], [[2**70, 1]], [["a", "b"]], 5, [[-1, 1]]]
        yield from ({"shape": [*shape[:3], one]} for one in lookups)
        yield {"shape": [shape[0] + 1, *shape[1:]]}  # a network of its own


def _wrong_numbers(term: np.ndarray) -> list[Any]:
    bad = [term.copy() for _ in range(4)]
    for one, value in zip(bad, (np.nan, np.inf, -np.inf, 1e300), strict=True):
        one[0] = value
    sizes = [term[:-1], np.append(term, term), term[:0], term[:1], term[None], term.astype("f4"), term > 0]
    return [*bad, *sizes, None, 1.0, term.tolist()]


def _wrong_frames(answer: bytes) -> Iterator[bytes]:
    head, leaves = opened(answer)
    yield from (closed(head | one, leaves) for one in ({"kind": "ask"}, {"opening": "x"}, {"more": 1}))
    yield from (closed(head, one) for one in _wrong_arrays(leaves))


def _wrong_arrays(leaves: dict[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    weight = next(name for name in leaves if name.endswith("weight"))
    for name in (weight, max(leaves, key=lambda one: leaves[one].size)):
        own = leaves[name]
        bad = [np.full_like(own, one) for one in (np.nan, np.inf)]
        bad += [np.full_like(own, -1.0)] if name == weight else []
        bad += [own[..., None], np.zeros((0, 3), own.dtype), own.astype("f8"), own > 0]
        yield from (leaves | {name: one} for one in bad)
        yield {key: one for key, one in leaves.items() if key != name}
    yield leaves | {"x" * 10_000: np.zeros(1)}


@pytest.mark.parametrize("most", [4, pytest.param(1000, marks=pytest.mark.slow)])
def test_an_answer_that_is_none_is_named_and_the_run_goes_on_to_the_same_bits(
    tmp_path: Path, whole: tuple[NodeWorld, Mapping[str, Network]], most: int
) -> None:
    """Every step, and so much of what can be wrong with it; the parties compute nothing again."""
    honest, due = whole
    nodes, chance = NodeWorld(honest.charter, tmp_path), np.random.default_rng(13)
    with closing(nodes):
        for step, name in honest.made:
            if name != VICTIM or step.endswith("bye"):
                continue
            first = _named(nodes, step, lambda _: Refusal("we do not\nlike it " + "x" * 10_000))
            assert isinstance(first, PartyError)
            assert f"party-2: refuses {step_of(step).words}: we do not like it xxx" in str(first)
            (answer,) = nodes.sent[step, VICTIM]
            standing, lies = _standing(nodes), list(_lies(step, answer, chance))
            for place in chance.permutation(len(lies))[: most if "/" not in step else most // 2]:
                assert isinstance(_named(nodes, step, lies[place]), MessageError | PartyError)
                assert _standing(nodes) == standing
        assert alike(nodes.run(), due)
    assert set(nodes.made.values()) == {1}
    assert all(len(answers) == 1 for answers in nodes.sent.values())


def test_a_party_that_does_not_answer_is_named_with_what_to_do(
    tmp_path: Path, whole: tuple[NodeWorld, Mapping[str, Network]]
) -> None:
    honest, due = whole
    nodes = NodeWorld(honest.charter, tmp_path)
    with closing(nodes):
        for step, name in honest.made:
            if name == VICTIM and not step.endswith("bye"):  # who does not hear that waits for nothing
                fault = _named(nodes, step, lambda _: None)
                assert isinstance(fault, AbortedError)
                assert "within 3600 s there was no answer of party-2, in " in str(fault)
                assert "start the coordinator again: it goes on" in str(fault)
        assert alike(nodes.run(), due)


def test_an_answer_of_another_party_counts_for_nobody_where_sums_are_masked(tmp_path: Path) -> None:
    nodes = NodeWorld(charter_of("fedavg", "masked"), tmp_path)
    with closing(nodes):
        nodes.run()
        (tmp_path / "coordinator.db").unlink()
        (other,) = nodes.sent["0.0.join", "party-1"]
        nodes.close()
        for file in tmp_path.glob("*.db*"):
            file.unlink()
        fault = _named(nodes, "0.0.join", lambda _: other)
    assert "signature" in str(fault) or "signed" in str(fault)
