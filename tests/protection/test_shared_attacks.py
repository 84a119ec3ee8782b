"""Attacks on a shared sum: by parties, by one of the three servers, and by whoever carries the messages.

A server cheats where a test overrides its class; a party cheats where the broker puts messages of its own in
place of those that an honest party would send.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.secure_sums_shared import occasion_of, world_of
from hansa.core.errors import AbortedError, MessageError, RefusedError
from hansa.protection import shared_messages as messages
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.fixed_point import FixedPoint
from hansa.protection.occasion import Occasion, Past
from hansa.protection.shared_components import Products, pieces, split
from hansa.protection.shared_form import SharedForm
from hansa.protection.shared_party import SharedParty
from hansa.protection.shared_products import ProductServer
from hansa.protection.shared_server import SharedServer
from hansa.simulation.nodes import Broker, Nodes
from hansa.simulation.shared_sums import SERVERS, STEPS, plain_sum, shared_sum
from tests.protection.test_shared_sums import check, terms_of

SECOND, THIRD = SERVERS[1:]


def said(world: Nodes) -> str:
    return "\n".join(str(fault) for fault in world.trouble)


def aborted(world: Nodes, what: Occasion | None = None, **attack: object) -> str:
    """Return what nodes said of an attack that ends in no sum at all."""
    with pytest.raises(AbortedError):
        shared_sum(world, what or occasion_of(world), terms_of(world), **attack)  # type: ignore[arg-type]
    return said(world)


def sends(world: Nodes, what: Occasion, party: str, words: np.ndarray, weight: int = 1) -> Broker:
    """Return a broker with which a party shares words of its own making."""
    made = SharedParty(world.channels[party], what, Past()).shares(words, weight)

    def broker(step: str, sender: str, message: bytes) -> bytes:
        return made[step.removeprefix("share for ")] if sender == party else message

    return broker


# --- squares that wrap ------------------------------------------------------------------------------


def wrapping(what: Occasion, kind: str) -> np.ndarray:
    """Return words whose square is small modulo 2^64, and which are not."""
    assert isinstance(what.form, SharedForm)
    words = what.form.encoded(np.full(what.size, 0.01))
    spike = int(np.ldexp(2.0 ** (32 - what.form.bits), what.form.bits))  # in units of the vector: 128.0
    if kind == "one":
        words[7] = spike
    elif kind == "two":
        words[[7, 90]] = spike
    else:
        words[7], words[90] = spike, 2**64 - 5 * spike
    return words


class Blind(ProductServer):
    """Throws out by the square alone: what a server without the sketch would do."""

    def _throw_out(self, sketch: np.ndarray) -> None:
        super()._throw_out(np.zeros_like(sketch))


@pytest.mark.parametrize("kind", ["one", "two", "opposite"])
def test_a_square_that_wraps_is_seen_by_the_sketch_and_by_nothing_else(kind: str) -> None:
    world = world_of(4)
    what = occasion_of(world)
    evil = sends(world, what, "p2", wrapping(what, kind))
    blind = shared_sum(world, what, terms_of(world), evil, servers=dict.fromkeys(SERVERS, Blind))
    assert blind.cohort == world.names
    assert blind.gram[2, 2] < 4  # it looks as short as others
    assert np.abs(blind.total).max() > 100  # and the sum is its own
    again = occasion_of(world, round=2)
    world.trouble.clear()
    found = shared_sum(world, again, terms_of(world), sends(world, again, "p2", wrapping(again, kind)))
    assert found.cohort == ("p0", "p1", "p3")
    assert "p2: its vector is longer than 2, or its square wraps" in said(world)
    check(found, terms_of(world), SharedForm(4, 2.0), 600)


def test_a_vector_that_is_too_long_without_wrapping_is_thrown_out() -> None:
    world = world_of(4)
    what = occasion_of(world)
    words = SharedForm(4, 8.0).encoded(np.full(600, 3.0 / np.sqrt(600))) << np.uint64(2)  # of norm 3
    found = shared_sum(world, what, terms_of(world), sends(world, what, "p2", words))
    assert found.cohort == ("p0", "p1", "p3")
    assert [fault.where for fault in world.trouble if isinstance(fault, MessageError)] == ["p2"]


# --- weights and aggregates ---------------------------------------------------------------------------


class Lax(ProductServer):
    """Opens what it is asked to open."""

    def _check_weights(self, arrived: dict[str, bytes]) -> None:
        for plain in arrived.values():
            self.weights = messages.read_weights(plain, len(self._channels.roster.parties), "x")
        self._note([messages.weights_message(self.weights)])


RULES = {
    "one party alone": {"p0": 1},
    "two parties": {"p0": 1, "p1": 1},
    "one above its part": {"p0": 1000, "p1": 999, "p2": 999, "p3": 1},
    "nobody": {},
}


@pytest.mark.parametrize("rule", RULES)
def test_a_sum_that_one_party_dominates_is_not_opened(rule: str) -> None:
    world = world_of(4)
    steps: list[str] = []

    def tap(step: str, sender: str, message: bytes) -> bytes:
        steps.append(step)
        return message

    told = aborted(world, weigh=lambda table: RULES[rule], servers={COORDINATOR: Lax}, broker=tap)
    assert told.count("in the coordinator's sum one party is more than 1 part in 3") == 2
    assert not any(step.startswith("total") for step in steps)
    fresh = world_of(4)
    shared_sum(
        fresh,
        occasion_of(fresh),
        terms_of(fresh),
        weigh=lambda table: RULES[rule],
        servers=dict.fromkeys(SERVERS, Lax),
    )
    if rule != "nobody":  # without the servers' check it would be opened, and the parties see it too late
        assert said(fresh).count("the sum tells too much of one party") == 4


def test_weight_for_a_party_that_was_thrown_out_is_refused() -> None:
    world = world_of(4)
    what = occasion_of(world)
    evil = sends(world, what, "p2", wrapping(what, "one"))
    told = aborted(
        world,
        what,
        broker=evil,
        weigh=lambda table: dict.fromkeys(world.names, 1),
        servers={COORDINATOR: Lax},
    )
    assert "gives weight to a party that is thrown out" in told


def test_weights_of_another_cohort_are_refused() -> None:
    class Leaves(ProductServer):
        def _compose(self, step: str) -> dict[str, bytes]:
            if step == messages.WEIGHTS:
                return self._to_both(messages.weights_message({0: 1, 1: 1, 2: 1}))
            return super()._compose(step)

    assert "weights are of another cohort" in aborted(world_of(4), servers={COORDINATOR: Leaves})


def test_two_servers_that_are_told_different_weights_open_nothing() -> None:
    class Two(ProductServer):
        def _compose(self, step: str) -> dict[str, bytes]:
            found = super()._compose(step)
            if step == messages.WEIGHTS:
                found[self.following] = messages.weights_message(dict.fromkeys(self.cohort, 5))
            return found

    world = world_of(4)
    steps: list[tuple[str, str]] = []

    def tap(step: str, sender: str, message: bytes) -> bytes:
        steps.append((step.split(" for ")[0], sender))
        return message

    told = aborted(world, servers={COORDINATOR: Two}, broker=tap)
    assert "the three servers were not told the same" in told
    assert ("agreed", SECOND) in steps
    assert not {("total", SECOND), ("total", THIRD)} & set(steps)


def test_a_second_sum_of_one_occasion_is_refused() -> None:
    world = world_of(4)
    kept: dict[str, ProductServer] = {}

    class Kept(ProductServer):
        def results(self) -> dict[str, bytes]:
            kept[self._channels.name] = self
            return super().results()

    what = occasion_of(world)
    shared_sum(world, what, terms_of(world), servers=dict.fromkeys(SERVERS, Kept))
    for step in STEPS:
        with pytest.raises(AbortedError, match="out of turn"):
            kept[SECOND].said(step)
    assert "or for one before the last" in aborted(world, what)
    assert "or for one before the last" in aborted(world, occasion_of(world, round=0))


def test_products_of_terms_that_never_change_are_refused() -> None:
    """Two weighted sums of the same vectors under other weights would tell single ones."""
    world = world_of(3)
    assert "vectors that never change" in aborted(world, occasion_of(world, unchanging=True))


def test_a_sum_over_fewer_than_three_is_refused() -> None:
    world = world_of(3)
    assert "a shared sum is over 3 parties or more" in aborted(world, occasion_of(world, cohort=2))


@pytest.mark.parametrize("early", STEPS[1:])
def test_a_step_out_of_turn_is_refused(early: str) -> None:
    world = world_of(3)
    server = ProductServer(world.channels[SECOND], occasion_of(world), Past())
    with pytest.raises(AbortedError, match="out of turn"):
        server.said(early)


def test_terms_that_never_change_are_opened_for_one_cohort_only() -> None:
    world = world_of(4)
    form = FixedPoint(4, 10.0, 64)
    what = occasion_of(world, 5, form=form, unchanging=True, kind="statistics")
    words = {name: form.encoded(np.ones(5)) for name in world.names}
    plain_sum(world, what, words)
    fewer = {name: own for name, own in words.items() if name != "p3"}
    with pytest.raises(AbortedError):
        plain_sum(world, replace(what, round=2), fewer)
    assert "was summed for another cohort before" in said(world)


# --- a server that cheats -----------------------------------------------------------------------------


def tampers(place: int, other: int, by: int = 1) -> type[ProductServer]:
    """Return a server that adds to one product; places: of the upper triangle's pairs."""

    class Tampers(ProductServer):
        def _multiply(self) -> None:
            super()._multiply()
            pairs = list(zip(*np.triu_indices(len(self.cohort)), strict=True))
            at = pairs.index((place, other))
            self._terms[at : at + 1] += np.uint64(by)

    return Tampers


