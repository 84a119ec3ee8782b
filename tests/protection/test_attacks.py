"""Attacks on a masked sum: by the coordinator, by parties, and by whoever carries the messages.

The attacker has the coordinator's own state where a test overrides `MaskedSum`, and the broker's whole
traffic where it passes a broker.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.secure_sums import enrolled, plain_sum
from hansa.core.errors import AbortedError, MessageError, RefusedError
from hansa.crypto.agreement import AgreementKey
from hansa.crypto.masks import add_streams
from hansa.crypto.secret_sharing import told_by
from hansa.protection import masked_messages as messages
from hansa.protection.enrolment import COORDINATOR, Roster, channels, credential
from hansa.protection.masked_coordinator import MaskedSum
from hansa.protection.masked_party import MaskedParty
from hansa.protection.occasion import Occasion, Past, past_of
from hansa.simulation.masked_sums import STEPS, masked_sum
from hansa.simulation.nodes import Nodes
from tests.protection.federation import occasion, words_of


def said(world: Nodes) -> str:
    return "\n".join(str(fault) for fault in world.trouble)


def aborted(world: Nodes, what: Occasion, kind: type[MaskedSum] = MaskedSum, **attack: object) -> str:
    """Return what nodes said of an attack that ends in no sum at all; kind: the coordinator."""
    with pytest.raises(AbortedError):
        masked_sum(world, what, words_of(world, what), server=kind, **attack)  # type: ignore[arg-type]
    return said(world)


# --- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("victim", ["p1", COORDINATOR])
def test_a_key_that_the_server_puts_in_between_is_nobodys(victim: str) -> None:
    world = enrolled(3)
    own = world.credentials
    adverts = {name: one.advert(world.roster) for name, one in own.items()}
    evil = replace(
        own[victim], agreement=AgreementKey(os.urandom(32)), signing=credential("x", os.urandom).signing
    )
    forged = adverts | {victim: evil.advert(world.roster)}
    with pytest.raises(MessageError, match=victim):
        channels(own["p0"], world.roster, forged, os.urandom)


def test_another_roster_shown_to_one_party_is_found_out_before_anything_is_sent() -> None:
    world = enrolled(3)
    strangers = dict(world.roster.parties) | {"p2": credential("p2", os.urandom).signing.public}
    other = Roster(world.roster.task, world.roster.servers, strangers)
    adverts = {name: one.advert(world.roster) for name, one in world.credentials.items()}
    with pytest.raises(MessageError):
        channels(world.credentials["p0"], other, adverts, os.urandom)


@given(st.binary(max_size=120))
def test_a_garbled_advert_is_named(garbage: bytes) -> None:
    world = enrolled(3)
    adverts = {name: one.advert(world.roster) for name, one in world.credentials.items()} | {"p1": garbage}
    with pytest.raises(MessageError, match="p1"):
        channels(world.credentials["p0"], world.roster, adverts, os.urandom)


def test_a_server_that_swaps_a_partys_key_of_the_sum_is_found_out() -> None:
    class Swaps(MaskedSum):
        def relays(self) -> dict[str, bytes]:
            self._openings[1] = replace(self._openings[1], key=AgreementKey(os.urandom(32)).public)
            return super().relays()

    world = enrolled(4)
    what = occasion(world)
    told = aborted(world, what, kind=Swaps)
    assert (
        "changed or left out this party's own key" in told
    )  # p1 sees its own; what the others send is masked


# --- other models, other rounds ---------------------------------------------------------------------


def test_a_server_that_sends_one_party_another_model_gets_nothing() -> None:
    world = enrolled(4)
    what = occasion(world)
    world.believed |= dict.fromkeys(("p1", "p2"), occasion(world, model="another"))
    told = aborted(world, what)
    assert "of another exchange or model" in told


def test_one_party_with_another_model_is_no_part_of_the_sum() -> None:
    world = enrolled(4)
    what = occasion(world)
    words = words_of(world, what)
    world.believed["p1"] = occasion(world, model="another")
    total, cohort = masked_sum(world, what, words)
    assert cohort == ("p0", "p2", "p3")
    assert np.array_equal(total, plain_sum(words, cohort))
    assert "p1" in said(world)


@pytest.mark.parametrize("round_", [1, 0])
def test_a_round_is_not_played_twice(round_: int) -> None:
    world = enrolled(3)
    what = occasion(world)
    masked_sum(world, what, words_of(world, what))
    assert "or for one before the last" in aborted(world, occasion(world, round=round_))


def test_a_party_that_starts_again_remembers() -> None:
    past = Past()
    world = enrolled(3)
    past.begin(occasion(world, round=3))
    past.sign(occasion(world, kind="statistics", unchanging=True), ["p0", "p1", "p2"])
    again = past_of(past.value())
    assert again == past
    with pytest.raises(RefusedError):
        again.begin(occasion(world, round=3))


def test_messages_of_another_round_do_not_open() -> None:
    world = enrolled(3)
    kept: dict[tuple[str, str], bytes] = {}

    def records(step: str, party: str, message: bytes) -> bytes:
        kept[step, party] = message
        return message

    masked_sum(world, occasion(world), words_of(world, occasion(world)), records)

    def replays(step: str, party: str, message: bytes) -> bytes:
        return kept[step, party]

    assert "of another exchange or model" in aborted(world, occasion(world, round=2), broker=replays)


def test_two_sums_under_one_pad_are_refused_and_would_show_the_difference() -> None:
    class Fixed(Past):
        def begin(self, occasion: Occasion) -> None:  # the defence taken away
            pass

    world = enrolled(3)
    what = occasion(world)
    keys = [os.urandom(32) for _ in range(3)]
    one, other = np.arange(5, dtype=np.uint32), np.arange(5, dtype=np.uint32) ** 2
    first, second = one.copy(), other.copy()
    for words in (first, second):  # the same occasion, so the same streams
        add_streams(words, keys[:2], keys[2:])
    assert np.array_equal(second - first, other - one)
    world.pasts = {name: Fixed() for name in world.names}
    sent: list[bytes] = []

    def tap(step: str, party: str, message: bytes) -> bytes:
        if (step, party) == ("masked", "p0"):
            about = what.digest + messages.TERM
            sent.append(world.channels[COORDINATOR].opened("p0", message, about))
        return message

    for seed in (1, 2):
        masked_sum(world, what, words_of(world, what, seed), tap)
    fresh = np.frombuffer(sent[1], np.uint32) - np.frombuffer(sent[0], np.uint32)
    told = words_of(world, what, 2)["p0"] - words_of(world, what, 1)["p0"]
    assert not np.array_equal(fresh, told)  # each sum draws keys of its own, even so


# --- survivors --------------------------------------------------------------------------------------


def test_a_server_that_leaves_a_party_out_silently_is_refused_by_it() -> None:
    class Omits(MaskedSum):
        def survivors(self) -> dict[str, bytes]:
            self._arrived.remove(1)
            places = [0, 2, 3]
            self._survivors = tuple(places)
            listed = messages.places_message(places)
            return self._to_each((0, 1, 2, 3), lambda _: listed, messages.SURVIVORS)

    world = enrolled(4)
    what = occasion(world)
    masked_sum(world, what, words_of(world, what), server=Omits)
    assert "it says that this party's term, which was sent, did not arrive" in said(world)


class ManyLists(MaskedSum):
    """Gives each party another list of survivors."""

    lists: dict[int, list[int]]

    def survivors(self) -> dict[str, bytes]:
        made = {place: messages.places_message(places) for place, places in self.lists.items()}
        self._survivors = tuple(range(len(self._roster.parties)))
        return self._to_each(tuple(made), made.__getitem__, messages.SURVIVORS)


@pytest.mark.parametrize(
    ("lists", "words"),
    [
        ({place: [place] for place in range(4)}, "it would open a sum of 1 parties"),
        ({place: [0, 1, 2, 3, 9] for place in range(4)}, "garbled"),
        ({place: [0, 1] for place in (0, 1)}, "it would open a sum of 2 parties"),
        (
            {0: [0, 1, 2], 1: [0, 1, 2], 2: [0, 2, 3], 3: [0, 2, 3]},
            "the signature of survivors is not its own",
        ),
    ],
)
def test_no_list_is_opened_that_too_few_signed(lists: dict[int, list[int]], words: str) -> None:
    class Evil(ManyLists):
        pass

    Evil.lists = lists
    world = enrolled(4)
    what = occasion(world)
    assert words in aborted(world, what, kind=Evil)


def test_a_list_with_a_party_that_gave_no_key_is_refused() -> None:
    class Evil(ManyLists):
        pass

    Evil.lists = {place: [0, 1, 2, 3] for place in (0, 1, 2)}

    def loses(step: str, party: str, message: bytes) -> bytes | None:
        return None if party == "p3" else message

    world = enrolled(4)
    assert "lists a party that gave no key" in aborted(world, occasion(world), kind=Evil, broker=loses)


def _with_proofs(made: Callable[[MaskedSum, int], dict[int, bytes]]) -> str:
    """Return what four parties say of the vouchers that a coordinator hands to each place."""

    class Forges(MaskedSum):
        def proofs(self) -> dict[str, bytes]:
            found = {place: messages.by_place_message(made(self, place)) for place in self._survivors}
            return self._to_each(self._survivors, found.__getitem__, messages.PROOFS)

    world = enrolled(4)
    return aborted(world, occasion(world), kind=Forges)


def test_vouchers_of_the_coordinators_own_open_nothing() -> None:
    told = _with_proofs(lambda own, _: dict.fromkeys(own._survivors, os.urandom(32)))
    assert told.count("1 parties agreed on the list of survivors, which are too few") == 4


def test_what_a_party_vouched_for_to_another_or_itself_opens_nothing() -> None:
    """A voucher is of one party for one other: neither a third one's nor the reader's own passes."""
    others = _with_proofs(
        lambda own, place: {by: own._vouchers[by][(by + 1) % 4] for by in range(4) if by != place}
    )
    assert others.count("2 parties agreed on the list of survivors, which are too few") == 4
    mirrored = _with_proofs(
        lambda own, place: {by: own._vouchers[place][by] for by in range(4) if by != place}
    )
    assert mirrored.count("1 parties agreed on the list of survivors, which are too few") == 4


def test_too_few_vouchers_open_nothing() -> None:
    told = _with_proofs(lambda own, place: {by: own._vouchers[by][place] for by in (0,) if by != place})
    assert "1 parties agreed on the list of survivors, which are too few" in told
    assert "2 parties agreed on the list of survivors, which are too few" in told


def test_one_wrong_voucher_is_no_reason_to_stop_where_enough_are_right() -> None:
    class Bends(MaskedSum):
        def proofs(self) -> dict[str, bytes]:
            for told in self._vouchers.values():
                told.update({place: bytes(32) for place in told if self._vouchers[3] is told})
            return super().proofs()

    world = enrolled(8)
    what = occasion(world)
    words = words_of(world, what)
    total, cohort = masked_sum(world, what, words, server=Bends)
    assert np.array_equal(total, plain_sum(words, cohort))
    assert len(cohort) == 8


def test_vouchers_for_others_than_those_on_the_list_are_dropped_and_named() -> None:
    world = enrolled(4)
    what = occasion(world)
    node = world.channels["p1"]

    def bends(step: str, party: str, message: bytes) -> bytes:
        if (step, party) != ("agreed", "p1"):
            return message
        plain = world.channels[COORDINATOR].opened("p1", message, what.digest + messages.AGREED)
        signature, vouchers = messages.read_agreed(plain, 4, "p1")
        fewer = messages.agreed_message(signature, {place: vouchers[place] for place in (0, 2)})
        return node.seal(COORDINATOR, fewer, what.digest + messages.AGREED)

    total, cohort = masked_sum(world, what, words_of(world, what), bends)
    assert np.array_equal(total, plain_sum(words_of(world, what), cohort))
    assert "p1: its vouchers are not for those on the list" in said(world)


def test_a_second_cohort_of_one_round_is_refused() -> None:
    """Each party signs one list: a second question is out of turn, whatever it lists."""
    world = enrolled(4)
    what = occasion(world)
    party, _ = _after_terms(world, what)
    node = world.channels[COORDINATOR]
    first = node.seal("p0", messages.places_message([0, 1, 2, 3]), what.digest + messages.SURVIVORS)
    second = node.seal("p0", messages.places_message([0, 1, 2]), what.digest + messages.SURVIVORS)
    party.agreed(first)
    with pytest.raises(RefusedError, match="out of turn"):
        party.agreed(second)


def test_both_shares_of_one_party_are_never_given() -> None:
    """For one list a party gives the seed of who is on it, else the key; a second question is out of turn."""
    world = enrolled(4)
    what = occasion(world)
    revealed: dict[str, dict[int, bytes]] = {}
    asked: dict[str, bytes] = {}

    def tap(step: str, party: str, message: bytes) -> bytes | None:
        if step == "ask revealed":
            asked[party] = message
        if step == "revealed":
            plain = world.channels[COORDINATOR].opened(party, message, what.digest + messages.REVEALED)
            revealed[party] = messages.read_by_place(plain, 4, 32, party)
        return None if party == "p3" and step == "masked" else message

    masked_sum(world, what, words_of(world, what), tap)
    assert all(len(shares) == 4 for shares in revealed.values())  # one of each party
    party, _ = _after_terms(world, occasion(world, round=5))
    with pytest.raises(RefusedError, match="out of turn"):
        party.revealed(asked["p0"])


def _after_terms(world: Nodes, what: Occasion) -> tuple[MaskedParty, MaskedSum]:
    """Return p0 and the coordinator once all terms have arrived."""
    coordinator = MaskedSum(world.channels[COORDINATOR], what)
    parties = {name: MaskedParty(world.channels[name], what, world.pasts[name]) for name in world.names}
    for name, party in parties.items():
        coordinator.take_keys(name, party.keys())
    words = words_of(world, what)
    for name, relay in coordinator.relays().items():
        coordinator.take_masked(name, parties[name].masked(words[name], relay))
    return parties["p0"], coordinator


def test_what_never_changes_is_opened_for_one_cohort_only() -> None:
    world = enrolled(4)
    first = occasion(world, kind="statistics", unchanging=True, round=0)
    words = words_of(world, first)
    masked_sum(world, first, words)

    def loses(step: str, party: str, message: bytes) -> bytes | None:
        return None if (step, party) == ("masked", "p3") else message

    again = replace(first, round=1)
    assert "was summed for another cohort before" in aborted(world, again, broker=loses)
    plain = occasion(world, round=2)
    masked_sum(world, plain, words_of(world, plain), loses)


def test_terms_by_cell_are_opened_for_the_cohort_of_their_support_only() -> None:
    world = enrolled(4)
    support = occasion(world, kind="support", unchanging=True, round=0)
    values = occasion(world, kind="predictions", cells="support")
    told = aborted(world, values)
    assert "no support told which of them enough parties have" in told
    masked_sum(world, replace(support, round=2), words_of(world, support))

    def loses(step: str, party: str, message: bytes) -> bytes | None:
        return None if (step, party) == ("masked", "p3") else message

    assert "support was summed for another cohort" in aborted(world, replace(values, round=3), broker=loses)
    again = replace(values, round=4)
    assert masked_sum(world, again, words_of(world, again))[1] == world.names


def test_a_cohort_that_comes_back_tells_the_cells_anew() -> None:
    """Cells that one cohort's support has told are not opened for the cohort before it."""
    past, every = Past(), frozenset({"p0", "p1", "p2", "p3", "p4", "p5"})
    world = enrolled(6)
    support = occasion(world, kind="support", unchanging=True)
    values = occasion(world, kind="predictions", cells="support")
    for cohort in (every, every - {"p4", "p5"}, every):
        past.sign(support, cohort)
    past.sign(values, every)
    with pytest.raises(RefusedError, match="support was summed for another cohort"):
        past.sign(values, every - {"p4", "p5"})


