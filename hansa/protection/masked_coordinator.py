"""The coordinator's side of one masked sum: it sees keys, masked terms and shares, and one sum.

A party whose message is missing or wrong counts as absent from there on; `MessageError` names it, and the
others go on. Where too few are left, or a party's shares do not tell what it committed to, the sum is
aborted: what comes out is the right sum of the survivors or none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from hansa.core.errors import AbortedError, MessageError
from hansa.crypto.agreement import AgreementKey
from hansa.crypto.masks import Words, add_streams
from hansa.crypto.secret_sharing import told_by
from hansa.crypto.signing import KEY_BYTES, check_signature
from hansa.protection import masked_messages as messages
from hansa.protection.enrolment import Channels
from hansa.protection.masked_messages import Opening, digest_of
from hansa.protection.masked_party import SURVIVORS, own_mask, pair_mask
from hansa.protection.occasion import Occasion


class MaskedSum:
    """One masked sum."""

    def __init__(self, channels: Channels, occasion: Occasion) -> None:
        """Begin."""
        self._channels, self._occasion = channels, occasion
        self._roster, self._about = channels.roster, occasion.digest
        self._openings: dict[int, Opening] = {}
        self._sealed: dict[int, list[bytes]] = {}  # by sender, for each party
        self._asked: tuple[int, ...] = ()
        self._arrived: set[int] = set()  # places of those whose masked terms are in the total
        self._total = np.zeros(occasion.size, occasion.form.dtype)  # (size,)
        self._survivors: tuple[int, ...] = ()
        self._signatures: dict[int, bytes] = {}  # of the list, by place: evidence
        self._vouchers: dict[int, dict[int, bytes]] = {}  # by who vouches, for each survivor
        self._shares: dict[int, dict[int, bytes]] = {}  # by whose, by who reveals it

    def take_keys(self, party: str, message: bytes) -> None:
        """Take a party's first message."""
        place = self._place(party, self._openings, closed=bool(self._asked))
        plain = self._channels.opened(party, message, self._about + messages.KEYS)
        opening, sealed = messages.read_keys(plain, len(self._roster.parties), party)
        self._openings[place], self._sealed[place] = opening, sealed

    def relays(self) -> dict[str, bytes]:
        """Return what each party that gave keys is sent; nobody can give keys any more."""
        self._asked = tuple(sorted(self._openings))
        self._enough(self._asked, "gave keys")
        made = {}
        for place in self._asked:
            sealed = {sender: self._sealed[sender][place] for sender in self._asked}
            made[place] = messages.relay_message(self._openings, sealed)
        return self._to_each(self._asked, made.__getitem__, messages.RELAY)

    def take_masked(self, party: str, message: bytes) -> None:
        """Take a party's masked term and add it to the total."""
        place = self._place(party, self._arrived, among=self._asked, closed=bool(self._survivors))
        plain = self._channels.opened(party, message, self._about + messages.TERM)
        if len(plain) != self._total.nbytes:
            raise MessageError(
                f"its term has {len(plain)} bytes and not {self._total.nbytes}",
                do="drop the message",
                where=party,
            )
        words: Words = np.frombuffer(plain, self._total.dtype)  # (size,)
        np.add(self._total, words, out=self._total)
        self._arrived.add(place)

    def survivors(self) -> dict[str, bytes]:
        """Return the list of those whose terms arrived, for each of them; no other term is taken any more."""
        self._survivors = tuple(sorted(self._arrived))
        self._enough(self._survivors, "sent their terms")
        listed = messages.places_message(self._survivors)
        return self._to_each(self._survivors, lambda _: listed, messages.SURVIVORS)

    def take_agreed(self, party: str, message: bytes) -> None:
        """Take a party's signature of the list."""
        place = self._place(party, self._signatures, among=self._survivors)
        plain = self._channels.opened(party, message, self._about + messages.AGREED)
        signature, vouchers = messages.read_agreed(plain, len(self._roster.parties), party)
        statement = messages.statement(self._about, self._asked, self._survivors)
        check_signature(self._roster.parties[party], signature, SURVIVORS, statement, party)
        if {place, *vouchers} != set(self._survivors) or place in vouchers:
            raise MessageError(
                "its vouchers are not for those on the list", do="drop the message", where=party
            )
        self._signatures[place], self._vouchers[place] = signature, vouchers

    def proofs(self) -> dict[str, bytes]:
        """Return what the others vouch with, for each party that signed."""
        self._enough(tuple(self._signatures), "signed the list of survivors")

        def found(place: int) -> bytes:
            told = {by: own[place] for by, own in self._vouchers.items() if by != place}
            return messages.by_place_message(told)

        return self._to_each(tuple(self._signatures), found, messages.PROOFS)

    def take_revealed(self, party: str, message: bytes) -> None:
        """Take a party's shares; a share that it was not given drops the whole message."""
        given = {by for shares in self._shares.values() for by in shares}
        place = self._place(party, given, among=tuple(self._signatures))
        plain = self._channels.opened(party, message, self._about + messages.REVEALED)
        shares = messages.read_by_place(plain, len(self._roster.parties), KEY_BYTES, party)
        if set(shares) != set(self._asked):
            raise MessageError(
                "its shares are not of those who gave keys", do="drop the message", where=party
            )
        for owner, share in shares.items():
            self._shares.setdefault(owner, {})[place] = share

    def total(self) -> tuple[Words, tuple[str, ...]]:
        """Return (size,) the sum of the survivors' words, modulo 2^width, and their names."""
        for place in self._asked:
            self._enough(tuple(self._shares.get(place, ())), "revealed their shares")
        added: list[bytes] = []
        taken: list[bytes] = []
        for place in self._survivors:
            taken.append(own_mask(self._seed(place), self._about))
        for place in set(self._asked) - set(self._survivors):
            for other, mask in self._masks(place):
                (taken if other < place else added).append(mask)
        add_streams(self._total, added, taken)
        return self._total, tuple(self._roster.names[place] for place in self._survivors)

    def _masks(self, place: int) -> list[tuple[int, bytes]]:
        """Return the pair masks of a party that dropped out with each survivor."""
        key = AgreementKey(self._told(place))
        if key.public != self._openings[place].key:
            raise self._lying(place, "key")
        found = []
        for other in self._survivors:
            shared = key.shared_with(self._openings[other].key, self._roster.names[other])
            found.append((other, pair_mask(shared, self._about, self._asked, place, other)))
        return found

    def _seed(self, place: int) -> bytes:
        seed = self._told(place)
        if digest_of(seed) != self._openings[place].seed:
            raise self._lying(place, "seed")
        return seed

    def _told(self, place: int) -> bytes:
        shares = list(self._shares[place].items())
        return told_by(dict(shares[: self._roster.threshold]))

    def _lying(self, place: int, what: str) -> AbortedError:
        return AbortedError(
            f"the shares of the {what} of {self._roster.names[place]} do not tell what it committed to",
            do="run the round again; if it happens again, leave that party or those who revealed out",
            where=self._occasion.name,
        )

    def _place(
        self,
        party: str,
        known: Mapping[int, object] | set[int],
        among: tuple[int, ...] | None = None,
        *,
        closed: bool = False,
    ) -> int:
        """Return a party's place; raises MessageError where it may not or need not send this message."""
        place = self._roster.places.get(party)
        if place is None or closed or place in known or (among is not None and place not in among):
            raise MessageError(
                "its message comes a second time, too late, or from nobody in this step",
                do="drop the message",
                where=party,
            )
        return place

    def _enough(self, places: tuple[int, ...], did: str) -> None:
        least = max(self._roster.threshold, self._occasion.cohort)
        if len(places) < least:
            raise AbortedError(
                f"{len(places)} of {len(self._roster.parties)} parties {did}, and it takes {least}",
                do="run the round again once they are back",
                where=self._occasion.name,
            )

    def _to_each(
        self, places: tuple[int, ...], message: Callable[[int], bytes], step: bytes
    ) -> dict[str, bytes]:
        names = self._roster.names
        return {
            names[place]: self._channels.seal(names[place], message(place), self._about + step)
            for place in places
        }