@pytest.mark.parametrize("name", SERVERS)
def test_a_square_that_a_server_changes_is_seen_by_its_party(name: str) -> None:
    world = world_of(4)
    shared_sum(world, occasion_of(world), terms_of(world), servers={name: tampers(1, 1)})
    assert "its own square is not the one that the servers tell" in said(world)
    assert {type(fault) for fault in world.trouble} == {RefusedError}
    assert {fault.where for fault in world.trouble} == {", ".join(SERVERS)}


@pytest.mark.parametrize("name", SERVERS)
def test_a_product_that_a_server_changes_is_seen_by_both_parties(name: str) -> None:
    world = world_of(4)
    shared_sum(world, occasion_of(world), terms_of(world), servers={name: tampers(1, 2)})
    assert said(world).count("its products do not add up") == 2


def test_a_server_that_makes_a_party_look_long_is_found_out_by_it() -> None:
    world = world_of(4)
    found = shared_sum(world, occasion_of(world), terms_of(world), servers={THIRD: tampers(1, 1, 1 << 60)})
    assert found.cohort == ("p0", "p2", "p3")
    assert "its own square is not the one that the servers tell" in said(world)


def test_changes_that_cancel_in_every_row_are_not_seen() -> None:
    """A known limit: from four parties on some changes leave all row sums alone."""

    class Cancels(ProductServer):
        def _multiply(self) -> None:
            super()._multiply()
            pairs = list(zip(*np.triu_indices(4), strict=True))
            for pair, by in {(0, 1): 1, (2, 3): 1, (0, 2): -1, (1, 3): -1}.items():
                at = pairs.index(pair)
                self._terms[at : at + 1] += np.uint64(by % 2**64)

    world = world_of(4)
    terms = {name: (own, 1) for name, (own, _) in terms_of(world).items()}
    shared_sum(world, occasion_of(world), terms, servers={SECOND: Cancels})
    assert not world.trouble


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("to_whom", ["following", "previous"])
def test_products_that_differ_by_reader_end_the_sum(name: str, to_whom: str) -> None:
    class Two(ProductServer):
        def _compose(self, step: str) -> dict[str, bytes]:
            found = super()._compose(step)
            if step == messages.OPENED:
                other = (self._terms + np.uint64(1)).tobytes()
                parts = [other, *(one.tobytes() for one in self._sketches)]
                found[getattr(self, to_whom)] = messages.parts_message(parts)
            return found

    assert "the three servers were not told the same" in aborted(world_of(4), servers={name: Two})


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("component", [0, 1])
def test_a_sketch_that_a_server_changes_ends_the_sum(name: str, component: int) -> None:
    class Lies(ProductServer):
        def _multiply(self) -> None:
            super()._multiply()
            self._sketches[component, 1, 3:4] += np.uint64(1)

    told = aborted(world_of(4), servers={name: Lies})
    assert "differ: one of them cheats" in told


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize(("to_whom", "component"), [("following", 0), ("previous", 1)])
def test_a_sketch_that_a_server_changes_for_who_lacks_it_ends_the_sum(
    name: str, to_whom: str, component: int
) -> None:
    class Two(ProductServer):
        def _compose(self, step: str) -> dict[str, bytes]:
            found = super()._compose(step)
            if step == messages.OPENED:
                other = self._sketches.copy()
                other[component, 1, 3:4] += np.uint64(1)
                parts = [self._terms.tobytes(), *(one.tobytes() for one in other)]
                found[getattr(self, to_whom)] = messages.parts_message(parts)
            return found

    assert "differ: one of them cheats" in aborted(world_of(4), servers={name: Two})


