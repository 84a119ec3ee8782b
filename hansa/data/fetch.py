"""C-MAPSS from its publisher's address to a folder of twelve checked text files."""

from __future__ import annotations

import hashlib
import http.client
import io
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from hansa.core.errors import DataError, FolderError
from hansa.data.cmapss import read_cmapss

CMAPSS_ADDRESS = (
    "https://phm-datasets.s3.amazonaws.com/NASA/6.+Turbofan+Engine+Degradation+Simulation+Data+Set.zip"
)
"""Where NASA's Prognostics Center of Excellence publishes the set."""

CMAPSS_SHA256: Mapping[str, str] = {
    "train_FD001.txt": "963b5e22825b34d8b21c69e1aeb4af3e647050eb672ee8834ba4b5d91d2de0f8",
    "test_FD001.txt": "3cda7109ce17bafb5443f2ac926cfcf88154b941b8c4cf95eb55d1ddd6f52851",
    "RUL_FD001.txt": "a19c8ec94931949d0485bdc35118206e9c81c4547b422efb9cf86f4ceddbceca",
    "train_FD004.txt": "27ef6160b6a1dcb2613a88de9c239f763b223f02cdc41dc5cdedc5dc189b6218",
    "test_FD004.txt": "1dc675fff0624bac10786927c6715b37d1297657137400d2b1a3138d777a3ba5",
    "RUL_FD004.txt": "196b836b85a95ac7fdbbf29c5fdf1657382eafa445644d114ffaaf50dc2975e1",
}
"""sha256 of the publisher's text files, where a trusted copy was at hand."""

CMAPSS_ENGINES: Mapping[str, tuple[int, int]] = {
    "FD001": (100, 100),
    "FD002": (260, 259),
    "FD003": (100, 100),
    "FD004": (249, 248),
}
"""Train and test engines of each subset: the publisher's readme, FD004 (swapped there) as counted."""

_TIMEOUT_S = 30
_CHUNK_BYTES = 1 << 16
_LIMIT_BYTES = 1 << 28  # the publisher's archive is 12 MB, its largest file 10 MB
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


def fetch_cmapss(
    folder: Path,
    address: str = CMAPSS_ADDRESS,
    *,
    digests: Mapping[str, str] = CMAPSS_SHA256,
    engines: Mapping[str, tuple[int, int]] = CMAPSS_ENGINES,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Return `folder/cmapss`, which now holds the text files of every subset and their SHA256SUMS.

    The files of FD001 and FD004 must have the sha256 in `digests`. No trusted digest of FD002 and FD003
    was at hand: they must read as C-MAPSS files with the numbers of train and test engines in
    `engines`, and SHA256SUMS records the digests that they had, so that a later change can be seen.
    Files appear in the folder only after all of them have passed.
    progress: called with the bytes received and the bytes expected (0 when the server does not say).
    Raises DataError without a network or for a wrong archive, FolderError when the folder cannot be
    written.
    """
    names = [f"{part}_{subset}.txt" for subset in engines for part in ("train", "test", "RUL")]
    remedy = (
        f"try again later, or get the archive by other means and unpack {len(names)} files, "
        f"train_FD001.txt and so on, into {folder / 'cmapss'}"
    )
    archive = _download(address, progress, remedy)
    files = _unpack(archive, names, address, remedy)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".cmapss-", dir=folder) as staging:
            _write(Path(staging), files)
            _check(Path(staging), files, digests, engines)
            return _move(Path(staging), folder / "cmapss")
    except OSError as error:
        raise FolderError(
            f"the files cannot be written ({error.strerror})",
            do="name a folder that you may write",
            where=str(folder),
        ) from error


def _download(address: str, progress: Callable[[int, int], None] | None, remedy: str) -> bytes:
    """Return the body behind a http or https address, whole."""
    if not address.startswith(("http://", "https://")):
        raise DataError("the address is not one of http or https", do="correct the address", where=address)
    body = bytearray()
    try:
        with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as response:  # noqa: S310, checked above
            expected = int(response.headers.get("Content-Length") or 0)
            while chunk := response.read(_CHUNK_BYTES):
                body += chunk
                if progress is not None:
                    progress(len(body), expected)
                if len(body) > _LIMIT_BYTES:
                    raise DataError("the answer is far larger than the set", do=remedy, where=address)
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it holds the connection
        reason = getattr(error, "reason", None) or error
        raise DataError(f"the download failed ({reason})", do=remedy, where=address) from error
    if len(body) < expected:
        raise DataError(
            f"the download stopped after {len(body)} of {expected} bytes", do=remedy, where=address
        )
    return bytes(body)


def _unpack(archive: bytes, names: list[str], address: str, remedy: str) -> dict[str, bytes]:
    """Return the named files, from the archive or from an archive within it (the publisher's way)."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as outer:
            files = _members(outer, names)
            for inner_name in (name for name in outer.namelist() if name.lower().endswith(".zip")):
                with zipfile.ZipFile(io.BytesIO(_member(outer, inner_name))) as inner:
                    files |= _members(inner, names)
    except _BROKEN_ZIP as error:
        raise DataError("what came is not a whole zip archive", do=remedy, where=address) from error
    missing = [name for name in names if name not in files]
    if missing:
        raise DataError(f"the archive does not hold {', '.join(missing)}", do=remedy, where=address)
    return {name: files[name] for name in names}


def _members(archive: zipfile.ZipFile, names: list[str]) -> dict[str, bytes]:
    """Return the members with these names, in whatever folder of the archive they lie."""
    wanted = {member.rpartition("/")[2]: member for member in archive.namelist()}
    return {name: _member(archive, wanted[name]) for name in names if name in wanted}


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > _LIMIT_BYTES:
        raise zipfile.BadZipFile(f"{name} is far larger than the set")
    return archive.read(name)


def _write(staging: Path, files: Mapping[str, bytes]) -> None:
    """Write the files and SHA256SUMS, in the form that `sha256sum --check` reads."""
    for name, content in files.items():
        (staging / name).write_bytes(content)
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items()]
    (staging / "SHA256SUMS").write_text("".join(sums), encoding="ascii")


def _check(
    staging: Path,
    files: Mapping[str, bytes],
    digests: Mapping[str, str],
    engines: Mapping[str, tuple[int, int]],
) -> None:
    """Raise DataError for a file whose digest, format or number of engines is not the publisher's."""
    do = "do not use it and try again later: the publisher's copy changed, or it was altered on the way"
    for name, content in files.items():
        found = hashlib.sha256(content).hexdigest()
        if digests.get(name, found) != found:
            raise DataError(f"its sha256 is {found}, not {digests[name]}", do=do, where=name)
    for subset, (train, test) in engines.items():
        if all(f"{part}_{subset}.txt" in digests for part in ("train", "test", "RUL")):
            continue
        dataset = read_cmapss(staging, subset)
        counted = (len(dataset.train.asset_names), len(dataset.test.asset_names))
        if counted != (train, test):
            raise DataError(
                f"it has {counted[0]} train and {counted[1]} test engines, not {train} and {test}",
                do=do,
                where=dataset.name,
            )


def _move(staging: Path, target: Path) -> Path:
    """Return the target, into which every file of the staging folder was moved."""
    target.mkdir(exist_ok=True)
    for path in sorted(staging.iterdir(), key=lambda path: path.name == "SHA256SUMS"):  # the sums last
        path.replace(target / path.name)
    return target