def test_what_terms_of_two_kinds_have_in_common_is_not_solved_for() -> None:
    past, every = Past(), frozenset({"p0", "p1", "p2", "p3"})
    world = enrolled(4)
    first = occasion(world, kind="gradient", unchanging=True, same="rows")
    past.sign(first, every)
    with pytest.raises(RefusedError, match="together the sums would show what p3 adds"):
        past.sign(occasion(world, kind="training", unchanging=True, same="rows"), every - {"p3"})
    past.sign(occasion(world, kind="another", unchanging=True), every - {"p3"})


# --- messages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [*STEPS, *(f"ask {one}" for one in STEPS[1:])])
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_message_that_is_bent_cut_or_padded_is_dropped_and_named(step: str, data: st.DataObject) -> None:
    world = enrolled(4)
    what = occasion(world)
    words = words_of(world, what)

    def bends(at: str, party: str, message: bytes) -> bytes:
        if (at, party) != (step, "p2"):
            return message
        kind = data.draw(st.sampled_from(["bend", "cut", "pad", "garbage"]))
        place = data.draw(st.integers(0, len(message) - 1))
        if kind == "bend":
            return (
                message[:place]
                + bytes([message[place] ^ data.draw(st.integers(1, 255))])
                + message[place + 1 :]
            )
        return {"cut": message[:place], "pad": message + b"\0", "garbage": os.urandom(place)}[kind]

    total, cohort = masked_sum(world, what, words, bends)
    (fault,) = {type(one) for one in world.trouble}
    assert fault is MessageError
    assert {one.where for one in world.trouble} <= {"p2", COORDINATOR}  # type: ignore[attr-defined]
    assert np.array_equal(total, plain_sum(words, cohort))


