"""What deploy/ holds is well-formed, runs commands that exist, and keeps what it says about rights."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from hansa.cli.main import cli
from tests.deploy.cluster import DEPLOY

MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
HARDENED = {
    "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "Restart=always",
    "CapabilityBoundingSet=", "UMask=0077", "User=hansa",
}  # fmt: skip
KEYS_OF_LATER_SYSTEMD = ("RestartSteps", "RestartMaxDelaySec")


def objects(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a manifest."""
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def compose() -> dict[str, Any]:
    """Return the compose file, with what it merges."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


def pod_of(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the specification of the pods that an object makes."""
    spec: dict[str, Any] = manifest["spec"]
    return spec["template"]["spec"] if manifest["kind"] == "StatefulSet" else spec


def pods() -> list[dict[str, Any]]:
    """Return the specification of all pods."""
    every = [one for path in MANIFESTS for one in objects(path)]
    return [pod_of(one) for one in every if one["kind"] in ("StatefulSet", "Pod")]


def commands() -> list[list[str]]:
    """Return what every service, unit and pod starts, after the word hansa."""
    found = [one["command"] for one in compose()["services"].values() if one["image"] == "hansa"]
    found += [one["args"] for pod in pods() for one in pod["containers"] if "args" in one]
    for unit in UNITS:
        line = re.search(r"^ExecStart=(.+)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
        assert line is not None
        found.append(shlex.split(line[1])[1:])
    return [[str(word) for word in one] for one in found]


@pytest.mark.parametrize("words", commands(), ids=lambda words: " ".join(words[:2]))
def test_what_is_started_is_a_command_that_takes_these_options(words: list[str]) -> None:
    command: click.Command = cli
    for at in range(2):
        assert isinstance(command, click.Group)
        command = command.commands[words[at]]
    context = command.make_context(words[1], words[2:], resilient_parsing=False)
    assert context.params["stay"]
    assert context.params["log"] == "json"


def test_the_compose_file_has_three_nats_servers_and_one_node_of_each_kind() -> None:
    services = compose()["services"]
    assert set(services) == {"nats-1", "nats-2", "nats-3", "coordinator", "party", "server"}
    assert services["server"]["profiles"] == ["server"], "only who is asked to runs one"
    for name in ("coordinator", "party", "server"):
        assert "ports" not in services[name], "they connect outward"
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["read_only"] is True
    for name in ("nats-1", "nats-2", "nats-3"):
        assert services[name]["environment"]["NATS_NAME"] == name
        assert services[name]["image"].startswith("nats:")
        mounted = {one.split(":")[0].removeprefix("./") for one in services[name]["volumes"]}
        assert {"nats/server.conf", "nats/accounts.conf", f"nats/tls/{name}", name} == mounted
        assert name in compose()["volumes"]


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_what_a_manifest_names_is_there(path: Path) -> None:
    kinds = [one["kind"] for one in objects(path)]
    assert "Service" not in kinds
    for one in objects(path):
        assert one["apiVersion"]
        assert one["metadata"]["name"]
        if one["kind"] != "StatefulSet":
            continue
        labels = one["spec"]["selector"]["matchLabels"]
        assert one["spec"]["template"]["metadata"]["labels"].items() >= labels.items()
        assert one["spec"]["replicas"] == 1
        claims = [other for other in objects(path) if other["kind"] == "PersistentVolumeClaim"]
        assert [claim["spec"]["accessModes"] for claim in claims] == [["ReadWriteOncePod"]]
        homes = {volume["persistentVolumeClaim"]["claimName"] for volume in pod_of(one)["volumes"][:1]}
        assert homes == {claim["metadata"]["name"] for claim in claims}


@pytest.mark.parametrize("pod", pods(), ids=lambda pod: pod["containers"][0]["name"])
def test_a_pod_has_no_rights_and_a_limit(pod: dict[str, Any]) -> None:
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    volumes = {volume["name"] for volume in pod["volumes"]}
    for one in pod["containers"]:
        rights = one["securityContext"]
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert (rights["allowPrivilegeEscalation"], rights["readOnlyRootFilesystem"]) == (False, True)
        assert one["resources"]["limits"]["memory"]
        assert {mount["name"] for mount in one["volumeMounts"]} == volumes
        for probe in ("startupProbe", "livenessProbe", "readinessProbe") if "args" in one else ():
            assert one[probe]["httpGet"]["port"] in {port["name"] for port in one["ports"]}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_hardened_and_writes_in_its_own_folder_alone(unit: Path) -> None:
    lines = set(unit.read_text(encoding="utf-8").splitlines())
    assert lines >= HARDENED
    assert f"ReadWritePaths=/var/lib/{unit.stem}" in lines
    assert any(line.startswith("LimitNOFILE=") for line in lines)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_takes_a_unit(unit: Path, tmp_path: Path) -> None:
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text(encoding="utf-8").replace("/opt/hansa/bin/hansa", "/bin/true"))
    program = shutil.which("systemd-analyze")
    assert program is not None
    done = subprocess.run([program, "verify", str(copy)], capture_output=True, text=True, check=False)
    said = [
        line
        for line in (done.stdout + done.stderr).splitlines()
        if unit.name in line and not any(key in line for key in KEYS_OF_LATER_SYSTEMD)
    ]
    assert not said


def test_the_image_runs_as_nobody_in_particular() -> None:
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert "FROM python:3.11-slim" in lines
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001:10001"]
    assert lines.index("USER 10001:10001") < lines.index('ENTRYPOINT ["hansa"]')
