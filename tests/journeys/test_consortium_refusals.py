"""What a consortium's commands refuse: one sentence, exit status 2, and nothing is broken by it."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.deployed_nodes import charter_text
from hansa.cli import coordinator as coordinator_commands
from hansa.cli.main import cli
from hansa.core.steps import Step
from hansa.nodes import party_service
from hansa.nodes.coordinator_home import CoordinatorHome
from hansa.nodes.party_home import PartyHome
from hansa.protection.enrolment import COORDINATOR
from hansa.registry.folders import write_json
from hansa.registry.node_store import NodeStore
from hansa.transport.certificates import make_server_certificate
from hansa.transport.nats_server import NatsServer, Place
from tests.journeys.founding import ROUNDS, Hansa, founded, invited, operator, refused


@pytest.fixture
def hub(tmp_path: Path, hansa: Hansa) -> Path:
    return operator(hansa, tmp_path)


def test_an_invitation_opens_nothing_for_another_nor_when_it_was_changed(hub: Path, hansa: Hansa) -> None:
    (anna, own), (_, others) = invited(hansa, hub, "anna"), invited(hansa, hub, "bert")
    refused(hansa("party", "join", anna, others, "--yes"), "invites bert, and this is anna")
    text = own.read_text(encoding="ascii")
    middle = len(text) // 2
    other = "A" if text[middle] != "A" else "B"
    for changed in (text[:middle] + other + text[middle + 1 :], text[:middle], "", "\x00"):
        own.write_text(changed, encoding="ascii")
        refused(hansa("party", "join", anna, own, "--yes"), "coordinator|invitation")
    refused(
        hansa("party", "join", anna, hub / "none", "--yes"),
        "cannot be read .*; name the file that the operator sent",
    )
    line = hub.parent / "anna.line"
    for wrong in (b"anna 6f1d", b"PAR1\xff\x00"):
        line.write_bytes(wrong)
        refused(
            hansa("party", "join", anna, line, "--yes"),
            f"^{line}: is no invitation; name the file that the operator",
        )
    for command in ("run", "approve", "members"):
        refused(hansa("party", command, anna), "^anna: has joined no charter; run hansa party join")
    own.write_text(text, encoding="ascii")
    assert hansa("party", "join", anna, own, "--yes").exit_code == 0


def test_who_has_another_name_or_key_does_not_join(tmp_path: Path, hub: Path, hansa: Hansa) -> None:
    key = hansa("party", "init", tmp_path / "dora", "--name", "dora").stdout.split()[1]
    refused(hansa("coordinator", "invite", hub, "dora", key), "names no party dora; choose among anna, bert")
    refused(hansa("coordinator", "invite", hub, "anna", key[:-1]), "is no public key")
    _, file = invited(hansa, hub, "anna")
    refused(hansa("party", "join", tmp_path / "dora", file, "--yes"), "invites anna, and this is dora")
    hansa("party", "init", tmp_path / "false", "--name", "anna")
    refused(hansa("party", "join", tmp_path / "false", file, "--yes"), "is for another key of anna")


def test_a_key_that_others_can_read_is_not_used(hub: Path, hansa: Hansa) -> None:
    anna, file = invited(hansa, hub, "anna")
    (anna / "identity.key").chmod(0o644)
    refused(hansa("party", "join", anna, file, "--yes"), "can be read or written by others.*chmod 600")
    (hub / "identity.key").chmod(0o640)
    refused(hansa("coordinator", "invite", hub, "bert", "ab" * 32), "can be read or written by others")


def test_a_folder_is_made_once(tmp_path: Path, hub: Path, hansa: Hansa) -> None:
    again = hansa("coordinator", "init", hub, tmp_path / "charter.toml")
    refused(again, "is a coordinator's folder already")
    invited(hansa, hub, "anna")
    refused(hansa("party", "init", tmp_path / "anna", "--name", "anna"), "is there already")
    refused(hansa("coordinator", "run", tmp_path / "anna"), "is missing")
    absent = tmp_path / "a b"
    refused(
        hansa("party", "run", absent),
        f"^{absent}: is no party's folder; make it: hansa party init '{absent}'",
    )
    for folder, says in ((hub, "is a coordinator's folder"), (tmp_path / "charter.toml", "is a file")):
        refused(hansa("party", "run", folder), "is no party's folder")
        refused(hansa("party", "init", folder, "--name", "x"), f"^{folder}: {says}; choose another folder")
        refused(hansa("server", "init", folder, "custodian"), f"^{folder}: {says}; choose another folder")
    refused(hansa("server", "init", tmp_path / "anna", "custodian"), "is a party's folder; choose another")
    assert not (hub / "party.json").exists()


@pytest.mark.parametrize("name", ["", "a b", "../x", "é", "a" * 65, COORDINATOR, "custodian", "third-server"])
def test_a_party_has_a_name_that_a_charter_can_have(tmp_path: Path, hansa: Hansa, name: str) -> None:
    made = hansa("party", "init", tmp_path / "new", "--name", name)
    refused(made, "cannot be a party's name; write up to 64|is the name of a node that is no party")
    assert not (tmp_path / "new").exists()


def test_the_next_command_names_the_folder_as_a_shell_takes_it(tmp_path: Path, hansa: Hansa) -> None:
    folder = tmp_path / "my party"
    assert f"hansa party join '{folder}' INVITATION" in hansa("party", "init", folder, "--name", "x").stderr
    server = hansa("server", "init", tmp_path / "my server", "custodian")
    assert f"hansa server join '{tmp_path / 'my server'}' INVITATION" in server.stderr


def test_records_that_are_not_there_or_not_read_are_said_before_a_charter_is_signed(
    tmp_path: Path, hub: Path, hansa: Hansa
) -> None:
    anna, file = invited(hansa, hub, "anna")
    refused(hansa("party", "join", anna, file, "--data", file), "reads no table: .*; leave out --data")
    assert not (anna / "joined.json").exists()
    text = (tmp_path / "charter.toml").read_text(encoding="utf-8")
    dealt = text.replace(
        'source = "simulated"\nengines = 12\ntest_engines = 4', 'source = "cmapss"\nsubset = "FD001"'
    )
    assert dealt != text
    (tmp_path / "other").mkdir()
    (tmp_path / "charter.toml").write_text(dealt, encoding="utf-8")
    other = tmp_path / "other" / COORDINATOR
    made = hansa("coordinator", "init", other, tmp_path / "charter.toml")
    assert made.exit_code == 0, made.stderr
    bert, file = invited(hansa, other, "bert")
    told = hansa("party", "join", bert, file, "--data", tmp_path / "no.csv")
    refused(
        told,
        f"^{tmp_path / 'no.csv'}: is missing, or not for this user to read; name your table, or",
    )
    assert "Sign this charter" not in told.output
    assert hansa("party", "join", bert, file, "--data", tmp_path, "--yes").exit_code == 0


def test_who_does_not_say_yes_has_signed_nothing(hub: Path, hansa: Hansa) -> None:
    anna, file = invited(hansa, hub, "anna")
    for said in ("n\n", ""):
        told = CliRunner().invoke(cli, ["party", "join", str(anna), str(file)], input=said)
        refused(told, "^Not signed; nothing was sent")
        assert not (anna / "joined.json").exists()
    assert CliRunner().invoke(cli, ["party", "join", str(anna), str(file)], input="y\n").exit_code == 0


def test_once_the_run_is_over_no_change_waits_for_anybody(hub: Path, hansa: Hansa) -> None:
    anna, file = invited(hansa, hub, "anna")
    assert hansa("party", "join", anna, file, "--yes").exit_code == 0
    write_json(anna / "pending.json", {"change": "ab", "words": "bert goes"})
    assert "bert goes" in CliRunner().invoke(cli, ["party", "approve", str(anna)], input="n\n").stdout
    with closing(NodeStore(PartyHome(anna).joined().folder / "node.db")) as store:
        store.keep({}, Step(ROUNDS + 1, 0, "finish"), bytes(32), b"done")
    refused(hansa("party", "approve", anna, "--yes"), "^anna: the run is over; nothing waits")


def test_before_the_first_list_of_members_there_is_none_to_show(hub: Path, hansa: Hansa) -> None:
    anna, file = invited(hansa, hub, "anna")
    assert hansa("party", "join", anna, file, "--yes").exit_code == 0
    shown = hansa("party", "members", anna, "--json")
    assert json.loads(shown.stdout) == {"list": None, "number": None, "keys": {}}
    assert "signed no list of members yet" in hansa("party", "members", anna).stderr


def test_a_charter_that_separate_machines_do_not_run_is_said_at_once(tmp_path: Path, hansa: Hansa) -> None:
    file = tmp_path / "charter.toml"
    text = charter_text("open", ROUNDS)
    assert 'name = "fedavg"' in text
    file.write_text(text.replace('name = "fedavg"', 'name = "trees"'), encoding="utf-8")
    refused(hansa("coordinator", "init", tmp_path / "hub", file), "boosted trees runs in a simulation alone")
    assert not (tmp_path / "hub").exists()


def test_an_address_that_no_party_can_reach_is_refused(tmp_path: Path, hub: Path, hansa: Hansa) -> None:
    charter, folder = tmp_path / "charter.toml", tmp_path / "other"
    everywhere = ("coordinator", "init", folder, charter, "--host", "0.0.0.0")  # noqa: S104 (what is tested)
    refused(hansa(*everywhere), "no address that parties can reach; add --named")
    assert not folder.exists()
    assert hansa(*everywhere, "--named", "hub.example").exit_code == 0
    home = CoordinatorHome(folder)
    port = json.loads((folder / "consortium.json").read_text(encoding="utf-8"))["port"]
    assert home.urls == (f"tls://hub.example:{port}",)
    assert home.access(datetime.now(UTC)).urls == (f"tls://localhost:{port}",)
    refused(
        hansa("coordinator", "init", tmp_path / "x", charter, "--host", "192.0.2.7"),
        "nothing can listen here",
    )


def test_a_run_waits_for_the_invitation_of_all(hub: Path, hansa: Hansa) -> None:
    invited(hansa, hub, "anna")
    refused(
        hansa("coordinator", "run", hub),
        f"{hub}: bert was not invited yet; run .* invite {hub} bert KEY > bert.invit",
    )


def test_who_is_expelled_is_a_member(hub: Path, hansa: Hansa) -> None:
    refused(hansa("coordinator", "expel", hub, "anna"), "has no member anna; invite it first")
    invited(hansa, hub, "anna")
    refused(hansa("coordinator", "expel", hub, "dora"), "has no member dora; choose among anna")
    told = hansa("coordinator", "expel", hub, "anna")
    assert told.exit_code == 0, told.stderr
    assert "The run cannot begin without it" in told.stderr
    refused(hansa("coordinator", "run", hub), "anna was not invited yet")


@pytest.mark.parametrize("days", ["0", "-3", "99999999999"])
@pytest.mark.parametrize("command", ["invite", "admit", "rekey"])
def test_an_invitation_lasts_from_a_day_to_ten_years(
    hub: Path, hansa: Hansa, command: str, days: str
) -> None:
    words = [hub / "line"] if command == "rekey" else ["anna", "ab" * 32]
    refused(hansa("coordinator", command, hub, *words, "--days", days), "not in the range 1<=x<=3650")
    assert json.loads((hub / "members.json").read_text(encoding="utf-8")) == {}


def test_a_run_that_is_over_is_shown_and_neither_key_nor_member_changes(hub: Path, hansa: Hansa) -> None:
    anna, _ = invited(hansa, hub, "anna")
    folder = CoordinatorHome(hub).results
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(
        '{"state": "finished", "rounds": 2, "seconds": 1.0}', encoding="utf-8"
    )
    told = hansa("coordinator", "run", hub)
    assert told.exit_code == 0, told.stderr
    assert told.stdout.startswith("Was finished already: 2 rounds, 1.0 s.")
    line = hub.parent / "line"
    line.write_text(hansa("party", "rotate", anna).stdout, encoding="utf-8")
    refused(hansa("coordinator", "rekey", hub, line), "the run is over, .*keep the line of anna for the next")


def test_a_coordinator_says_who_is_waited_for_and_how_to_go_on_once_stopped(hub: Path, hansa: Hansa) -> None:
    founded(hansa, hub)
    before = signal.getsignal(signal.SIGTERM)

    def stop() -> None:
        while not list(hub.glob("runs/*/node.db")):
            time.sleep(0.05)
        time.sleep(4.0)  # asked again at least once
        os.kill(os.getpid(), signal.SIGTERM)

    stopper = threading.Thread(target=stop, daemon=True)
    stopper.start()
    try:
        told = hansa("coordinator", "run", hub)
    finally:
        stopper.join()
        signal.signal(signal.SIGTERM, before)
    assert told.exit_code == 130, told.stderr
    assert told.stderr.count("waiting for anna, bert, carl to join") == 1
    assert f"stopped; go on with: hansa coordinator run {hub}" in told.stderr


def test_a_port_that_is_taken_is_said(hub: Path, hansa: Hansa) -> None:
    founded(hansa, hub)
    port = json.loads((hub / "consortium.json").read_text(encoding="utf-8"))["port"]
    with closing(socket.create_server(("127.0.0.1", port))):
        refused(hansa("coordinator", "run", hub), f"port {port} is taken")
    (result,) = hub.glob("runs/*/result.json")
    assert json.loads(result.read_text(encoding="utf-8"))["state"] == "ended"


@pytest.mark.parametrize(
    ("days", "says"),
    [(400, "the certificate ended on"), (-3, "the certificate begins on .*this clock says .*set the clock")],
)
def test_a_certificate_that_is_over_or_a_wrong_clock_is_said(
    hub: Path, hansa: Hansa, monkeypatch: pytest.MonkeyPatch, days: int, says: str
) -> None:
    founded(hansa, hub)
    monkeypatch.setattr(coordinator_commands, "_now", lambda: datetime.now(UTC) + timedelta(days=days))
    refused(hansa("coordinator", "run", hub), says)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a party give up soon; give back the signals that it takes."""
    monkeypatch.setattr(party_service, "CONNECT_S", 1.0)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("impatient")
