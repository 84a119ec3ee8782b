"""An encrypted sum is the sum of the cohort, or there is none; and attacks on it.

The attacker has the coordinator's own state where a test overrides `EncryptedSum`, the broker's whole traffic
where it passes a broker, and a party's keys where it says so.
"""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("tenseal", reason="needs the extra encrypted")

from benchmarks.secure_sums import plain_sum
from hansa.core.errors import AbortedError, CharterError, MessageError, RefusedError
from hansa.crypto.lattice import SLOTS, WIDTH, PublicLattice, SecretLattice, _fields, _only
from hansa.protection import encrypted_messages as messages
from hansa.protection.encrypted_messages import CUSTODIAN, Commitment
from hansa.protection.encrypted_sum import EncryptedParty, EncryptedSum, checked
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.fixed_point import FixedPoint
from hansa.protection.key_custodian import Custodian
from hansa.protection.occasion import Occasion, Past
from hansa.simulation.encrypted_sums import SERVERS, STEPS, encrypted_sum
from hansa.simulation.nodes import Nodes
from hansa.simulation.nodes import enrolled as enrolled_under
from tests.protection.federation import occasion as plain_occasion
from tests.protection.federation import words_of


def enrolled(parties: int = 4) -> Nodes:
    return enrolled_under([f"p{number}" for number in range(parties)], "task", os.urandom, SERVERS)


def occasion(world: Nodes, **changes: object) -> Occasion:
    form = FixedPoint(len(world.names), 10.0, WIDTH)
    return plain_occasion(world, **({"form": form} | changes))


def said(world: Nodes) -> str:
    return "\n".join(str(fault) for fault in world.trouble)


def aborted(world: Nodes, what: Occasion, kind: type[EncryptedSum] = EncryptedSum, **attack: object) -> str:
    """Return what nodes said of an attack that ends in no sum at all; kind: the coordinator."""
    with pytest.raises(AbortedError):
        encrypted_sum(world, what, words_of(world, what), server=kind, **attack)  # type: ignore[arg-type]
    return said(world)


def losing(plan: dict[str, str]):
    """Return a broker that loses all of a node's messages from a step on."""

    def broker(step: str, node: str, message: bytes) -> bytes | None:
        gone = plan.get(node)
        late = STEPS.index(step.removeprefix("ask ")) >= STEPS.index(gone) if gone else False
        return None if late else message

    return broker


# --- sums -------------------------------------------------------------------------------------------


@settings(max_examples=8, deadline=None)
@given(
    parties=st.integers(3, 5),
    size=st.sampled_from([1, SLOTS - 1, SLOTS, SLOTS + 1]),
    width=st.sampled_from([24, 32, 40, WIDTH]),
    seed=st.integers(0, 100),
)
def test_it_is_the_sum_of_all_to_the_bit(parties: int, size: int, width: int, seed: int) -> None:
    world = enrolled(parties)
    what = occasion(world, size=size, form=FixedPoint(parties, 10.0, width))
    words = words_of(world, what, seed)
    total, cohort = encrypted_sum(world, what, words)
    assert cohort == world.names
    assert not world.trouble
    assert total.dtype == what.form.dtype
    assert np.array_equal(total, plain_sum(words, cohort))


@pytest.mark.parametrize("words", [1, 3])
def test_numbers_come_out_within_the_bound(words: int) -> None:
    world = enrolled(4)
    form = FixedPoint(4, 10.0, WIDTH, words)
    values = np.random.default_rng(1).uniform(-10, 10, (4, 20))
    values[:, 0], values[:, 1] = 10.0, -10.0  # either end
    what = occasion(world, size=20 * words, form=form)
    encoded = {name: form.encoded(own) for name, own in zip(world.names, values, strict=True)}
    total, _ = encrypted_sum(world, what, encoded)
    off = np.abs(form.decoded(total) - values.sum(axis=0)).max()
    assert off <= form.error + 1e-14
    assert off <= 1e-6


