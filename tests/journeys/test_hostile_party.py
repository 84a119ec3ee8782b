"""A member that has a token and a key of its own harms nobody but itself: real server, real nodes."""

import json
import os
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.deployed_nodes import NAMES, Heard, Nodes, charter_text, digests, nodes, overheard, trial
from hansa.crypto.signing import signing_key
from hansa.nodes.coordinator_home import CoordinatorHome
from hansa.nodes.party_home import PartyHome
from hansa.protection.enrolment import COORDINATOR
from hansa.transport import subjects
from hansa.transport.envelope import ANSWER, INLINE_BYTES, QUESTION, Head, digest_of, opened, signed
from hansa.transport.nats_link import Link
from tests.journeys.founding import logs

pytestmark = pytest.mark.slow
PATIENCE_S = 240.0
ROUNDS = 3
CARL, OTHERS = NAMES[-1], NAMES[:-1]
MILD = '[lateness]\nrule = "go_on"\nseconds = 3\nquorum = 2\n'


class Hostile:
    """Carl's token and key in hands that wish the others ill."""

    def __init__(self, folder: Path) -> None:
        home = PartyHome(folder / CARL)
        self.invitation, self._home = home.joined().invitation, home
        self.key, self.run = home.identity.signing, self.invitation.run
        self.link = Link(home.access(self.invitation))
        self.link.open(PATIENCE_S)

    def reply(self, contents: Callable[[str], Sequence[tuple[str, bytes]]]) -> None:
        """Send, whenever Carl is asked a step, what a call returns for it: subjects and contents."""
        known = {COORDINATOR: self.invitation.coordinator}.get

        def heard(data: bytes) -> None:
            self.link.publish(contents(opened(data, known, self.run, CARL).head.step))

        self.link.hear(subjects.to_party(self.run, CARL), heard)

    def answer(self, step: str, body: bytes) -> bytes:
        """Return an answer that is Carl's own in all but sense."""
        return signed(self.head(step, body), body, self.key)

    def head(self, step: str, body: bytes) -> Head:
        """Return the head of Carl's answer."""
        return Head(self.run, step, CARL, COORDINATOR, ANSWER, len(body), digest_of(body))

    def noise(self, step: str) -> list[tuple[str, bytes]]:
        """Return all that must be refused, or be merely late."""
        own, head, key = subjects.from_party(self.run, CARL), self.head(step, b"x"), self.key
        far = replace(head, place="ab" * 8, key=bytes(32))
        false = [
            signed(replace(head, sender="anna"), b"x", key),
            signed(head, b"x", signing_key(os.urandom)),
            signed(replace(head, run="ff"), b"x", key),
            signed(replace(head, to="bert"), b"x", key),
            signed(replace(head, kind=QUESTION), b"x", key),
            signed(replace(head, kind="command"), b"x", key),
            signed(replace(far, size=10 << 30), b"", key),
            signed(replace(head, size=10 << 30), b"x", key),
            self.answer("0.0.join", b"again"),
            self.answer("9.9.training", b"too early"),
            self.answer("no step", b"x"),
            pickle.dumps({"a": print}),
            os.urandom(5000),
            bytes(INLINE_BYTES + 100_000),
            b"",
        ]
        foreign = [subjects.from_party(self.run, "anna"), subjects.to_party(self.run, "bert"), "$SYS.x"]
        return [(own, one) for one in false] + [(subject, false[0]) for subject in foreign]


@contextmanager
def founded(folder: Path, more: str = "") -> Iterator[tuple[Nodes, Heard, CoordinatorHome]]:
    """Yield a consortium that has begun."""
    home = trial(folder, charter_text("open", ROUNDS, more))
    with nodes(folder) as running, overheard(home) as heard:
        _until(running, lambda: any(step.startswith("0.") for _, step in heard.answers))
        yield running, heard, home


def _until(running: Nodes, happens: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not happens():
        assert time.monotonic() < ends, logs(running.folder)
        running.look()
        time.sleep(0.01)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the digests of the models of a run without anybody hostile."""
    folder = tmp_path_factory.mktemp("peace")
    with founded(folder) as (running, _, _):
        assert running.finish(PATIENCE_S), logs(folder)
    return digests(folder)


def result(folder: Path) -> dict[str, str]:
    (path,) = (folder / COORDINATOR).glob("runs/*/result.json")
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_noise_in_a_members_own_voice_changes_no_bit(tmp_path: Path, models: dict[str, str]) -> None:
    with founded(tmp_path) as (running, _, _):
        hostile = Hostile(tmp_path)
        hostile.reply(hostile.noise)
        try:
            assert running.finish(PATIENCE_S), logs(tmp_path)
        finally:
            hostile.link.close()
    assert digests(tmp_path) == models
    assert running.kills == 0
    log = (tmp_path / COORDINATOR / "log").read_text(encoding="utf-8")
    for why in ("lawful kind or size", "of another run", "no envelope", "says what no sender says"):
        assert f"message dropped why={CARL}: " in log
        assert why in log


def _carl_turns_hostile(running: Nodes, heard: Heard) -> Hostile:
    """Have Carl's node killed in the first round, and not started again."""
    _until(running, lambda: (CARL, "1.0.training") in heard.answers)
    running.away.add(CARL)
    running.kill(CARL)
    return Hostile(running.folder)


def test_who_connects_and_never_answers_holds_nobody_up_for_long(tmp_path: Path) -> None:
    with founded(tmp_path, MILD) as (running, heard, _):
        hostile = _carl_turns_hostile(running, heard)
        hostile.reply(lambda step: [])
        try:
            _until(running, lambda: running.ended(COORDINATOR))
        finally:
            hostile.link.close()
        _until(running, lambda: all(map(running.ended, OTHERS)))
    assert result(tmp_path)["state"] == "finished"
    assert set(OTHERS) <= set(digests(tmp_path))


@pytest.mark.parametrize(
    "body", [pickle.dumps({"a": print}), b"", bytes(100_000)], ids=["pickle", "empty", "zeros"]
)
def test_an_answer_without_sense_ends_the_run_with_its_senders_name_and_it_can_go_on(
    tmp_path: Path, models: dict[str, str], body: bytes
) -> None:
    with founded(tmp_path) as (running, heard, _):
        hostile = _carl_turns_hostile(running, heard)
        own = subjects.from_party(hostile.run, CARL)
        hostile.reply(lambda step: [(own, hostile.answer(step, body))])
        try:
            running.away.add(COORDINATOR)
            _until(running, lambda: running.running[COORDINATOR].exitcode is not None)
        finally:
            hostile.link.close()
        assert running.running[COORDINATOR].exitcode == 2
        ended = result(tmp_path)
        assert ended["state"] == "ended"
        assert ended["why"].startswith(f"{CARL}: its message is not the one that was due")
        running.away.clear()
        assert running.finish(PATIENCE_S), logs(tmp_path)
    assert digests(tmp_path) == models
