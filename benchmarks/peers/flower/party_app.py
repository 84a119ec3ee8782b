"""What each of Flower's simulated nodes runs; Ray's processes import it, so their rows stay loaded."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from torch import nn

from benchmarks.peers.torch_party import perceptron, tensors, train_epoch
from benchmarks.peers.work import Work, read_work

app = ClientApp()


@app.train()
def train(message: Message, context: Context) -> Message:
    """Return the network after one epoch on this node's rows."""
    work, network = _opened(str(message.content["config"]["work"]))
    network.load_state_dict(message.content["arrays"].to_torch_state_dict())
    x, y = tensors(work, int(context.node_config["partition-id"]))
    train_epoch(network, x, y, work)
    found = {"arrays": ArrayRecord(network.state_dict()), "metrics": MetricRecord({"num-examples": len(y)})}
    return Message(content=RecordDict(found), reply_to=message)


@cache
def _opened(file: str) -> tuple[Work, nn.Sequential]:
    torch.set_num_threads(1)
    work = read_work(Path(file))
    return work, perceptron(work)