@pytest.mark.parametrize("step", ["committed", "encrypted"])
def test_a_party_lost_at_either_step_leaves_the_sum_of_the_others(step: str) -> None:
    world = enrolled(4)
    what = occasion(world)
    words = words_of(world, what)
    total, cohort = encrypted_sum(world, what, words, losing({"p2": step}))
    assert cohort == ("p0", "p1", "p3")
    assert np.array_equal(total, plain_sum(words, cohort))


@pytest.mark.parametrize("step", ["committed", "encrypted"])
def test_too_few_parties_at_either_step_leave_none(step: str) -> None:
    world = enrolled(4)
    with pytest.raises(AbortedError, match=r"2 of 4 parties .* and it takes 3"):
        encrypted_sum(
            world, occasion(world), words_of(world, occasion(world)), losing({"p2": step, "p1": step})
        )


def test_more_must_answer_where_the_cohort_is_larger() -> None:
    world = enrolled(4)
    what = occasion(world, cohort=4)
    with pytest.raises(AbortedError, match="3 of 4 parties sent their terms, and it takes 4"):
        encrypted_sum(world, what, words_of(world, what), losing({"p2": "encrypted"}))


@pytest.mark.parametrize("step", ["key", "list", "total"])
def test_without_the_custodian_there_is_no_sum(step: str) -> None:
    world = enrolled(3)
    with pytest.raises(AbortedError, match=f"the custodian gave no {step}"):
        encrypted_sum(world, occasion(world), words_of(world, occasion(world)), losing({CUSTODIAN: step}))


def test_a_roster_without_a_custodian_or_numbers_too_wide_are_refused() -> None:
    world = enrolled_under(["p0", "p1", "p2"], "task", os.urandom)
    with pytest.raises(CharterError, match="need a key custodian"):
        encrypted_sum(world, occasion(world), words_of(world, occasion(world)))
    world = enrolled(3)
    what = occasion(world, form=FixedPoint(3, 10.0, WIDTH + 1))
    with pytest.raises(CharterError, match="57 bits, and an encrypted one is of 56 at most"):
        encrypted_sum(world, what, words_of(world, what))


# --- keys -------------------------------------------------------------------------------------------


def test_a_key_of_the_coordinators_own_is_nobodys() -> None:
    class Swaps(EncryptedSum):
        def questions(self, key: bytes) -> dict[str, bytes]:
            super().questions(key)
            public = SecretLattice().public
            signature = self._channels.signing.sign(
                messages.KEY.decode(), messages.key_statement(self._about, public)
            )
            forged = messages.signed_message(public, signature)
            return self._to_each(self._roster.names, forged, messages.KEY)

    world = enrolled()
    told = aborted(world, occasion(world), kind=Swaps)
    assert told.count("the signature of public key is not its own") == len(world.names)


def test_a_key_of_another_round_is_refused() -> None:
    """A key whose secret half has come out since does not serve again."""
    world = enrolled()
    old: list[bytes] = []

    class Replays(EncryptedSum):
        def questions(self, key: bytes) -> dict[str, bytes]:
            made = super().questions(key)
            old.append(self._channels.opened(CUSTODIAN, key, self._about + messages.KEY))
            return made if len(old) == 1 else self._to_each(self._roster.names, old[0], messages.KEY)

    encrypted_sum(world, occasion(world), words_of(world, occasion(world)), server=Replays)
    told = aborted(world, occasion(world, round=2), kind=Replays)
    assert told.count("the signature of public key is not its own") == len(world.names)


def test_the_custodian_forgets_a_key_with_its_sum() -> None:
    world = enrolled()
    run, later = Played(world), Played(world, round=2)
    assert run.custodian._lattice is not None
    run.custodian.total(run.question())
    assert run.custodian._lattice is None
    assert later.custodian._public != run.custodian._public


