"""A key is changed and a member expelled in a run at work: nobody else does anything, and the run goes on."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.deployed_nodes import NAMES, Nodes, charter_text, digests, nodes, trial
from hansa.protection.enrolment import COORDINATOR
from hansa.registry.identity import former_identity, load_identity
from tests.journeys.founding import Hansa, founded, invited, logs, operator, refused

PATIENCE_S = 90.0
ROUNDS = 1500  # some seconds of learning on any machine


@pytest.fixture
def at_work(tmp_path: Path) -> Iterator[Nodes]:
    """Yield a consortium that learns, whose sites sign changes by themselves."""
    trial(tmp_path, charter_text("open", ROUNDS))
    for name in NAMES:
        (tmp_path / name / "policy.toml").write_text('amendments = "countersign"\n')
    with nodes(tmp_path) as running:
        _until(
            running, lambda: (tmp_path / "anna" / "runs").exists() and _listed(tmp_path, "anna") is not None
        )
        yield running


def _until(running: Nodes, claim: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < ends, logs(running.folder)
        running.look()
        time.sleep(0.02)


def _listed(folder: Path, name: str) -> dict[str, bytes] | None:
    from hansa.nodes.party_home import PartyHome

    found = PartyHome(folder / name).members()
    return None if found is None else found.identities


@pytest.mark.slow
def test_a_key_is_changed_and_a_member_put_out_while_the_others_go_on(
    at_work: Nodes, tmp_path: Path, hansa: Hansa
) -> None:
    hub, anna, line = tmp_path / COORDINATOR, tmp_path / "anna", tmp_path / "anna.rotation"
    pids = {name: process.pid for name, process in at_work.running.items()}
    old = load_identity(anna).signing.public
    rotated = hansa("party", "rotate", anna)
    assert rotated.exit_code == 0, rotated.stderr
    assert hansa("party", "rotate", anna).stdout == rotated.stdout  # it waits for the others
    line.write_text(rotated.stdout)
    new = load_identity(anna).signing.public
    taken = hansa("coordinator", "rekey", hub, line)
    assert (taken.exit_code, taken.stdout) == (0, ""), taken.output
    assert "runs: hansa party approve FOLDER" in taken.stderr
    for name in NAMES:
        _until(at_work, lambda name=name: (_listed(tmp_path, name) or {})["anna"] == new)  # type: ignore[misc]
    _until(at_work, lambda: former_identity(anna) is None)
    _until(at_work, lambda: "goes on under its new key" in (anna / "log").read_text())
    _until(at_work, lambda: "puts out who was revoked" in (hub / "log").read_text())
    assert old.hex() not in hansa("party", "members", anna, "--json").stdout

    at_work.away.add("carl")
    began = time.monotonic()
    put_out = hansa("coordinator", "expel", hub, "carl")
    assert put_out.exit_code == 0, put_out.stderr
    assert "runs: hansa party approve FOLDER" in put_out.stderr
    _until(at_work, lambda: "disconnected" in (tmp_path / "carl" / "log").read_text())
    assert time.monotonic() - began < 10
    _until(at_work, lambda: "carl" not in (_listed(tmp_path, "bert") or {}))
    _until(at_work, lambda: at_work.ended(COORDINATOR) and at_work.ended("anna") and at_work.ended("bert"))
    assert {name: process.pid for name, process in at_work.running.items()} == pids  # none was started again
    found = digests(tmp_path)
    assert set(found) == {"anna", "bert"}
    assert found["anna"] == found["bert"]
    assert json.loads(next(hub.glob("runs/*/result.json")).read_text())["rounds"] == ROUNDS


def test_before_a_run_a_new_key_needs_a_new_invitation(tmp_path: Path, hansa: Hansa) -> None:
    hub = operator(hansa, tmp_path)
    founded(hansa, hub)
    anna, line, renewed = tmp_path / "anna", tmp_path / "line", tmp_path / "renewed"
    first = hansa("party", "rotate", anna)
    assert f"hansa party join {anna} INVITATION" in first.stderr.splitlines()[-1]
    assert hansa("party", "rotate", anna).stdout == first.stdout  # it waits for the operator
    line.write_text(first.stdout)
    taken = hansa("coordinator", "rekey", hub, line)
    assert taken.exit_code == 0, taken.stderr
    renewed.write_text(taken.stdout)
    assert former_identity(anna) is not None
    refused(
        hansa("party", "join", anna, tmp_path / "anna.invitation", "--yes"),
        r"anna.invitation: is for another key of anna than its folder has \(fingerprint .*coordinator rekey",
    )
    joined = hansa("party", "join", anna, renewed, "--yes")
    assert joined.exit_code == 0, joined.stderr
    assert former_identity(anna) is None
    members = json.loads((hub / "members.json").read_text())
    assert members["anna"] == load_identity(anna).signing.public.hex()


def test_a_key_change_that_is_none_is_refused_in_one_sentence(tmp_path: Path, hansa: Hansa) -> None:
    hub = operator(hansa, tmp_path)
    anna, _ = invited(hansa, hub, "anna")
    line, said = tmp_path / "line", hansa("party", "rotate", anna).stdout
    assert hansa("party", "rotate", anna).stdout == said
    for text, why in (
        ("", f"{line}: holds no new key"),
        (said.replace("anna", "bert"), "bert is no member under the key before this one"),
        (said.strip()[:-4] + "0000", "anna"),
        (" ".join(said.split()[:3]), "holds no new key"),
    ):
        line.write_text(text)
        refused(hansa("coordinator", "rekey", hub, line), why)
    refused(hansa("coordinator", "rekey", hub, tmp_path / "absent"), "cannot be read")
    refused(
        hansa("party", "rotate", tmp_path / "absent"),
        "is no party's folder; make it: hansa party init .*absent --name NAME",
    )
    assert json.loads((hub / "members.json").read_text())["anna"] == said.split()[1]
