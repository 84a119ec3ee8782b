import gzip
import hashlib
import io
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hansa.core.errors import DataError, FolderError
from hansa.data.cmapss import read_cmapss
from hansa.data.fetch import CMAPSS_ADDRESS, CMAPSS_ENGINES, CMAPSS_SHA256, fetch_cmapss

Serve = Callable[..., str]
SUBSETS = ("FD001", "FD002")
ENGINES = {subset: (1, 1) for subset in SUBSETS}


def rows(last_cycle: int) -> bytes:
    sensors = " ".join(["1.5"] * 24)
    return "".join(f"1 {cycle} {sensors}  \n" for cycle in range(1, last_cycle + 1)).encode()


def subset_files(subset: str) -> dict[str, bytes]:
    return {f"train_{subset}.txt": rows(5), f"test_{subset}.txt": rows(3), f"RUL_{subset}.txt": b"2 \n"}


def zipped(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        for name, content in files.items():
            writer.writestr(name, content)
    return archive.getvalue()


def sha256(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


FILES = {name: content for subset in SUBSETS for name, content in subset_files(subset).items()}
ARCHIVE = zipped({"6. Turbofan/CMAPSSData.zip": zipped({**FILES, "readme.txt": b"..."})})
DIGESTS = sha256(subset_files("FD001"))


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Return a function that serves one body on a loopback port and returns its address."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    servers = []

    def start(body: bytes, declared: int | None = None, status: int = 200) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body) if declared is None else declared))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Keep the tests quiet."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/set.zip"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def refusal(folder: Path, address: str, digests: dict[str, str] = DIGESTS) -> str:
    with pytest.raises(DataError) as caught:
        fetch_cmapss(folder, address, digests=digests, engines=ENGINES)
    assert not list(folder.rglob("*")), "a refused download leaves nothing behind"
    return str(caught.value)


@pytest.mark.parametrize("archive", [ARCHIVE, zipped(FILES)], ids=["inner archive", "plain archive"])
def test_the_files_of_the_archive_arrive_and_can_be_read(
    serve: Serve, tmp_path: Path, archive: bytes
) -> None:
    target = fetch_cmapss(tmp_path / "new", serve(archive), digests=DIGESTS, engines=ENGINES)
    assert target == tmp_path / "new" / "cmapss"
    assert {path.name for path in target.iterdir()} == {*FILES, "SHA256SUMS"}
    assert all((target / name).read_bytes() == content for name, content in FILES.items())
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["cmapss"]
    assert read_cmapss(tmp_path / "new", "FD002").train.rows == 5


def test_the_sums_name_every_file_with_its_digest(serve: Serve, tmp_path: Path) -> None:
    target = fetch_cmapss(tmp_path, serve(ARCHIVE), digests=DIGESTS, engines=ENGINES)
    lines = (target / "SHA256SUMS").read_text().splitlines()
    assert dict(reversed(line.split("  ")) for line in lines) == sha256(FILES)