@pytest.mark.parametrize("name", SERVERS)
@pytest.mark.parametrize("component", [0, 1])
def test_a_component_of_the_sum_that_a_server_changes_ends_the_sum(name: str, component: int) -> None:
    class Lies(ProductServer):
        def _sums_of_components(self) -> dict[str, bytes]:
            super()._sums_of_components()
            self._sums[component] = self._sums[component] + np.uint64(1)
            first, second = self._sums
            digest = hashlib.sha256(second.tobytes()).digest()
            return {self.following: first.tobytes(), self.previous: digest}

    assert "tell different sums of a component" in aborted(world_of(4), servers={name: Lies})


@pytest.mark.parametrize("kind", [ProductServer, SharedServer])
@pytest.mark.parametrize("name", SERVERS)
def test_a_share_that_a_server_swaps_ends_the_sum(kind: type[SharedServer], name: str) -> None:
    class Swaps(kind):  # type: ignore[misc, valid-type]
        def said(self, step: str) -> dict[str, bytes]:
            if step == messages.PRESENT:
                self._shares[1] = self._shares[2]
            return super().said(step)

    world = world_of(4)
    if kind is ProductServer:
        assert "differ: one of them cheats" in aborted(world, servers={name: Swaps})
        return
    form = FixedPoint(4, 10.0, 64)
    words = {own: form.encoded(np.full(5, float(place))) for place, own in enumerate(world.names)}
    with pytest.raises(AbortedError, match="tell different sums of a component"):
        plain_sum(world, occasion_of(world, 5, form=form), words, servers={name: Swaps})


