"""Servers beside the coordinator: named, invited, shown what they do, refused where they are one too many."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result

from benchmarks.deployed_nodes import NAMES, charter_text, digests
from hansa.nodes.coming_in import CONNECT_S
from hansa.nodes.coordinator_home import CoordinatorHome
from hansa.protection.enrolment import COORDINATOR
from tests.journeys.founding import ROUNDS, Hansa, invited, logs, refused

LEVELS = {"shared": ("second-server", "third-server"), "encrypted": ("custodian",)}
PATIENCE_S = 240.0
REPOSITORY = Path(__file__).resolve().parents[2]


def _line(hansa: Hansa, folder: Path, name: str) -> list[str]:
    told = hansa("server", "init", folder / name, name)
    assert told.exit_code == 0, told.stderr
    return told.stdout.split()


def _init(hansa: Hansa, folder: Path, secrecy: str, *lines: list[str]) -> Result:
    (folder / "charter.toml").write_text(charter_text(secrecy, ROUNDS), encoding="utf-8")
    words = [word for line in lines for word in ("--server", *line)]
    return hansa("coordinator", "init", folder / COORDINATOR, folder / "charter.toml", *words)


def _invited(hansa: Hansa, hub: Path, name: str, key: str) -> Path:
    told = hansa("coordinator", "invite", hub, name, key)
    assert told.exit_code == 0, told.stderr
    file = hub.parent / f"{name}.invitation"
    file.write_text(told.stdout, encoding="utf-8")
    return file


def _founded(hansa: Hansa, folder: Path, secrecy: str) -> Path:
    """Return the operator's folder of a consortium whose servers and parties have joined."""
    if secrecy == "encrypted":
        pytest.importorskip("tenseal", reason="needs TenSEAL: pip install 'hansa[encrypted]'")
    hub, lines = folder / COORDINATOR, {name: _line(hansa, folder, name) for name in LEVELS[secrecy]}
    made = _init(hansa, folder, secrecy, *lines.values())
    assert made.exit_code == 0, made.stderr
    for name, line in lines.items():
        told = hansa("server", "join", folder / name, _invited(hansa, hub, *line), "--yes")
        assert told.exit_code == 0, told.stderr
        assert f"What this node is: {name}" in told.stdout
        assert "must not run a second" in told.stdout or "may run it" in told.stdout
    for name in NAMES:
        told = hansa("party", "join", *invited(hansa, hub, name), "--yes")
        assert told.exit_code == 0, told.stderr
        for server in lines:
            assert f"Fingerprint of {server}, to compare with who runs it" in told.stdout
    return hub


@pytest.mark.parametrize("secrecy", LEVELS)
def test_members_are_told_who_computes_beside_the_coordinator(
    tmp_path: Path, hansa: Hansa, secrecy: str
) -> None:
    hub = _founded(hansa, tmp_path, secrecy)
    assert set(json.loads((hub / "servers.json").read_text(encoding="utf-8"))) == set(LEVELS[secrecy])


def test_servers_that_lack_or_are_one_are_refused_before_anything_is_made(
    tmp_path: Path, hansa: Hansa
) -> None:
    second, third = (_line(hansa, tmp_path, name) for name in LEVELS["shared"])
    refused(_init(hansa, tmp_path, "shared"), "no key of second-server; let who runs it do hansa server init")
    refused(_init(hansa, tmp_path, "shared", second), "no key of third-server")
    twice = ["third-server", second[1]]
    refused(_init(hansa, tmp_path, "shared", second, twice), "third-server has the key of second-server")
    refused(
        _init(hansa, tmp_path, "masked", second),
        'secrecy "masked" takes no server beside the coordinator; leave out second-server, or write',
    )
    refused(
        _init(hansa, tmp_path, "shared", second, third, ["custodian", "ab" * 32]),
        "takes no custodian beside the coordinator, but second-server, third-server",
    )
    refused(
        _init(hansa, tmp_path, "shared", ["auditor", second[1]]),
        "auditor: is no server's name; choose among second-server, third-server",
    )
    refused(
        _init(hansa, tmp_path, "open", ["auditor", second[1]]), "takes no server beside .* leave out auditor"
    )
    refused(_init(hansa, tmp_path, "encrypted"), "no key of custodian")
    refused(_init(hansa, tmp_path, "encrypted", second), "takes no second-server .*, but custodian")
    refused(_init(hansa, tmp_path, "shared", second, ["third-server", "ab"]), "is no public key")
    assert not (tmp_path / COORDINATOR).exists()
    made = _init(hansa, tmp_path, "shared", second, third)
    assert made.exit_code == 0
    assert "for second-server, third-server too" in made.stderr


