"""The two sides of the NVFLARE job: its own FedAvg with the rounds marked, and a party.

NVFLARE writes a component into the job as its class and arguments, each read from the attribute of its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from nvflare.apis.executor import Executor
from nvflare.apis.fl_constant import FLMetaKey
from nvflare.apis.fl_context import FLContext
from nvflare.apis.shareable import Shareable
from nvflare.apis.signal import Signal
from nvflare.app_common.abstract.fl_model import FLModel
from nvflare.app_common.utils.fl_model_utils import FLModelUtils
from nvflare.app_common.workflows.fedavg import FedAvg
from torch import nn

from benchmarks.peers.meter import Meter, write_report
from benchmarks.peers.torch_party import perceptron, tensors, train_epoch, trained
from benchmarks.peers.tree import Tree
from benchmarks.peers.work import error_on_test_rows, read_work


class Coordinator(FedAvg):
    """FedAvg from the first weights of a work; `out` gets the report of the run that `peer_pid` began."""

    def __init__(self, work: str, out: str, peer_pid: int, num_rounds: int, task_check_period: float) -> None:
        super().__init__(
            num_clients=len(read_work(Path(work)).x),
            num_rounds=num_rounds,
            persistor_id="",
            task_check_period=task_check_period,
        )
        self.work = work
        self.out = out
        self.peer_pid = peer_pid

    def run(self) -> None:
        """Train all rounds and report."""
        tree = Tree(self.peer_pid)
        self._meter = Meter(tree.cpu_s, tree.peak_mb, self.peer_pid)
        work = read_work(Path(self.work))
        self._common = perceptron(work)
        super().run()
        mse = error_on_test_rows(work, *trained(self._common))
        write_report(Path(self.out), "nvflare", version("nvflare"), self._meter, mse, threads=1)

    def load_model(self) -> FLModel:
        """Return the first weights."""
        return FLModel(params=_to_numpy(self._common))

    def sample_clients(self, num_clients: int | None = None) -> Sequence[str]:
        """Return the parties of a round; the first call marks the start of the first round."""
        if not self._meter.started:
            self._meter.lap()
        return super().sample_clients(num_clients)

    def save_model(self, model: FLModel) -> None:
        """Keep the model of a round in memory and mark the end of the round."""
        self._common.load_state_dict(_to_torch(model.params))
        self._meter.lap()


class Party(Executor):
    """One party; its rows stay loaded between rounds."""

    def __init__(self, work: str) -> None:
        super().__init__()
        self.work = work
        self._opened: Any = None

    def execute(
        self, task_name: str, shareable: Shareable, fl_ctx: FLContext, abort_signal: Signal
    ) -> Shareable:
        """Return the network after one epoch on this party's rows."""
        del task_name, abort_signal
        if self._opened is None:
            torch.set_num_threads(1)
            work = read_work(Path(self.work))
            party = int(fl_ctx.get_identity_name().removeprefix("site-")) - 1
            self._opened = work, perceptron(work), *tensors(work, party)
        work, network, x, y = self._opened
        network.load_state_dict(_to_torch(FLModelUtils.from_shareable(shareable).params))
        train_epoch(network, x, y, work)
        meta = {FLMetaKey.NUM_STEPS_CURRENT_ROUND: len(y)}  # the weight that its FedAvg uses
        return FLModelUtils.to_shareable(FLModel(params=_to_numpy(network), meta=meta))


def _to_numpy(network: nn.Sequential) -> dict[str, Any]:
    return {name: value.numpy() for name, value in network.state_dict().items()}


def _to_torch(params: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {name: torch.as_tensor(value) for name, value in params.items()}
