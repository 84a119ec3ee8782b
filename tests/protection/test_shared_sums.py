"""A shared sum is the weighted sum of its cohort, with its products, or there is none."""

from __future__ import annotations

import itertools
import os
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.secure_sums_shared import occasion_of, world_of
from hansa.core.errors import AbortedError, CharterError, MessageError, RefusedError
from hansa.protection.fixed_point import FixedPoint
from hansa.protection.occasion import Past
from hansa.protection.shared_components import PIECE, Products, digest_of, pieces, split, weighted_sum
from hansa.protection.shared_form import MOST_WEIGHT, NORM_BITS, SharedForm, capped, dominated
from hansa.protection.shared_party import SharedParty
from hansa.protection.shared_server import SharedServer
from hansa.protection.shared_sketch import LEAST_SIZE, Fold, passes, tolerance, width_of
from hansa.simulation.nodes import enrolled
from hansa.simulation.shared_sums import SERVERS, STEPS, plain_sum, shared_sum


def terms_of(world, size: int = 600, seed: int = 0, norm: float = 1.0) -> dict[str, tuple[np.ndarray, int]]:
    """Return vectors of about the norm, and weights."""
    rng = np.random.default_rng(seed)
    vectors = norm * rng.normal(size=(len(world.names), size)) / np.sqrt(size)
    return {
        name: (own, 3 + place) for place, (name, own) in enumerate(zip(world.names, vectors, strict=True))
    }


def check(found, terms, form: SharedForm, size: int) -> None:
    """Fail unless the sum and the products are right, to the bounds that the form states."""
    vectors = np.array([terms[name][0] for name in found.cohort])
    weights = np.array([found.weights[name] for name in found.cohort])
    bound = weights.sum() * 2.0 ** -(form.bits + 1)
    assert np.abs(found.total - weights @ vectors).max() <= bound * (1 + 1e-9)
    lengths, rounding = np.linalg.norm(vectors, axis=1), np.sqrt(size) * 2.0 ** -(form.bits + 1)
    limits = rounding * (lengths[:, None] + lengths) + rounding**2
    assert (np.abs(found.gram - vectors @ vectors.T) <= limits * (1 + 1e-9)).all()


@settings(max_examples=25, deadline=None)
@given(
    parties=st.integers(3, 7),
    size=st.integers(LEAST_SIZE, 2 * PIECE + 5),
    norm=st.floats(1e-3, 1e3),
    seed=st.integers(0, 99),
)
def test_it_is_the_weighted_sum_and_the_products(parties: int, size: int, norm: float, seed: int) -> None:
    world = world_of(parties)
    form = SharedForm(parties, 1.5 * norm)
    terms = terms_of(world, size, seed, norm)
    found = shared_sum(world, occasion_of(world, size, form=form), terms)
    assert not world.trouble
    assert found.cohort == world.names
    assert found.weights == capped({name: weight for name, (_, weight) in terms.items()}, Fraction(1, 3))
    check(found, terms, form, size)


def test_products_are_within_a_millionth_of_the_norms() -> None:
    world, size = world_of(4), 100_000
    terms = terms_of(world, size)
    found = shared_sum(world, occasion_of(world, size), terms)
    vectors = np.array([own for own, _ in terms.values()])
    exact = vectors @ vectors.T
    lengths = np.sqrt(np.diagonal(exact))
    assert (np.abs(found.gram - exact) / np.outer(lengths, lengths)).max() < 1e-6


def test_a_vector_that_is_too_long_is_scaled_down_and_not_thrown_out() -> None:
    world = world_of(3)
    terms = terms_of(world)
    long = 1e6 * terms["p1"][0]
    found = shared_sum(world, occasion_of(world), terms | {"p1": (long, 3)})
    assert not world.trouble
    scaled = terms | {"p1": (2.0 * long / np.linalg.norm(long), 3)}
    check(found, scaled, SharedForm(3, 2.0), 600)


def test_a_coordinators_rule_weighs_by_the_products() -> None:
    world = world_of(5)
    terms = terms_of(world)
    found = shared_sum(
        world,
        occasion_of(world),
        terms,
        weigh=lambda table: {name: int(name != "p4" and table.gram[0, 0] > 0) for name in table.names},
    )
    assert found.weights == {"p0": 1, "p1": 1, "p2": 1, "p3": 1, "p4": 0}
    assert not world.trouble
    check(found, terms, SharedForm(5, 2.0), 600)


