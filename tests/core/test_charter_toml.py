"""Reading TOML into records by their fields and type hints."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from hansa.core.charter_toml import RecordReader, parse_toml
from hansa.core.errors import CharterError


@dataclass(frozen=True, slots=True)
class Ship:
    name: str
    crew: int = 3
    cargo: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Harbour:
    depth: float = 1.0
    tides: tuple[tuple[float, ...], ...] = ()
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Town:
    title: str
    founded: int | None = None
    guilds: tuple[str, ...] = ()
    harbour: Harbour = field(default_factory=Harbour)
    ships: tuple[Ship, ...] = ()


def read(text: str) -> Town:
    town = RecordReader(Town, "town.toml", {Harbour: ("secret",), Ship: ("name",)}).read(
        parse_toml(text, "town.toml")
    )
    assert isinstance(town, Town)
    return town


def refusal(text: str) -> str:
    with pytest.raises(CharterError) as caught:
        read(text)
    return str(caught.value)


def test_every_shape_of_field_is_read() -> None:
    town = read(
        """
        title = "Visby"
        founded = 1161
        guilds = ["coopers", "tanners"]
        [harbour]
        depth = 4
        tides = [[1, 2.5], []]
        [ships.adler]
        crew = 12
        [ships.bunte-kuh]
        cargo = { wool = 3, salt = 1.5 }
        """
    )
    assert town == Town(
        "Visby",
        1161,
        ("coopers", "tanners"),
        Harbour(4.0, ((1.0, 2.5), ())),
        (Ship("adler", 12), Ship("bunte-kuh", 3, (("salt", 1.5), ("wool", 3.0)))),
    )


def test_an_integer_becomes_a_float_where_a_float_is_due() -> None:
    assert type(read('title = "a"\nharbour.depth = 4').harbour.depth) is float


def test_a_key_that_is_left_out_has_its_default() -> None:
    assert read('title = "a"') == Town("a")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("titel = 1", ['town.toml: unknown key "titel"', '"title" of the top level']),
        ('title = "a"\nharbor = 1', ['unknown key "harbor"', "write [harbour], the nearest"]),
        ('title = "a"\nharbour.dept = 1', ["town.toml [harbour]", '"depth" of [harbour]']),
        ('title = "a"\ndepth = 1', ['"depth" of [harbour]']),
        ('title = "a"\n[harbour]\nfounded = 1', ["town.toml [harbour]", '"founded" of the top level (above']),
        ('title = "a"\n[ships.adler]\ncrw = 1', ["town.toml [ships.adler]", '"crew" of [ships.adler]']),
        ('title = "a"\ncrew = 1', ['"crew" of [ships.NAME]']),
        ('title = "a"\nzzzz = 1', ['unknown key "zzzz"', "write one of title, founded"]),
        ('title = "a"\nharbour.secret = "x"', ['unknown key "secret"']),
        ('title = "a"\n[ships.adler]\nname = "x"', ['unknown key "name"']),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_key_and_its_table(
    text: str, words: list[str]
) -> None:
    sentence = refusal(text)
    assert all(word in sentence for word in words), sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title = 3", ["title is a whole number", "write a text, in quotes"]),
        ('title = "a"\nfounded = "1161"', ["founded is a text", "write a whole number"]),
        ('title = "a"\nfounded = 1161.0', ["founded is a number", "write a whole number"]),
        ('title = "a"\nfounded = true', ["founded is a truth value", "write a whole number"]),
        ('title = "a"\nharbour.depth = false', ["[harbour]", "depth is a truth value", "write a number"]),
        ('title = "a"\nfounded = 1161-01-01', ["founded is a date or time"]),
        ('title = "a"\nguilds = "coopers"', ["guilds is a text", "write a list of texts"]),
        ('title = "a"\nguilds = ["a", 2]', ["guilds (entry 2) is a whole number", "write a text"]),
        ('title = "a"\nharbour.tides = [1]', ["tides (entry 1) is a whole number", "a list of numbers"]),
        ('title = "a"\nharbour.tides = 1', ["tides is a whole number", "a list of lists of numbers"]),
        ('title = "a"\nharbour = 3', ["harbour is a whole number", "as a table, [harbour]"]),
        ('title = "a"\n[[harbour]]\ndepth = 1', ["harbour is a list", "as a table, [harbour]"]),
        ('title = "a"\nships = 3', ["ships is a whole number", "as a table, [ships.NAME]"]),
        ('title = "a"\n[ships]\ncrew = 3', ["[ships]", "crew is a whole number", "[ships.crew]"]),
        ('title = "a"\n[ships.a]\ncargo = []', ["cargo is a list", "as a table, [ships.a.cargo]"]),
        ('title = "a"\n[ships.a.cargo]\nwool = "x"', ["wool is a text", "write a number"]),
    ],
)
def test_a_wrong_type_is_refused_with_what_it_is_and_what_is_due(text: str, words: list[str]) -> None:
    sentence = refusal(text)
    assert all(word in sentence for word in words), sentence


def test_a_key_without_default_that_is_left_out_is_named() -> None:
    assert refusal("founded = 1161") == "town.toml: title is missing; add a line that starts with title =."


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('title = "a"\nfounded =\n', 2),
        ('title = "a"\n\nfounded 1161', 3),
        ('title = "a"\ntitle = "b"', 2),
        ('title = "a', 1),
        ('title = "a"\n[harbour', 2),
    ],
)
def test_text_that_is_no_toml_is_refused_with_its_line(text: str, line: int) -> None:
    sentence = refusal(text)
    assert sentence.startswith(f"town.toml, line {line}: not readable as TOML ("), sentence


@pytest.mark.parametrize("value", ["[" * 5000, "9" * 5000])
def test_text_that_the_parser_gives_up_on_is_refused(value: str) -> None:
    assert "not readable as TOML" in refusal(f"title = {value}")


def test_a_number_beyond_the_floats_becomes_infinite() -> None:
    assert read(f'title = "a"\nharbour.depth = {"9" * 400}').harbour.depth == float("inf")


def test_a_byte_order_mark_is_forgiven() -> None:
    assert read('\ufefftitle = "a"').title == "a"
