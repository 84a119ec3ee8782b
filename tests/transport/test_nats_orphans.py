"""A server whose maker was killed is stopped by the next one, and nobody else is."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from hansa.crypto.signing import signing_key
from hansa.transport.certificates import make_authority, make_server_certificate
from hansa.transport.nats_server import NatsServer, Place
from hansa.transport.nats_tokens import Trust, trust
from tests.batteries.wire import NOW

_MAKER = """
import json, os, signal, sys
from pathlib import Path
from hansa.transport.nats_server import NatsServer, Place
from hansa.transport.nats_tokens import Trust

folder, certificate, *trusted = sys.argv[1:]
trust = Trust(trusted[0], json.loads(trusted[1]), trusted[2])
server = NatsServer(Place(Path(folder), Path(certificate)), trust)
server.start()
print(server.pid, server.url.rsplit(":", 1)[1], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def _trust() -> Trust:
    operator, account, system = (signing_key(os.urandom) for _ in range(3))
    return trust(operator, account, system.public, NOW)


def _lives(pid: int) -> bool:
    try:
        return b"nats-server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def test_the_server_of_a_killed_process_gives_its_port_to_the_next(tmp_path: Path) -> None:
    make_authority(tmp_path, NOW)
    certificate, trusted = make_server_certificate(tmp_path, ["127.0.0.1"], NOW), _trust()
    words = [trusted.operator, json.dumps(dict(trusted.accounts)), trusted.system]
    command = [sys.executable, "-c", _MAKER, str(tmp_path / "server"), str(certificate), *words]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == -signal.SIGKILL, made.stderr
    orphan, port = map(int, made.stdout.split())
    assert _lives(orphan)
    with NatsServer(Place(tmp_path / "server", certificate, port=port), trusted) as server:
        assert not _lives(orphan)
        assert server.url.endswith(f":{port}")


def test_a_process_that_has_the_number_by_now_is_left_alone(tmp_path: Path) -> None:
    make_authority(tmp_path, NOW)
    certificate = make_server_certificate(tmp_path, ["127.0.0.1"], NOW)
    folder = tmp_path / "server"
    folder.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        (folder / f"nats-server_{other.pid}.ports").write_text("{}")
        (folder / "nats-server_of-nobody.ports").write_text("{}")
        with NatsServer(Place(folder, certificate), _trust()):
            assert other.poll() is None
        assert other.stdin is not None
        other.stdin.close()
    assert other.returncode is not None
