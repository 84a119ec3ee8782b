"""A real NATS server carries what memory carries, and nothing that is forged, foreign, late or too large."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import pytest

from hansa.transport.seam import Answer, Transport
from tests.batteries.post import NAMES, PostBattery
from tests.batteries.wire import Wire, run_of, wire


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    with wire(tmp_path_factory.mktemp("wire")) as found:
        yield found


class TestNats(PostBattery):
    @pytest.fixture(autouse=True)
    def _on(self, server: Wire) -> None:
        self.wire = server

    @contextmanager
    def over(self, parties: Mapping[str, Answer]) -> Iterator[Transport]:
        with run_of(self.wire, NAMES) as run, ExitStack() as stack:
            for name, answer in parties.items():
                stack.enter_context(run.party(name, answer))
            yield run.transport
