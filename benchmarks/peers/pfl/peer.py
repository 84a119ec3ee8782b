"""Apple's pfl: its simulated backend and FederatedAveraging, with PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import torch
from pfl.aggregate.simulate import SimulatedBackend
from pfl.aggregate.weighting import WeightByDatapoints
from pfl.algorithm.base import NNAlgorithmParams
from pfl.algorithm.federated_averaging import FederatedAveraging
from pfl.callback.base import TrainingProcessCallback
from pfl.data.federated_dataset import FederatedDataset
from pfl.data.pytorch import PyTorchTensorDataset
from pfl.data.sampling import MinimizeReuseUserSampler
from pfl.hyperparam.base import NNTrainHyperParams
from pfl.metrics import Metrics
from pfl.model.pytorch import PyTorchModel
from torch import nn

from benchmarks.peers.meter import Meter, Trained, run
from benchmarks.peers.torch_party import perceptron, tensors, trained
from benchmarks.peers.work import Work


class Network(nn.Module):
    """The network as pfl wants it: with its loss, and with metrics, of which there are none."""

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers

    def loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the mean squared error of a batch."""
        return nn.functional.mse_loss(self.layers(x)[:, 0], y)

    def metrics(self, x: torch.Tensor, y: torch.Tensor) -> dict[str, Any]:
        """Return nothing: pfl evaluates before and after the first round whatever its settings say."""
        del x, y
        return {}


class Shuffled(PyTorchTensorDataset):
    """A party's rows in a new order in every epoch; pfl's own tensors come in the same batches each time."""

    def iter(self, batch_size: int | None) -> Iterator[list[torch.Tensor]]:
        """Yield the batches of one epoch, the last one short."""
        x, y = self.raw_data
        for batch in torch.randperm(len(y)).split(batch_size or len(y)):
            yield [x[batch], y[batch]]


class Laps(TrainingProcessCallback):
    """Marks the rounds."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def on_train_begin(self, *, model: Any) -> Metrics:
        """Mark the start of the first round."""
        del model
        self._meter.lap()
        return Metrics()

    def after_central_iteration(self, *_: Any, **__: Any) -> tuple[bool, Metrics]:
        """Mark the end of a round."""
        self._meter.lap()
        return False, Metrics()


def train(work: Work, rounds: int, meter: Meter) -> Trained:
    """Return the network after all rounds."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    parties = [Shuffled(tensors(work, party)) for party in range(len(work.x))]
    data = FederatedDataset(parties.__getitem__, MinimizeReuseUserSampler(list(range(len(parties)))))
    network = Network(perceptron(work))
    FederatedAveraging().run(
        NNAlgorithmParams(
            central_num_iterations=rounds,
            evaluation_frequency=rounds,
            train_cohort_size=len(parties),
            val_cohort_size=None,
        ),
        SimulatedBackend(data, val_data=None, postprocessors=[WeightByDatapoints()]),
        PyTorchModel(network, torch.optim.SGD, torch.optim.SGD(network.parameters(), lr=1.0)),
        NNTrainHyperParams(
            local_batch_size=work.batch_size, local_num_epochs=1, local_learning_rate=work.learning_rate
        ),
        callbacks=[Laps(meter)],
        send_metrics_to_platform=False,
    )
    return trained(network.layers)


if __name__ == "__main__":
    run("pfl", version("pfl"), train)