@pytest.mark.parametrize("kind", [ProductServer, SharedServer])
@pytest.mark.parametrize("name", SERVERS)
def test_a_server_that_tells_two_cohorts_ends_the_sum(kind: type[SharedServer], name: str) -> None:
    class Two(kind):  # type: ignore[misc, valid-type]
        def _compose(self, step: str) -> dict[str, bytes]:
            found = super()._compose(step)
            if step == messages.PRESENT:
                fewer = {place: one for place, one in self._own.items() if place != 3}
                told = messages.Presented(self._commitment(), fewer)
                found[self.following] = messages.presented_message(told)
            return found

    world = world_of(4)
    if kind is ProductServer:
        assert "told two different ones" in aborted(world, servers={name: Two})
        return
    form = FixedPoint(4, 10.0, 64)
    with pytest.raises(AbortedError, match="were not told the same"):
        plain_sum(
            world,
            occasion_of(world, 5, form=form),
            {own: form.encoded(np.ones(5)) for own in world.names},
            servers={name: Two},
        )


def test_a_coin_that_is_chosen_late_is_refused() -> None:
    class Late(ProductServer):
        def _compose(self, step: str) -> dict[str, bytes]:
            if step == messages.REVEAL:
                self._coin = os.urandom(32)  # after the others' coins, were they known
            return super()._compose(step)

    for name in SERVERS:
        assert f"the coin of {name} is not the one" in aborted(world_of(3), servers={name: Late})