def test_a_custodian_and_a_party_that_start_again_go_on_to_the_same_total() -> None:
    world = enrolled()
    what = occasion(world)
    words, boss = words_of(world, what), EncryptedSum(world.channels[COORDINATOR], what)
    first = Custodian(world.channels[CUSTODIAN], what, Past())
    kept = {}
    for name, question in boss.questions(first.key()).items():
        party = EncryptedParty(world.channels[name], what, world.pasts[name])
        boss.take_committed(name, party.committed(words[name], question))
        kept[name] = party.value()
    again = Custodian(world.channels[CUSTODIAN], what, Past())
    again.keep_keys(first.kept)
    for name, listed in boss.listed(again.listed(boss.commitments())).items():
        party = EncryptedParty.resumed(world.channels[name], what, world.pasts[name], kept[name])
        boss.take_encrypted(name, party.encrypted(listed))
    total, cohort = boss.total(again.total(boss.terms()))
    assert cohort == world.names
    assert np.array_equal(total, plain_sum(words, cohort))
    assert again.kept == b""


# --- custody ----------------------------------------------------------------------------------------


class Played:
    """A sum in which all did as they should until the custodian is asked for the total."""

    def __init__(self, world: Nodes, swap=lambda party, sent: sent, **changes: object) -> None:
        """Play; swap: what p1 commits to instead, of itself and what it would send."""
        self.world, self.what = world, occasion(world, **changes)
        self.words = words_of(world, self.what)
        self.coordinator = EncryptedSum(world.channels[COORDINATOR], self.what)
        self.custodian = Custodian(world.channels[CUSTODIAN], self.what, world.pasts[CUSTODIAN])
        self.parties = {
            name: EncryptedParty(world.channels[name], self.what, world.pasts[name]) for name in world.names
        }
        for name, asked in self.coordinator.questions(self.custodian.key()).items():
            sent = self.parties[name].committed(self.words[name], asked)
            sent = swap(self.parties[name], sent) if name == "p1" else sent
            with world.noted():
                self.coordinator.take_committed(name, sent)
        self.listed = self.coordinator.listed(self.custodian.listed(self.coordinator.commitments()))
        for name, asked in self.listed.items():
            with world.noted():
                self.coordinator.take_encrypted(name, self.parties[name].encrypted(asked))
        self.terms = dict(self.coordinator._terms)

    def question(self, terms: dict[int, list[bytes]] | None = None) -> bytes:
        """Return what a coordinator asks that hands on these terms."""
        return self.sealed(messages.terms_message(self.terms if terms is None else terms))

    def custodian_alone(self, place: int, pieces: list[bytes]) -> None:
        """Hand the custodian what the coordinator dropped."""
        self.custodian.total(self.question(self.terms | {place: pieces}))

    def sealed(self, message: bytes) -> bytes:
        return self.world.channels[COORDINATOR].seal(CUSTODIAN, message, self.what.digest + messages.TERM)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_total_of_too_few_parties_is_refused(count: int) -> None:
    """Not of one or two either where the charter, or who made it up, asks for no more."""
    run = Played(enrolled(), cohort=1)
    few = {place: run.terms[place] for place in range(count)}
    with pytest.raises(RefusedError, match=f"a sum of {count} parties, which are too few"):
        run.custodian.total(run.question(few))


def test_a_sum_that_the_coordinator_hands_over_is_not_opened() -> None:
    """In the place of one party's term stands a sum of the coordinator's making, or one party's alone."""
    for made in ("added", "encrypted by the coordinator"):
        run = Played(enrolled())
        public = PublicLattice(run.custodian._public, CUSTODIAN)
        term = public.encrypted(np.zeros(5, np.int64)) if made != "added" else run.terms[1]
        with pytest.raises(MessageError, match="p0: what it encrypted is not what it signed"):
            run.custodian.total(run.question(run.terms | {0: term}))


def test_a_partys_term_that_is_listed_twice_is_refused() -> None:
    run = Played(enrolled())
    twice = messages.codec.encode([[place, run.terms[place]] for place in (0, 1, 1)])
    with pytest.raises(MessageError, match="it lists a party twice"):
        run.custodian.total(run.sealed(twice))


def test_a_commitment_that_its_party_did_not_sign_is_refused() -> None:
    class Forges(EncryptedSum):
        def commitments(self) -> bytes:
            own = self._commitments[1]
            signature = self._channels.signing.sign(
                messages.COMMITMENT.decode(), own.statement(self._about, self._public)
            )
            self._commitments[1] = Commitment(own.digest, signature)
            return super().commitments()

    world = enrolled()
    told = aborted(world, occasion(world), kind=Forges)
    assert "p1: the signature of encrypted term is not its own" in told


