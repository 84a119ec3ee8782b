"""What [lateness] asks of the rest of a charter."""

from __future__ import annotations

from collections.abc import Iterator

from hansa.core.charter import Charter
from hansa.core.charter_choices import Fault
from hansa.core.methods import METHODS


def lateness_faults(charter: Charter) -> Iterator[Fault]:
    """Yield what cannot hold of rounds that go on without somebody."""
    late, name = charter.lateness, charter.algorithm.name
    if late.rule == "wait":
        if late.quorum is not None:
            do = 'remove quorum, or write rule = "go_on"'
            yield Fault("lateness", "quorum means nothing where everybody is waited for", do)
        return
    method = METHODS[name]
    if method.exchanges != "weights" or method.in_clear or method.framed:
        what = f"{name} needs every party in every round"
        yield Fault("lateness", what, 'write rule = "wait", or average weights: fedavg in [algorithm]')
    if charter.secrecy in ("shared", "encrypted"):
        what = f'rounds of secrecy "{charter.secrecy}" wait for everybody'
        yield Fault("lateness", what, 'write rule = "wait", or secrecy = "masked" in [protection]')
    if late.quorum is not None and late.quorum > charter.parties:
        what = f"quorum is {late.quorum} and there are {charter.parties} parties"
        yield Fault("lateness", what, f"write {charter.parties} or fewer")