def test_no_coin_is_told_before_all_shares_are_fixed() -> None:
    world = world_of(3)
    steps: list[str] = []

    def tap(step: str, sender: str, message: bytes) -> bytes:
        steps.append(step.split(" for ")[0])
        return message

    shared_sum(world, occasion_of(world), terms_of(world), tap)
    order = [step for step, _ in itertools.groupby(steps)]
    assert order == ["share", *STEPS, "result"]
    server = ProductServer(world.channels[SECOND], occasion_of(world), Past())
    server.said(messages.PRESENT)
    late = SharedParty(world.channels["p0"], occasion_of(world), Past()).shares(np.zeros(600, np.uint64))
    with pytest.raises(MessageError, match="too late"):
        server.take_share("p0", late[SECOND])


def test_a_statement_that_a_server_makes_up_ends_the_sum() -> None:
    class Forges(ProductServer):
        def said(self, step: str) -> dict[str, bytes]:
            if step == messages.PRESENT:
                statement, signature = self._own[1]
                self._own[1] = (replace(statement, weight=9), signature)
            return super().said(step)

    told = aborted(world_of(4), servers={SECOND: Forges})
    assert "second-server presents what p1 did not sign" in told


@pytest.mark.parametrize("name", SERVERS)
def test_a_result_that_one_server_changes_is_refused_by_all_parties(name: str) -> None:
    class Lies(ProductServer):
        def total(self) -> np.ndarray:
            found = super().total().copy()
            found[:1] += np.uint64(1)
            return found

    world = world_of(3)
    shared_sum(world, occasion_of(world), terms_of(world), servers={name: Lies})
    assert said(world).count("tell different results") == 3


def test_a_total_that_is_not_the_one_of_the_digest_is_refused() -> None:
    class Lies(ProductServer):
        def results(self) -> dict[str, bytes]:
            found = super().results()
            about = messages.about(self._occasion.digest, messages.RESULT, "p1")
            head = self._result(1, hashlib.sha256(self.total().tobytes()).digest()).encoded()
            return found | {"p1": self._channels.seal("p1", bytes(8 * 600) + head, about)}

    world = world_of(3)
    shared_sum(world, occasion_of(world), terms_of(world), servers={COORDINATOR: Lies})
    assert "the total is not the one that the servers agreed on" in said(world)


# --- parties that cheat -------------------------------------------------------------------------------


def test_a_party_that_states_two_weights_is_left_out_and_named() -> None:
    world = world_of(4)
    what = occasion_of(world)
    words = SharedForm(4, 2.0).encoded(terms_of(world)["p2"][0])
    one, other = sends(world, what, "p2", words, 1), sends(world, what, "p2", words, 1000)

    def two(step: str, sender: str, message: bytes) -> bytes:
        return (one if step == "share for coordinator" else other)(step, sender, message)

    found = shared_sum(world, what, terms_of(world), two)
    assert found.cohort == ("p0", "p1", "p3")
    assert "p2: it signed different weights or components for different servers" in said(world)
    check(found, terms_of(world), SharedForm(4, 2.0), 600)


@pytest.mark.parametrize("change", ["component", "statement", "weight"])
def test_shares_that_a_party_did_not_sign_are_dropped(change: str) -> None:
    world = world_of(4)
    what = occasion_of(world)

    def lies(step: str, sender: str, message: bytes) -> bytes:
        if (step, sender) != (f"share for {THIRD}", "p2"):
            return message
        about = messages.about(what.digest, messages.SHARE, THIRD)
        plain = world.channels[THIRD].opened("p2", message, about)
        statement, signature, held = messages.read_share(plain, 2, 600, "p2")
        if change == "component":
            held = (held[0], bytes(32))
        elif change == "statement":
            statement = replace(statement, digests=(*statement.digests[:2], bytes(32)))
        else:
            statement = replace(statement, weight=1 << 20)
        changed = messages.share_message(statement, signature, held)
        return world.channels["p2"].seal(THIRD, changed, about)

    found = shared_sum(world, what, terms_of(world), lies)
    assert found.cohort == ("p0", "p1", "p3")
    assert [(type(fault), fault.where) for fault in world.trouble] == [(MessageError, "p2")]


