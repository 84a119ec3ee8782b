"""What a charter may say of networks and algorithms of the user's own, and what it then says in words."""

from __future__ import annotations

import pytest

from hansa.core.charter_digest import charter_digest
from hansa.core.charter_reader import parse_charter
from hansa.core.charter_words import explain
from hansa.core.charter_writer import render_charter
from hansa.core.errors import CharterError

HEAD = 'name = "fleet"\nconsortium = "Four"\n'
DIGEST = "0123456789abcdef" * 4
NETWORK = f'[network]\nmodel = "mine.nets:Net"\ndigest = "{DIGEST}"\n'
RULE = (
    '[partition]\nkind = "horizontal"\n[algorithm]\nname = "own"\nown = "mine.rules:Rule"\n'
    f'digest = "{DIGEST}"\nleaves = "one number"\n'
)


def refusal(text: str) -> str:
    with pytest.raises(CharterError) as caught:
        parse_charter(HEAD + text)
    return str(caught.value)


@pytest.mark.parametrize("text", [NETWORK, RULE, NETWORK + RULE, NETWORK + "ensemble = 3\n"])
def test_it_is_read_and_written_back_equal(text: str) -> None:
    charter = parse_charter(HEAD + text)
    assert parse_charter(render_charter(charter)) == charter


@pytest.mark.parametrize("text", [NETWORK, RULE])
def test_another_digest_of_the_code_is_another_charter(text: str) -> None:
    other = text.replace(DIGEST, DIGEST[::-1])
    assert charter_digest(parse_charter(HEAD + text)) != charter_digest(parse_charter(HEAD + other))


@pytest.mark.parametrize(
    "named", ["nets", "mine/nets.py:Net", "mine.nets:", ":Net", "mine..nets:Net", "1a:Net"]
)
def test_code_is_a_module_and_a_name(named: str) -> None:
    sentence = refusal(NETWORK.replace("mine.nets:Net", named))
    assert (
        f'charter.toml [network]: model cannot be "{named}"; write the module and the name in it' in sentence
    )


@pytest.mark.parametrize(
    ("digest", "what"), [("", "missing"), ("abc", "no SHA-256"), (DIGEST.upper(), "no SHA")]
)
def test_code_needs_its_digest_and_the_way_to_it_is_named(digest: str, what: str) -> None:
    for text, named in ((NETWORK, "mine.nets:Net"), (RULE, "mine.rules:Rule")):
        sentence = refusal(text.replace(DIGEST, digest))
        assert f"digest is {what}" in sentence
        assert f"write what hansa charter digest {named} prints." in sentence


def test_a_digest_needs_code() -> None:
    assert "digest means nothing without model" in refusal(f'[network]\ndigest = "{DIGEST}"\n')
    assert "digest means nothing without own" in refusal(f'[algorithm]\ndigest = "{DIGEST}"\n')


@pytest.mark.parametrize("line", ["hidden = [3]", 'activation = "relu"', 'kind = "convolution"', "taps = 3"])
def test_a_network_of_ones_own_has_none_of_the_built_in_keys(line: str) -> None:
    assert f"{line.split()[0]} means nothing where model names a network of your own" in refusal(
        NETWORK + line
    )


def test_a_party_has_no_hidden_layers_of_its_own_in_a_network_of_ones_own() -> None:
    sentence = refusal(NETWORK + "[party.a]\nhidden = [3]\n[party.b]\n")
    assert "[party.a]: hidden means nothing where model in [network] names" in sentence


def test_the_gradient_before_the_last_function_is_refused() -> None:
    assert "needs the output before its last function" in refusal(
        NETWORK + '[algorithm]\ngradient = "matlab"\n'
    )


@pytest.mark.parametrize("name", ["own", "own_personal"])
@pytest.mark.parametrize("key", ["own", "leaves"])
def test_an_algorithm_of_ones_own_is_named_and_says_what_leaves(name: str, key: str) -> None:
    lines = [
        line for line in RULE.replace('"own"', f'"{name}"').splitlines() if not line.startswith(f"{key} =")
    ]
    text = "\n".join(line for line in lines if key != "own" or not line.startswith("digest"))
    assert f'{name} needs {key}; write {key} = "..."' in refusal(text)


@pytest.mark.parametrize("key", ["own", "leaves"])
def test_what_names_an_algorithm_means_nothing_to_a_built_in_one(key: str) -> None:
    value = {"own": f'"mine:Rule"\ndigest = "{DIGEST}"', "leaves": '"one number"'}[key]
    assert f"{key} means nothing to labsync_mean" in refusal(f"[algorithm]\n{key} = {value}\n")


def test_an_algorithm_of_ones_own_may_be_compared() -> None:
    text = 'compare = ["own"]\n' + RULE.replace('name = "own"', 'name = "fedavg"')
    assert parse_charter(HEAD + text).compare == ("own",)


def test_the_words_name_the_code_its_digest_and_what_it_may_do() -> None:
    said = explain(parse_charter(HEAD + NETWORK + "ensemble = 3\n" + RULE))
    runs = f"code of your own that runs at every party, where its digest is {DIGEST}"
    assert f"Network: mine.nets:Net, {runs}; the mean of 3 such networks." in said
    assert f"Algorithm: mine.rules:Rule, {runs}." in said
    assert "What leaves in every round (own): in the charter's words: one number." in said
    assert any("may do what Python may" in line for line in said)


def test_code_that_is_only_compared_is_told_too() -> None:
    said = explain(
        parse_charter(HEAD + 'compare = ["own"]\n' + RULE.replace('name = "own"', 'name = "fedavg"'))
    )
    assert "What leaves in every round (own): in the charter's words: one number." in said
    assert any("may do what Python may" in line for line in said)


def test_the_words_of_other_charters_name_no_such_code() -> None:
    assert "of your own" not in "\n".join(explain(parse_charter(HEAD)))
