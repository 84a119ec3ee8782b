"""A party's side of one masked sum: four messages out, each once, in this order, and nothing else.

`keys`: a fresh public key and seed, both shared among all by Shamir's scheme, shares sealed for each party.
`masked`: the term plus the seed's stream, plus one stream for each other party, which that one subtracts.
`agreed`: a signature of the list of those whose terms arrived, and a voucher for each of them: a tag under
what the two alone know.
`revealed`: once enough others vouch for the same list, shares of the seeds of those on it and of the
keys of those not on it; never both of one party.
Source: Bonawitz et al., "Practical Secure Aggregation for Privacy-Preserving Machine Learning", CCS 2017,
sections 4 to 6, the variant against active adversaries; keys are sent sealed together with the shares, which
saves a step, each sum has keys of its own, and tags take the place of checking all signatures, which are kept
as evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

from hansa.core.errors import MessageError, RefusedError
from hansa.crypto.agreement import AgreementKey, derived
from hansa.crypto.masks import Words, add_streams
from hansa.crypto.secret_sharing import secret, shares_of
from hansa.crypto.signing import KEY_BYTES
from hansa.protection import masked_messages as messages
from hansa.protection.enrolment import COORDINATOR, Channels
from hansa.protection.masked_messages import Opening, digest_of
from hansa.protection.occasion import Occasion, Past

SURVIVORS = "survivors"
"""What a list of survivors is signed for."""


def pair_mask(shared: bytes, occasion: bytes, asked: tuple[int, ...], one: int, other: int) -> bytes:
    """Return the key of the stream that two parties add and subtract; asked: who gave keys."""
    low, high = sorted((one, other))
    return derived(shared, b"pair", occasion, bytes(asked), bytes([low, high]))


def own_mask(seed: bytes, occasion: bytes) -> bytes:
    """Return the key of the stream that a party adds alone."""
    return derived(seed, b"own", occasion)


@dataclass(frozen=True, slots=True)
class _Shares:
    """What a party holds for another: of its key, and of its seed."""

    key: bytes
    seed: bytes


class MaskedParty:
    """One party in one sum."""

    def __init__(self, channels: Channels, occasion: Occasion, past: Past) -> None:
        """Begin; raises RefusedError where the party has taken part in this sum or a later one."""
        past.begin(occasion)
        self._begin(channels, occasion, past)
        self._key = AgreementKey(secret(channels.source))
        self._seed = secret(channels.source)

    def _begin(self, channels: Channels, occasion: Occasion, past: Past) -> None:
        self._channels, self._occasion, self._past = channels, occasion, past
        self._roster, self._about = channels.roster, occasion.digest
        self._place = self._roster.places[channels.name]
        self._held: dict[int, _Shares] = {}
        self._openings: dict[int, Opening] = {}
        self._asked: tuple[int, ...] = ()  # places of all that gave keys
        self._survivors: tuple[int, ...] = ()
        self._done = 0  # messages sent

    @classmethod
    def resumed(
        cls, channels: Channels, occasion: Occasion, past: Past, value: Mapping[str, Any]
    ) -> MaskedParty:
        """Return a party in the middle of a sum, as `value` told; past: which knows of the sum."""
        party = cls.__new__(cls)
        party._begin(channels, occasion, past)
        party._key, party._seed = AgreementKey(value["key"]), value["seed"]
        party._held = {place: _Shares(key, seed) for place, key, seed in value["held"]}
        party._openings = {
            place: Opening(key, seed, tuple(shares)) for place, key, seed, shares in value["openings"]
        }
        party._asked, party._survivors = tuple(value["asked"]), tuple(value["survivors"])
        party._done = value["done"]
        return party

    def value(self) -> dict[str, Any]:
        """Return plain values from which `resumed` goes on; they hold this sum's secrets."""
        return {
            "key": self._key.secret,
            "seed": self._seed,
            "held": [[place, one.key, one.seed] for place, one in self._held.items()],
            "openings": [
                [place, one.key, one.seed, list(one.shares)] for place, one in self._openings.items()
            ],
            "asked": list(self._asked),
            "survivors": list(self._survivors),
            "done": self._done,
        }

    def keys(self) -> bytes:
        """Return the first message, sealed for the coordinator."""
        self._step(0)
        parties, source = len(self._roster.parties), self._channels.source
        pairs = zip(
            shares_of(self._key.secret, self._roster.threshold, parties, source),
            shares_of(self._seed, self._roster.threshold, parties, source),
            strict=True,
        )
        shares = [_Shares(key, seed) for key, seed in pairs]
        opening = Opening(
            self._key.public, digest_of(self._seed), tuple(digest_of(one.key, one.seed) for one in shares)
        )
        self._held[self._place], self._openings[self._place] = shares[self._place], opening
        sealed = [bytes(messages.SHARE_BYTES)] * parties
        for place, (name, one) in enumerate(zip(self._roster.names, shares, strict=True)):
            if place != self._place:
                sealed[place] = self._channels.seal(name, one.key + one.seed, self._about)
        return self._sealed(messages.keys_message(opening, sealed), messages.KEYS)

    def masked(self, words: Words, relay: bytes) -> bytes:
        """Return the term under its masks, sealed for the coordinator.

        words: (size,), the party's term, which is changed in place. relay: what the coordinator sent.
        """
        self._step(1)
        self._take_relay(relay)
        assert len(words) == self._occasion.size
        added, taken = [own_mask(self._seed, self._about)], list[bytes]()
        for place, opening in self._openings.items():
            if place != self._place:
                shared = self._key.shared_with(opening.key, self._roster.names[place])
                mask = pair_mask(shared, self._about, self._asked, self._place, place)
                (added if self._place < place else taken).append(mask)
        add_streams(words, added, taken)
        return self._sealed(words.tobytes(), messages.TERM)

    def agreed(self, survivors: bytes) -> bytes:
        """Return the signature of the list of survivors, sealed for the coordinator."""
        self._step(2)
        places = messages.read_places(
            self._opened(survivors, messages.SURVIVORS), len(self._roster.parties), COORDINATOR
        )
        self._check_survivors(places)
        self._past.sign(self._occasion, [self._roster.names[place] for place in places])
        self._survivors = places
        own, statement = self._channels.name, self._statement()
        others = [place for place in places if place != self._place]
        vouchers = {place: self._voucher(own, self._roster.names[place], statement) for place in others}
        signature = self._channels.signing.sign(SURVIVORS, statement)
        return self._sealed(messages.agreed_message(signature, vouchers), messages.AGREED)

    def revealed(self, proofs: bytes) -> bytes:
        """Return the shares that open the sum, sealed for the coordinator."""
        self._step(3)
        vouchers = messages.read_by_place(
            self._opened(proofs, messages.PROOFS), len(self._roster.parties), KEY_BYTES, COORDINATOR
        )
        self._check_proofs(vouchers)
        shares = {
            place: one.seed if place in self._survivors else one.key for place, one in self._held.items()
        }
        self._held, self._seed, self._key = {}, bytes(KEY_BYTES), AgreementKey(bytes(KEY_BYTES))
        return self._sealed(messages.by_place_message(shares), messages.REVEALED)

    def _step(self, step: int) -> None:
        if self._done != step:
            raise RefusedError(
                f"it asks for a step of {self._occasion.name} out of turn",
                do="ask why: each step is done once",
                where=COORDINATOR,
            )
        self._done += 1

    def _take_relay(self, relay: bytes) -> None:
        openings, sealed = messages.read_relay(
            self._opened(relay, messages.RELAY), len(self._roster.parties), COORDINATOR
        )
        if openings.get(self._place) != self._openings[self._place]:
            raise self._refused("it has changed or left out this party's own key")
        if len(openings) < max(self._roster.threshold, self._occasion.cohort):
            raise self._refused(f"{len(openings)} parties gave keys, too few to open any sum")
        for place, opening in openings.items():
            if place != self._place:
                self._held[place] = self._shares(place, opening, sealed[place])
        self._openings, self._asked = openings, tuple(sorted(openings))

    def _shares(self, place: int, opening: Opening, sealed: bytes) -> _Shares:
        name = self._roster.names[place]
        plain = self._channels.opened(name, sealed, self._about)
        if digest_of(plain) != opening.shares[self._place] or len(plain) != 2 * KEY_BYTES:
            raise MessageError(
                "its shares are not those that it committed to", do="leave it out of the task", where=name
            )
        return _Shares(plain[:KEY_BYTES], plain[KEY_BYTES:])

    def _check_survivors(self, places: tuple[int, ...]) -> None:
        if self._place not in places:
            raise self._refused("it says that this party's term, which was sent, did not arrive")
        if not set(places) <= set(self._asked):
            raise self._refused("it lists a party that gave no key")
        if len(places) < max(self._roster.threshold, self._occasion.cohort):
            raise self._refused(f"it would open a sum of {len(places)} parties, which are too few")

    def _check_proofs(self, vouchers: Mapping[int, bytes]) -> None:
        """Return if enough other survivors vouch for the same list; a wrong voucher counts for nothing."""
        statement, own = self._statement(), self._channels.name
        agreed = 1
        for place in set(vouchers).intersection(self._survivors) - {self._place}:
            due = self._voucher(self._roster.names[place], own, statement)
            agreed += compare_digest(vouchers[place], due)
        if agreed < self._roster.threshold:
            raise self._refused(f"{agreed} parties agreed on the list of survivors, which are too few")

    def _voucher(self, sender: str, to: str, statement: bytes) -> bytes:
        """Return the 32 bytes by which a sender tells another that it signed a statement."""
        other = to if sender == self._channels.name else sender
        return self._channels.common(other, SURVIVORS.encode(), sender.encode(), statement)

    def _statement(self) -> bytes:
        return messages.statement(self._about, self._asked, self._survivors)

    def _refused(self, what: str) -> RefusedError:
        return RefusedError(
            f"{what}, in {self._occasion.name}", do="ask the coordinator's operator why", where=COORDINATOR
        )

    def _sealed(self, message: bytes, step: bytes) -> bytes:
        return self._channels.seal(COORDINATOR, message, self._about + step)

    def _opened(self, sealed: bytes, step: bytes) -> bytes:
        return self._channels.opened(COORDINATOR, sealed, self._about + step)
