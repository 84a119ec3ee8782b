"""Empty rounds, once all nodes are there; writes the seconds of each, by both ways of waiting for answers.

On a busy machine a round takes half a minute: when enough time has gone there are no more of them.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

from flwr.app import Context, Message, RecordDict
from flwr.serverapp import Grid, ServerApp

POLL_S = 0.05
LIMIT_S = 100.0  # of one round
ENOUGH_S = 120.0

app = ServerApp()


@app.main()
def coordinate(grid: Grid, context: Context) -> None:
    """Measure as the run's configuration says."""
    nodes, rounds = int(context.run_config["nodes"]), int(context.run_config["rounds"])
    while len(ids := list(grid.get_node_ids())) < nodes:
        time.sleep(POLL_S)
    began, found = time.perf_counter(), {"polled_s": [], "shipped_s": []}
    _seconds(_polled, grid, ids)  # the nodes fetch and unpack the app
    while len(found["shipped_s"]) < rounds and (
        not found["shipped_s"] or time.perf_counter() - began < ENOUGH_S
    ):
        found["polled_s"].append(_seconds(_polled, grid, ids))
        found["shipped_s"].append(_seconds(_shipped, grid, ids))
    Path(str(context.run_config["out"])).write_text(json.dumps(found) + "\n", encoding="utf-8")


def _seconds(carry: Callable[[Grid, list[Message]], int], grid: Grid, ids: list[int]) -> float:
    messages = [Message(RecordDict(), node, "query") for node in ids]
    began = time.perf_counter()
    answered = carry(grid, messages)
    took = time.perf_counter() - began
    if answered != len(ids):
        raise RuntimeError(f"{answered} of {len(ids)} nodes answered")
    return took


def _shipped(grid: Grid, messages: list[Message]) -> int:
    """Return how many answered, in Flower's own loop, which looks every 3 s."""
    return sum(not answer.has_error() for answer in grid.send_and_receive(messages, timeout=LIMIT_S))


def _polled(grid: Grid, messages: list[Message]) -> int:
    """Return how many answered, looking 20 times a second."""
    waiting, answered = set(grid.push_messages(messages)), 0
    until = time.perf_counter() + LIMIT_S
    while waiting and time.perf_counter() < until:
        for answer in grid.pull_messages(waiting):
            waiting.discard(answer.metadata.reply_to_message_id)
            answered += not answer.has_error()
        time.sleep(POLL_S)
    return answered
