"""The coordinator's side of an encrypted sum whose parties and custodian are elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from hansa.crypto.masks import Words
from hansa.nodes.party_questions import PartyQuestions
from hansa.nodes.server_questions import ServerQuestions
from hansa.protection.encrypted_messages import CUSTODIAN
from hansa.protection.encrypted_sum import EncryptedSum
from hansa.protection.enrolment import COORDINATOR, Channels
from hansa.protection.occasion import Occasion


def encrypted_sum(
    channels: Channels, occasion: Occasion, parties: PartyQuestions, servers: ServerQuestions
) -> Words:
    """Return (size,) the sum of the parties' words, as the custodian opened it.

    Raises what asking raises, MessageError for what a node sent and is none, and AbortedError.
    """
    coordinator = EncryptedSum(channels, occasion)
    key = _only(servers.begin("key", {CUSTODIAN: {}}))
    parties.begin("committed", coordinator.take_committed, coordinator.questions(key))
    told = {CUSTODIAN: {COORDINATOR: coordinator.commitments()}}
    listed = coordinator.listed(_only(servers.ask("list", told)))
    parties.ask("encrypted", listed, coordinator.take_encrypted)
    total = _only(servers.ask("total", {CUSTODIAN: {COORDINATOR: coordinator.terms()}}))
    return coordinator.total(total)[0]


def _only(answers: Iterator[tuple[str, bytes]]) -> bytes:
    ((_, body),) = answers
    return body