def test_terms_of_another_round_are_refused() -> None:
    world = enrolled()
    old = Played(world)
    run = Played(world, round=2)
    with pytest.raises(MessageError, match="p0: what it encrypted is not what it signed"):
        run.custodian.total(run.question(old.terms))
    again = Played(world, round=3)
    with pytest.raises(MessageError, match="another exchange or model"):
        again.custodian.total(old.question())


def test_a_second_total_or_cohort_of_one_occasion_is_refused() -> None:
    run = Played(enrolled())
    run.custodian.total(run.question())
    with pytest.raises(RefusedError, match="asks for a second total"):
        run.custodian.total(run.question({place: run.terms[place] for place in (0, 1, 2)}))
    with pytest.raises(RefusedError, match="a second list"):
        run.custodian.listed(run.coordinator.commitments())


@pytest.mark.parametrize("node", ["p1", CUSTODIAN])
def test_an_occasion_is_not_played_twice(node: str) -> None:
    run = Played(enrolled())
    kind = Custodian if node == CUSTODIAN else EncryptedParty
    with pytest.raises(RefusedError, match="or for one before the last"):
        kind(run.world.channels[node], run.what, run.world.pasts[node])
    told = aborted(run.world, run.what)
    assert told.count("or for one before the last") == 1  # the custodian's; nobody else is asked


def test_a_party_encrypts_once() -> None:
    run = Played(enrolled())
    with pytest.raises(RefusedError, match="out of turn"):
        run.parties["p0"].encrypted(run.listed["p0"])
    with pytest.raises(RefusedError, match="out of turn"):
        run.parties["p0"].committed(run.words["p0"], run.listed["p0"])


def test_who_is_told_another_model_is_no_part_of_the_sum() -> None:
    world = enrolled()
    what = occasion(world)
    words = words_of(world, what)
    world.believed["p1"] = replace(what, model="another")
    total, cohort = encrypted_sum(world, what, words)
    assert cohort == ("p0", "p2", "p3")
    assert np.array_equal(total, plain_sum(words, cohort))


def test_a_coordinator_that_sends_different_models_gets_nothing() -> None:
    """It gives each party what it expects; the custodian knows one model, and so one list of signatures."""
    world = enrolled()
    what = occasion(world)
    other = replace(what, model="another")

    class TwoFaced(EncryptedSum):
        def questions(self, key: bytes) -> dict[str, bytes]:
            made = super().questions(key)
            plain = self._channels.opened(CUSTODIAN, key, self._about + messages.KEY)
            for name in ("p1", "p2"):
                made[name] = self._channels.seal(name, plain, other.digest + messages.KEY)
            return made

    world.believed |= dict.fromkeys(("p1", "p2"), other)
    assert "the signature of public key is not its own" in aborted(world, what, kind=TwoFaced)
    world.believed = {CUSTODIAN: replace(other, round=2)}
    assert "another exchange or model" in aborted(world, replace(what, round=2))


def test_what_never_changes_is_opened_for_cohorts_that_show_no_party_only() -> None:
    world = enrolled()
    first = occasion(world, kind="statistics", unchanging=True, round=0)
    encrypted_sum(world, first, words_of(world, first))
    told = aborted(world, replace(first, round=1), broker=losing({"p3": "encrypted"}))
    assert "was summed for another cohort before" in told
    plain = occasion(world, round=2)
    encrypted_sum(world, plain, words_of(world, plain), losing({"p3": "encrypted"}))


def test_terms_by_cell_are_opened_for_the_cohort_of_their_support_only() -> None:
    world = enrolled()
    support = occasion(world, kind="support", unchanging=True, round=0)
    values = occasion(world, kind="predictions", cells="support")
    assert "no support told which of them enough parties have" in aborted(world, values)
    encrypted_sum(world, replace(support, round=2), words_of(world, support))
    lost = losing({"p3": "encrypted"})
    assert "support was summed for another cohort" in aborted(world, replace(values, round=3), broker=lost)
    again = replace(values, round=4)
    assert encrypted_sum(world, again, words_of(world, again))[1] == world.names