@pytest.mark.parametrize("words", [1, 3])
def test_a_plain_sum_is_the_sum_and_nothing_else_is_opened(words: int) -> None:
    world, form = world_of(4), FixedPoint(4, 10.0, 64, words)
    steps: set[str] = set()
    values = np.random.default_rng(0).uniform(-10, 10, (4, 7))
    what = occasion_of(world, 7 * words, form=form, kind="statistics")

    def tap(step: str, sender: str, message: bytes) -> bytes:
        steps.add(step.split(" for ")[0])
        return message

    encoded = {name: form.encoded(own) for name, own in zip(world.names, values, strict=True)}
    total, cohort = plain_sum(world, what, encoded, tap)
    assert cohort == world.names
    assert not world.trouble
    assert np.abs(form.decoded(total) - values.sum(axis=0)).max() <= form.error + 1e-14
    assert steps == {"share", *SharedServer.steps, "result"}


# --- who is lost ------------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", ["p0", "p3"])
@pytest.mark.parametrize(
    "at", [lost for count in (1, 2, 3) for lost in itertools.combinations(SERVERS, count)]
)
def test_a_party_whose_shares_one_server_lacks_is_absent(gone: str, at: tuple[str, ...]) -> None:
    world = world_of(4)
    terms = terms_of(world)

    def loses(step: str, sender: str, message: bytes) -> bytes | None:
        return None if sender == gone and step in {f"share for {to}" for to in at} else message

    found = shared_sum(world, occasion_of(world), terms, loses)
    assert found.cohort == tuple(name for name in world.names if name != gone)
    check(found, terms, SharedForm(4, 2.0), 600)


def test_too_few_parties_end_the_sum() -> None:
    world = world_of(4)

    def loses(step: str, sender: str, message: bytes) -> bytes | None:
        return (
            None
            if (step, sender) in {("share for coordinator", "p0"), ("share for third-server", "p1")}
            else message
        )

    with pytest.raises(
        AbortedError, match="2 parties gave their shares to all three servers, and it takes 3"
    ):
        shared_sum(world, occasion_of(world), terms_of(world), loses)


SAID = [(step, name) for step in STEPS for name in SERVERS if step != "weights" or name == SERVERS[0]]


@pytest.mark.parametrize(("step", "sender"), SAID)
def test_a_server_that_is_lost_at_any_step_ends_the_sum(step: str, sender: str) -> None:
    world = world_of(3)

    def loses(at: str, who: str, message: bytes) -> bytes | None:
        late = at.split(" for ")[0] in STEPS[STEPS.index(step) :]
        return None if who == sender and late else message

    with pytest.raises(AbortedError, match=f'"{step}" came from {sender}'):
        shared_sum(world, occasion_of(world), terms_of(world), loses)


@pytest.mark.parametrize("by", [1, 2])
@pytest.mark.parametrize(("step", "sender"), SAID)
def test_one_message_between_servers_that_is_lost_ends_the_sum(step: str, sender: str, by: int) -> None:
    world = world_of(3)
    lost = (f"{step} for {SERVERS[(SERVERS.index(sender) + by) % 3]}", sender)

    def loses(at: str, who: str, message: bytes) -> bytes | None:
        return None if (at, who) == lost else message

    with pytest.raises(AbortedError):
        shared_sum(world, occasion_of(world), terms_of(world), loses)


@pytest.mark.parametrize("sender", SERVERS)
def test_a_party_uses_no_result_that_one_server_does_not_confirm(sender: str) -> None:
    world = world_of(3)

    def loses(at: str, who: str, message: bytes) -> bytes | None:
        return None if (at, who) == ("result for p1", sender) else message

    shared_sum(world, occasion_of(world), terms_of(world), loses)
    (fault,) = world.trouble
    assert isinstance(fault, RefusedError)
    assert f"no result came from {sender}" in str(fault)


def test_two_servers_make_no_shared_sum() -> None:
    world = enrolled(["p0", "p1", "p2"], "task", os.urandom, SERVERS[:2])
    with pytest.raises(CharterError, match="takes three servers"):
        SharedParty(world.channels["p0"], occasion_of(world), Past())