def test_a_party_says_why_it_does_not_come_in(hub: Path, hansa: Hansa) -> None:
    home, now = CoordinatorHome(hub), datetime.now(UTC)
    anna, file = invited(hansa, hub, "anna")
    assert hansa("party", "join", anna, file, "--yes").exit_code == 0
    run = ("party", "run", anna)
    refused(hansa(*run), r"127.0.0.1:\d+: no server answered for 1 s; ask the operator whether")
    make_server_certificate(hub, ["127.0.0.1"], now - timedelta(hours=12), days=0)
    port = int(home.urls[0].rsplit(":", 1)[1])
    with NatsServer(Place(hub / "server", hub / "server.pem", port=port), home.trust(now)):
        refused(hansa(*run), "the server's certificate is refused: certificate has expired")
    make_server_certificate(hub, ["other.example"], now)
    with NatsServer(Place(hub / "server", hub / "server.pem", port=port), home.trust(now)):
        refused(hansa(*run), "the server's certificate is refused: .*127.0.0.1")


@contextmanager
def stopped_by(number: signal.Signals, after: float) -> Iterator[None]:
    """Send this process a signal, some seconds after a service takes it."""
    before = signal.getsignal(number)

    def send() -> None:
        ends = time.monotonic() + 30
        while signal.getsignal(number) is before:
            if time.monotonic() > ends:
                return
            time.sleep(0.01)
        time.sleep(after)
        os.kill(os.getpid(), number)

    sender = threading.Thread(target=send)
    sender.start()
    yield
    sender.join()


