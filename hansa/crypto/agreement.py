"""X25519 (RFC 7748) and HKDF-SHA256 (RFC 5869): a secret of two, and keys of it that serve one use each."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from hansa.core.errors import MessageError

_SALT = b"hansa x25519"


@dataclass(frozen=True)
class AgreementKey:
    """The private half of a key agreement."""

    secret: bytes = field(repr=False)  # (32,)

    @cached_property
    def public(self) -> bytes:
        """Return the 32 bytes that the other needs."""
        return self._key.public_key().public_bytes_raw()

    def shared_with(self, public: bytes, who: str) -> bytes:
        """Return the 32 bytes that only both can compute; `who` gave the public half.

        Raises MessageError for a public half that is no key, or one that makes any secret the same.
        """
        try:
            point = self._key.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError as fault:
            raise MessageError("its key is none", do="drop the message", where=who) from fault
        return derived(hmac.digest(_SALT, point, "sha256"))  # HKDF: extract, then expand

    @cached_property
    def _key(self) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(self.secret)


def derived(shared: bytes, *uses: bytes) -> bytes:
    """Return the 32 bytes of a secret for one use; uses: what it is bound to, in order.

    The expanding half of HKDF-SHA256, whose one block is one HMAC (RFC 5869, section 2.3).
    """
    bound = [len(use).to_bytes(4, "little") + use for use in uses]
    return hmac.digest(shared, b"".join(bound) + b"\1", "sha256")