def test_a_vector_that_a_sketch_would_tell_is_not_shared() -> None:
    world = world_of(3)
    small = occasion_of(world, LEAST_SIZE - 1)
    with pytest.raises(RefusedError, match="which a sketch would tell"):
        SharedParty(world.channels["p0"], small, Past())
    with pytest.raises(AbortedError):
        shared_sum(world, small, terms_of(world, LEAST_SIZE - 1))


# --- forms and weights --------------------------------------------------------------------------------


@given(norm=st.floats(1e-9, 1e9), size=st.integers(1, 2000), seed=st.integers(0, 99))
def test_no_honest_vector_is_longer_than_the_form_says(norm: float, size: int, seed: int) -> None:
    form = SharedForm(5, norm)
    assert 2 ** (NORM_BITS - 1) < np.ldexp(norm, form.bits) <= 2**NORM_BITS
    vector = np.random.default_rng(seed).normal(size=size) * norm * 10
    words = [int(one) for one in form.encoded(vector).view(np.int64)]
    assert sum(one * one for one in words) <= form.longest(size) ** 2
    assert 50 * MOST_WEIGHT * form.longest(2**40) < 2**63


weights_of = st.dictionaries(st.text(max_size=3), st.integers(0, MOST_WEIGHT), min_size=1, max_size=20)


@given(weights=weights_of, least=st.integers(1, 12))
def test_capped_weights_dominate_nothing_and_change_no_more_than_they_must(
    weights: dict[str, int], least: int
) -> None:
    found = capped(weights, Fraction(1, least))
    if sum(one > 0 for one in weights.values()) < least:
        assert set(found.values()) == {1}
        return
    level = max(found.values())
    assert not dominated(found.values(), least)
    assert all(found[name] == min(one, level) for name, one in weights.items())
    if level < max(weights.values()):
        assert dominated([min(one, level + 1) for one in weights.values()], least)


def test_weights_of_which_one_is_large_are_known_to_be_so() -> None:
    assert dominated([2, 1, 1], 3)
    assert not dominated([1, 1, 1], 3)
    assert dominated([0, 0, 0], 3)
    assert capped({"a": 100, "b": 2, "c": 3}, Fraction(1, 3)) == {"a": 2, "b": 2, "c": 2}
    assert capped({"a": 100, "b": 2, "c": 3}, Fraction(1, 2)) == {"a": 5, "b": 2, "c": 3}


# --- components ---------------------------------------------------------------------------------------