def test_a_message_that_comes_twice_or_from_another_is_dropped() -> None:
    world = enrolled(4)
    what = occasion(world)
    _, coordinator = _after_terms(world, what)
    for name in ("p0", "nobody"):
        with pytest.raises(MessageError, match=name):
            coordinator.take_masked(name, b"again")
        with pytest.raises(MessageError, match=name):
            coordinator.take_keys(name, b"again")


def test_a_message_of_one_party_is_not_anothers() -> None:
    world = enrolled(4)
    kept: list[bytes] = []

    def swaps(step: str, party: str, message: bytes) -> bytes:
        if step == "keys" and party == "p0":
            kept.append(message)
        return kept[0] if (step, party) == ("keys", "p1") else message

    masked_sum(world, occasion(world), words_of(world, occasion(world)), swaps)
    assert {fault.where for fault in world.trouble} == {"p1"}


def test_shares_that_are_swapped_do_not_open() -> None:
    class Swaps(MaskedSum):
        def relays(self) -> dict[str, bytes]:
            for sealed in self._sealed.values():
                sealed[0], sealed[1] = sealed[1], sealed[0]
            return super().relays()

    world = enrolled(4)
    told = aborted(world, occasion(world), kind=Swaps)
    assert "does not open here" in told


def test_shares_that_a_party_did_not_commit_to_are_named() -> None:
    world = enrolled(4)
    what = occasion(world)

    def lies(step: str, party: str, message: bytes) -> bytes:
        if (step, party) != ("keys", "p2"):
            return message
        about = what.digest + messages.KEYS
        opening, sealed = messages.read_keys(
            world.channels[COORDINATOR].opened("p2", message, about), 4, "p2"
        )
        sealed[1] = world.channels["p2"].seal("p1", os.urandom(64), what.digest)
        return world.channels["p2"].seal(COORDINATOR, messages.keys_message(opening, sealed), about)

    total, cohort = masked_sum(world, what, words_of(world, what), lies)
    assert cohort == ("p0", "p2", "p3")
    assert np.array_equal(total, plain_sum(words_of(world, what), cohort))
    (fault,) = world.trouble
    assert fault.where == "p2"
    assert "not those that it committed to" in str(fault)


