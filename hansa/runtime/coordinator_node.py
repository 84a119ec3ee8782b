"""The coordinator of a run whose parties are elsewhere: it asks, adds up, steps on, and keeps where it is.

Between two rounds everything is on the disk. A coordinator that is killed goes on from the last whole round
and asks again; parties give the answers again that they gave, so that the run ends in the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hansa.algorithms.contract import Algorithm
from hansa.core import arrays, codec
from hansa.core.charter import Charter, Party
from hansa.core.errors import AbortedError, FolderError, MessageError, PartyError
from hansa.core.framing import frame, framed
from hansa.core.messages import Ask, Terms, Totals
from hansa.core.methods import METHODS
from hansa.core.steps import Step
from hansa.models.network import Shape
from hansa.models.parts import Partial, normalised
from hansa.registry.node_store import NodeStore
from hansa.runtime.coordinator import run_round
from hansa.runtime.learning import algorithm_of, network_of
from hansa.runtime.rehearsal import Exchange, rehearsed
from hansa.transport.memory import ask_of
from hansa.transport.seam import Refusal, Transport

Floats = NDArray[np.float64]
Watch = Callable[[int, int], None]
"""Told the rounds that are done, and all."""

_STANDING = "standing"  # the name of what is kept
PATIENCE_S = 3600.0
"""How long an exchange waits for its last party before the run ends."""


@dataclass(frozen=True, slots=True, eq=False)
class _Agreed:
    """What the parties told before the first round, from which both sides know the messages of all others."""

    keys: int  # that predictions are shared under
    shape: Shape  # of the inputs of the first party
    sizes: Sequence[int]  # each party's rows, where an algorithm shows rows one by one; else 1


class CoordinatorNode:
    """One run of one charter's algorithm."""

    def __init__(self, charter: Charter, store: NodeStore, transport: Transport, watch: Watch) -> None:
        """Take the charter that all have signed; store: where this run is kept."""
        self._charter, self._store, self._transport, self._watch = charter, store, transport, watch
        self._names = [party.name for party in charter.roster]
        self._round, self._number = 0, 0

    def run(self) -> dict[str, dict[str, Any]]:
        """Return what each party says after the last round.

        Raises PartyError for a party that refuses or sends what is no answer, and AbortedError where one does
        not answer in time; the run can be gone on with.
        """
        kept = self._store.state(_STANDING)
        if kept is None:
            agreed = self._prepared()
            algorithm, common, due, like = self._rehearsed(agreed)
            state = algorithm.start(common)
            for _ in algorithm.openings:
                state = run_round(algorithm, state, lambda ask: self._exchanged(algorithm, due, ask))
            self._keep(agreed, state)
        else:
            self._round, agreed, flat = _standing(kept, self._charter.name)
            algorithm, common, due, like = self._rehearsed(agreed)
            state = _restored(like, flat, self._charter.name)
        while self._round < self._charter.rounds:
            self._begin(self._round + 1)
            for _ in range(1 + len(algorithm.preludes)):
                state = run_round(algorithm, state, lambda ask: self._exchanged(algorithm, due, ask))
            self._keep(agreed, state)
            self._watch(self._round, self._charter.rounds)
        self._begin(self._round + 1)
        ask = algorithm.ask(state)
        return self._asked("finish", [frame(ask_of(ask, party)) for party in range(len(self._names))])

    # --- before the first round ------------------------------------------------------------------------

    def _prepared(self) -> _Agreed:
        """Return what is agreed once statistics are summed and every party is ready."""
        joined = self._asked("join")
        self._scale()
        if self._pairs:
            self._asked("turn", totals=self._summed("products"))
        keys = max(_whole(one.get("keys"), name) for name, one in joined.items())
        ready = self._asked("start", keys=keys)
        shape = _shape(ready[self._names[0]].get("shape"), self._names[0])
        addressed = METHODS[self._charter.algorithm.name].in_clear
        sizes = [_whole(one.get("rows"), name) if addressed else 1 for name, one in ready.items()]
        return _Agreed(keys, shape, sizes)

    def _scale(self) -> None:
        self._asked("scale", totals=self._summed("readings"), enough=None)

    @property
    def _pairs(self) -> bool:
        """Return whether products of readings are summed."""
        preparation = self._charter.preparation
        aligned = self._charter.algorithm.name == "aligned" and preparation.lacking == "regression"
        return preparation.features == "pca" or aligned

    def _summed(self, kind: str) -> Floats:
        """Return the sum of the parties' arrays, added in the order of the roster."""
        terms: list[Floats] = []
        for name, one in self._asked(kind).items():
            term = one.get("sum")
            if not isinstance(term, np.ndarray) or term.dtype != np.float64 or not np.isfinite(term).all():
                raise _no_answer(name, kind)
            if terms and term.shape != terms[0].shape:
                raise _no_answer(name, kind)
            terms.append(term)
        total: Floats = sum(terms[1:], terms[0])
        return total

    def _rehearsed(self, agreed: _Agreed) -> tuple[Algorithm, Any, Mapping[str, Exchange], Any]:
        charter, scenario = self._charter, self._charter.algorithm.name
        algorithm = algorithm_of(charter, scenario, agreed.keys, protected=charter.secrecy != "open")
        common = network_of(charter, scenario, Party("coordinator"), agreed.shape)
        if scenario == "own_scaling":
            common = normalised(common, agreed.shape.inputs)
        own: Any = common
        if scenario == "aligned":
            own = Partial(common, jnp.ones(agreed.shape.inputs))
        due, like = rehearsed(algorithm, common, own, agreed.shape.inputs, agreed.sizes)
        return algorithm, common, due, like

    # --- exchanges -------------------------------------------------------------------------------------

    def _exchanged(
        self, algorithm: Algorithm, due: Mapping[str, Exchange], ask: Ask
    ) -> Totals | Sequence[Terms]:
        """Return the sums of the parties' terms, added in the order of the roster, or the terms."""
        like = due[ask.opening].terms
        shared = frame(ask) if ask.addressed is None else b""
        questions = [shared or frame(ask_of(ask, party)) for party in range(len(self._names))]
        answers = self._answers(ask.opening or "training", questions)
        terms = (framed(one, body, name) for one, (name, body) in zip(like, answers, strict=True))
        return list(terms) if algorithm.addressed else _added(terms)

    def _asked(
        self, kind: str, questions: Sequence[bytes] | None = None, **told: Any
    ) -> dict[str, dict[str, Any]]:
        """Return each party's answer, which is a map; told: what the question to all of them says."""
        answers = self._answers(kind, questions or [codec.encode(told)] * len(self._names))
        return {name: _map(body, name, kind) for name, body in answers}

    def _answers(self, kind: str, questions: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
        """Yield each party and its answer, in the order of the roster, one at a time."""
        step = Step(self._round, self._number, kind)
        self._number += 1
        asked = dict(zip(self._names, questions, strict=True))
        found = self._transport.exchange(step.text, asked, PATIENCE_S)
        for name in self._names:
            if name not in found:
                raise AbortedError(
                    f"{name} did not answer within {PATIENCE_S:g} s, in {step.words}",
                    do="see that its node runs, and start the coordinator again: it goes on",
                    where=self._charter.name,
                )
            answer = found[name]
            if isinstance(answer, Refusal):
                raise PartyError(f"refuses {step.words}: {answer.why}", do="settle it with them", where=name)
            yield name, answer.read()

    def _begin(self, round_: int) -> None:
        self._round, self._number = round_, 0

    def _keep(self, agreed: _Agreed, state: Any) -> None:
        """Keep where the run stands, at the end of a round."""
        value = {
            "round": self._round,
            "keys": agreed.keys,
            "shape": [*agreed.shape[:3], [list(one) for one in agreed.shape.lookups]],
            "sizes": list(agreed.sizes),
            "state": arrays.flatten(state),
        }
        self._store.keep({_STANDING: codec.encode(value)})


def _added(terms: Iterable[Terms]) -> Totals:
    """Return the weighted sum of terms, added as they come, so that it is the same to the bit every time."""
    total: list[NDArray[Any]] = []
    weight: Any = np.float32(0.0)
    structure = None
    for own in terms:
        leaves, structure = jax.tree.flatten(own.values)
        share = np.asarray(own.weight)
        parts = [np.asarray(leaf) * share for leaf in leaves]
        total = [one + other for one, other in zip(total, parts, strict=True)] if total else parts
        weight = weight + share
    return Totals(jax.tree.unflatten(structure, total), weight)


def _standing(kept: bytes, charter: str) -> tuple[int, _Agreed, dict[str, NDArray[Any]]]:
    """Return the rounds that are done, what was agreed, and the state, from what was kept."""
    try:
        value = codec.decode(kept)
        agreed = _Agreed(value["keys"], _shape(value["shape"], charter), value["sizes"])
        return value["round"], agreed, value["state"]
    except (KeyError, TypeError, ValueError, MessageError) as fault:
        raise _damaged(charter) from fault


def _restored(like: Any, flat: Mapping[str, NDArray[Any]], charter: str) -> Any:
    try:
        return arrays.restore(like, flat)
    except ValueError as fault:
        raise _damaged(charter) from fault


def _damaged(charter: str) -> FolderError:
    return FolderError(
        "where the run stands cannot be read", do="start the run again in another folder", where=charter
    )


def _map(body: bytes, name: str, kind: str) -> dict[str, Any]:
    try:
        value = codec.decode(body)
    except ValueError as fault:
        raise _no_answer(name, kind) from fault
    if not isinstance(value, dict):
        raise _no_answer(name, kind)
    return value


def _whole(value: Any, name: str) -> int:
    if type(value) is not int or not 0 <= value < 1 << 31:
        raise _no_answer(name, "start")
    return value


def _shape(value: Any, name: str) -> Shape:
    try:
        sensors, readings, beside, lookups = value
        found = tuple((int(first), int(count)) for first, count in lookups)
        return Shape(int(sensors), int(readings), int(beside), found)
    except (TypeError, ValueError) as fault:
        raise _no_answer(name, "start") from fault


def _no_answer(name: str, kind: str) -> MessageError:
    return MessageError(f"its answer to {kind} is none", do="see which version of Hansa it runs", where=name)
