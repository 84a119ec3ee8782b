"""The pages keep up with the code: every key, default and word of a charter, every charter, every refusal."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from hansa.core import charter_choices, charter_reader
from hansa.core.charter_reader import parse_charter
from hansa.core.charter_turbofan import TRAIN_ENGINES
from hansa.core.charter_writer import toml_value
from hansa.core.methods import SCENARIOS, TRAINABLE

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "charter.md").read_text(encoding="utf-8")
DATA_PAGE = (REPOSITORY / "docs" / "data.md").read_text(encoding="utf-8")
PAGES = sorted((REPOSITORY / "docs").glob("*.md"))
TOP = "Top level"
KINDS = {str: "text", int: "whole number", float: "number"}


@dataclass(frozen=True, slots=True)
class Key:
    """One key that the charter reader takes."""

    heading: str  # of its section of the page
    name: str
    kind: str
    default: str

    def __str__(self) -> str:
        return f"{self.heading} {self.name}"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table of keys."""

    kind: str
    default: str
    meaning: str


def _keys(record: type[Any], path: str = "") -> Iterator[Key]:
    """Yield the keys of a record of the reader's layout and of the records below it."""
    hidden = charter_reader._ELSEWHERE.get(record, ())
    hints = get_type_hints(record)
    for field in fields(record):
        hint = _inner(hints[field.name])
        entry = get_args(hint)[0] if get_origin(hint) is tuple else hint
        if field.name in hidden:
            continue
        if is_dataclass(entry):
            below = f"{path}.{field.name}" if path else field.name
            yield from _keys(entry, below if entry is hint else f"{below}.NAME")
        else:
            yield Key(f"[{path}]" if path else TOP, field.name, _kind(hint), _default(field, hint))


def _inner(hint: Any) -> Any:
    options = [option for option in get_args(hint) if option is not NoneType]
    return options[0] if NoneType in get_args(hint) else hint


def _kind(hint: Any) -> str:
    if get_origin(hint) is not tuple:
        return KINDS[hint]
    entry = get_args(hint)[0]
    if get_origin(entry) is tuple and get_args(entry)[-1] is not ...:
        return "table"
    return f"list of {_plural(_kind(entry))}"


def _plural(kind: str) -> str:
    return kind.replace("list", "lists", 1) if kind.startswith("list") else f"{kind}s"


def _default(field: Any, hint: Any) -> str:
    if field.default is MISSING:
        return "required"
    if field.default is None:
        return "none"
    if _kind(hint) == "table":
        return "`{}`"
    return f"`{toml_value(field.default)}`"


def _sections(page: str) -> dict[str, str]:
    parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _rows(section: str) -> dict[str, Row]:
    """Return the rows of a section's tables that have a key, a type, a default and a meaning."""
    found = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| (.+) \|$", section, flags=re.MULTILINE)
    return {name: Row(kind, default, meaning) for name, kind, default, meaning in found}


KEYS = list(_keys(charter_reader._File))
SECTIONS = _sections(PAGE)
EXAMPLES = [
    pytest.param(text, id=f"{page.name}-{number}")
    for page in PAGES
    for number, text in enumerate(
        re.findall(r"^```toml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE), 1
    )
]


def test_the_reader_takes_as_many_tables_as_it_did_when_the_page_was_written() -> None:
    assert {key.heading for key in KEYS} == {heading for heading in SECTIONS if _rows(SECTIONS[heading])}


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_every_key_stands_in_the_section_of_its_table_with_its_type_and_default(key: Key) -> None:
    row = _rows(SECTIONS[key.heading])[key.name]
    assert (row.kind, row.default) == (key.kind, key.default)


def test_the_page_names_no_key_that_the_reader_does_not_take() -> None:
    known = {(key.heading, key.name) for key in KEYS}
    assert not {(h, name) for h, section in SECTIONS.items() for name in _rows(section)} - known


@pytest.mark.parametrize(("table", "key", "words"), charter_choices._WORDS, ids=lambda part: str(part))
def test_every_word_that_a_key_may_say_is_explained_beside_it(
    table: str, key: str, words: tuple[str, ...]
) -> None:
    meaning = _rows(SECTIONS[f"[{table}]"])[key].meaning
    assert not [word for word in words if f"`{word}`" not in meaning]


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("What can be compared", SCENARIOS),
        ("[algorithm]", TRAINABLE),
        ("[columns.NAME]", charter_choices.ROLES),
        ("[data]", tuple(TRAIN_ENGINES)),
    ],
)
def test_scenarios_algorithms_roles_and_subsets_are_all_named(heading: str, words: tuple[str, ...]) -> None:
    assert not [word for word in words if f"`{word}`" not in SECTIONS[heading]]


def test_the_page_has_a_complete_charter_of_every_source() -> None:
    whole = [one.values[0] for one in EXAMPLES if "consortium" in str(one.values[0])]
    sources = {parse_charter(str(text)).data.source for text in whole}
    assert sources == {"simulated", "cmapss", "table"}


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_toml_block_of_the_docs_can_be_read(text: str) -> None:
    if "consortium" in text:
        parse_charter(text)
    else:
        tomllib.loads(text)


def test_every_refusal_that_the_data_page_explains_is_one_that_the_code_says() -> None:
    said = "\n".join(module.read_text(encoding="utf-8") for module in (REPOSITORY / "hansa").rglob("*.py"))
    explained = re.findall(r"^\| `([^`]+)` \|", _sections(DATA_PAGE)["What a refusal means"], re.MULTILINE)
    assert len(explained) > 10
    assert not [words for words in explained if words not in said]
