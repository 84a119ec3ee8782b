"""What a server beside the coordinator does in a run, in plain words: for who is asked to run one."""

from __future__ import annotations

from collections.abc import Iterator

from hansa.core.charter import Charter

_WORK = {
    "shared": "one of three servers. It gets two of three parts of what each party sends, by which it can "
    "read nothing; the three together find sums of at least {cohort} parties, how long updates are and "
    "the angles between them. It learns these, who took part, and how many rows a party counts for",
    "encrypted": "who keeps the key. It draws a key pair for each sum, under which parties encrypt; it adds "
    "up what at least {cohort} of them signed, and opens the sum. It learns these sums and who took part",
}
_RISK = {
    "shared": "Any two of the three who work together, or whom one person runs, can read what every party "
    "sends. Whoever runs the coordinator runs one of the three and must not run a second.",
    "encrypted": "Who has the key and what the coordinator hands on can read what every party sends. Neither "
    "a party nor whoever runs the coordinator may run it.",
}


def explain_server(charter: Charter, name: str) -> Iterator[str]:
    """Yield what a server of a charter's secrecy does, what it learns, and who must not run it."""
    cohort = charter.protection.cohort
    yield f"What this node is: {name}, {_WORK[charter.secrecy].format(cohort=cohort)}."
    yield "It holds no records, keeps no model, and connects outward only."
    yield _RISK[charter.secrecy]
    yield "Without it no round goes on; what it remembers of the run must not be lost or copied."
