"""Flower's SecAgg+ workflow without what surrounds it: `peer.py PARTIES NUMBERS ROUNDS OUT.json`.

The workflow and the clients' mod are Flower's own; the grid between them calls the mod in this process, so
that neither Ray nor gRPC counts. Clients answer with constant vectors. A message is copied through Flower's
own encoding, as a carrier would, but that time is left out of the round. Started by
`benchmarks/secure_sums_peer.py`, which also switches Flower's telemetry off.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.client.mod import secaggplus_mod
from flwr.common import Code, FitRes, Parameters, Status, ndarrays_to_parameters, parameters_to_ndarrays
from flwr.common.serde import recorddict_from_proto, recorddict_to_proto
from flwr.compat.common import recorddict_compat as compat
from flwr.server import LegacyContext, SimpleClientManager
from flwr.server.compat.grid_client_proxy import GridClientProxy
from flwr.server.strategy import FedAvg
from flwr.server.workflow import SecAggPlusWorkflow
from flwr.server.workflow.constant import MAIN_CONFIGS_RECORD, MAIN_PARAMS_RECORD, Key
from flwr.serverapp import Grid
from flwr.supercore.task_identity import TaskIdentity

THRESHOLD = 6
EXAMPLES = 100  # rows of every client: the weighted mean is then the plain one


class InProcess(Grid):
    """Flower's grid to clients of this process; keeps what carrying took and how much was sent."""

    def __init__(self, updates: dict[int, Parameters]) -> None:
        self._updates = updates
        self._contexts = {node: Context(1, node, {}, RecordDict(), {}) for node in updates}
        self.carrying = np.zeros(2)  # wall and CPU seconds
        self.sent = dict.fromkeys(updates, 0)  # bytes of each client

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> list[Message]:
        """Return each client's answer."""
        del timeout
        return [self._answer(message) for message in messages]

    def get_node_ids(self) -> list[int]:
        """Return the clients."""
        return list(self._updates)

    def _answer(self, message: Message) -> Message:
        node = message.metadata.dst_node_id
        self._carry(message)
        answer = secaggplus_mod(message, self._contexts[node], self._trained)
        self.sent[node] += self._carry(answer)
        return answer

    def _trained(self, message: Message, context: Context) -> Message:
        found = FitRes(Status(Code.OK, ""), self._updates[context.node_id], EXAMPLES, {})
        return Message(compat.fitres_to_recorddict(found, keep_input=True), reply_to=message)

    def _carry(self, message: Message) -> int:
        """Return the bytes of a message, whose content becomes what arrives."""
        began = _now()
        plain = recorddict_to_proto(message.content)
        count = len(plain.SerializeToString())
        message.content = recorddict_from_proto(plain)
        self.carrying += _now() - began
        return count

    # What the workflow never asks for.
    def _unasked(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    set_run = create_message = push_messages = pull_messages = _unasked
    run = property(_unasked)


def main() -> None:
    """Run the rounds and write what each took, without carrying."""
    parties, numbers, rounds = (int(word) for word in sys.argv[1:4])
    logging.getLogger("flwr").setLevel(logging.ERROR)
    TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 0, 1
    updates = {node: np.full(numbers, node / parties, np.float32) for node in range(1, parties + 1)}
    grid = InProcess({node: ndarrays_to_parameters([update]) for node, update in updates.items()})
    context, workflow = _context(grid, numbers), SecAggPlusWorkflow(parties, THRESHOLD)
    took = []
    for number in range(1, rounds + 1):
        context.state.config_records[MAIN_CONFIGS_RECORD] = ConfigRecord({Key.CURRENT_ROUND: number})
        began, grid.carrying, grid.sent = _now(), np.zeros(2), dict.fromkeys(grid.sent, 0)
        workflow(grid, context)
        took.append(_now() - began - grid.carrying)
    [mean] = parameters_to_ndarrays(
        compat.arrayrecord_to_parameters(context.state.array_records[MAIN_PARAMS_RECORD], keep_input=True)
    )
    error = float(np.abs(mean - sum(updates.values()) / parties).max())
    walls, cpus = np.transpose(took).tolist()
    found = {"version": version("flwr"), "wall_s": walls, "cpu_s": cpus, "error": error}
    found["sent_bytes"] = max(grid.sent.values())
    Path(sys.argv[4]).write_text(json.dumps(found) + "\n", encoding="utf-8")


def _context(grid: InProcess, numbers: int) -> LegacyContext:
    clients = SimpleClientManager()
    for node in grid.get_node_ids():
        clients.register(GridClientProxy(node, grid, run_id=1))
    count = len(grid.get_node_ids())
    strategy = FedAvg(fraction_evaluate=0.0, min_fit_clients=count, min_available_clients=count)
    context = LegacyContext(Context(1, 0, {}, RecordDict(), {}), strategy=strategy, client_manager=clients)
    first = ndarrays_to_parameters([np.zeros(numbers, np.float32)])
    context.state.array_records[MAIN_PARAMS_RECORD] = compat.parameters_to_arrayrecord(first, keep_input=True)
    return context


def _now() -> np.ndarray:
    return np.array([time.perf_counter(), time.process_time()])


if __name__ == "__main__":
    main()
