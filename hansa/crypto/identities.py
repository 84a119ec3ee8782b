"""An identity as others know it: its public key, what people compare of it, and the key that follows it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from hansa.crypto.signing import SigningKey, check_signature

_PURPOSE = "succession"
_SHOWN_BYTES = 16  # as hard to meet by chance as a key of 128 bits


@dataclass(frozen=True, slots=True)
class Succession:
    """A public key, and the one that takes its place, signed by the former."""

    old: bytes  # (32,)
    new: bytes  # (32,)
    signature: bytes  # (64,)

    def check(self, who: str) -> None:
        """Pass if the old key of `who` signed for the new one; else raise MessageError."""
        check_signature(self.old, self.signature, _PURPOSE, self.old + self.new, who)


def succession(old: SigningKey, new: bytes) -> Succession:
    """Return the old key's word that the new public key takes its place."""
    return Succession(old.public, new, old.sign(_PURPOSE, old.public + new))


def fingerprint(public: bytes) -> str:
    """Return what two people read to each other to compare a public key: eight groups of four digits."""
    digits = hashlib.sha256(public).digest()[:_SHOWN_BYTES].hex()
    return " ".join(digits[first : first + 4] for first in range(0, len(digits), 4))
