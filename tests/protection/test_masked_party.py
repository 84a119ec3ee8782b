"""A party that is stored and taken up again after every message is the party that it was."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hansa.core import codec
from hansa.core.errors import HansaError, MessageError, RefusedError
from hansa.protection.enrolment import Channels
from hansa.protection.masked_coordinator import MaskedSum
from hansa.protection.masked_party import MaskedParty
from hansa.protection.occasion import Occasion, Past, past_of
from hansa.simulation.nodes import enrolled
from tests.protection.federation import occasion, words_of

Party = MaskedParty
Between = Callable[[Party, Channels, Occasion, Past], tuple[Party, Past]]
STAGES = ("keys", "masked", "agreed", "revealed")


class Chance:
    """Bytes that a seed tells; how many were drawn is what a test looks at."""

    def __init__(self, seed: str) -> None:
        self._state = seed.encode()

    def __call__(self, count: int) -> bytes:
        made = b""
        while len(made) < count:
            self._state = hashlib.sha256(self._state).digest()
            made += self._state
        return made[:count]


def _kept(party: Party, channels: Channels, what: Occasion, past: Past) -> tuple[Party, Past]:
    """Return a party and its past as a store gives them back."""
    stored = codec.encode({"party": party.value(), "past": past.value()})
    del party, past
    value = codec.decode(stored)
    again = past_of(value["past"])
    return Party.resumed(channels, what, again, value["party"]), again


def _as_it_is(party: Party, channels: Channels, what: Occasion, past: Past) -> tuple[Party, Past]:
    del channels, what
    return party, past


def _run(between: Between, size: int = 7) -> tuple[dict[str, list[bytes]], np.ndarray, np.ndarray]:
    """Return each party's messages, the sum, and what it shall be; between: done after each message."""
    world = enrolled(["a", "b", "c", "d"], "task", Chance("keys"))
    what = occasion(world, size=size)
    own = {name: replace(world.channels[name], source=Chance(name), _keys={}) for name in world.names}
    words, pasts = words_of(world, what), {name: Past() for name in world.names}
    parties = {name: Party(own[name], what, pasts[name]) for name in world.names}
    coordinator = MaskedSum(world.channels["coordinator"], what)
    sent: dict[str, list[bytes]] = {name: [] for name in world.names}

    def took(name: str, message: bytes) -> bytes:
        sent[name].append(message)
        parties[name], pasts[name] = between(parties[name], own[name], what, pasts[name])
        return message

    for name in world.names:
        coordinator.take_keys(name, took(name, parties[name].keys()))
    for name, relay in coordinator.relays().items():
        coordinator.take_masked(name, took(name, parties[name].masked(words[name].copy(), relay)))
    for name, survivors in coordinator.survivors().items():
        coordinator.take_agreed(name, took(name, parties[name].agreed(survivors)))
    for name, proofs in coordinator.proofs().items():
        coordinator.take_revealed(name, took(name, parties[name].revealed(proofs)))
    due = np.sum([words[name] for name in world.names], axis=0, dtype=what.form.dtype)
    return sent, coordinator.total()[0], due


def test_a_party_that_is_stored_and_resumed_sends_the_same_sum() -> None:
    _, total, due = _run(_kept)
    assert np.array_equal(total, due)


def test_a_party_that_is_stored_and_resumed_sends_the_same_messages() -> None:
    """The coordinator's own chance is the world's; the parties' is theirs, message by message."""
    kept, _, _ = _run(_kept)
    plain, _, _ = _run(_as_it_is)
    assert kept == plain


def test_what_is_stored_is_plain_and_the_same_after_it_was_resumed() -> None:
    seen: list[bytes] = []

    def twice(party: Party, channels: Channels, what: Occasion, past: Past) -> tuple[Party, Past]:
        seen.append(codec.encode(party.value()))
        party, past = _kept(party, channels, what, past)
        assert codec.encode(party.value()) == seen[-1]
        return party, past

    _run(twice)
    assert len(seen) == 4 * len(STAGES)
    assert len(set(seen)) == 4 * 3 + 1  # after the last message nobody has a secret left


def test_after_the_last_message_nothing_stored_opens_the_sum() -> None:
    last: dict[str, dict[str, object]] = {}

    def noted(party: Party, channels: Channels, what: Occasion, past: Past) -> tuple[Party, Past]:
        last[channels.name] = party.value()
        return party, past

    _run(noted)
    assert [(one["key"], one["seed"], one["held"]) for one in last.values()] == [
        (bytes(32), bytes(32), [])
    ] * 4


@pytest.mark.parametrize("done", range(4))
def test_a_resumed_party_does_no_step_twice_and_leaves_none_out(done: int) -> None:
    """done: the message that it sent last."""
    tried: list[str] = []

    def pushed(party: Party, channels: Channels, what: Occasion, past: Past) -> tuple[Party, Past]:
        party, past = _kept(party, channels, what, past)
        at = int(party.value()["done"]) - 1
        if at != done:
            return party, past
        for number, stage in enumerate(STAGES):
            if number == done + 1:
                continue
            again, _ = _kept(party, channels, what, past)
            with pytest.raises(RefusedError, match="out of turn"):
                _asked(again, stage, what)
            tried.append(stage)
        return party, past

    _run(pushed)
    assert set(tried) == set(STAGES) - set(STAGES[done + 1 : done + 2])


def _asked(party: Party, stage: str, what: Occasion) -> bytes:
    if stage == "keys":
        return party.keys()
    if stage == "masked":
        return party.masked(np.zeros(what.size, what.form.dtype), b"")
    return party.agreed(b"") if stage == "agreed" else party.revealed(b"")


def test_a_resumed_past_begins_no_sum_again() -> None:
    def again(party: Party, channels: Channels, what: Occasion, past: Past) -> tuple[Party, Past]:
        party, past = _kept(party, channels, what, past)
        with pytest.raises(RefusedError, match="again"):
            Party(channels, what, past)
        return party, past

    _run(again)


def test_what_was_stored_for_one_sum_opens_no_other() -> None:
    """A store that is put under another occasion refuses what it is sent there."""

    def moved(party: Party, channels: Channels, what: Occasion, past: Past) -> tuple[Party, Past]:
        if int(party.value()["done"]) == 1:
            other = replace(what, number=what.number + 1)
            wrong = Party.resumed(channels, other, past_of(past.value()), party.value())
            with pytest.raises(HansaError) as fault:
                wrong.masked(np.zeros(what.size, what.form.dtype), bytes(200))
            assert isinstance(fault.value, MessageError)
        return party, past

    _run(moved)