# --- parties that make terms of others' terms ---------------------------------------------------------


def test_a_term_made_of_anothers_would_show_a_single_one_and_is_refused() -> None:
    """Who sees others' terms can take them out of the total again; so each is committed to before."""
    run = Played(enrolled(3))
    lattice, numbers = run.custodian._lattice, run.what.size
    assert lattice is not None
    total, victim = (lattice.read(run.terms[place], numbers, "x") for place in (0, 1))
    zero = lattice.read(lattice.encrypted(np.zeros(numbers, np.int64)), numbers, "x")
    (own,), (fresh,) = victim.pieces, zero.pieces
    negative = [piece_of(fresh - own)]
    total.add(lattice.read(run.terms[1], numbers, "x"), "x")
    total.add(lattice.read(negative, numbers, "x"), "x")
    shown = lattice.decrypted(total, numbers, WIDTH).view(np.uint64)
    assert np.array_equal(shown, run.words["p0"])  # the negative control: three terms, and one is told
    with pytest.raises(MessageError, match="p2: what it encrypted is not what it signed"):
        run.custodian.total(run.question(run.terms | {2: negative}))


def piece_of(vector) -> bytes:
    return _only(_fields(vector.serialize()), 2)


def test_no_term_is_sent_before_the_custodian_has_signed_the_list() -> None:
    """The coordinator itself would like to see some terms before others are committed to."""

    class Hurries(EncryptedSum):
        def listed(self, signed: bytes) -> dict[str, bytes]:
            made = messages.commitments_message(self._commitments)
            statement = messages.list_statement(self._about, self._public, made)
            signature = self._channels.signing.sign(messages.LIST.decode(), statement)
            self._listed = dict(self._commitments)
            forged = messages.signed_message(made, signature)
            return self._to_each(self._roster.names, forged, messages.LIST)

    world = enrolled()
    told: list[str] = []

    def taps(step: str, node: str, message: bytes) -> bytes:
        told.append(f"{step} {node}")
        return message

    with pytest.raises(AbortedError, match="0 of 4 parties sent their terms"):
        encrypted_sum(world, occasion(world), words_of(world, occasion(world)), taps, Hurries)
    assert "the signature of list of encrypted terms is not its own" in said(world)
    assert not [one for one in told if one.startswith("encrypted")]


def test_a_commitment_is_its_partys_alone() -> None:
    """One that copies another's commitment cannot send that one's term as its own."""
    pieces = [b"a piece"]
    assert messages.digest_of("p0", pieces) != messages.digest_of("p1", pieces)


def test_a_party_whose_commitment_is_changed_or_left_out_sends_nothing() -> None:
    class Omits(EncryptedSum):
        def commitments(self) -> bytes:
            del self._commitments[1]
            return super().commitments()

        def listed(self, signed: bytes) -> dict[str, bytes]:
            super().listed(signed)
            plain = self._channels.opened(CUSTODIAN, signed, self._about + messages.LIST)
            return self._to_each(self._roster.names, plain, messages.LIST)

    world = enrolled()
    _, cohort = encrypted_sum(world, occasion(world), words_of(world, occasion(world)), server=Omits)
    assert cohort == ("p0", "p2", "p3")
    assert "changed or left out what this party encrypted" in said(world)


def test_a_list_of_too_few_is_refused_by_the_parties_on_it() -> None:
    """Even one that the custodian signed."""
    world = enrolled()
    run = Played(world)
    late = EncryptedParty(world.channels["p0"], replace(run.what, round=2), world.pasts["p0"])
    custodian = Custodian(world.channels[CUSTODIAN], replace(run.what, round=2), world.pasts[CUSTODIAN])
    coordinator = EncryptedSum(world.channels[COORDINATOR], replace(run.what, round=2))
    asked = coordinator.questions(custodian.key())
    coordinator.take_committed("p0", late.committed(run.words["p0"], asked["p0"]))
    alone = messages.commitments_message(coordinator._commitments)
    statement = messages.list_statement(coordinator._about, custodian._public, alone)
    signature = world.credentials[CUSTODIAN].signing.sign(messages.LIST.decode(), statement)
    listed = messages.signed_message(alone, signature)
    question = world.channels[COORDINATOR].seal("p0", listed, coordinator._about + messages.LIST)
    with pytest.raises(RefusedError, match="a sum of 1 parties, which are too few"):
        late.encrypted(question)