@settings(deadline=None)
@given(parties=st.integers(1, 5), size=st.integers(1, PIECE + 50), seed=st.integers(0, 99))
def test_components_add_up_in_the_whole_ring(parties: int, size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    words = rng.integers(0, 2**64, (parties, size), dtype=np.uint64)
    sent = [split(own, b"about", os.urandom) for own in words]
    held = [[one[component] for one in sent] for component in range(3)]
    terms = np.zeros(parties * (parties + 1) // 2, np.uint64)
    sums = np.zeros(size, np.uint64)
    for own in range(3):
        following = (own + 1) % 3
        products = Products(parties)
        both = (pieces(own, held[own], b"about", size), pieces(following, held[following], b"about", size))
        for pair in zip(*both, strict=True):
            products.add(*pair)
        terms += products.terms()
        sums += weighted_sum(range(parties), pieces(own, held[own], b"about", size), size)
    exact = words.astype(object)
    wanted = (exact @ exact.T)[np.triu_indices(parties)]
    assert [int(one) for one in terms] == [one % 2**64 for one in wanted]
    assert np.array_equal(sums, np.arange(parties, dtype=np.uint64) @ words)


def test_a_digest_tells_nothing_to_the_server_that_lacks_the_component() -> None:
    """The same words under the same seeds have another digest each time: no guess can be checked."""
    words = np.zeros(3, np.uint64)
    drawn = iter([b"a" * 32, b"b" * 32, b"c" * 32, b"a" * 32, b"b" * 32, b"d" * 32])
    one, other = (split(words, b"about", lambda _: next(drawn)) for _ in range(2))
    assert one[:2] == other[:2]
    assert one[2][32:] == other[2][32:]
    assert digest_of(one[2]) != digest_of(other[2])


# --- the sketch ---------------------------------------------------------------------------------------

SIZE = 3 * PIECE + 100
LONGEST = SharedForm(50, 2.0).longest(SIZE)


def passing(words: np.ndarray, coin: bytes) -> bool:
    """Return whether (size,) words pass the sketch of a coin."""
    fold = Fold(1, 1, len(words), coin)
    for first in range(0, len(words), PIECE):
        fold.add([words[None, first : first + PIECE].view(np.uint64)])
    return bool(passes(fold.numbers()[0], LONGEST)[0])


def coins(count: int) -> list[bytes]:
    return [number.to_bytes(32, "little") for number in range(count)]


def honest(kind: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    shape = {
        "one": np.eye(1, SIZE, 7)[0],
        "equal": np.ones(SIZE),
        "normal": rng.normal(size=SIZE),
        "heavy": rng.standard_cauchy(SIZE),
        "pair": np.eye(1, SIZE, 7)[0] + np.eye(1, SIZE, PIECE + 7)[0],
    }[kind]
    return np.rint(shape / np.linalg.norm(shape) * 2.0**NORM_BITS).astype(np.int64)


@pytest.mark.parametrize("kind", ["one", "equal", "normal", "heavy", "pair"])
def test_an_honest_vector_of_the_full_norm_always_passes(kind: str) -> None:
    assert all(passing(honest(kind), coin) for coin in coins(150))


def spikes(*places: tuple[int, int]) -> np.ndarray:
    found = honest("normal") // 2
    for place, value in places:
        found.view(np.uint64)[place] = value
    return found


def rows(value: int, count: int) -> np.ndarray:
    found = np.zeros(SIZE, np.uint64)
    found[: count * PIECE] = value
    return found


WRAPPING = {
    "a spike whose square is 0": spikes((5, 1 << 32)),
    "a spike of half the ring": spikes((5, 1 << 63)),
    "a negative spike": spikes((5, (1 << 64) - (1 << 33))),
    "two equal spikes": spikes((5, 1 << 33), (PIECE + 5, 1 << 33)),
    "two opposite spikes": spikes((5, 1 << 33), (PIECE + 5, (1 << 64) - (1 << 33))),
    "two halves of the ring": spikes((5, 1 << 63), (PIECE + 5, 1 << 63)),
    "four quarters of the ring": spikes(*((PIECE * row // 2 + 5, 1 << 62) for row in range(4))),
    "a row of halves": rows(1 << 63, 1),
    "two rows of halves, which cancel under all signs": rows(1 << 63, 2),
    "two rows of quarters": rows(1 << 62, 2),
    "all numbers a little": np.full(SIZE, (1 << 32) // int(SIZE**0.5) + 1, np.uint64),
    "all numbers by chance": np.random.default_rng(1).integers(0, 2**64, SIZE, dtype=np.uint64),
    "a normal one, 64 times too long": 64 * honest("normal"),
}


@pytest.mark.parametrize("kind", WRAPPING)
def test_a_vector_whose_square_wraps_never_passes(kind: str) -> None:
    words = WRAPPING[kind].view(np.int64)
    assert sum(int(one) ** 2 for one in words) >= 2**64 * (1 - 1e-3)
    assert 3 * width_of(SIZE) < SIZE  # rows are folded onto others
    assert not any(passing(words, coin) for coin in coins(150))


def test_the_tolerance_lets_an_honest_round_pass_but_for_a_chance_of_a_billionth() -> None:
    deviations = tolerance(10**6) / 10**6
    assert 50 * 48 * 2 * np.exp(-(deviations**2) / 2) < 1e-9


def test_a_garbled_share_is_named_in_a_plain_sum() -> None:
    world = world_of(4)
    what = occasion_of(world, 5, form=FixedPoint(4, 10.0, 64))
    words = {name: what.form.encoded(np.ones(5)) for name in world.names}

    def cuts(step: str, sender: str, message: bytes) -> bytes:
        return message[:-1] if (step, sender) == ("share for second-server", "p2") else message

    total, cohort = plain_sum(world, what, words, cuts)
    assert cohort == ("p0", "p1", "p3")
    assert what.form.decoded(total) == pytest.approx(np.full(5, 3.0))
    assert [(type(fault), fault.where) for fault in world.trouble] == [(MessageError, "p2")]
