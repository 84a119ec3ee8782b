"""Decoders of the messages of shared and encrypted sums; what they carry sealed is read by these alone."""

from __future__ import annotations

from collections.abc import Callable

from hansa.crypto.signing import KEY_BYTES, SIGNATURE_BYTES
from hansa.protection import encrypted_messages as encrypted
from hansa.protection import shared_messages as shared
from hansa.protection.encrypted_messages import Commitment, Opened
from hansa.protection.shared_components import bytes_of
from hansa.protection.shared_messages import Presented, Result, Statement
from tests.fuzz.world import PARTIES, SENDER

Said = tuple[str, bytes, Callable[[bytes], bytes]]
"""A decoder's name, what it takes, and what writes again what it understood."""

_KEY, _SIGNATURE, _SIZE = bytes(range(KEY_BYTES)), bytes(SIGNATURE_BYTES), 3


def shared_decoders() -> list[Said]:
    """Return the decoders of shared sums."""
    statement = Statement(7, (_KEY,) * 3)
    components = [bytes(bytes_of(place, _SIZE)) for place in (1, 2)]
    weights = {0: 3, 2: 9}
    return [
        (
            "shared read_share",
            shared.share_message(statement, _SIGNATURE, components),
            lambda data: shared.share_message(*shared.read_share(data, 1, _SIZE, SENDER)),
        ),
        (
            "shared read_presented",
            shared.presented_message(Presented(_KEY, {1: (statement, _SIGNATURE)})),
            lambda data: shared.presented_message(shared.read_presented(data, PARTIES, SENDER)),
        ),
        (
            "shared read_weights",
            shared.weights_message(weights),
            lambda data: shared.weights_message(shared.read_weights(data, PARTIES, SENDER)),
        ),
        (
            "shared read_parts",
            shared.parts_message([_KEY, bytes(8)]),
            lambda data: shared.parts_message(shared.read_parts(data, [32, 8], SENDER)),
        ),
        (
            "shared read_result",
            Result(_KEY, weights, 5, 2**63).encoded(),
            lambda data: shared.read_result(data, PARTIES, SENDER).encoded(),
        ),
    ]


def encrypted_decoders() -> list[Said]:
    """Return the decoders of encrypted sums."""
    commitment = Commitment(_KEY, _SIGNATURE)
    return [
        (
            "encrypted read_signed",
            encrypted.signed_message(b"content", _SIGNATURE),
            lambda data: encrypted.signed_message(*encrypted.read_signed(data, SENDER)),
        ),
        (
            "encrypted read_commitment",
            encrypted.commitment_message(commitment),
            lambda data: encrypted.commitment_message(encrypted.read_commitment(data, SENDER)),
        ),
        (
            "encrypted read_commitments",
            encrypted.commitments_message({0: commitment, 2: commitment}),
            lambda data: encrypted.commitments_message(encrypted.read_commitments(data, PARTIES, SENDER)),
        ),
        (
            "encrypted read_pieces",
            encrypted.pieces_message([b"one", b"two"]),
            lambda data: encrypted.pieces_message(encrypted.read_pieces(data, SENDER)),
        ),
        (
            "encrypted read_terms",
            encrypted.terms_message({0: [b"one"], 1: [b"two"]}),
            lambda data: encrypted.terms_message(encrypted.read_terms(data, PARTIES, SENDER)),
        ),
        (
            "encrypted read_opened",
            Opened(bytes(24), (0, 1, 2), _SIGNATURE).encoded(),
            lambda data: encrypted.read_opened(data, PARTIES, SENDER).encoded(),
        ),
    ]
