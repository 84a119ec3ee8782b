"""A node's identity in its folder: one file of secrets that nobody else can read, and its succession.

The file is text. `identity.key` is the key at work; after a rotation `identity.old.key` is the one before,
until it is dropped.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hansa.core.errors import FolderError, MessageError
from hansa.crypto.agreement import AgreementKey
from hansa.crypto.identities import Succession, succession
from hansa.crypto.signing import KEY_BYTES, SIGNATURE_BYTES, SigningKey, Source, signing_key
from hansa.registry.folders import flush_folder

FILE, OLD_FILE = "identity.key", "identity.old.key"
_TITLE = "hansa identity 1"
_MOST_BYTES = 1024
_FIELDS = {"signing": KEY_BYTES, "agreement": KEY_BYTES}
_SUCCEEDED = {"old": KEY_BYTES, "succession": SIGNATURE_BYTES}
_ANYBODY_ELSE = 0o077


@dataclass(frozen=True, slots=True)
class Identity:
    """The secrets of one node; neither shows in its text."""

    signing: SigningKey
    agreement: AgreementKey
    succession: Succession | None = None  # none: the first key of this identity


def make_identity(folder: Path, source: Source = os.urandom) -> Identity:
    """Return a fresh identity, which now lies in the folder; raises FolderError where one does already."""
    identity = _fresh(source)
    path = folder / FILE
    with _written(path, identity) as written:
        try:
            os.link(written, path)  # in one step, and never over another
        except FileExistsError as fault:
            what = "is there already, and whoever overwrites it can never be that member again"
            raise FolderError(what, do="keep it, or choose another folder", where=str(path)) from fault
    return identity


def load_identity(folder: Path) -> Identity:
    """Return the identity of a folder; raises FolderError where it is missing, damaged or open to others."""
    return _read(folder / FILE)


def former_identity(folder: Path) -> Identity | None:
    """Return the identity before the last rotation; None where there was none, or it was dropped."""
    path = folder / OLD_FILE
    return _read(path) if path.exists() else None


def rotate_identity(folder: Path, source: Source = os.urandom) -> Identity:
    """Return a new identity, in the old one's place, with the old one's word for it; that is kept aside.

    Killed at any moment, the folder has a key at work. Raises FolderError while an earlier key is still
    kept: members that have not seen that rotation yet would know neither.
    """
    old, path, aside = load_identity(folder), folder / FILE, folder / OLD_FILE
    kept = former_identity(folder)
    if kept is not None and kept.signing != old.signing:  # the same: a rotation was cut short here
        raise FolderError(
            "the key before the last one is still kept",
            do="drop it once all members have signed for the last one, then rotate again",
            where=str(aside),
        )
    fresh = _fresh(source)
    new = replace(fresh, succession=succession(old.signing, fresh.signing.public))
    with _written(path, new) as written:
        if kept is None:
            os.link(path, aside)
        written.replace(path)
    return new


def drop_former(folder: Path) -> None:
    """Remove the identity before the last rotation, if it is still there."""
    path = folder / OLD_FILE
    with _refused_by_disk(path):
        path.unlink(missing_ok=True)


def _fresh(source: Source) -> Identity:
    return Identity(signing_key(source), AgreementKey(source(KEY_BYTES)))


@contextlib.contextmanager
def _written(path: Path, identity: Identity) -> Iterator[Path]:
    """Give a file beside `path`, which holds an identity and is closed to others from its first byte."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with _refused_by_disk(path):
        try:
            beside.unlink(missing_ok=True)  # of a process that had this number and was killed
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(_text(identity))
                file.flush()
                os.fsync(file.fileno())
            yield beside
            flush_folder(path.parent)
        finally:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)


def _text(identity: Identity) -> str:
    parts = {"signing": identity.signing.secret, "agreement": identity.agreement.secret}
    if identity.succession is not None:
        parts |= {"old": identity.succession.old, "succession": identity.succession.signature}
    return "\n".join([_TITLE, *(f"{name} {value.hex()}" for name, value in parts.items())]) + "\n"


def _read(path: Path) -> Identity:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode  # of the very file that is read
            if mode & _ANYBODY_ELSE:
                raise FolderError(
                    "can be read or written by others on this machine",
                    do=f"run chmod 600 {path}, and rotate the key if others may have read it",
                    where=str(path),
                )
            data = file.read(_MOST_BYTES + 1)
    except FileNotFoundError as fault:
        raise FolderError("is missing", do="make an identity, or name its folder", where=str(path)) from fault
    except OSError as fault:
        raise FolderError(
            f"cannot be read ({fault.strerror})", do="give the file to this user", where=str(path)
        ) from fault
    try:
        return _parsed(data)
    except (ValueError, MessageError):
        what = "holds no identity, or a damaged one"
        raise FolderError(
            what, do="put it back from a copy", where=str(path)
        ) from None  # it may show the key


def _parsed(data: bytes) -> Identity:
    """Return the identity of a file's bytes; raises ValueError or MessageError."""
    title, *lines = data.decode("ascii").splitlines()
    parts = {name: bytes.fromhex(value) for name, value in (line.split(" ") for line in lines)}
    sizes = {name: len(value) for name, value in parts.items()}
    if title != _TITLE or len(parts) != len(lines) or sizes not in (_FIELDS, _FIELDS | _SUCCEEDED):
        raise ValueError("another form")
    found = Identity(SigningKey(parts["signing"]), AgreementKey(parts["agreement"]))
    if "old" not in parts:
        return found
    followed = Succession(parts["old"], found.signing.public, parts["succession"])
    followed.check("the identity before this one")
    return replace(found, succession=followed)


@contextlib.contextmanager
def _refused_by_disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise FolderError(
            f"cannot be written ({fault.strerror})",
            do="free space, or give its folder to this user",
            where=str(path),
        ) from fault
