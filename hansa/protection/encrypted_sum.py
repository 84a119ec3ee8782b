"""A party's and the coordinator's side of one encrypted sum; the custodian's is `key_custodian`.

The custodian draws a key pair for the sum and signs the public half. Each party encrypts its term under it
and signs a digest of what it encrypted. Once the custodian has signed the list of digests, and not before,
parties send what they encrypted: anybody who saw another's term first could send its negative, as of any
scheme that adds, and the total would be of fewer than it says. The coordinator checks all and hands it on;
the custodian adds and decrypts. The coordinator adds nothing, since nobody would believe its sum. A party
whose message is missing or wrong counts as absent; `MessageError` names it, and the others go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hansa.core.charter import LEAST_SUMMED
from hansa.core.errors import AbortedError, MessageError, RefusedError
from hansa.crypto.lattice import PublicLattice
from hansa.crypto.masks import Words
from hansa.crypto.signing import check_signature
from hansa.protection import encrypted_messages as messages
from hansa.protection.encrypted_messages import CUSTODIAN, Commitment, Opened, check_custody
from hansa.protection.enrolment import COORDINATOR, Channels, Roster
from hansa.protection.occasion import Occasion, Past


class EncryptedParty:
    """One party in one sum: two messages out, each once, in this order."""

    def __init__(self, channels: Channels, occasion: Occasion, past: Past) -> None:
        """Begin; raises RefusedError where the party has taken part in this sum or a later one."""
        check_custody(channels.roster, occasion)
        past.begin(occasion)
        self._channels, self._occasion, self._about = channels, occasion, occasion.digest
        self._public = b""
        self._pieces: list[bytes] = []
        self._done = 0  # messages sent

    @classmethod
    def resumed(
        cls, channels: Channels, occasion: Occasion, past: Past, value: Mapping[str, Any]
    ) -> EncryptedParty:
        """Return a party in the middle of a sum, as `value` told; past: which knows of the sum."""
        party = cls.__new__(cls)
        party._channels, party._occasion, party._about = channels, occasion, occasion.digest
        party._public, party._pieces, party._done = value["public"], list(value["pieces"]), value["done"]
        del past
        return party

    def value(self) -> dict[str, Any]:
        """Return plain values from which `resumed` goes on."""
        return {"public": self._public, "pieces": list(self._pieces), "done": self._done}

    def committed(self, words: Words, question: bytes) -> bytes:
        """Return the signed digest of the encrypted term, sealed for the coordinator.

        words: (size,), the party's term. question: what the coordinator sent, with the custodian's key.
        """
        assert len(words) == self._occasion.size
        self._step(0)
        plain = self._channels.opened(COORDINATOR, question, self._about + messages.KEY)
        self._public = signed_key(plain, self._channels.roster, self._about)
        numbers = words.view(f"<i{words.dtype.itemsize}").astype(np.int64)  # (size,)
        self._pieces = PublicLattice(self._public, CUSTODIAN).encrypted(numbers)
        digest = messages.digest_of(self._channels.name, self._pieces)
        statement = Commitment(digest, b"").statement(self._about, self._public)
        commitment = Commitment(digest, self._channels.signing.sign(messages.COMMITMENT.decode(), statement))
        sent = messages.commitment_message(commitment)
        return self._channels.seal(COORDINATOR, sent, self._about + messages.COMMITMENT)

    def encrypted(self, question: bytes) -> bytes:
        """Return the encrypted term, sealed for the coordinator; question: the list that was signed."""
        self._step(1)
        roster = self._channels.roster
        plain = self._channels.opened(COORDINATOR, question, self._about + messages.LIST)
        found = signed_commitments(plain, roster, self._about, self._public)
        own = found.get(roster.places[self._channels.name])
        if own is None or own.digest != messages.digest_of(self._channels.name, self._pieces):
            raise self._refused("it has changed or left out what this party encrypted")
        if len(found) < least_cohort(self._occasion):
            raise self._refused(f"it would open a sum of {len(found)} parties, which are too few")
        sent = messages.pieces_message(self._pieces)
        return self._channels.seal(COORDINATOR, sent, self._about + messages.TERM)

    def _step(self, step: int) -> None:
        if self._done != step:
            raise self._refused("it asks for a step out of turn")
        self._done += 1

    def _refused(self, what: str) -> RefusedError:
        return RefusedError(
            f"{what}, in {self._occasion.name}", do="ask the coordinator's operator why", where=COORDINATOR
        )


class EncryptedSum:
    """The coordinator in one sum: it sees a public key, encrypted terms, and one total."""

    def __init__(self, channels: Channels, occasion: Occasion) -> None:
        """Begin."""
        check_custody(channels.roster, occasion)
        self._channels, self._occasion = channels, occasion
        self._roster, self._about = channels.roster, occasion.digest
        self._public = b""
        self._lattice: PublicLattice | None = None
        self._commitments: dict[int, Commitment] = {}
        self._listed: dict[int, Commitment] = {}  # those that the custodian has signed
        self._terms: dict[int, list[bytes]] = {}
        self.published = b""  # the total as the custodian signed it, for everybody to check with `checked`

    def questions(self, key: bytes) -> dict[str, bytes]:
        """Return what each party is sent; key: from the custodian, its public key of this sum."""
        signed = self._channels.opened(CUSTODIAN, key, self._about + messages.KEY)
        self._public = signed_key(signed, self._roster, self._about)
        self._lattice = PublicLattice(self._public, CUSTODIAN)
        return self._to_each(self._roster.names, signed, messages.KEY)

    def take_committed(self, party: str, message: bytes) -> None:
        """Take a party's commitment, once its signature is checked."""
        place = self._roster.places.get(party)
        if place is None or place in self._commitments or self._listed:
            raise _untimely(party)
        plain = self._channels.opened(party, message, self._about + messages.COMMITMENT)
        commitment = messages.read_commitment(plain, party)
        check_commitment(commitment, self._roster, party, commitment.statement(self._about, self._public))
        self._commitments[place] = commitment

    def commitments(self) -> bytes:
        """Return all commitments, sealed for the custodian."""
        self._enough(len(self._commitments), "encrypted their terms")
        sent = messages.commitments_message(self._commitments)
        return self._channels.seal(CUSTODIAN, sent, self._about + messages.COMMITMENT)

    def listed(self, signed: bytes) -> dict[str, bytes]:
        """Return what each party that is listed is sent; signed: from the custodian, the list."""
        plain = self._channels.opened(CUSTODIAN, signed, self._about + messages.LIST)
        self._listed = signed_commitments(plain, self._roster, self._about, self._public)
        names = tuple(self._roster.names[place] for place in self._listed)
        return self._to_each(names, plain, messages.LIST)

    def take_encrypted(self, party: str, message: bytes) -> None:
        """Take what a party encrypted, if it is what it signed and of the right form."""
        place = self._roster.places.get(party, -1)
        if place not in self._listed or place in self._terms or self._lattice is None:
            raise _untimely(party)
        plain = self._channels.opened(party, message, self._about + messages.TERM)
        pieces = messages.read_pieces(plain, party)
        check_pieces(pieces, party, self._listed[place])
        self._lattice.read(pieces, self._occasion.size, party)
        self._terms[place] = pieces

    def terms(self) -> bytes:
        """Return all encrypted terms, sealed for the custodian."""
        self._enough(len(self._terms), "sent their terms")
        sent = messages.terms_message(self._terms)
        return self._channels.seal(CUSTODIAN, sent, self._about + messages.TERM)

    def total(self, message: bytes) -> tuple[Words, tuple[str, ...]]:
        """Return (size,) the sum of the cohort's words, modulo 2^32 or 2^64, and the cohort's names."""
        published = self._channels.opened(CUSTODIAN, message, self._about + messages.TOTAL)
        opened = checked(published, self._roster, self._occasion)
        self.published = published
        words: Words = np.frombuffer(opened.words, self._occasion.form.dtype).copy()  # (size,)
        return words, tuple(self._roster.names[place] for place in opened.places)

    def _to_each(self, names: tuple[str, ...], message: bytes, step: bytes) -> dict[str, bytes]:
        return {name: self._channels.seal(name, message, self._about + step) for name in names}

    def _enough(self, count: int, did: str) -> None:
        least = least_cohort(self._occasion)
        if count < least:
            raise AbortedError(
                f"{count} of {len(self._roster.parties)} parties {did}, and it takes {least}",
                do="run the round again once they are back",
                where=self._occasion.name,
            )


