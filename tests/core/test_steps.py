"""A step's text names it, and no other text does."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hansa.core.errors import MessageError
from hansa.core.steps import Step, step_of

numbers = st.integers(0, 10**9 - 1)
kinds = st.sampled_from(["join", "training/keys", "support of statistics/masked", "a.b", ""])


@given(numbers, numbers, kinds)
def test_a_step_is_read_from_its_text(round_: int, number: int, kind: str) -> None:
    step = Step(round_, number, kind)
    assert step_of(step.text) == step


@given(st.text(max_size=20))
@example("1.0")
@example("01.0.join")
@example("1.00.join")
@example("-1.0.join")
@example("+1.0.join")
@example(" 1.0.join")
@example("1_0.0.join")
@example("²1.0.join")
@example("\u0661.0.join")  # a digit, but not of ours
@example("1000000000.0.join")
@example("0.0.a\nb")
@example("0.0." + "a" * 101)
def test_any_other_text_is_refused_in_one_short_line(text: str) -> None:
    try:
        step = step_of(text)
    except MessageError as fault:
        assert "\n" not in str(fault)
        assert len(str(fault)) < 300
    else:
        assert step.text == text


def test_steps_are_in_the_order_in_which_they_are_taken() -> None:
    taken = [Step(0, 0, "join"), Step(0, 1, "a"), Step(1, 0, "training"), Step(2, 0, "training")]
    assert sorted(reversed(taken)) == taken


def test_people_are_told_the_round_of_training_alone() -> None:
    assert (Step(0, 3, "scale").words, Step(2, 0, "training").words) == ("scale", "training of round 2")


@pytest.mark.parametrize("text", ["", ".", "..", "1..x", "a.b.c", "1.0.a\0b", "1.0.\u202eb"])
def test_what_is_no_step_names_the_coordinator(text: str) -> None:
    with pytest.raises(MessageError, match=r"^coordinator: its step .* is none"):
        step_of(text)