def test_a_party_that_reveals_other_shares_ends_the_sum_or_changes_nothing() -> None:
    world = enrolled(4)
    what = occasion(world)

    def lies(step: str, party: str, message: bytes) -> bytes:
        if (step, party) != ("revealed", "p0"):
            return message
        about = what.digest + messages.REVEALED
        return world.channels["p0"].seal(
            COORDINATOR, messages.by_place_message({place: os.urandom(32) for place in range(4)}), about
        )

    with pytest.raises(AbortedError, match="do not tell what it committed to"):
        masked_sum(world, what, words_of(world, what), lies)


# --- who sees what ----------------------------------------------------------------------------------


def test_the_broker_and_the_operator_see_no_term() -> None:
    """The same terms look new each time: what arrives says nothing of them without the streams."""
    world = enrolled(7)
    seen: list[list[np.ndarray]] = []
    for number in (1, 2):
        what = occasion(world, round=number)
        words, found = words_of(world, what), []

        def tap(step: str, party: str, message: bytes, what: Occasion = what, found: list = found) -> bytes:
            if step == "masked":
                plain = world.channels[COORDINATOR].opened(party, message, what.digest + messages.TERM)
                found.append(np.frombuffer(plain, np.uint32))
            return message

        masked_sum(world, what, words, tap)
        seen.append(found)
    for one, other, own in zip(*seen, words.values(), strict=True):
        assert not (one == own).any()
        assert not (one == other).any()


