"""A large party's inputs and labels on disk, in blocks that training reads one at a time.

A spool is one file without a name: it is gone when its run ends, however that happens. The rows of a
block come from many assets, because neighbours in a party's file are of one asset and alike.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hansa.core import seeds
from hansa.core.charter import Charter
from hansa.core.errors import FolderError
from hansa.data.fleet import Fleet
from hansa.data.prepare import Inputs
from hansa.data.targets import labels, target_of
from hansa.models.rows import Stream
from hansa.runtime.large_fleet import LargeShare, Tell, changed

BLOCK_BYTES = 1 << 23
"""Size of a block, at most: small beside the process, and large enough to be read at the disk's speed."""

DEALT_BLOCKS = 256
"""A block's rows are drawn from as many neighbouring blocks' worth of the file as this."""

Words = NDArray[np.int32]  # (rows, features + 2): the bits of a row's inputs, its label and its key


@dataclass(frozen=True, slots=True)
class Plan:
    """How many rows go where; all blocks of a deal are dealt to in turn, like cards."""

    features: int
    deals: tuple[tuple[int, int], ...]  # (rows, blocks) of each deal
    size: int  # rows of the longest block

    @property
    def row_bytes(self) -> int:
        """Return the bytes of a row."""
        return 4 * (self.features + 2)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Return (blocks,) the rows of each block."""
        return np.concatenate([_hands(rows, blocks) for rows, blocks in self.deals])

    @property
    def bytes(self) -> int:
        """Return the size of the file."""
        return len(self.lengths) * self.size * self.row_bytes


def plan(rows: int, features: int, block_bytes: int = BLOCK_BYTES, dealt_blocks: int = DEALT_BLOCKS) -> Plan:
    """Return the blocks of a spool of so many rows: of equal length, but for one row."""
    most = max(1, block_bytes // (4 * (features + 2)))
    count = -(-rows // (most * dealt_blocks))
    deals = tuple((int(own), -(-int(own) // most)) for own in _hands(rows, count))
    return Plan(features, deals, max(int(_hands(own, blocks)[0]) for own, blocks in deals))


class Spool:
    """One party's blocks, in a file of their own."""

    def __init__(self, layout: Plan, file: IO[bytes]) -> None:
        """Take the layout and a file that is open for reading and writing."""
        self.layout = layout
        self._file = file
        self._closed = weakref.finalize(self, file.close)
        self._lengths = layout.lengths
        self._row = 0  # rows written of the deal at work
        self._deal = 0
        self._first = 0  # block of the deal at work
        self.fault: OSError | None = None  # why a block could not be read

    def write(self, words: Words) -> None:
        """Deal rows to blocks; together they must be as many as the layout says."""
        while len(words):
            rows, blocks = self.layout.deals[self._deal]
            now, words = words[: rows - self._row], words[rows - self._row :]
            for block in range(blocks):
                offset = (block - self._row) % blocks
                self._put(self._first + block, (self._row + offset) // blocks, now[offset::blocks])
            self._row += len(now)
            if self._row == rows:
                self._deal, self._first, self._row = self._deal + 1, self._first + blocks, 0

    def read(self, number: NDArray[np.integer]) -> tuple[NDArray[Any], ...]:
        """Return a block's x, y, weight and key, padded with zeros to the size of a block.

        Compiled code that asks turns a fault into one of its own, so `fault` keeps it.
        """
        block, size, features = int(number), self.layout.size, self.layout.features
        length = int(self._lengths[block])
        words = np.zeros((size, features + 2), np.int32)
        try:
            self._get(words[:length].data.cast("B"), block * size * self.layout.row_bytes)
        except OSError as fault:
            self.fault = fault
            raise
        floats = words.view(np.float32)  # (size, features + 2)
        weight = (np.arange(size) < length).astype(np.float32)  # (size,)
        return (
            np.ascontiguousarray(floats[:, :features]),
            np.ascontiguousarray(floats[:, features]),
            weight,
            np.ascontiguousarray(words[:, -1]),
        )

    def stream(self) -> Stream:
        """Return what training reads."""
        lengths = jnp.asarray(self._lengths, jnp.float32)
        return Stream(lengths, self.layout.size, self.layout.features, self.read)

    def close(self) -> None:
        """Give the disk's space back."""
        self._closed()

    def _get(self, wanted: memoryview, start: int) -> None:
        done = 0
        while done < len(wanted):
            more = os.preadv(self._file.fileno(), [wanted[done:]], start + done)
            if not more:
                raise OSError(errno.EIO, "it was cut short")
            done += more

    def _put(self, block: int, slot: int, words: Words) -> None:
        if not len(words):
            return
        content = np.ascontiguousarray(words).data.cast("B")
        start = (block * self.layout.size + slot) * self.layout.row_bytes
        while content:
            done = os.pwrite(self._file.fileno(), content, start)
            content, start = content[done:], start + done


class Spools:
    """The spools of a run, at most one a party; equal inputs find theirs again in the next scenario."""

    def __init__(self, tell: Tell) -> None:
        """Take whom to tell how far a spool is; they lie in `folder`, by default among temporary files."""
        self.folder: Path | None = None
        self.tell = tell
        self._made: dict[str, tuple[str, Spool]] = {}

    def stream(self, share: LargeShare, inputs: Inputs, charter: Charter) -> Stream:
        """Return a party's rows as a stream, written anew where its inputs are others than before.

        Raises FolderError where the disk has no room, DataError where the file has changed since it was read.
        """
        digest = _digest(inputs)
        kept, spool = self._made.pop(share.party, ("", None))
        if spool is not None and kept != digest:
            spool.close()
        if spool is None or kept != digest:
            spool = self._written(share, inputs, charter)
        self._made[share.party] = (digest, spool)
        return spool.stream()

    def lost(self) -> FolderError | None:
        """Return what to say of the first party whose rows could not be read back, None where all could."""
        for party, (_, spool) in self._made.items():
            if spool.fault is not None:
                return FolderError(
                    f"cannot give back the prepared rows of {party} ({spool.fault.strerror})",
                    do="check the disk; a run with a folder goes on with hansa run --resume",
                    where=str(self._place()),
                )
        return None

    def close(self) -> None:
        """Give the disk's space back; what was streamed can be read no more."""
        for _, spool in self._made.values():
            spool.close()
        self._made.clear()

    def _place(self) -> Path:
        return Path(tempfile.gettempdir()) if self.folder is None else self.folder

    def _written(self, share: LargeShare, inputs: Inputs, charter: Charter) -> Spool:
        layout = plan(int(share.fleet.tally.learnt.sum()), inputs.features)
        folder, other = self._place(), _other_folder(self.folder)
        rng = seeds.generator(charter.seed, share.party, "blocks")
        try:
            _refuse_full(folder, layout.bytes, share.party, other)
            spool = Spool(layout, tempfile.TemporaryFile(dir=folder))  # noqa: SIM115 - open as long as the run
            left = int(layout.lengths.sum())
            for piece in share.fleet.pieces(self.tell):
                words = _words(piece, inputs, charter)
                left -= len(words)
                if left < 0:
                    break
                # A single block keeps the order of the file, and is the table in memory to the bit.
                spool.write(words if len(layout.lengths) == 1 else words[rng.permutation(len(words))])
        except OSError as fault:
            raise FolderError(
                f"cannot take the prepared rows of {share.party} ({fault.strerror})",
                do=f"free space, or {other}",
                where=str(folder),
            ) from fault
        if left:
            raise changed(share.fleet.table.path)
        return spool


def _words(piece: Fleet, inputs: Inputs, charter: Charter) -> Words:
    """Return the rows that can be learnt from."""
    held = labels(piece, target_of(charter.data))
    x, known = inputs.of(piece), held.known  # (rows, features), (rows,)
    words = np.empty((int(known.sum()), x.shape[1] + 2), np.int32)
    words[:, :-2] = x[known].view(np.int32)
    words[:, -2] = held.share[known].view(np.int32)
    words[:, -1] = held.bin[known]
    return words


def _hands(cards: int, players: int) -> NDArray[np.int64]:
    """Return (players,) how many cards each is dealt, in turn."""
    return (cards - np.arange(players) + players - 1) // players


def _digest(inputs: Inputs) -> str:
    told = (inputs.sensors, inputs.settings, inputs.regimes, inputs.preparation, inputs.flags)
    parts = (*told, inputs.frame, inputs.lookups)
    sha = hashlib.sha256(repr(parts).encode())
    for array in (inputs.mean, inputs.deviation, inputs.fill, inputs.projection):
        sha.update(b"" if array is None else np.ascontiguousarray(array, np.float64).tobytes())
    return sha.hexdigest()


def _other_folder(chosen: Path | None) -> str:
    """Return how a person puts spools elsewhere; chosen: the run's folder, None for temporary files."""
    return "set TMPDIR to another folder" if chosen is None else "choose another folder with --out"


def _refuse_full(folder: Path, wanted: int, party: str, other: str) -> None:
    free = shutil.disk_usage(folder).free
    if wanted > free:
        raise FolderError(
            f"has {free / 1e9:.1f} GB left, and the prepared rows of {party} take {wanted / 1e9:.1f} GB",
            do=f"free space, or {other}",
            where=str(folder),
        )
