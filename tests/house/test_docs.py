"""The documents tell the truth: their commands and blocks run, and nothing a user may set is left out.

A fence of sh, bash or console is run line by line in one folder per document, in order. A line that
sets up a machine is skipped by its first word; a whole fence is skipped, reason given, by

    <!-- not run: why -->

on the line before it. A python fence runs in the same folder, as a program of its own.
"""

import ast
import importlib
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "hansa"
README = REPOSITORY / "README.md"
DOCUMENTS = [page for page in [README, *sorted((REPOSITORY / "docs").glob("*.md"))] if page.is_file()]
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
SET_UP = {".", "brew", "cd", "git", "make", "pip", "python3", "python3.11", "source", "sudo"}
RUN = {"cat", "cp", "echo", "hansa", "head", "ls", "mkdir", "python"}
TIME_LIMIT_S = 180


@dataclass(frozen=True, slots=True)
class Fence:
    """One fenced block of a page."""

    line: int  # of the opening fence
    language: str
    text: str
    not_run: bool


def test_the_fences_of_a_page_are_found_with_their_marks() -> None:
    shell, marked = "```sh\nhansa --help\n```\n", "<!-- not run: needs data -->\n```console\n$ x\n```\n"
    page = f"a\n{shell}{marked}\n  ```python\n  y\n  ```\n"

    found = list(_fences(page))

    assert [(f.line, f.language, f.text, f.not_run) for f in found] == [
        (2, "sh", "hansa --help\n", False),
        (6, "console", "$ x\n", True),
        (10, "python", "y\n", False),
    ]


def test_the_commands_of_a_fence_are_joined_over_continued_lines_and_stripped_of_prompts() -> None:
    shell = Fence(1, "sh", "# why\nhansa run a.toml \\\n  --json\nmake demo\n", not_run=False)
    console = Fence(1, "console", "$ hansa --help\nUsage: hansa\n", not_run=False)

    assert _commands(shell) == ["hansa run a.toml --json"]
    assert _commands(console) == ["hansa --help"]