# --- messages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [*STEPS, *(f"ask {one}" for one in STEPS[1:])])
@pytest.mark.parametrize("kind", ["bend", "cut", "pad", "garbage"])
def test_a_message_that_is_bent_cut_or_padded_is_dropped_and_named(step: str, kind: str) -> None:
    world = enrolled()
    what = occasion(world)
    words = words_of(world, what)

    def bends(at: str, node: str, message: bytes) -> bytes:
        if at != step or node not in ("p2", CUSTODIAN):
            return message
        middle = len(message) // 2
        bent = message[:middle] + bytes([message[middle] ^ 1]) + message[middle + 1 :]
        return {"bend": bent, "cut": message[:-1], "pad": message + b"\0", "garbage": os.urandom(middle)}[
            kind
        ]

    if step.removeprefix("ask ") in ("committed", "encrypted"):
        total, cohort = encrypted_sum(world, what, words, bends)
        assert cohort == ("p0", "p1", "p3")
        assert np.array_equal(total, plain_sum(words, cohort))
    else:
        with pytest.raises(AbortedError):
            encrypted_sum(world, what, words, bends)
    (fault,) = world.trouble
    assert isinstance(fault, MessageError)
    assert fault.where in ((COORDINATOR,) if step.startswith("ask") else ("p2", CUSTODIAN))


def commits_to(pieces: list[bytes]):
    """Return how a party commits to other pieces than those that it encrypted, and sends them."""

    def swap(party: EncryptedParty, sent: bytes) -> bytes:
        channels, about = party._channels, party._about
        party._pieces = pieces
        digest = messages.digest_of(channels.name, pieces)
        statement = Commitment(digest, b"").statement(about, party._public)
        signature = channels.signing.sign(messages.COMMITMENT.decode(), statement)
        message = messages.commitment_message(Commitment(digest, signature))
        return channels.seal(COORDINATOR, message, about + messages.COMMITMENT)

    return swap


@pytest.mark.parametrize(
    "pieces",
    [[], [os.urandom(1 << 18)], [b""], [bytes(1 << 20)]],
    ids=["none", "garbage", "empty", "long"],
)
def test_a_signed_term_that_is_no_ciphertext_is_dropped_and_named(pieces: list[bytes]) -> None:
    """The process stands, and the others go on; nor does the custodian add it, should it get there."""
    world = enrolled()
    run = Played(world, commits_to(pieces))
    (fault,) = world.trouble
    assert isinstance(fault, MessageError)
    assert fault.where == "p1"
    with pytest.raises(MessageError, match="p1: what it encrypted is not of this size"):
        Played(world, commits_to(pieces), round=2).custodian_alone(1, pieces)
    _, cohort = run.coordinator.total(run.custodian.total(run.question()))
    assert cohort == ("p0", "p2", "p3")


def test_a_term_under_another_key_ends_the_sum_and_tells_nothing() -> None:
    """It looks like any other; what it comes to depends on the key, and is not told."""
    pieces = PublicLattice(SecretLattice().public, "x").encrypted(np.arange(5))
    run = Played(enrolled(), commits_to(pieces))
    assert run.terms[1] == pieces
    with pytest.raises(AbortedError, match="no sum of numbers in range"):
        run.custodian.total(run.question())
    with pytest.raises(RefusedError, match="asks for a second total"):
        run.custodian.total(run.question())