def test_a_party_that_finds_no_server_says_so_and_stops_when_told(hub: Path, hansa: Hansa) -> None:
    anna, file = invited(hansa, hub, "anna")
    assert hansa("party", "join", anna, file, "--yes").exit_code == 0
    began = time.monotonic()
    with stopped_by(signal.SIGINT, after=2.6):
        told = hansa("party", "run", anna)
    assert time.monotonic() - began < 15
    assert told.exit_code == 0, told.stderr
    port = json.loads((hub / "consortium.json").read_text(encoding="utf-8"))["port"]
    assert f"no server at 127.0.0.1:{port} yet; trying for 30 s" in told.stderr
    assert told.stderr.strip().splitlines()[-1].endswith(f"stopped; go on with: hansa party run {anna}")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("why", ["over", "revoked"])
def test_a_party_whose_invitation_counts_no_more_is_not_let_in(
    hub: Path, hansa: Hansa, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    if why == "over":
        monkeypatch.setattr(coordinator_commands, "_now", lambda: datetime.now(UTC) - timedelta(days=2))
    anna, file = invited(hansa, hub, "anna", "--days", "1")
    assert hansa("party", "join", anna, file, "--yes").exit_code == 0
    home, now = CoordinatorHome(hub), datetime.now(UTC)
    if why == "revoked":
        home.put_member("anna", None)
    server = home.server(now)
    assert server is not None
    with server:
        refused(hansa("party", "run", anna), "Authorization Violation|revoked|expired")
