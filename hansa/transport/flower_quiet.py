"""Flower's library, imported so that it calls nobody: no telemetry, no look for updates, no installing."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

from hansa.core.errors import LinkError

SETTINGS = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1"}
_INSTALLED_AT_RUN_TIME = "runtime-envs"  # the folder that Flower installs an app's libraries to


def quiet_flower() -> Any:
    """Return the module flwr.app. Raises LinkError where it is missing, or was imported without `SETTINGS`.

    Flower starts its apps with the settings that its own programs were started with, so that an app which
    is refused here tells that the SuperLink or SuperNode above it calls home.
    """
    if "flwr" in sys.modules:
        _check_settings()
    os.environ.update(SETTINGS)
    _check_path()
    try:
        return importlib.import_module("flwr.app")
    except ImportError as fault:
        raise LinkError("is not installed", do="pip install 'hansa[flower]'", where="Flower") from fault


def _check_settings() -> None:
    loud = [f"{name}={value}" for name, value in SETTINGS.items() if os.environ.get(name) != value]
    if loud:
        raise LinkError(
            "calls its makers over the internet",
            do=f"start flower-superlink and flower-supernode with {' '.join(loud)}",
            where="Flower",
        )


def _check_path() -> None:
    if any(_INSTALLED_AT_RUN_TIME in Path(entry).parts for entry in sys.path):
        raise LinkError(
            "has installed libraries for this run",
            do="start flower-superlink with --disable-runtime-dependency-installation",
            where="Flower",
        )
