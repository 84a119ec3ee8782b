"""policy.toml is read strictly, and what is wrong is named with its line."""

import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from hansa.core.errors import CharterError
from hansa.core.site_policy import SitePolicy
from hansa.core.site_policy_reader import AMENDMENTS, parse_policy, policy_template

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "site-policy.md").read_text(encoding="utf-8")
KEYS = {one.name for one in fields(SitePolicy)}


def test_the_template_forbids_nothing_until_a_line_is_taken_into_use() -> None:
    assert parse_policy(policy_template()) == SitePolicy()
    assert parse_policy("") == SitePolicy()


def test_every_key_is_in_the_template_and_can_be_taken_into_use() -> None:
    used = re.sub(r"^# (\w+ = )", r"\1", policy_template(), flags=re.MULTILINE)
    policy = parse_policy(used)
    assert policy == SitePolicy(
        ("0" * 64,), ("fedavg", "labsync_mean"), ("0" * 64,), 8.0, ("20:00-06:00",), 10**9, 4, "ask"
    )
    for key in KEYS:
        assert re.search(rf"^{key} = ", used, re.MULTILINE)


def test_every_key_and_word_stands_in_the_page_and_no_other() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE, re.MULTILINE))
    assert rows.keys() == KEYS
    assert all(f"`{word}`" in rows["amendments"] for word in AMENDMENTS)
    assert all(one.default is not MISSING for one in fields(SitePolicy))  # every key may be left out
    for example in re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        assert parse_policy(example) != SitePolicy()


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("hour = []", 'unknown key "hour"; write "hours"'),
        ("[hours]", "hours is a table; write a list of texts"),
        ('"hours" = "20:00-06:00"', "hours is a text; write a list of texts"),
        ('hours = ["20-06"]', 'hours has "20-06"; write spans'),
        ("charters = [1]", "is a whole number"),
        ('charters = ["ABC"]', 'charters has "ABC"; write 64 digits'),
        ('own_code = ["sha"]', 'own_code has "sha"'),
        ('algorithms = ["fedsgd"]', 'algorithms has "fedsgd"; write some of isolated, fedavg'),
        ("epsilon = 0", "epsilon has 0"),
        ("epsilon = nan", "epsilon has nan"),
        ("epsilon = inf", "epsilon has inf"),
        ('epsilon = "1"', "epsilon is a text"),
        ("bytes_per_day = 0", "bytes_per_day has 0"),
        ("bytes_per_day = 1.5", "bytes_per_day is a number"),
        ("threads = true", "threads is a truth value"),
        ("threads = -1", "threads has -1"),
        ('amendments = "yes"', 'amendments has "yes"; write one of ask, countersign'),
        ("amendments.a = 1", "amendments is a table"),
        ("threads = ", "not readable as TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(line: str, what: str) -> None:
    with pytest.raises(CharterError, match=re.escape(what)) as caught:
        parse_policy(f"# first\n\n{line}\n", "home/policy.toml")
    assert caught.value.where.startswith("home/policy.toml, line 3")
    assert "\n" not in str(caught.value)
