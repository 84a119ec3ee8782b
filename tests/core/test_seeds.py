"""Named streams of chance: the same name gives the same numbers, another name others."""

import jax
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from hansa.core.seeds import generator, key

names = st.lists(st.text("abc-12", min_size=1, max_size=6) | st.integers(0, 99), min_size=1, max_size=3)


def _bits(seed: int, *name: str | int) -> tuple[int, ...]:
    return tuple(np.asarray(jax.random.key_data(key(seed, *name))).tolist())


@given(st.integers(0, 2**63 - 1), names)
def test_a_name_has_one_stream(seed: int, name: list[str | int]) -> None:
    assert _bits(seed, *name) == _bits(seed, *name)
    assert_array_equal(generator(seed, *name).random(4), generator(seed, *name).random(4))


@given(st.integers(0, 2**63 - 1), names, names)
def test_two_names_have_two_streams(seed: int, one: list[str | int], other: list[str | int]) -> None:
    same = [str(part) for part in one] == [str(part) for part in other]
    assert (generator(seed, *one).random() == generator(seed, *other).random()) == same


def test_seeds_that_differ_in_high_bits_alone_have_two_streams() -> None:
    assert _bits(7, "a") != _bits(7 + 2**32, "a")
    assert generator(7, "a").random() != generator(7 + 2**32, "a").random()


def test_parts_of_a_name_do_not_run_together() -> None:
    assert _bits(1, "ab", "c") != _bits(1, "a", "bc")
    assert _bits(1, "2") != _bits(12)


def test_streams_are_the_same_on_every_machine() -> None:
    assert _bits(7, "party-1", "batches") == (0, 892048094)
    assert generator(7, "assets").permutation(8).tolist() == [0, 5, 3, 1, 7, 6, 4, 2]
