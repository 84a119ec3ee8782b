"""A consortium's operator keeps credits, members spend them, and an auditor checks the file."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from hansa.registry.ledger import Ledger

Hansa = Callable[..., Result]
_PRICES = "\n[credits]\nprices = {{ {} }}\n"


@pytest.fixture
def opened(hansa: Hansa, tiny: Any, tmp_path: Path) -> Path:
    """Return a ledger of two parties in which nothing was issued yet."""
    charter, ledger = tmp_path / "tiny.toml", tmp_path / "credits.ledger"
    charter.write_text(tiny() + _PRICES.format("scoring = 5, audit = 40"), encoding="utf-8")
    made = hansa("credits", "open", ledger, "--charter", charter)
    assert made.exit_code == 0, made.stderr
    assert made.stdout.startswith("Entry 1, terms, act ")
    return ledger


@pytest.fixture
def paid(hansa: Hansa, opened: Path) -> Path:
    """Return it after 1000 credits were issued and two rounds paid, the second for good."""
    assert hansa("credits", "issue", opened, "1000", "--memo", "first year").exit_code == 0
    with Ledger(opened) as ledger:
        now = ledger.tables.head().time
        ledger.earn(1, {"party-1": 30, "party-2": 8}, "ab" * 32, time=now, term_s=86400)
        ledger.earn(2, {"party-1": 6, "party-2": 0}, "cd" * 32, time=now)
    return opened


def test_members_spend_what_they_earned_and_an_auditor_finds_it_all(hansa: Hansa, paid: Path) -> None:
    gift = hansa("credits", "transfer", paid, "10", "--party", "party-1", "--to", "party-2")
    assert gift.stdout.startswith("Entry 5, transfer, act ")
    assert gift.stdout.endswith(": party-1 -10, party-2 +10\n")
    use = ("credits", "spend", paid, "--party", "party-2", "--service", "scoring", "--act", "job 7")
    once, again = hansa(*use), hansa(*use)
    assert once.stdout == again.stdout == "Entry 6, spend, act job 7: party-2 -5, scoring +5\n"

    assert hansa("credits", "balance", paid).stdout.splitlines() == [
        "party-1         26",
        "party-2         13",
        "audit            0  spent on this service; price 40",
        "scoring          5  spent on this service; price 5",
        "pool           956",
        "issued        1000  all of the above together",
    ]
    story = hansa("credits", "history", paid, "--party", "party-2").stdout.splitlines()
    assert [line.split()[0] for line in story] == ["entry", "3", "5", "6", "13", "Head"]
    assert story[1].endswith("earn             +8          8  round 1")
    head = story[-1].split()[-1]
    checked = hansa("credits", "check", paid, "--head", head)
    assert checked.stdout == f"6 entries prove. Head: {head}\n"


def test_a_machine_reads_the_same(hansa: Hansa, paid: Path) -> None:
    def read(*words: object) -> dict[str, Any]:
        done = hansa("credits", *words, "--json")
        assert done.exit_code == 0, done.stderr
        value: dict[str, Any] = json.loads(done.stdout)
        return value

    assert read("expire", paid) == {}
    entry = read("spend", paid, "--party", "party-1", "--service", "scoring", "--memo", "note")
    assert [one["credits"] for one in entry["postings"]] == [-5, 5]
    assert entry["postings"][1] == {"account": "service/scoring", "credits": 5, "until": None}
    assert (entry["kind"], entry["memo"]) == ("spend", "note")
    assert read("balance", paid) == {
        "parties": {"party-1": 31, "party-2": 8},
        "services": {"audit": 0, "scoring": 5},
        "prices": {"audit": 40, "scoring": 5},
        "pool": 956,
        "issued": 1000,
    }
    found = read("history", paid, "--party", "party-1")
    assert [one["balance"] for one in found["entries"]] == [30, 36, 31]
    assert [one["credits"] for one in found["lots"]] == [25, 6]
    assert found["head"] == {"number": 5, "hash": entry["hash"]}
    assert read("check", paid) == {"entries": 5, "head": entry["hash"]}
    assert read("issue", paid, "7")["postings"][1]["account"] == "pool"
    given = read("transfer", paid, "1", "--party", "party-1", "--to", "party-2")
    assert {one["account"] for one in given["postings"]} == {"party/party-1", "party/party-2"}


def test_credits_whose_term_is_over_go_back_to_the_pool(hansa: Hansa, opened: Path) -> None:
    assert hansa("credits", "issue", opened, "10").exit_code == 0
    with Ledger(opened) as ledger:
        ledger.earn(1, {"party-1": 6}, "ab", time=ledger.tables.head().time, term_s=1)
    while datetime.now(UTC).timestamp() < ledger_time(opened) + 1:
        time.sleep(0.05)
    refused = hansa("credits", "spend", opened, "--party", "party-1", "--service", "scoring")
    assert refused.stderr.startswith("party-1: holds 0 usable credits, 5 are needed")
    back = hansa("credits", "expire", opened)
    assert back.stdout.endswith(": party-1 -6, pool +6\n")
    assert hansa("credits", "expire", opened).stdout == "Nothing has expired.\n"


def ledger_time(path: Path) -> int:
    with Ledger(path) as ledger:
        return ledger.tables.head().time


def test_new_terms_are_entered_once(hansa: Hansa, opened: Path, tiny: Any) -> None:
    charter = opened.parent / "dearer.toml"
    charter.write_text(tiny() + _PRICES.format("scoring = 6"), encoding="utf-8")
    words = ("credits", "open", opened, "--charter", charter)
    dearer = hansa(*words, "--json")
    assert json.loads(dearer.stdout)["prices"] == {"scoring": 6}
    assert json.loads(dearer.stdout)["parties"] == ["party-1", "party-2"]
    again = hansa(*words)
    assert again.stderr == "These are its terms already.\n"
    assert again.stdout == hansa("credits", "balance", opened).stdout


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("balance", "none.ledger"), "there is no ledger; make it: hansa credits open"),
        (("balance", "tiny.toml"), "cannot be used (file is not a database)"),
        (("issue", "L", "0"), "0 is no whole number of credits"),
        (
            ("transfer", "L", "9", "--party", "party-2", "--to", "party-1"),
            "holds 8 usable credits, 9 are needed",
        ),
        (("transfer", "L", "1", "--party", "party-2", "--to", "x"), "x: is no party of this ledger"),
        (("spend", "L", "--party", "party-1", "--service", "audit"), "36 usable credits, 40 are needed"),
        (("spend", "L", "--party", "party-1", "--service", "x"), "x: is no service with a price"),
        (("history", "L", "--party", "x"), "x: is no party of this ledger"),
        (("check", "L", "--head", "00"), "has no entry with the hash 00"),
    ],
)
def test_a_refusal_is_one_sentence_and_changes_nothing(
    hansa: Hansa, paid: Path, words: tuple[str, ...], why: str
) -> None:
    before = paid.read_bytes()
    places = {"L": paid, "none.ledger": paid.parent / "none.ledger", "tiny.toml": paid.parent / "tiny.toml"}
    refused = hansa("credits", *(places.get(word, word) for word in words))
    assert refused.exit_code == 2
    assert why in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not refused.stdout
    assert paid.read_bytes() == before
