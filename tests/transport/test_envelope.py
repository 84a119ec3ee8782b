"""An envelope opens for whom it was signed, in its run, as its sender closed it; nothing else does."""

from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hansa.core import codec
from hansa.core.errors import MessageError
from hansa.crypto.signing import SigningKey
from hansa.transport.envelope import (
    ANSWER,
    INLINE_BYTES,
    QUESTION,
    REFUSAL_BYTES,
    REFUSED,
    Head,
    Letter,
    digest_of,
    opened,
    refusal_bytes,
    refusal_words,
    signed,
)

KEY = SigningKey(bytes(range(32)))
OTHER = SigningKey(bytes(32))
BODY = b"what I found"
ROSTER = {"anna": KEY.public, "bert": OTHER.public}


def head(body: bytes = BODY) -> Head:
    return Head("a1", "7", "anna", "coordinator", ANSWER, len(body), digest_of(body))


def arrived(data: bytes, run: str = "a1", to: str = "coordinator") -> Letter:
    return opened(data, ROSTER.get, run, to)


@given(st.binary(max_size=100), st.text(max_size=20), st.sampled_from([QUESTION, ANSWER, REFUSED]))
def test_what_was_closed_opens(body: bytes, step: str, kind: str) -> None:
    sent = replace(head(body), step=step, kind=kind)
    assert arrived(signed(sent, body, KEY)) == Letter(sent, body)


def test_the_largest_body_inside_opens() -> None:
    body = bytes(INLINE_BYTES)
    assert arrived(signed(replace(head(body), step="s" * 1000), body, KEY)).body == body


def test_a_body_elsewhere_is_named_and_not_asked_for() -> None:
    sent = replace(head(), place="b1" * 8, key=bytes(32))
    assert arrived(signed(sent, b"", KEY)) == Letter(sent, b"")


@given(st.data())
def test_no_changed_byte_opens(data: st.DataObject) -> None:
    bent = bytearray(signed(head(), BODY, KEY))
    bent[data.draw(st.integers(0, len(bent) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(MessageError):
        arrived(bytes(bent))


@given(st.binary(max_size=300))
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(MessageError):
        arrived(data)


def parts(sent: object, body: object = BODY, signature: object = None) -> bytes:
    content = codec.encode(sent)
    return codec.encode([content, KEY.sign("message", content) if signature is None else signature, body])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (bytes(INLINE_BYTES + 10_000), "bytes, which none has"),
        (codec.encode([b"", b""]), "without head"),
        (codec.encode({"head": b""}), "without head"),
        (parts(asdict(head()), signature="text"), "without head"),
        (parts(asdict(head()), body="text"), "without head"),
        (parts(asdict(head()) | {"step": "s" * 5000}), "longer than any"),
        (parts({"run": "a1"}), "other fields"),
        (parts(asdict(head()) | {"more": 1}), "other fields"),
        (parts(["a1"]), "other fields"),
        (parts(asdict(head()) | {"size": True}), "another kind"),
        (parts(asdict(head()) | {"step": 7}), "another kind"),
        (parts(asdict(head()) | {"size": -1}), "no sender says"),
        (parts(asdict(head()) | {"kind": "exec"}), "no sender says"),
        (parts(asdict(head()) | {"digest": b"short"}), "no sender says"),
        (parts(asdict(head()) | {"key": bytes(32)}), "another place or key"),
        (parts(asdict(head()) | {"place": "b1" * 8}), "another place or key"),
        (parts(asdict(head()) | {"place": "*", "key": bytes(32)}), "another place"),
        (parts(asdict(head()) | {"sender": "carl"}), "not in the run"),
        (parts(asdict(head()) | {"sender": "bert"}), "signature"),
        (parts(asdict(head()), signature=bytes(64)), "signature"),
        (parts(asdict(head()), signature=b""), "signature"),
        (parts(asdict(head()), signature=KEY.sign("roster", codec.encode(asdict(head())))), "signature"),
        (parts(asdict(head()), body=b"another"), "not the one it signed"),
        (parts(asdict(head()) | {"size": 3}), "not the one it signed"),
        (parts(asdict(head()) | {"place": "b1" * 8, "key": bytes(32)}), "not the one it signed"),
    ],
)
def test_what_is_not_closed_as_it_should_be_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(MessageError, match=says):
        arrived(data)


def test_a_message_of_another_run_or_to_another_is_refused() -> None:
    data = signed(head(), BODY, KEY)
    for run, to in (("a2", "coordinator"), ("a1", "bert")):
        with pytest.raises(MessageError, match="another run or to another"):
            arrived(data, run, to)


@given(st.text(max_size=600))
def test_a_refusal_is_short_and_shows_no_signs_that_a_terminal_obeys(why: str) -> None:
    body = refusal_bytes(why)
    assert len(body) <= REFUSAL_BYTES
    words = refusal_words(Letter(head(body), body))
    assert words.isprintable()
    assert len(words) == len(why) or len(body) > REFUSAL_BYTES - 4


def test_a_refusal_that_is_too_long_is_no_refusal() -> None:
    for sent, body in ((head(), b"n" * (REFUSAL_BYTES + 1)), (replace(head(), place="b1" * 8), b"")):
        with pytest.raises(MessageError):
            refusal_words(Letter(sent, body))
