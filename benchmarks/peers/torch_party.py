"""A party that trains with PyTorch, for the peers that do: the network of the work and one local epoch."""

from __future__ import annotations

import torch
from torch import nn

from benchmarks.peers.meter import Trained
from benchmarks.peers.work import Work


def perceptron(work: Work) -> nn.Sequential:
    """Return the network with the first weights of the work."""
    layers: list[nn.Module] = []
    for weight, bias in zip(work.weights, work.biases, strict=True):
        layer = nn.Linear(*weight.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weight.T))
            layer.bias.copy_(torch.from_numpy(bias))
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def tensors(work: Work, party: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the rows of a party: (rows, features) and (rows,)."""
    return torch.from_numpy(work.x[party]), torch.from_numpy(work.y[party])


def train_epoch(network: nn.Sequential, x: torch.Tensor, y: torch.Tensor, work: Work) -> None:
    """Train one epoch in place, rows in a new order."""
    optimizer = torch.optim.SGD(network.parameters(), lr=work.learning_rate)
    for batch in torch.randperm(len(y)).split(work.batch_size):
        optimizer.zero_grad()
        nn.functional.mse_loss(network(x[batch])[:, 0], y[batch]).backward()
        optimizer.step()


def trained(network: nn.Sequential) -> Trained:
    """Return the weights and biases of a network, layer by layer."""
    layers = [layer for layer in network if isinstance(layer, nn.Linear)]
    return [one.weight.detach().numpy().T for one in layers], [one.bias.detach().numpy() for one in layers]
