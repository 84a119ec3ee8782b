"""Ed25519 signatures (RFC 8032): who said something, and what it was said for.

A signature is over the purpose and the message, so that one that was given for one purpose proves nothing
for another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hansa.core.errors import MessageError

Source = Callable[[int], bytes]
"""Returns so many bytes that nobody can guess: the operating system's, or a test's."""

KEY_BYTES = 32
SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private half of an identity."""

    secret: bytes = field(repr=False)  # (32,)

    @property
    def public(self) -> bytes:
        """Return the 32 bytes by which others know this identity."""
        return _loaded(self.secret).public_key().public_bytes_raw()

    def sign(self, purpose: str, message: bytes) -> bytes:
        """Return the 64 bytes of a signature."""
        return _loaded(self.secret).sign(_bound(purpose, message))


def signing_key(source: Source) -> SigningKey:
    """Return a fresh identity."""
    return SigningKey(source(KEY_BYTES))


def check_signature(public: bytes, signature: bytes, purpose: str, message: bytes, who: str) -> None:
    """Pass if `who`, who has the public key, signed the message for the purpose; else raise MessageError."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _bound(purpose, message))
    except (InvalidSignature, ValueError) as fault:
        raise MessageError(
            f"the signature of {purpose} is not its own", do="drop the message", where=who
        ) from fault


@lru_cache(maxsize=64)
def _loaded(secret: bytes) -> Ed25519PrivateKey:
    """Return the key, kept because making it takes as long as a signature."""
    return Ed25519PrivateKey.from_private_bytes(secret)


def _bound(purpose: str, message: bytes) -> bytes:
    return b"hansa " + purpose.encode() + b"\0" + message
