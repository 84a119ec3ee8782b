"""What [protection] asks of the rest of a charter: who can be summed with whom, and by which method."""

from __future__ import annotations

from collections.abc import Iterator

from hansa.core.charter import LEAST_SUMMED, MOST_SUMMED, Charter, Protection
from hansa.core.charter_choices import Fault
from hansa.core.methods import LATE, METHODS

_INSTEAD = {"labsync": "labsync_mean, which learns the same from sums", "clustered": "fine_tuned"}
_SERVERS = {  # of those that a party could be called
    "masked": ("coordinator",), "shared": ("coordinator", "second-server", "third-server"),
    "encrypted": ("coordinator", "custodian"),
}  # fmt: skip
_NARROW, _MOST_NARROW = 32, 100_000
_AGREED = 'write secrecy = "open" in [protection] if all members agree to show their terms'


def secrecy_faults(charter: Charter) -> Iterator[Fault]:
    """Yield what cannot hold under the charter's secrecy."""
    yield from _key_faults(charter)
    if charter.secrecy == "open":
        return
    senders = [
        name for name in (charter.algorithm.name, *charter.compare) if METHODS[name].exchanges != "nothing"
    ]
    level = f'secrecy is "{charter.secrecy}"' + ("" if charter.protection.secrecy else ", as none is written")
    for name in senders:
        if METHODS[name].in_clear:
            do = f"take {_INSTEAD[name]}" if name in _INSTEAD else f"leave {name} out"
            yield Fault("protection", f"{name} {METHODS[name].in_clear}, but {level}", f"{do}, or {_AGREED}")
        if METHODS[name].wide and (charter.secrecy == "shared" or charter.protection.width == _NARROW):
            bound = level if charter.secrecy == "shared" else "width is 32"
            what = f"{name} sends numbers of steps beside weights, too far apart for one scale, but {bound}"
            yield Fault("protection", what, 'write secrecy = "masked" and width = 64, or leave it out')
    if senders:
        yield from _cohort_faults(charter, level, bool(LATE.intersection(senders)))


def _cohort_faults(charter: Charter, level: str, late: bool) -> Iterator[Fault]:
    parties, cohort = charter.parties, charter.protection.cohort
    if not LEAST_SUMMED <= parties <= MOST_SUMMED:
        what = f"{level}, which is for {LEAST_SUMMED} to {MOST_SUMMED} parties, and there are {parties}"
        yield Fault("protection", what, _AGREED)
    if cohort > parties:
        what = f"cohort is {cohort} and there are {parties} parties"
        yield Fault("protection", what, f"write a number from {LEAST_SUMMED} to {parties}")
    least = max(cohort, charter.quorum if charter.secrecy == "masked" else 0)
    if late and charter.algorithm.cohort < least:
        what = f"a round goes on with {charter.algorithm.cohort} parties, and a sum takes {least}: {level}"
        yield Fault("algorithm", what, f"write cohort = {least}")


def _key_faults(charter: Charter) -> Iterator[Fault]:
    stated, default = charter.protection, Protection()
    for name in _SERVERS.get(charter.secrecy, ()):
        if any(party.name == name for party in charter.roster):
            what = f'a party is called "{name}", as one of the servers is when secrecy is "{charter.secrecy}"'
            yield Fault(f"party.{name}", what, "give the party another name")
    if charter.secrecy == "masked" and stated.width == _NARROW and stated.most_rows > _MOST_NARROW:
        what = f"32 bits leave too little of an update that is a share of most_rows = {stated.most_rows}"
        do = f"write most_rows = {_MOST_NARROW} or less, that of the largest party, or width = 64"
        yield Fault("protection", what, do)
    judged = ("open",) if charter.judges else ()  # who checks what members show reads its bounds
    for key, levels in (
        ("cohort", ("masked", "shared", "encrypted")),
        ("most_rows", ("masked", "shared", "encrypted", *judged)),
        ("width", ("masked",)),
        ("norm", ("shared", *judged)),
    ):
        if getattr(stated, key) != getattr(default, key) and charter.secrecy not in levels:
            what = f'{key} means nothing when secrecy is "{charter.secrecy}"'
            yield Fault("protection", what, f"remove {key}")
