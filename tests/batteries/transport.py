"""The battery that every transport passes: inherit, and say how an exchange over answers is made."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from hansa.core.errors import PartyError
from hansa.core.messages import Ask, Terms, Totals
from hansa.runtime.coordinator import Exchange
from tests.batteries.roster import same_bits

Answer = Callable[[Ask], Terms]

ASK = Ask(jnp.int32(3), {"a": jnp.array([0.1, jnp.nan, -0.0]), "b": (jnp.zeros((0, 2)),)}, opening="labels")


class TransportBattery:
    """Laws of the seam between coordinator and parties."""

    exchange: ClassVar[Callable[..., Exchange]]  # (answers, addressed=...)

    def test_parties_get_what_was_asked(self) -> None:
        seen: list[Ask] = []
        self._over([_keeping(seen), _keeping(seen)])(ASK)
        assert len(seen) == 2
        assert all(same_bits(one, ASK) for one in seen)

    def test_a_party_gets_what_is_addressed_to_it_and_nothing_else(self) -> None:
        seen: list[Ask] = []
        ask = Ask(jnp.int32(1), (), (jnp.array([1.0]), jnp.array([2.0, 3.0])))
        self._over([_keeping(seen), _keeping(seen)], addressed=True)(ask)
        assert [np.asarray(one.addressed).tolist() for one in seen] == [[1.0], [2.0, 3.0]]

    def test_totals_are_the_weighted_sums(self) -> None:
        answers = [_saying([1.0, 2.0], 3.0), _saying([10.0, 20.0], 2.0), _saying([100.0, 0.5], 0.0)]
        totals = self._over(answers)(ASK)
        assert isinstance(totals, Totals)
        assert_array_equal(totals.values["x"], [23.0, 46.0])
        assert float(totals.weight) == 5.0

    def test_addressed_terms_arrive_one_by_one_in_roster_order_as_they_were_sent(self) -> None:
        sent = [
            Terms(jnp.array([0.1, jnp.nan]), jnp.ones(())),
            Terms(jnp.array([3], jnp.int32), jnp.ones(())),
        ]
        arrived = self._over([lambda ask, one=one: one for one in sent], addressed=True)(ASK)
        assert isinstance(arrived, Sequence)
        assert all(same_bits(one, other) for one, other in zip(arrived, sent, strict=True))

    def test_terms_are_added_in_roster_order(self) -> None:
        answers = [_saying([1e8], 1.0), _saying([1.0], 1.0), _saying([-1e8], 1.0)]
        assert float(self._over(answers)(ASK).values["x"][0]) == 0.0
        assert float(self._over([answers[0], answers[2], answers[1]])(ASK).values["x"][0]) == 1.0

    def test_a_partys_error_reaches_the_caller(self) -> None:
        def refuse(ask: Ask) -> Terms:
            raise PartyError("it has no rows", do="leave it out", where="b")

        with pytest.raises(PartyError, match="b: it has no rows"):
            self._over([_saying([1.0], 1.0), refuse])(ASK)

    def _over(self, answers: Sequence[Answer], addressed: bool = False) -> Any:
        return type(self).exchange(answers, addressed=addressed)


def _saying(values: list[float], weight: float) -> Answer:
    return lambda ask: Terms({"x": jnp.array(values)}, jnp.float32(weight))


def _keeping(seen: list[Ask]) -> Answer:
    def answer(ask: Ask) -> Terms:
        seen.append(ask)
        return Terms((), jnp.ones(()))

    return answer
