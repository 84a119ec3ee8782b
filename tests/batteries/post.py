"""The battery of all that carries steps between a coordinator and its parties: inherit, and open one."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

from hansa.core.errors import PartyError
from hansa.transport.seam import Answer, Body, Questions, Refusal, Transport

NAMES = ("anna", "bert", "carl")
PATIENCE = 20.0  # seconds, where an answer is sure to come
LARGE = bytes(range(256)) * 16_000  # 4 MB


def echo(step: str, question: bytes) -> bytes:
    """Return an answer that tells step and question."""
    return step.encode() + b": " + question


def read(answers: Mapping[str, Body | Refusal]) -> dict[str, bytes]:
    """Return the bytes of answers of which none is a refusal."""
    bodies = {name: found for name, found in answers.items() if not isinstance(found, Refusal)}
    assert bodies.keys() == answers.keys()
    assert all(body.size == len(body.read()) for body in bodies.values())
    return {name: body.read() for name, body in bodies.items()}


class PostBattery(ABC):
    """Laws of the seam."""

    @abstractmethod
    def over(self, parties: Mapping[str, Answer]) -> AbstractContextManager[Transport]:
        """Return an open transport to parties that answer; questions to others reach nobody."""

    def test_each_party_gets_its_own_question_and_no_other(self) -> None:
        seen: dict[str, list[bytes]] = {name: [] for name in NAMES}

        def noting(name: str) -> Answer:
            return lambda step, question: seen[name].append(question) or echo(step, question)  # type: ignore[func-returns-value]

        with self.over({name: noting(name) for name in NAMES}) as transport:
            questions = {name: name.encode() for name in NAMES}
            found = read(transport.exchange("1", questions, PATIENCE))
        assert found == {name: b"1: " + name.encode() for name in NAMES}
        assert {name: set(questions) for name, questions in seen.items()} == {
            name: {name.encode()} for name in NAMES
        }

    def test_answers_come_in_the_order_of_the_questions(self) -> None:
        with self.over(dict.fromkeys(NAMES, echo)) as transport:
            for order in (NAMES, NAMES[::-1], (NAMES[1], NAMES[0])):
                answers = transport.exchange("".join(order), dict.fromkeys(order, b"?"), PATIENCE)
                assert tuple(answers) == order

    def test_no_question_is_an_exchange_without_answers(self) -> None:
        with self.over(dict.fromkeys(NAMES, echo)) as transport:
            assert transport.exchange("1", {}, PATIENCE) == {}

    def test_a_refusal_comes_in_the_partys_own_sentence_and_harms_nobody(self) -> None:
        def refuse(step: str, question: bytes) -> bytes:
            raise PartyError("it has no rows of Müller's", do="leave it out", where="bert")

        with self.over({"anna": echo, "bert": refuse}) as transport:
            answers = transport.exchange("1", {"anna": b"?", "bert": b"?"}, PATIENCE)
        assert answers["bert"] == Refusal("bert: it has no rows of Müller's; leave it out.")
        assert read({"anna": answers["anna"]}) == {"anna": b"1: ?"}

    def test_who_is_absent_is_left_out(self) -> None:
        with self.over({"anna": echo, "carl": echo}) as transport:
            begun = time.perf_counter()
            answers = transport.exchange("1", dict.fromkeys(NAMES, b"?"), 0.3)
            assert read(answers) == {"anna": b"1: ?", "carl": b"1: ?"}
            assert time.perf_counter() - begun < PATIENCE / 2
            assert set(transport.exchange("2", dict.fromkeys(("anna", "carl"), b"?"), PATIENCE)) == {
                "anna",
                "carl",
            }

    def test_asked_again_it_brings_what_the_party_gives_again(self) -> None:
        kept: dict[str, bytes] = {}

        def remembering(step: str, question: bytes) -> bytes:
            return kept.setdefault(step, f"{step} {len(kept)}".encode())

        with self.over({"anna": remembering}) as transport:
            found = [
                read(transport.exchange(step, {"anna": b"?"}, PATIENCE))["anna"]
                for step in ("1", "2", "1", "2")
            ]
        assert found == [b"1 0", b"2 1", b"1 0", b"2 1"]

    def test_large_bodies_arrive_as_they_were_sent(self) -> None:
        with self.over(dict.fromkeys(NAMES, echo)) as transport:
            own = {name: name.encode() + LARGE for name in NAMES}
            assert read(transport.exchange("1", own, PATIENCE)) == {
                name: b"1: " + body for name, body in own.items()
            }
            shared = dict.fromkeys(NAMES, LARGE)
            assert read(transport.exchange("2", shared, PATIENCE)) == dict.fromkeys(NAMES, b"2: " + LARGE)

    def test_empty_bodies_arrive(self) -> None:
        seen: list[bytes] = []

        def silent(step: str, question: bytes) -> bytes:
            seen.append(question)
            return b""

        with self.over({"anna": silent}) as transport:
            assert read(transport.exchange("1", {"anna": b""}, PATIENCE)) == {"anna": b""}
        assert set(seen) == {b""}

    def test_steps_that_run_at_once_do_not_mix(self) -> None:
        together = threading.Barrier(4)
        with self.over(dict.fromkeys(NAMES, echo)) as transport, ThreadPoolExecutor(4) as threads:

            def ask(step: str) -> dict[str, bytes]:
                together.wait(PATIENCE)
                questions = {name: f"{step} {name}".encode() for name in NAMES}
                return read(transport.exchange(step, questions, PATIENCE))

            for step, found in zip("abcd", threads.map(ask, "abcd"), strict=True):
                assert found == {name: f"{step}: {step} {name}".encode() for name in NAMES}

    def test_several_steps_are_asked_at_once_and_each_answer_is_told_when_it_comes(self) -> None:
        with self.over({"anna": echo, "bert": echo}) as transport, transport.asking(PATIENCE) as asked:
            asked.ask("1", {"anna": b"one", "carl": b"nobody"})
            asked.ask("2", {"bert": b"two"})
            assert read(dict(all_heard(asked, 2))) == {"anna": b"1: one", "bert": b"2: two"}
            asked.ask("3", {"anna": b"three"})
            assert read(dict(all_heard(asked, 1))) == {"anna": b"3: three"}
            assert "anna" not in asked.missing
            assert "bert" not in asked.missing

    def test_a_question_takes_the_place_of_the_one_before(self) -> None:
        with self.over({"anna": echo}) as transport, transport.asking(PATIENCE) as asked:
            asked.ask("1", {"bert": b"to nobody"})
            asked.ask("2", {"bert": b"to nobody", "anna": LARGE})
            assert read(dict(all_heard(asked, 1))) == {"anna": b"2: " + LARGE}
            asked.ask("3", {"anna": LARGE})
            assert read(dict(all_heard(asked, 1))) == {"anna": b"3: " + LARGE}

    def test_time_ends_what_is_asked_of_nobody_who_is_there(self) -> None:
        with self.over({"anna": echo}) as transport, transport.asking(PATIENCE) as asked:
            begun = time.perf_counter()
            asked.ask("1", {"bert": b"?"})
            assert list(asked.heard(0.3)) == []
            assert time.perf_counter() - begun < PATIENCE / 2


def all_heard(asked: Questions, count: int) -> list[tuple[str, Body | Refusal]]:
    """Return so many answers, however they come."""
    found = list[tuple[str, Body | Refusal]]()
    ends = time.perf_counter() + PATIENCE
    while len(found) < count and time.perf_counter() < ends:
        found += asked.heard(PATIENCE)
    assert len(found) == count
    return found
