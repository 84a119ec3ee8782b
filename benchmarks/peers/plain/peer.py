"""The plain loop: PyTorch, one party after the other, as most people first write FedAvg."""

from __future__ import annotations

import torch

from benchmarks.peers.meter import Meter, Trained, run
from benchmarks.peers.torch_party import perceptron, tensors, train_epoch, trained
from benchmarks.peers.work import Work


def train(work: Work, rounds: int, meter: Meter) -> Trained:
    """Return the network after all rounds."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    parties = [tensors(work, party) for party in range(len(work.x))]
    rows = sum(len(y) for _, y in parties)
    common, local = perceptron(work), perceptron(work)
    meter.lap()
    for _ in range(rounds):
        total = [torch.zeros_like(weight) for weight in common.parameters()]
        for x, y in parties:
            local.load_state_dict(common.state_dict())
            train_epoch(local, x, y, work)
            with torch.no_grad():
                for sum_, weight in zip(total, local.parameters(), strict=True):
                    sum_.add_(weight, alpha=len(y) / rows)
        with torch.no_grad():
            for weight, sum_ in zip(common.parameters(), total, strict=True):
                weight.copy_(sum_)
        meter.lap()
    return trained(common)


if __name__ == "__main__":
    run("plain", torch.__version__, train)
