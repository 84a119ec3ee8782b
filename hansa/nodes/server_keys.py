"""Who computes beside the coordinator, and that no two of them are one: as far as keys can tell."""

from __future__ import annotations

from collections.abc import Mapping

from hansa.core.charter import Charter
from hansa.core.errors import CharterError
from hansa.crypto.lattice import require_tenseal
from hansa.nodes.stages import SERVERS, servers_of
from hansa.protection.enrolment import COORDINATOR

SERVER_NAMES = frozenset(name for names in SERVERS.values() for name in names)


def check_servers(charter: Charter, coordinator: bytes, keys: Mapping[str, bytes]) -> None:
    """Pass if these are the servers that a charter's secrecy takes, each with a key of its own.

    coordinator: its public key. keys: those of the others, by name. Raises CharterError, also where what an
    encrypted sum is computed with is not installed.
    """
    _check_names(charter, keys)
    known = {coordinator: COORDINATOR}
    for name, key in keys.items():
        if key in known:
            raise _fault(
                charter,
                f"{name} has the key of {known[key]}",
                "let each be run by somebody else: who runs two of them reads what no one of them can",
            )
        known[key] = name
    if charter.secrecy == "encrypted":
        require_tenseal()


def _check_names(charter: Charter, keys: Mapping[str, bytes]) -> None:
    for name in keys:
        if name not in servers_of(charter):
            raise not_taken(charter, name)
    for name in servers_of(charter):
        if name not in keys:
            raise _fault(
                charter,
                f"has no key of {name}",
                f"let who runs it do hansa server init, and name it: --server {name} KEY",
            )


def not_taken(charter: Charter, name: str) -> CharterError:
    """Return what is said of a server that the charter's secrecy does not take."""
    due = ", ".join(servers_of(charter))
    if not due:
        level = next((level for level, names in SERVERS.items() if name in names), "shared")
        return _fault(
            charter,
            f'secrecy "{charter.secrecy}" takes no server beside the coordinator',
            f'leave out {name}, or write secrecy = "{level}"',
        )
    if name not in SERVER_NAMES:
        return CharterError("is no server's name", do=f"choose among {due}", where=name)
    return _fault(charter, f"takes no {name} beside the coordinator, but {due}", "leave it out")


def _fault(charter: Charter, what: str, do: str) -> CharterError:
    return CharterError(what, do=do, where=f"{charter.name} [protection]")