@pytest.mark.parametrize("weight", [-1, (1 << 30) + 1])
def test_a_weight_that_no_party_may_have_is_refused(weight: int) -> None:
    world = world_of(4)
    terms = terms_of(world)
    found = shared_sum(world, occasion_of(world), terms | {"p2": (terms["p2"][0], weight)})
    assert found.cohort == ("p0", "p1", "p3")
    assert {fault.where for fault in world.trouble} == {"p2"}


def test_in_a_plain_sum_every_weight_is_one() -> None:
    world, form = world_of(4), FixedPoint(4, 10.0, 64)
    what = occasion_of(world, 5, form=form)
    evil = sends(world, what, "p2", form.encoded(np.ones(5)), 1000)
    _, cohort = plain_sum(world, what, {name: form.encoded(np.ones(5)) for name in world.names}, evil)
    assert cohort == ("p0", "p1", "p3")
    assert "p2: its weight is not 1" in said(world)


# --- messages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["share", *STEPS, "result"])
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_a_message_that_is_bent_cut_or_padded_is_named_and_never_makes_a_wrong_sum(
    step: str, data: st.DataObject
) -> None:
    world = world_of(4)
    to = data.draw(st.sampled_from(SERVERS[1:] if step == "weights" else SERVERS))
    sender = {"share": "p2", "weights": COORDINATOR}.get(step, SERVERS[(SERVERS.index(to) + 1) % 3])
    target = f"{step} for p2" if step == "result" else f"{step} for {to}"

    def bends(at: str, who: str, message: bytes) -> bytes:
        if (at, who) != (target, sender):
            return message
        kind = data.draw(st.sampled_from(["bend", "cut", "pad", "garbage"]))
        place = data.draw(st.integers(0, len(message) - 1))
        bent = bytes([message[place] ^ data.draw(st.integers(1, 255))])
        made = {"bend": message[:place] + bent + message[place + 1 :], "cut": message[:place]}
        return (made | {"pad": message + b"\0", "garbage": os.urandom(place)})[kind]

    try:
        found = shared_sum(world, occasion_of(world), terms_of(world), bends)
    except AbortedError:
        assert step in STEPS
    else:
        assert step not in STEPS
        assert found.cohort == tuple(name for name in world.names if step == "result" or name != "p2")
        check(found, terms_of(world), SharedForm(4, 2.0), 600)
    (named,) = (fault for fault in world.trouble if isinstance(fault, MessageError))
    assert named.where == sender


def test_messages_of_another_round_or_step_do_not_open() -> None:
    world = world_of(3)
    kept: dict[tuple[str, str], bytes] = {}

    def records(step: str, sender: str, message: bytes) -> bytes:
        kept[step, sender] = message
        return message

    shared_sum(world, occasion_of(world), terms_of(world), records)
    again = occasion_of(world, round=2)
    assert "of another exchange or model" in aborted(
        world, again, broker=lambda step, sender, message: kept[step, sender]
    )
    last = occasion_of(world, round=3)

    def moves(step: str, sender: str, message: bytes) -> bytes:
        kept[step, sender] = message
        return kept.get((step.replace("reveal", "present"), sender), message)

    assert "of another exchange or model" in aborted(world, last, broker=moves)


@pytest.mark.parametrize("name", ["p1", SECOND])
def test_a_node_that_was_sent_another_model_is_in_no_sum(name: str) -> None:
    world = world_of(4)
    world.believed[name] = occasion_of(world, model="another")
    if name == SECOND:
        assert "of another exchange or model" in aborted(world)
        return
    found = shared_sum(world, occasion_of(world), terms_of(world))
    assert found.cohort == ("p0", "p2", "p3")


def test_a_message_that_comes_twice_or_from_another_is_dropped() -> None:
    world = world_of(3)
    what = occasion_of(world)
    server = ProductServer(world.channels[SECOND], what, Past())
    shares = SharedParty(world.channels["p0"], what, Past()).shares(np.zeros(600, np.uint64))
    server.take_share("p0", shares[SECOND])
    for sender in ("p0", "nobody", THIRD):
        with pytest.raises(MessageError, match="a second time, too late, or from nobody"):
            server.take_share(sender, shares[SECOND])
    with pytest.raises(MessageError, match="from nobody"):
        server.take(messages.PRESENT, "p0", b"")


