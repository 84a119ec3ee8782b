"""The custodian's side of one encrypted sum: it has the secret key, and opens one total over enough parties.

It opens no sum that somebody hands it, but adds what parties have signed, for the sum that it itself takes
part in, once all of them had committed to it. The key pair is of that sum alone and forgotten with it: a
total that a party with crafted terms has bent may tell something of the key, which is then good for nothing.
"""

from __future__ import annotations

from hansa.core.errors import RefusedError
from hansa.crypto.lattice import SecretLattice
from hansa.protection import encrypted_messages as messages
from hansa.protection.encrypted_messages import Commitment, Opened, check_custody
from hansa.protection.encrypted_sum import check_commitment, check_pieces, least_cohort
from hansa.protection.enrolment import COORDINATOR, Channels
from hansa.protection.occasion import Occasion, Past


class Custodian:
    """The custodian in one sum: three messages out, each once, in this order."""

    def __init__(self, channels: Channels, occasion: Occasion, past: Past) -> None:
        """Begin; raises RefusedError where it has taken part in this sum or a later one."""
        check_custody(channels.roster, occasion)
        past.begin(occasion)
        self._channels, self._occasion, self._past = channels, occasion, past
        self._roster, self._about = channels.roster, occasion.digest
        self._lattice: SecretLattice | None = SecretLattice()
        self._public = self._lattice.public
        self._commitments: dict[int, Commitment] = {}

    @property
    def kept(self) -> bytes:
        """Return this sum's keys for the custodian's own disk; empty once they are forgotten."""
        return b"" if self._lattice is None else self._lattice.kept

    def keep_keys(self, kept: bytes) -> None:
        """Go on with the keys that `kept` told: started again, the custodian has the same for this sum."""
        self._lattice = SecretLattice(kept)
        self._public = self._lattice.public

    def key(self) -> bytes:
        """Return the public key, signed for this sum and sealed for the coordinator."""
        statement = messages.key_statement(self._about, self._public)
        return self._sealed(self._signed(self._public, statement, messages.KEY), messages.KEY)

    def listed(self, question: bytes) -> bytes:
        """Return the list of commitments, signed, and sealed for the coordinator; question: the list."""
        plain = self._channels.opened(COORDINATOR, question, self._about + messages.COMMITMENT)
        if self._commitments:
            raise self._refused("it asks for a second list to be signed")
        found = messages.read_commitments(plain, len(self._roster.parties), COORDINATOR)
        self._check_count(len(found))
        for place, commitment in found.items():
            statement = commitment.statement(self._about, self._public)
            check_commitment(commitment, self._roster, self._roster.names[place], statement)
        self._commitments = found
        statement = messages.list_statement(self._about, self._public, plain)
        return self._sealed(self._signed(plain, statement, messages.LIST), messages.LIST)

    def total(self, question: bytes) -> bytes:
        """Return the total of what the coordinator hands on, signed, and sealed for it.

        Raises RefusedError, MessageError or AbortedError: whatever comes of it, the key is forgotten.
        """
        plain = self._channels.opened(COORDINATOR, question, self._about + messages.TERM)
        lattice, self._lattice = self._lattice, None
        if lattice is None:
            raise self._refused("it asks for a second total")
        terms = messages.read_terms(plain, len(self._roster.parties), COORDINATOR)
        self._check_count(len(terms))
        for place, pieces in terms.items():
            check_pieces(pieces, self._roster.names[place], self._commitments.get(place))
        self._past.sign(self._occasion, [self._roster.names[place] for place in terms])
        opened = self._opened(lattice, terms)
        return self._sealed(opened.encoded(), messages.TOTAL)

    def _opened(self, lattice: SecretLattice, terms: dict[int, list[bytes]]) -> Opened:
        occasion, names = self._occasion, self._roster.names
        (first, pieces), *others = terms.items()
        total = lattice.read(pieces, occasion.size, names[first])
        for place, pieces in others:
            total.add(lattice.read(pieces, occasion.size, names[place]), names[place])
        found = lattice.decrypted(total, occasion.size, occasion.form.width)  # (size,)
        words = found.astype(f"<i{occasion.form.dtype.itemsize}").tobytes()
        unsigned = Opened(words, tuple(sorted(terms)), b"")
        signature = self._channels.signing.sign(messages.TOTAL.decode(), unsigned.statement(self._about))
        return Opened(words, unsigned.places, signature)

    def _check_count(self, parties: int) -> None:
        if parties < least_cohort(self._occasion):
            raise self._refused(f"it would open a sum of {parties} parties, which are too few")

    def _signed(self, content: bytes, statement: bytes, purpose: bytes) -> bytes:
        return messages.signed_message(content, self._channels.signing.sign(purpose.decode(), statement))

    def _sealed(self, message: bytes, step: bytes) -> bytes:
        return self._channels.seal(COORDINATOR, message, self._about + step)

    def _refused(self, what: str) -> RefusedError:
        return RefusedError(
            f"{what}, in {self._occasion.name}", do="ask the coordinator's operator why", where=COORDINATOR
        )
