"""A whole run over a network that fails: the same model to the byte, or an end in time that says why."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.deployed_nodes import NAMES, Heard, Nodes, charter_text, digests, nodes, overheard, trial
from hansa.protection.enrolment import COORDINATOR
from hansa.transport.nats_server import free_port
from tests.batteries.fault_proxy import FaultProxy, fault_proxy
from tests.batteries.lossy_line import NO_LINE, THERE
from tests.journeys.founding import Hansa, founded, logs

pytestmark = pytest.mark.slow
PATIENCE_S = 240.0
ROUNDS = 3
REPOSITORY = Path(__file__).resolve().parents[2]
IMPATIENT = "[lateness]\nseconds = 8\n"


@contextmanager
def behind_a_proxy(folder: Path, more: str = "") -> Iterator[tuple[Nodes, Heard, FaultProxy]]:
    """Yield a consortium whose parties reach the server through a proxy."""
    home = trial(folder, charter_text("masked", ROUNDS, more))
    about = folder / COORDINATOR / "consortium.json"
    said = json.loads(about.read_text(encoding="utf-8"))
    port = free_port("127.0.0.1")
    about.write_text(json.dumps(said | {"port": port}), encoding="utf-8")
    with (
        fault_proxy(port, said["port"]) as proxy,
        nodes(folder) as running,
        overheard(type(home)(folder / COORDINATOR)) as heard,
    ):
        yield running, heard, proxy


def until(running: Nodes, happens: Callable[[], bool]) -> None:
    """Keep everybody running until something happens."""
    ends = time.monotonic() + PATIENCE_S
    while not happens():
        assert time.monotonic() < ends, logs(running.folder)
        running.look()
        time.sleep(0.01)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the digests of the models of a run on a good network."""
    folder = tmp_path_factory.mktemp("good")
    trial(folder, charter_text("masked", ROUNDS))
    with nodes(folder) as running:
        assert running.finish(PATIENCE_S), logs(folder)
    return digests(folder)


@pytest.mark.parametrize("fault", ["cut", "reset", "delay", "stall", "swallow"])
def test_a_run_ends_in_the_same_bytes(tmp_path: Path, models: dict[str, str], fault: str) -> None:
    with behind_a_proxy(tmp_path) as (running, heard, proxy):
        for step in ("0.", "1.", "2."):
            until(running, lambda step=step: any(one.startswith(step) for _, one in heard.answers))  # type: ignore[misc]
            if fault == "delay":
                proxy.delay(0.2)
            else:
                getattr(proxy, fault)()
            time.sleep(3.0 if fault in ("stall", "swallow") else 0.0)
            if fault != "delay":
                proxy.fair()
        assert running.finish(PATIENCE_S), logs(tmp_path)
    assert digests(tmp_path) == models
    assert heard.twofold == 0


def test_a_partition_that_lasts_ends_the_run_in_time_and_it_goes_on_after_it(
    tmp_path: Path, models: dict[str, str]
) -> None:
    trial(tmp_path / "same", charter_text("masked", ROUNDS, IMPATIENT))
    with nodes(tmp_path / "same") as peaceful:
        assert peaceful.finish(PATIENCE_S), logs(tmp_path / "same")
    with behind_a_proxy(tmp_path / "cut", IMPATIENT) as (running, heard, proxy):
        until(running, lambda: any(step.startswith("1.") for _, step in heard.answers))
        proxy.stall()
        running.away.add(COORDINATOR)
        began = time.monotonic()
        until(running, lambda: running.running[COORDINATOR].exitcode is not None)
        assert time.monotonic() - began < 30.0
        assert running.running[COORDINATOR].exitcode == 2
        (path,) = (tmp_path / "cut" / COORDINATOR).glob("runs/*/result.json")
        ended = json.loads(path.read_text(encoding="utf-8"))
        assert ended["state"] == "ended"
        assert re.search("within 8 s there was no answer of (anna|bert|carl)", ended["why"])
        proxy.fair()
        running.away.clear()
        assert running.finish(PATIENCE_S), logs(tmp_path / "cut")
    assert digests(tmp_path / "cut") == digests(tmp_path / "same")
    assert heard.twofold == 0


_BAD = "tc qdisc add dev lo root netem loss 3% delay 5ms reorder 25%"


def _in_a_network_of_its_own(command: str) -> list[str]:
    return ["unshare", "--net", "sh", "-c", f"ip link set lo up && {command}"]


def test_lost_and_reordered_packets_change_no_bit(tmp_path: Path) -> None:
    if (
        os.geteuid()
        or subprocess.run(_in_a_network_of_its_own(_BAD), check=False, capture_output=True).returncode
    ):
        pytest.skip("this kernel, or this user, has no netem: packets cannot be lost or reordered here")
    charter = tmp_path / "charter.toml"
    charter.write_text(charter_text("masked", ROUNDS), encoding="utf-8")
    found = {}
    for name, first in (("good", "true"), ("bad", _BAD)):
        up = f"{first} && exec {sys.executable} -m hansa.cli.start up {charter} --out {tmp_path / name}"
        subprocess.run(_in_a_network_of_its_own(up), check=True, cwd=REPOSITORY)
        found[name] = digests(tmp_path / name)
    assert found["bad"] == found["good"]
    assert set(found["good"]) == set(NAMES)


def test_packets_that_a_line_loses_and_others_overtake_change_no_bit(
    tmp_path: Path, hansa: Hansa, models: dict[str, str]
) -> None:
    """As above, where the kernel has no netem."""
    if os.geteuid():
        pytest.skip("needs root, for a network namespace and a device in it")
    (tmp_path / "charter.toml").write_text(charter_text("masked", ROUNDS), encoding="utf-8")
    hub = tmp_path / COORDINATOR
    reach = ("--host", "0.0.0.0", "--named", THERE)  # noqa: S104 - of a namespace of its own
    told = hansa("coordinator", "init", hub, tmp_path / "charter.toml", *reach)
    assert told.exit_code == 0, told.stderr
    founded(hansa, hub)
    program = ["unshare", "--net", sys.executable, "-m", "tests.batteries.lossy_line", str(tmp_path)]
    ran = subprocess.run(program, check=False, cwd=REPOSITORY, capture_output=True, text=True)
    if ran.returncode == NO_LINE or "unshare" in ran.stderr:
        pytest.skip("this kernel, or this container, has no namespaces or no TUN devices")
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["finished"], logs(tmp_path)
    assert found["lost"] > 10
    assert found["held"] > 50
    assert digests(tmp_path) == models