# --- who sees what ------------------------------------------------------------------------------------


def counted(seed: int):
    """Return a source that gives the same bytes each time."""
    numbers = itertools.count()

    def source(count: int) -> bytes:
        return hashlib.shake_256(f"{seed} {next(numbers)}".encode()).digest(count)

    return source


def test_one_servers_shares_say_nothing_of_a_vector() -> None:
    """The coordinator holds the same for any vector, to the bit; what the others hold is like chance."""
    one, other = np.zeros(20_000, np.uint64), np.arange(20_000, dtype=np.uint64) << np.uint64(20)
    first, second = (split(words, b"about", counted(1)) for words in (one, other))
    assert first[:2] == second[:2]  # the coordinator's two components
    left = np.frombuffer(first[2][32:], np.uint64) - np.frombuffer(second[2][32:], np.uint64)
    assert np.array_equal(left, one - other)  # under one pad it would show
    for seed in (2, 3):
        (_, kept, whole), (_, _, again) = (split(other, b"about", counted(by)) for by in (seed, seed + 10))
        for held in (whole, again):
            bits = np.unpackbits(np.frombuffer(held[32:], np.uint8)).reshape(-1, 64)
            assert np.abs(bits.mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(len(bits))
        words = np.frombuffer(whole[32:], np.uint64)
        assert not (words == np.frombuffer(again[32:], np.uint64)).any()
        assert kept not in (whole, again)


def test_parts_of_products_are_under_streams_that_add_up_to_nothing_and_are_new_each_time() -> None:
    world = world_of(4)
    sent: list[np.ndarray] = []
    bare: list[np.ndarray] = []

    class Taps(ProductServer):
        def _multiply(self) -> None:
            super()._multiply()
            products = Products(4)
            about, size = self._occasion.digest, self._occasion.size
            held = (pieces((self.place + by) % 3, self._held(by), about, size) for by in range(2))
            for pair in zip(*held, strict=True):
                products.add(*pair)
            bare.append(products.terms())
            sent.append(self._terms.copy())

    for number in (1, 2):
        what = occasion_of(world, round=number)
        shared_sum(world, what, terms_of(world), servers=dict.fromkeys(SERVERS, Taps))
    streams = [one - own for one, own in zip(sent, bare, strict=True)]
    for one in streams:
        assert len(set(one.tolist()) - {0}) == 10
    assert not (streams[0] == streams[3]).any()
    assert not np.sum(streams[:3], axis=0, dtype=np.uint64).any()


def test_the_broker_sees_no_vector_and_nothing_twice() -> None:
    world = world_of(4)
    traffic: list[bytes] = []

    def tap(step: str, sender: str, message: bytes) -> bytes:
        traffic.append(message)
        return message

    for number in (1, 2):
        shared_sum(world, occasion_of(world, round=number), terms_of(world), tap)
    words = SharedForm(4, 2.0).encoded(terms_of(world)["p1"][0]).tobytes()
    everything = b"".join(traffic)
    assert all(everything.find(words[at : at + 8]) < 0 for at in range(0, len(words), 8))
    blocks = [message[at : at + 16] for message in traffic for at in range(0, len(message) - 15, 16)]
    assert len(set(blocks)) == len(blocks)


def test_parties_learn_their_own_square_and_product_only() -> None:
    world = world_of(4)
    found: dict[str, messages.Result] = {}
    what = occasion_of(world)

    def tap(step: str, sender: str, message: bytes) -> bytes:
        if step.startswith("result") and sender == SECOND:
            name = step.removeprefix("result for ")
            plain = world.channels[name].opened(SECOND, message, messages.about(what.digest, "result", name))
            found[name] = messages.read_result(plain, 4, SECOND)
        return message

    total = shared_sum(world, what, terms_of(world), tap)
    units = 4.0**26 / 2**2  # two bits less for a norm of 2
    weights = [total.weights[name] for name in world.names]
    for place, name in enumerate(world.names):
        assert found[name].square / units == pytest.approx(total.gram[place, place])
        signed = (found[name].product ^ 1 << 63) - (1 << 63)
        assert signed / units == pytest.approx(total.gram[place] @ weights)