def least_cohort(occasion: Occasion) -> int:
    """Return how many parties a sum is over, at least: as asked for, since nobody's shares are needed."""
    return max(occasion.cohort, LEAST_SUMMED)


def signed_key(data: bytes, roster: Roster, about: bytes) -> bytes:
    """Return the public key that the custodian of the roster signed for this sum; raises MessageError."""
    public, signature = messages.read_signed(data, CUSTODIAN)
    statement = messages.key_statement(about, public)
    check_signature(roster.servers[CUSTODIAN], signature, messages.KEY.decode(), statement, CUSTODIAN)
    return public


def signed_commitments(data: bytes, roster: Roster, about: bytes, public: bytes) -> dict[int, Commitment]:
    """Return the list that the custodian of the roster signed for this sum; raises MessageError."""
    listed, signature = messages.read_signed(data, CUSTODIAN)
    statement = messages.list_statement(about, public, listed)
    check_signature(roster.servers[CUSTODIAN], signature, messages.LIST.decode(), statement, CUSTODIAN)
    return messages.read_commitments(listed, len(roster.parties), CUSTODIAN)


def check_commitment(commitment: Commitment, roster: Roster, party: str, statement: bytes) -> None:
    """Pass if the party signed the commitment; raises MessageError."""
    purpose = messages.COMMITMENT.decode()
    check_signature(roster.parties[party], commitment.signature, purpose, statement, party)


def check_pieces(pieces: list[bytes], party: str, commitment: Commitment | None) -> None:
    """Pass if the pieces are what the party committed to; raises MessageError."""
    if commitment is None or messages.digest_of(party, pieces) != commitment.digest:
        raise MessageError("what it encrypted is not what it signed", do="drop the message", where=party)


def checked(published: bytes, roster: Roster, occasion: Occasion) -> Opened:
    """Return a published total that the custodian of the roster opened for this sum; raises MessageError."""
    opened = messages.read_opened(published, len(roster.parties), CUSTODIAN)
    statement, purpose = opened.statement(occasion.digest), messages.TOTAL.decode()
    check_signature(roster.servers[CUSTODIAN], opened.signature, purpose, statement, CUSTODIAN)
    if len(opened.words) != occasion.size * occasion.form.dtype.itemsize:
        raise MessageError("its total is of another size", do="drop the message", where=CUSTODIAN)
    return opened


def _untimely(party: str) -> MessageError:
    return MessageError(
        "its message comes a second time, too late, or from nobody in this step",
        do="drop the message",
        where=party,
    )
