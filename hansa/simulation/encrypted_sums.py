"""Encrypted sums with all nodes in one process: every message is carried as bytes by whoever carries them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from hansa.core.errors import AbortedError
from hansa.crypto.lattice import require_tenseal
from hansa.crypto.masks import Words
from hansa.protection.encrypted_messages import CUSTODIAN
from hansa.protection.encrypted_sum import EncryptedParty, EncryptedSum
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.key_custodian import Custodian
from hansa.protection.occasion import Occasion
from hansa.simulation.nodes import Broker, Nodes, delivered

SERVERS = (COORDINATOR, CUSTODIAN)
"""Who takes part beside the parties: `enrolled(names, task, source, SERVERS)`."""
STEPS = ("key", "committed", "list", "encrypted", "total")
"""What the coordinator is sent, in order; the question before each is `ask key` and so on."""

_Taken = TypeVar("_Taken")


def encrypted_sum(
    nodes: Nodes,
    occasion: Occasion,
    words: Mapping[str, Words],
    broker: Broker = delivered,
    server: type[EncryptedSum] = EncryptedSum,
) -> tuple[Words, tuple[str, ...]]:
    """Return (size,) the sum of the cohort's words, and their names; who has no words takes no part.

    server: an honest coordinator, or a test's. What a node refuses or drops is added to the trouble, and the
    others go on. Raises AbortedError, and CharterError where TenSEAL is missing.
    """
    require_tenseal()
    coordinator = server(nodes.channels[COORDINATOR], occasion)
    exchange = _Exchange(nodes, occasion, words, broker)
    questions = exchange.ask_custodian("key", b"", coordinator.questions)
    exchange.ask_parties("committed", questions, coordinator.take_committed)
    questions = exchange.ask_custodian("list", coordinator.commitments(), coordinator.listed)
    exchange.ask_parties("encrypted", questions, coordinator.take_encrypted)
    return exchange.ask_custodian("total", coordinator.terms(), coordinator.total)


@dataclass(frozen=True, slots=True)
class _Exchange:
    nodes: Nodes
    occasion: Occasion
    words: Mapping[str, Words]
    broker: Broker
    parties: dict[str, EncryptedParty] = field(default_factory=dict)
    custodians: list[Custodian] = field(default_factory=list)  # one, from its first answer on

    def ask_custodian(self, step: str, question: bytes, take: Callable[[bytes], _Taken]) -> _Taken:
        """Return what the coordinator makes of the custodian's answer; raises AbortedError without one."""
        asked = self.broker(f"ask {step}", CUSTODIAN, question)
        if asked is not None:
            with self.nodes.noted():
                arrived = self.broker(step, CUSTODIAN, self._custodians_answer(step, asked))
                if arrived is not None:
                    return take(arrived)
        raise AbortedError(
            f"the custodian gave no {step}", do="run the round again", where=self.occasion.name
        )

    def ask_parties(
        self, step: str, questions: Mapping[str, bytes], take: Callable[[str, bytes], None]
    ) -> None:
        """Hand the coordinator what each party answers."""
        for name, question in questions.items():
            asked = self.broker(f"ask {step}", name, question) if name in self.words else None
            if asked is None:
                continue
            with self.nodes.noted():
                arrived = self.broker(step, name, self._partys_answer(name, step, asked))
                if arrived is not None:
                    take(name, arrived)

    def _custodians_answer(self, step: str, asked: bytes) -> bytes:
        if step == "key":
            believed = self.nodes.believed.get(CUSTODIAN, self.occasion)
            past = self.nodes.pasts[CUSTODIAN]
            self.custodians.append(Custodian(self.nodes.channels[CUSTODIAN], believed, past))
            return self.custodians[0].key()
        return self.custodians[0].listed(asked) if step == "list" else self.custodians[0].total(asked)

    def _partys_answer(self, name: str, step: str, asked: bytes) -> bytes:
        if step == "committed":
            believed = self.nodes.believed.get(name, self.occasion)
            past = self.nodes.pasts[name]
            self.parties[name] = EncryptedParty(self.nodes.channels[name], believed, past)
            return self.parties[name].committed(self.words[name], asked)
        return self.parties[name].encrypted(asked)
