"""AES-256-GCM (NIST SP 800-38D): a message that one other opens, and nobody changes or moves elsewhere.

A key is for one way between two nodes; nonces are drawn by chance, and of 2^32 none repeats but by 2^-33.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hansa.core.errors import MessageError
from hansa.crypto.signing import Source

_NONCE_BYTES = 12
SEAL_BYTES = _NONCE_BYTES + 16
"""How much longer a sealed message is."""


def seal(key: bytes, message: bytes, about: bytes, source: Source) -> bytes:
    """Return the message sealed; about: what it belongs to, which the other must know."""
    nonce = source(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, message, about)


def opened(key: bytes, sealed: bytes, about: bytes, who: str) -> bytes:
    """Return what `who` sealed; raises MessageError for anything else."""
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about)
    except (InvalidTag, ValueError) as fault:
        raise MessageError(
            "its sealed message does not open here: it was changed, or is of another exchange or model",
            do="drop the message",
            where=who,
        ) from fault
