"""Who is waited for is said in words, once for each change."""

from hansa.cli.waiting import Waiting


def test_each_change_is_said_once_and_for_how_long() -> None:
    now = [100.0]
    waiting = Waiting(5, lambda: now[0])
    assert waiting.line("0.0.join", ["anna", "bert"]) == "waiting for anna, bert to join"
    now[0] += 9.0
    assert waiting.line("0.0.join", ["anna", "bert"]) == ""
    assert waiting.line("0.0.join", ["bert"]) == "waiting for bert to join, for 9 s so far"
    assert waiting.line("0.2.scale", ["bert"]) == "waiting for bert before the first round"
    assert waiting.line("3.0.training/masked", ["anna"]) == "waiting for anna in round 3"
    now[0] += 2.0
    assert waiting.line("3.1.training/agreed", ["anna"]) == ""
    assert waiting.line("4.0.training", ["bert"]) == "waiting for bert in round 4"
    assert waiting.line("3.0.training", ["anna"]) == ""  # a round without it goes on meanwhile
    assert waiting.line("6.0.finish", ["bert"]) == "waiting for bert after the last round"
