"""What a member's operator reads while its node runs."""

import logging
from itertools import count

import pytest

from hansa.core.errors import RefusedError
from hansa.nodes import telling
from hansa.nodes.telling import Telling


class Clock:
    """Seconds, as a test says."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Clock:
    caplog.set_level(logging.INFO)
    found = Clock()
    monkeypatch.setattr(telling, "time", found)
    return found


def echo(step: str, question: bytes) -> bytes:
    return question


def test_each_round_is_told_once_it_is_over(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    answer = Telling(3).answered(echo)
    for step in ("0.0.join", "1.0.training", "1.1.score", "2.0.training", "1.0.training", "3.0.training"):
        clock.now += 3
        assert answer(step, b"a") == b"a"
    assert caplog.messages == ["round 1 of 3 answered", "round 2 of 3 answered"]
    answer("4.0.finish", b"")
    answer("4.1.bye", b"")
    assert caplog.messages[2:] == ["round 3 of 3 answered"]


def test_of_quick_rounds_some_are_told_and_the_last(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    answer = Telling(1000).answered(echo)
    for number in range(1, 1002):
        clock.now += 0.01
        answer(f"{number}.0.training", b"")
    assert 5 <= len(caplog.messages) <= 8
    assert caplog.messages[-1] == "round 1000 of 1000 answered"


def test_a_silence_is_told_once_and_again_after_a_question(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    told, asked = Telling(3), count()
    looked = told.while_waiting(lambda: next(asked) > 100)

    def pass_by(seconds: int) -> int:
        for _ in range(seconds):
            clock.now += 1
            assert not looked()
        return caplog.messages.count("waits for the coordinator")

    assert pass_by(4) == 0
    assert pass_by(20) == 1
    told.answered(echo)("1.0.training", b"")
    assert pass_by(4) == 1
    assert pass_by(20) == 2

    def refuse(step: str, question: bytes) -> bytes:
        clock.now += 60  # of learning are no silence
        raise RefusedError("no", do="ask why", where="anna")

    with pytest.raises(RefusedError):
        told.answered(refuse)("1.1.training", b"")
    assert pass_by(4) == 2
