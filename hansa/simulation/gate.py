"""The gate of one scenario: parties test a new model on what they keep back, and go back where it fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hansa.core import arrays
from hansa.core.errors import DataError
from hansa.core.messages import Ask
from hansa.core.methods import BY_ROW
from hansa.judging.gate import Vote, agrees, quorum, vote
from hansa.runtime.kept_back import loss_of
from hansa.simulation.batched import BatchedParties
from hansa.simulation.cohort import Cohort


class Gate:
    """What stands between a round's model and its adoption."""

    def __init__(self, cohort: Cohort, parties: BatchedParties) -> None:
        """Take the parties and what they keep back."""
        self._cohort, self._parties = cohort, parties
        self._names = [member.name for member in cohort.members]
        check_tested(cohort, quorum(cohort.charter), "gate")
        self._sees = parties.sees([np.asarray(rows.x) for rows in cohort.kept_back])
        self._adopted: tuple[Any, list[Any]] | None = None  # the coordinator's state, the parties' memories
        self._losses: dict[str, float] = {}  # of the model adopted last, by party that has assets to test on
        self.votes: list[Vote] = []

    def due(self, done: int, rounds: int) -> bool:
        """Return whether parties vote after a round; they do after the last."""
        return done % self._cohort.charter.gate.every == 0 or done == rounds

    def open(self, state: Any) -> None:
        """Adopt what there is before anybody has trained."""
        self._adopt(state, self._test(state))

    def passed(self, round_: int, state: Any) -> Any:
        """Return the state to go on from: this one if it is promoted, else the one adopted last."""
        found = self._test(state)
        charter = self._cohort.charter
        votes = {name: agrees(charter, loss, self._losses[name]) for name, loss in found.items()}
        self.votes.append(vote(charter, round_, votes))
        if self.votes[-1].promoted:
            self._adopt(state, found)
            return state
        assert self._adopted is not None
        before, memories = self._adopted
        self._parties.memories = _copied(memories)
        return eqx.tree_at(lambda one: one.round, before, state.round)  # the next round is a new one

    def snapshot(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return arrays and plain values from which `restore` goes on to the same bits."""
        votes = [one.value() for one in self.votes]
        return arrays.flatten(self._adopted), {"votes": votes, "losses": dict(self._losses)}

    def restore(self, kept: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        """Go on where a snapshot was taken; call it after `open`."""
        self._adopted = arrays.restore(self._adopted, kept)
        self.votes = [Vote.of(one) for one in values["votes"]]
        self._losses = dict(values["losses"])

    def _adopt(self, state: Any, losses: Mapping[str, float]) -> None:
        self._adopted = state, _copied(self._parties.memories)
        self._losses = dict(losses)

    def _test(self, state: Any) -> dict[str, float]:
        """Return what each party's model loses on its own assets; where rows are shared, the joined one."""
        ask: Ask = self._cohort.algorithm.ask(state)
        scale = np.float32(self._cohort.scale)
        outputs = [scale * own for own in self._parties.predict(ask, on=self._sees)]  # (rows,) each
        if self._cohort.scenario in BY_ROW:
            outputs = [np.mean(outputs, axis=0)] * len(outputs)
        pairs = zip(self._names, outputs, self._cohort.kept_back, strict=True)
        return {
            name: loss_of(own, rows, self._cohort.charter.task) for name, own, rows in pairs if len(rows.y)
        }


def check_tested(cohort: Cohort, least: int, table: str) -> None:
    """Pass if so many parties keep back a row with a known label; else raise DataError."""
    able = sum(len(rows.y) > 0 for rows in cohort.kept_back)
    if able < least:
        raise DataError(
            f"[{table}] needs {least} parties that keep back a row with a known label, and {able} do",
            do=f"write a larger share in [validation], or remove [{table}]",
            where=cohort.scenario,
        )


@jax.jit
def _copied(tree: Any) -> Any:
    """Return a tree that the next exchange does not take away."""
    return jax.tree.map(jnp.copy, tree)
