"""What [lateness] asks of the rest of a charter."""

from __future__ import annotations

from collections.abc import Iterator

from hansa.core.charter import Charter
from hansa.core.charter_choices import Fault
from hansa.core.methods import METHODS, STALE


def lateness_faults(charter: Charter) -> Iterator[Fault]:
    """Yield what cannot hold of rounds that go on without somebody."""
    late = charter.lateness
    if late.rounds is not None and late.rule != "stale":
        do = 'remove rounds, or write rule = "stale"'
        yield Fault("lateness", "rounds means nothing where late answers do not count", do)
    if late.rule == "wait":
        if late.quorum is not None:
            do = 'remove quorum, or write rule = "go_on" or rule = "stale"'
            yield Fault("lateness", "quorum means nothing where everybody is waited for", do)
        return
    yield from _stale_faults(charter) if late.rule == "stale" else _go_on_faults(charter)
    if late.quorum is not None and late.quorum > charter.parties:
        what = f"quorum is {late.quorum} and there are {charter.parties} parties"
        yield Fault("lateness", what, f"write {charter.parties} or fewer")


def _go_on_faults(charter: Charter) -> Iterator[Fault]:
    name = charter.algorithm.name
    method = METHODS[name]
    if method.exchanges != "weights" or method.in_clear or method.framed:
        what = f"{name} needs every party in every round"
        yield Fault("lateness", what, 'write rule = "wait", or average weights: fedavg in [algorithm]')
    if charter.secrecy in ("shared", "encrypted"):
        what = f'rounds of secrecy "{charter.secrecy}" wait for everybody'
        yield Fault("lateness", what, 'write rule = "wait", or secrecy = "masked" in [protection]')


def _stale_faults(charter: Charter) -> Iterator[Fault]:
    name = charter.algorithm.name
    if name not in STALE:
        what = f"what parties send under {name} does not fit a later round"
        yield Fault("lateness", what, 'write rule = "wait", or average weights: fedavg in [algorithm]')
    if charter.secrecy != "open":
        what = f'answers of two rounds have no common sum under secrecy "{charter.secrecy}"'
        yield Fault("lateness", what, 'write rule = "go_on", or secrecy = "open" in [protection]')
    if charter.judges or charter.gate.every:
        what = "what is judged is compared within its round, and a late answer comes after it"
        yield Fault("lateness", what, 'write rule = "wait", or remove [defence], [gate] and [reward]')
