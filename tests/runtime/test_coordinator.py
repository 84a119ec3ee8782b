"""The coordinator's side of a round: one ask, one exchange, one step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from hansa.core.errors import PartyError
from hansa.core.messages import Ask, Terms, Totals
from hansa.runtime.coordinator import run_round


@dataclass(frozen=True)
class Counting:
    """An algorithm whose state is a number: it asks with it, and adds what it gets."""

    def ask(self, state: int) -> Ask:
        return Ask(state, ())

    def absorb(self, state: int, totals: Totals | Sequence[Terms]) -> int:
        assert isinstance(totals, Totals)
        return state + int(totals.weight)


def test_a_round_asks_once_and_absorbs_what_comes_back() -> None:
    asked: list[Any] = []

    def exchange(ask: Ask) -> Totals:
        asked.append(ask.round)
        return Totals((), 5)

    assert run_round(Counting(), 10, exchange) == 15
    assert asked == [10]


def test_an_exchange_that_fails_moves_nothing() -> None:
    def exchange(ask: Ask) -> Totals:
        raise PartyError("it is gone", do="wait for it", where="b")

    with pytest.raises(PartyError, match="it is gone"):
        run_round(Counting(), 10, exchange)