def test_a_key_is_one_nodes_and_a_server_keeps_the_one_that_all_are_told(
    tmp_path: Path, hansa: Hansa
) -> None:
    second, third = (_line(hansa, tmp_path, name) for name in LEVELS["shared"])
    assert _init(hansa, tmp_path, "shared", second, third).exit_code == 0
    hub = tmp_path / COORDINATOR
    own = hansa("coordinator", "invite", hub, "anna", second[1])
    refused(own, "anna has the key of second-server; let each node make a key of its own")
    refused(hansa("coordinator", "invite", hub, "second-server", third[1]), "is not the key of second-server")
    refused(
        hansa("coordinator", "expel", hub, "second-server"), "second-server: cannot be expelled; make another"
    )
    file = _invited(hansa, hub, *second)
    refused(
        hansa("server", "join", tmp_path / "third-server", file, "--yes"), "invites second-server, and this"
    )
    hansa("party", "init", tmp_path / "anna", "--name", "anna")
    refused(
        hansa("party", "join", tmp_path / "anna", file, "--yes"), "invites second-server, and this is anna"
    )
    refused(
        hansa("server", "run", tmp_path / "anna"), "is no server's folder; make it: hansa server init .* NAME"
    )
    refused(hansa("server", "run", tmp_path / "second-server"), "joined no charter; run hansa server join")
    refused(hansa("server", "init", tmp_path / "second-server", "second-server"), "is there already")
    refused(
        hansa("server", "init", tmp_path / "x", "fourth"), "choose among second-server, third-server, cust"
    )


@pytest.mark.parametrize(("kind", "name"), [("server", "second-server"), ("party", "anna")])
@pytest.mark.parametrize("reachable", [True, False])
def test_a_node_that_is_stopped_before_the_end_says_how_to_go_on(
    tmp_path: Path, hansa: Hansa, kind: str, name: str, reachable: bool
) -> None:
    home = CoordinatorHome(_founded(hansa, tmp_path, "shared"))
    server = home.server(datetime.now(UTC))
    assert server is not None
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop() -> None:
        while signal.getsignal(signal.SIGTERM) == before[signal.SIGTERM]:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    stopper = threading.Thread(target=stop, daemon=True)
    began = time.monotonic()
    with server if reachable else nullcontext():
        stopper.start()
        told = hansa(kind, "run", tmp_path / name)
    assert time.monotonic() - began < CONNECT_S
    stopper.join()
    assert {number: signal.getsignal(number) for number in before} == before
    assert told.exit_code == 0, told.stderr
    assert f"stopped; go on with: hansa {kind} run {tmp_path / name}" in told.stderr


@pytest.mark.slow
@pytest.mark.parametrize("secrecy", LEVELS)
def test_each_node_is_a_process_and_the_parties_end_with_one_model(
    tmp_path: Path, hansa: Hansa, secrecy: str
) -> None:
    hub = _founded(hansa, tmp_path, secrecy)
    nodes = {name: "party" for name in NAMES} | {name: "server" for name in LEVELS[secrecy]}
    running = []
    try:
        for name, kind in nodes.items():
            with (tmp_path / name / "log").open("wb") as log:
                words = [sys.executable, "-m", "hansa.cli.start", kind, "run", str(tmp_path / name)]
                running.append(subprocess.Popen(words, cwd=REPOSITORY, stdout=log, stderr=log))
        words = [sys.executable, "-m", "hansa.cli.start", "coordinator", "run", str(hub), "--json"]
        done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + logs(tmp_path)
        assert [process.wait(PATIENCE_S) for process in running] == [0] * len(nodes)
    finally:
        for process in running:
            process.kill()
    assert len(set(digests(tmp_path).values())) == 1
    assert set(digests(tmp_path)) == set(NAMES)
    for name in LEVELS[secrecy]:
        assert not list((tmp_path / name).glob("runs/*/model")), "a server has no model"