def test_progress_ends_at_the_size_of_the_archive(serve: Serve, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    fetch_cmapss(
        tmp_path,
        serve(ARCHIVE),
        digests=DIGESTS,
        engines=ENGINES,
        progress=lambda done, expected: seen.append((done, expected)),
    )
    assert seen[-1] == (len(ARCHIVE), len(ARCHIVE))
    assert seen == sorted(seen)


def test_fetching_twice_replaces_the_files(serve: Serve, tmp_path: Path) -> None:
    address = serve(ARCHIVE)
    target = fetch_cmapss(tmp_path, address, digests=DIGESTS, engines=ENGINES)
    (target / "train_FD001.txt").write_text("damaged")
    (target / "mine.txt").write_text("kept")
    fetch_cmapss(tmp_path, address, digests=DIGESTS, engines=ENGINES)
    assert (target / "train_FD001.txt").read_bytes() == FILES["train_FD001.txt"]
    assert (target / "mine.txt").read_text() == "kept"


def test_a_file_with_another_digest_is_refused_by_name(serve: Serve, tmp_path: Path) -> None:
    message = refusal(tmp_path, serve(ARCHIVE), {**DIGESTS, "test_FD001.txt": "0" * 64})
    assert message.startswith(f"test_FD001.txt: its sha256 is {DIGESTS['test_FD001.txt']}, not {'0' * 64}")


def test_a_refused_download_leaves_the_files_of_before(serve: Serve, tmp_path: Path) -> None:
    target = fetch_cmapss(tmp_path, serve(ARCHIVE), digests=DIGESTS, engines=ENGINES)
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    with pytest.raises(DataError):
        fetch_cmapss(tmp_path, serve(ARCHIVE[:-9]), digests=DIGESTS, engines=ENGINES)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before


def test_a_subset_without_digests_must_read_as_cmapss(serve: Serve, tmp_path: Path) -> None:
    damaged = zipped({**FILES, "train_FD002.txt": FILES["train_FD002.txt"].replace(b"1 3 ", b"1 4 ")})
    message = refusal(tmp_path, serve(damaged))
    assert "train_FD002.txt, line 3: engine 1 cycle 4 comes after engine 1 cycle 2" in message


def test_a_subset_without_digests_must_have_its_number_of_engines(serve: Serve, tmp_path: Path) -> None:
    more = zipped({**FILES, "train_FD002.txt": FILES["train_FD002.txt"] + rows(2).replace(b"1 ", b"2 ", 1)})
    assert "train_FD002.txt, line 7" in refusal(tmp_path, serve(more))
    second = rows(1).replace(b"1 ", b"2 ", 1)
    more = zipped({**FILES, "train_FD002.txt": FILES["train_FD002.txt"] + second})
    assert "it has 2 train and 1 test engines, not 1 and 1" in refusal(tmp_path, serve(more))


def test_an_archive_without_a_file_is_refused_by_the_file_name(serve: Serve, tmp_path: Path) -> None:
    fewer = zipped({name: content for name, content in FILES.items() if name != "RUL_FD002.txt"})
    assert "the archive does not hold RUL_FD002.txt" in refusal(tmp_path, serve(fewer))


def test_a_download_that_stops_early_is_refused_with_its_sizes(serve: Serve, tmp_path: Path) -> None:
    half = len(ARCHIVE) // 2
    message = refusal(tmp_path, serve(ARCHIVE[:half], declared=len(ARCHIVE)))
    assert f"stopped after {half} of {len(ARCHIVE)} bytes" in message


@pytest.mark.parametrize("body", [ARCHIVE[: len(ARCHIVE) // 2], b"<html>moved</html>", b""])
def test_a_body_that_is_no_whole_archive_is_refused(serve: Serve, tmp_path: Path, body: bytes) -> None:
    assert "what came is not a whole zip archive" in refusal(tmp_path, serve(body))


def test_a_broken_inner_archive_is_refused(serve: Serve, tmp_path: Path) -> None:
    broken = zipped({"CMAPSSData.zip": zipped(FILES)[:-30]})
    assert "what came is not a whole zip archive" in refusal(tmp_path, serve(broken))


def test_a_page_that_is_gone_is_refused_with_its_address(serve: Serve, tmp_path: Path) -> None:
    address = serve(b"no", status=404)
    assert refusal(tmp_path, address).startswith(f"{address}: the download failed (Not Found)")


def test_without_a_network_the_address_and_the_way_by_hand_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as taken:  # bound but not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/set.zip"
        message = refusal(tmp_path, address)
    assert message.startswith(f"{address}: the download failed (")
    assert f"unpack 6 files, train_FD001.txt and so on, into {tmp_path / 'cmapss'}" in message


@pytest.mark.parametrize("address", ["file:///etc/hostname", "ftp://example.org/set.zip", "set.zip"])
def test_an_address_that_is_not_on_the_web_is_refused(tmp_path: Path, address: str) -> None:
    assert f"{address}: the address is not one of http or https" in refusal(tmp_path, address)


def test_a_folder_that_is_a_file_is_refused(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(FolderError, match="taken: the files cannot be written"):
        fetch_cmapss(tmp_path / "taken", serve(ARCHIVE), digests=DIGESTS, engines=ENGINES)


def test_the_published_address_is_https_and_the_set_has_twelve_files() -> None:
    assert CMAPSS_ADDRESS.startswith("https://")
    assert tuple(CMAPSS_ENGINES) == ("FD001", "FD002", "FD003", "FD004")


def test_the_trusted_digests_are_those_of_the_files_at_hand(cmapss_folder: Path) -> None:
    for name, digest in CMAPSS_SHA256.items():
        plain, packed = cmapss_folder / name, cmapss_folder / f"{name}.gz"
        content = plain.read_bytes() if plain.is_file() else gzip.decompress(packed.read_bytes())
        assert hashlib.sha256(content).hexdigest() == digest, name
    for subset in ("FD001", "FD004"):
        dataset = read_cmapss(cmapss_folder, subset)
        counts = (len(dataset.train.asset_names), len(dataset.test.asset_names))
        assert counts == CMAPSS_ENGINES[subset]
