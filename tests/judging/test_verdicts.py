"""A verdict is plain, and comes back as it was."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from hansa.judging.verdicts import ACCEPTED, CHECKS, LESS, REJECTED, Verdict

FIGURES = st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False, allow_infinity=False), max_size=3)


@given(
    st.integers(0, 10**6),
    st.text(max_size=8),
    st.sampled_from([ACCEPTED, LESS, REJECTED]),
    st.floats(0, 1),
    FIGURES,
    st.sampled_from(sorted(CHECKS)),
)
@settings(max_examples=25)
def test_a_verdict_comes_back_from_json(
    round_: int, party: str, outcome: str, share: float, figures: dict[str, float], level: str
) -> None:
    verdict = Verdict(round_, party, outcome, share, "a reason", "median", CHECKS[level], figures)
    assert Verdict.of(json.loads(json.dumps(verdict.value()))) == verdict


def test_a_plain_value_shares_nothing_with_the_verdict() -> None:
    figures = {"distance": 1.0}
    verdict = Verdict(1, "a", ACCEPTED, 0.5, "", "median", CHECKS["open"], figures)
    verdict.value()["figures"]["distance"] = 2.0
    assert figures == {"distance": 1.0}


def test_nothing_can_be_checked_of_masked_or_encrypted_sums() -> None:
    assert set(CHECKS) == {"open", "shared"}
    assert "finite" not in CHECKS["shared"]  # nobody sees a number
