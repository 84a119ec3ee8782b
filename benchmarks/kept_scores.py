"""Validation scores of a search, kept in a file of benchmarks/results, a recipe at a time."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def kept(path: Path) -> list[dict[str, Any]]:
    """Return the scores found so far."""
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return rows


def find(path: Path, wanted: Iterable[str], known: Iterable[str], score: Any) -> None:
    """Find the scores of recipes and keep them; those that stand in the file are left as they are.

    wanted: the recipes asked for, none meaning all known. score(name) yields a recipe's rows.
    """
    for name in wanted or known:
        if name not in {row["recipe"] for row in kept(path)}:
            rows = []
            for row in score(name):
                rows.append({"recipe": name} | row)
                print(rows[-1], file=sys.stderr, flush=True)
            path.write_text(json.dumps([*kept(path), *rows], indent=1) + "\n", encoding="utf-8")
