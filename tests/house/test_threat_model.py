"""Every claim of the threat model names tests that exist."""

import ast
import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "threat-model.md"


def test_every_claim_names_a_test_that_exists() -> None:
    _, *tables = PAGE.read_text(encoding="utf-8").split("| claim | shown by |\n|---|---|\n")
    assert len(tables) == 6
    claims = [table.partition("\n\n")[0].splitlines() for table in tables]
    assert all(len(rows) >= 8 for rows in claims)
    for row in (row for rows in claims for row in rows):
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)
        assert named, row
        for file, name in named:
            tree = ast.parse((REPOSITORY / file).read_text(encoding="utf-8"))
            assert any(isinstance(node, ast.FunctionDef) and node.name == name for node in tree.body), name