@pytest.mark.parametrize("parties", [4, 5, 7])
def test_colluders_below_the_threshold_cannot_tell_a_seed_and_at_it_they_can(parties: int) -> None:
    world = enrolled(parties)
    what = occasion(world)
    victims: dict[str, MaskedParty] = {}

    class Keeps(MaskedParty):
        pass

    coordinator = MaskedSum(world.channels[COORDINATOR], what)
    for name in world.names:
        victims[name] = Keeps(world.channels[name], what, world.pasts[name])
        coordinator.take_keys(name, victims[name].keys())
    for name, relay in coordinator.relays().items():
        victims[name].masked(words_of(world, what)[name], relay)
    seed, threshold = victims["p0"]._seed, world.roster.threshold
    held = {place: victims[f"p{place}"]._held[0].seed for place in range(1, parties)}
    for places in itertools.combinations(held, threshold - 1):
        assert told_by({place: held[place] for place in places}) != seed
    if len(held) >= threshold:
        assert told_by(dict(itertools.islice(held.items(), threshold))) == seed


def test_a_mask_from_a_small_space_of_seeds_is_found_by_search_and_ours_is_not() -> None:
    """A negative control: masks grown from few bits, as 32-bit seeds are, fall to a search of all of them."""
    bits = 12
    rng = np.random.default_rng(1)
    term = rng.integers(0, 100, 8).astype(np.uint32)  # small numbers, as a clipped update has

    def weak(seed: int) -> np.ndarray:
        return np.random.default_rng(seed).integers(0, 1 << 32, 8, dtype=np.uint32)

    sent = term + weak(int(rng.integers(1 << bits)))
    fits = [seed for seed in range(1 << bits) if (sent - weak(seed) < 100).all()]
    assert len(fits) == 1
    assert np.array_equal(sent - weak(fits[0]), term)
    strong = term.copy()
    add_streams(strong, [os.urandom(32)], [])
    assert not any((strong - weak(seed) < 100).all() for seed in range(1 << bits))
