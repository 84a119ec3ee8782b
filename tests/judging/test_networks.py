"""Networks order what they are given: by the zero-one principle, if they order all zeros and ones."""

import numpy as np
import pytest

from hansa.judging.networks import compared, network


def every_zero_one(wires: int) -> np.ndarray:
    """Return (wires, columns) every column of zeros and ones."""
    return (np.arange(2**wires) >> np.arange(wires)[:, None] & 1).astype(np.float32)


def after(block: np.ndarray, places: set[int], together: set[int]) -> list[np.ndarray]:
    steps = network(len(block), frozenset(places), frozenset(together))
    return compared(block, steps, np.empty((len(block) + 1, block.shape[1]), np.float32))


@pytest.mark.parametrize("wires", range(1, 14))
def test_all_places_are_in_order(wires: int) -> None:
    block = every_zero_one(wires)
    given = block.copy()
    found = after(block, set(range(wires)), set())
    assert np.array_equal(found, np.sort(block, axis=0))
    assert np.array_equal(block, given)


@pytest.mark.parametrize("wires", range(1, 12))
def test_what_is_asked_for_is_in_place(wires: int) -> None:
    block = every_zero_one(wires)
    due = np.sort(block, axis=0)
    for place in range(wires):
        rest = set(range(place + 1, wires))
        found = after(block, {place}, rest)
        assert np.array_equal(found[place], due[place])
        assert np.array_equal(sum(found[place + 1 :]), sum(due[place + 1 :]))


@pytest.mark.parametrize("wires", [2, 3, 31, 32, 33])
def test_many_wires_are_ordered(wires: int) -> None:
    block = np.random.default_rng(wires).normal(size=(wires, 500)).astype(np.float32)
    assert np.array_equal(after(block, set(range(wires)), set()), np.sort(block, axis=0))


def test_what_nobody_asks_for_is_not_compared() -> None:
    assert network(8, frozenset(), frozenset(range(8))) == ()
    assert network(8, frozenset(), frozenset()) == ()
    assert len(network(32, frozenset(), frozenset({15, 16}))) < len(
        network(32, frozenset(range(32)), frozenset())
    )
