"""Rounds that go on, and answers that count late, where both mean something, and refused elsewhere."""

from __future__ import annotations

import pytest

from hansa.core.charter_words import explain
from hansa.core.methods import BROUGHT, METHODS, TRAINABLE
from tests.core.test_charter_rules import charter, refuses

OPEN = 'parties = 3\n[partition]\nkind = "horizontal"\n[protection]\nsecrecy = "open"\n'


@pytest.mark.parametrize("name", sorted(set(TRAINABLE) - {"trees"} - set(BROUGHT)))
def test_stale_answers_count_where_changes_of_weights_are_averaged_and_nowhere_else(name: str) -> None:
    kinds = METHODS[name].partitions
    kind = "horizontal" if "horizontal" in kinds else kinds[0]
    plain = '[training]\noptimizer = "sgd"\n' if METHODS[name].plain else ""
    alone = "alone_rounds = 2\n" if name == "fine_tuned" else ""
    linear = "[network]\nhidden = []\n" if METHODS[name].linear else ""
    text = (
        f'parties = 3\n{plain}{linear}[partition]\nkind = "{kind}"\n[protection]\nsecrecy = "open"\n'
        f'[algorithm]\nname = "{name}"\n{alone}[lateness]\nrule = "stale"\n'
    )
    averaging = "fedavg fedprox fedavgm fedadam fedyogi fedper fedrep own_scaling ditto"
    if name in averaging.split():
        assert charter(f"{text}rounds = 3\nquorum = 2").lateness.oldest == 3
        assert charter(text).lateness.oldest == 4
    else:
        refuses(text, f"what parties send under {name} does not fit a later round", "fedavg in [algorithm]")


def test_stale_answers_need_open_sums_that_nobody_judges() -> None:
    stale = '[algorithm]\nname = "fedavg"\n[lateness]\nrule = "stale"\n'
    for secrecy in ("masked", "shared", "encrypted"):
        text = OPEN.replace('"open"', f'"{secrecy}"') + stale
        refuses(text, f'no common sum under secrecy "{secrecy}"', 'secrecy = "open" in [protection]')
    judged = f'{OPEN}{stale}[defence]\nrule = "median"\n'
    refuses(judged, "what is judged is compared within its round", "remove [defence]")
    refuses(f"{OPEN}{stale}quorum = 4", "quorum is 4 and there are 3 parties", "write 3 or fewer")


def test_how_old_an_answer_may_be_is_said_where_late_ones_count() -> None:
    stale = f'{OPEN}[algorithm]\nname = "fedavg"\n[lateness]\n'
    for rule in ("wait", "go_on"):
        refuses(f'{stale}rule = "{rule}"\nrounds = 2', "rounds means nothing", 'rule = "stale"')
    for rounds in (0, 11):
        refuses(f'{stale}rule = "stale"\nrounds = {rounds}', f"rounds is {rounds}", "from 1 to 10")


def test_members_read_what_happens_to_late_answers() -> None:
    text = f'{OPEN}[algorithm]\nname = "fedavg"\n[lateness]\nrule = "stale"\nquorum = 2\nrounds = 3\n'
    words = "\n".join(explain(charter(text)))
    assert "a round goes on once 2 of 3 have answered and half as long again has passed" in words
    assert "up to an age of 3. After 3600 s without enough answers the run ends" in words