_LONG = {"operate.md", "speed.md"}  # pages whose commands take half a minute and more


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.name, marks=[pytest.mark.slow] if page.name in _LONG else [])
        for page in DOCUMENTS
    ],
)
def test_every_command_and_block_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    environment = _shell_with_hansa(tmp_path / "bin")
    folder = tmp_path / "reader"
    folder.mkdir()
    (folder / "examples").symlink_to(REPOSITORY / "examples")
    for fence in _fences(page.read_text(encoding="utf-8")):
        if fence.not_run:
            continue
        for command in _steps(fence):
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=TIME_LIMIT_S,
                check=False,
            )
            where = f"{page.name}:{fence.line}: {command[-1]}"
            assert done.returncode == 0, f"{where}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_every_command_of_a_page_is_run_or_says_why_not(page: Path) -> None:
    fences = [f for f in _fences(page.read_text(encoding="utf-8")) if f.language in {"sh", "bash", "console"}]
    unknown = [
        f"line {fence.line}: {line}"
        for fence in fences
        if not fence.not_run
        for line in _lines(fence)
        if _first_word(line) not in SET_UP | RUN
    ]
    assert not unknown, "mark the fence with <!-- not run: reason -->"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_of_a_page_leads_somewhere(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", prose)]
    local = [link for link in links if link and "://" not in link and not link.startswith("mailto:")]
    assert not [link for link in local if not (page.parent / link).exists()]


def test_every_command_of_the_command_line_has_help_and_a_place_in_the_docs() -> None:
    shown = _text(README, REPOSITORY / "docs" / "cli.md")
    commands = dict(_command_line())

    assert not [path for path, command in commands.items() if not command.help]
    assert not [path for path in commands if path not in shown]


def test_every_option_of_the_command_line_has_help() -> None:
    options = [
        (path, option)
        for path, command in _command_line()
        for option in command.params
        if isinstance(option, click.Option)
    ]
    assert not [f"{path} {option.opts[0]}" for path, option in options if not option.help]


def test_every_environment_variable_read_is_in_the_docs() -> None:
    names = {
        name for module in PACKAGE.rglob("*.py") for name in _variables(module.read_text(encoding="utf-8"))
    }
    shown = _text(*DOCUMENTS)
    assert not {name for name in names if name not in shown}


def test_an_environment_variable_is_seen_however_it_is_read() -> None:
    code = 'os.environ["A"]; os.environ.get("B"); os.getenv("C"); "D" in os.environ; option(envvar="E")'
    assert set(_variables(code + '; F = "HANSA_F"')) == {"A", "B", "C", "D", "E", "HANSA_F"}


def test_the_changelog_has_a_section_for_what_is_in_the_tree() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    headings = re.findall(r"^## \[([^\]]+)\]", _text(REPOSITORY / "CHANGELOG.md"), flags=re.MULTILINE)
    assert {"Unreleased", project["version"]} & set(headings)


def test_every_decision_is_in_the_index_of_decisions() -> None:
    folder = REPOSITORY / "docs" / "adr"
    index = _text(folder / "README.md")
    assert not [page.name for page in folder.glob("[0-9]*.md") if f"({page.name})" not in index]


def _fences(page: str) -> Iterator[Fence]:
    """Yield the fenced blocks of a page, without the indent of their opening line."""
    lines = page.splitlines()
    at = 0
    while at < len(lines):
        opening = re.fullmatch(r"(\s*)```(\w+).*", lines[at])
        if opening:
            indent = len(opening[1])
            end = next(i for i in range(at + 1, len(lines)) if lines[i].strip() == "```")
            text = "".join(f"{line[indent:]}\n" for line in lines[at + 1 : end])
            not_run = at > 0 and re.fullmatch(r"\s*<!-- not run: .+ -->", lines[at - 1]) is not None
            yield Fence(at + 1, opening[2], text, not_run)
            at = end
        at += 1


def _steps(fence: Fence) -> list[list[str]]:
    """Return the processes to start for a fence: one per command, or one for a Python block."""
    if fence.language == "python":
        return [[sys.executable, "-c", fence.text]]
    return [["sh", "-e", "-c", command] for command in _commands(fence)]


def _commands(fence: Fence) -> list[str]:
    return [line for line in _lines(fence) if _first_word(line) in RUN]


def _lines(fence: Fence) -> list[str]:
    """Return the command lines of a shell fence: continued lines joined, prompts and comments gone."""
    if fence.language not in {"sh", "bash", "console"}:
        return []
    lines = re.sub(r"\s*\\\n\s*", " ", fence.text).splitlines()
    if fence.language == "console":
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    lines = [line.strip().removeprefix(".venv/bin/") for line in lines]
    return [line for line in lines if line and not line.startswith("#")]


def _first_word(line: str) -> str:
    """Return the program that a line starts, past any VARIABLE=value before it."""
    words = [word for word in shlex.split(line, comments=True) if not re.match(r"[A-Z_]+=", word)]
    return Path(words[0]).name if words else ""


def _shell_with_hansa(folder: Path) -> dict[str, str]:
    """Return an environment in which `hansa` and `python` are this very tree and interpreter."""
    folder.mkdir()
    start = "import sys; sys.argv[0] = 'hansa'; from hansa.cli.start import main; main()"
    programs = {"hansa": f'"{sys.executable}" -c "{start}" "$@"', "python": f'"{sys.executable}" "$@"'}
    for name, line in programs.items():
        program = folder / name
        program.write_text(f"#!/bin/sh\nexec {line}\n", encoding="utf-8")
        program.chmod(0o755)
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "100"}


def _command_line() -> Iterator[tuple[str, click.Command]]:
    """Return every command of `hansa` with its full name."""
    if not (PACKAGE / "cli" / "main.py").is_file():
        pytest.skip("the command line does not exist yet")
    return _walk(importlib.import_module("hansa.cli.main").cli, "hansa")


def _walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command of a click tree with its full name, groups included."""
    yield path, command
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from _walk(child, f"{path} {name}")


def _variables(code: str) -> Iterator[str]:
    """Yield the environment variables that a module reads or that its options take."""
    for node in ast.walk(ast.parse(code)):
        constants = [child.value for child in ast.iter_child_nodes(node) if isinstance(child, ast.Constant)]
        if isinstance(node, ast.keyword) and node.arg == "envvar":
            yield from constants
        elif isinstance(node, ast.Constant) and re.fullmatch(r"HANSA_[A-Z_]+", str(node.value)):
            yield node.value
        elif isinstance(node, ast.Subscript | ast.Compare | ast.Call) and _reads_environment(node):
            yield from constants[:1]


def _reads_environment(node: ast.Subscript | ast.Compare | ast.Call) -> bool:
    if isinstance(node, ast.Subscript):
        return ast.unparse(node.value).endswith("environ")
    if isinstance(node, ast.Compare):
        return ast.unparse(node.comparators[0]).endswith("environ")
    return re.search(r"(\bgetenv|\benviron\.\w+)$", ast.unparse(node.func)) is not None


def _text(*pages: Path) -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in pages if page.is_file())