def test_a_term_that_its_party_did_not_commit_to_is_dropped_and_named() -> None:
    def changes(party: EncryptedParty, sent: bytes) -> bytes:
        other = PublicLattice(party._public, "x").encrypted(np.arange(5))
        party.encrypted = lambda _: party._channels.seal(  # type: ignore[method-assign]
            COORDINATOR, messages.pieces_message(other), party._about + messages.TERM
        )
        return sent

    world = enrolled()
    run = Played(world, changes)
    assert set(run.terms) == {0, 2, 3}
    assert "p1: what it encrypted is not what it signed" in said(world)


def test_a_commitment_with_a_wrong_signature_is_dropped_and_named_and_the_others_go_on() -> None:
    def forges(party: EncryptedParty, sent: bytes) -> bytes:
        about = party._about + messages.COMMITMENT
        own = messages.read_commitment(world.channels[COORDINATOR].opened("p1", sent, about), "p1")
        forged = messages.commitment_message(replace(own, signature=os.urandom(64)))
        return party._channels.seal(COORDINATOR, forged, about)

    world = enrolled()
    run = Played(world, forges)
    assert set(run.terms) == {0, 2, 3}
    assert "p1: the signature of encrypted term is not its own" in said(world)


def test_a_message_that_comes_twice_or_from_nobody_is_dropped() -> None:
    run = Played(enrolled())
    for name in ("p0", "nobody"):
        with pytest.raises(MessageError, match=name):
            run.coordinator.take_committed(name, b"again")
        with pytest.raises(MessageError, match=name):
            run.coordinator.take_encrypted(name, b"again")


# --- who sees what ----------------------------------------------------------------------------------


def test_neither_the_broker_nor_the_coordinator_sees_a_term() -> None:
    """The same terms look new each time; what the coordinator holds opens nothing."""
    world = enrolled()
    seen: list[list[bytes]] = []
    kept: list[EncryptedSum] = []

    class Keeps(EncryptedSum):
        def terms(self) -> bytes:
            kept.append(self)
            return super().terms()

    for number in (1, 2):
        what = occasion(world, round=number, size=200)
        words = words_of(world, what)
        traffic: list[bytes] = []

        def tap(step: str, node: str, message: bytes, traffic: list[bytes] = traffic) -> bytes:
            traffic.append(message)
            return message

        encrypted_sum(world, what, words, tap, Keeps)
        seen.append(traffic)
    plain = [words[name].tobytes()[:8] for name in world.names]
    held = [piece for one in kept for pieces in one._terms.values() for piece in pieces]
    assert len(held) == 2 * len(world.names)
    assert not [one for one in plain for other in (*seen[0], *seen[1], *held) if one in other]
    assert len(set(held)) == len(held)
    lattice = kept[0]._lattice
    assert type(lattice) is PublicLattice
    with pytest.raises(ValueError, match="doesn't support decryption"):
        lattice._context.data.decryptor()


def test_an_opened_total_can_be_checked_by_anybody_and_names_its_cohort() -> None:
    """A party that was left out silently, or whose coordinator tells another total, finds out."""
    kept: list[EncryptedSum] = []

    class Keeps(EncryptedSum):
        def terms(self) -> bytes:
            kept.append(self)
            return super().terms()

    world = enrolled()
    what = occasion(world)
    total, _ = encrypted_sum(world, what, words_of(world, what), losing({"p1": "encrypted"}), Keeps)
    published = kept[0].published
    opened = checked(published, world.roster, what)
    assert opened.places == (0, 2, 3)
    assert np.array_equal(np.frombuffer(opened.words, np.uint64), total)
    for other in (
        replace(opened, places=(0, 1, 2, 3)),
        replace(opened, words=opened.words[::-1]),
        replace(opened, signature=os.urandom(64)),
    ):
        with pytest.raises(MessageError, match="opened total is not its own"):
            checked(other.encoded(), world.roster, what)
    with pytest.raises(MessageError):
        checked(published, world.roster, replace(what, round=2))
    short = replace(opened, words=opened.words[8:])
    signature = world.credentials[CUSTODIAN].signing.sign("opened total", short.statement(what.digest))
    with pytest.raises(MessageError, match="its total is of another size"):
        checked(replace(short, signature=signature).encoded(), world.roster, what)
