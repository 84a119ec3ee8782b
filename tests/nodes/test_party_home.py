"""A member's folder and its keys."""

from __future__ import annotations

from pathlib import Path

from hansa.nodes.party_home import PartyHome
from hansa.registry.identity import former_identity


def test_the_key_before_goes_once_all_know_the_next_though_the_node_was_killed_meanwhile(
    tmp_path: Path,
) -> None:
    home = PartyHome.make(tmp_path / "west", "west")
    word = home.rotate()
    home.keep_alone(word.old)  # the others know that one still
    assert former_identity(home.folder) is not None
    assert home.rotate() == word
    home.keep_alone(word.new)
    assert former_identity(home.folder) is None
    assert home.rotate().old == word.new
