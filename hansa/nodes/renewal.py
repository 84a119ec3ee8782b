"""A party's new key on its way to the operator: one line of text, which the former key has signed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hansa.core.errors import FolderError, MessageError
from hansa.crypto.identities import Succession
from hansa.crypto.signing import KEY_BYTES, SIGNATURE_BYTES

_MOST = 512  # characters of a line


@dataclass(frozen=True, slots=True)
class Renewal:
    """What lets a member go on under a new key."""

    succession: Succession
    invitation: str  # its text, for the new key


def rotation_line(name: str, found: Succession) -> str:
    """Return what a party sends the operator: its name, the key before, the new one, and the signature."""
    return f"{name} {found.old.hex()} {found.new.hex()} {found.signature.hex()}"


def rotation_in(path: Path) -> tuple[str, Succession]:
    """Return what `read_rotation` does, of a file; raises FolderError where it cannot be read."""
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as fault:
        raise FolderError(
            "cannot be read", do="name the file that the party sent", where=str(path)
        ) from fault
    return read_rotation(text, str(path))


def read_rotation(text: str, where: str) -> tuple[str, Succession]:
    """Return a party's name and the succession of its keys; raises MessageError for what is no such line.

    where: what the text was read from.
    """
    words = text[: _MOST + 1].split()
    try:
        name, *values = words
        old, new, signature = (bytes.fromhex(value) for value in values)
    except ValueError:
        name, old, new, signature = "", b"", b"", b""
    if (len(old), len(new), len(signature)) != (KEY_BYTES, KEY_BYTES, SIGNATURE_BYTES):
        raise MessageError(
            "holds no new key", do="ask for the line that hansa party rotate prints", where=where
        )
    found = Succession(old, new, signature)
    found.check(name)
    return name, found
