"""Where curves go beside ``metrics.jsonl``: the trackers of Accelerate, by name."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jsarag import layout
from jsarag.checks import closest
from jsarag.types import InputError

PROJECT = "jsarag"
"""The project or experiment under which a tracker shows runs."""

TRACKERS: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "tensorboard": lambda run, step: {"run_name": layout.TENSORBOARD, "logging_dir": run, "purge_step": step},
    "wandb": lambda run, step: {"run_name": PROJECT, "name": run.name, "dir": str(run)},
    "mlflow": lambda run, step: {"experiment_name": PROJECT, "run_name": run.name},
    "trackio": lambda run, step: {"run_name": PROJECT, "name": run.name},
}
"""How each is set up, for a run folder and the first step that is recorded; a new one is one line."""


def check_trackers(names: Sequence[str], option: str) -> None:
    """Refuse trackers that Accelerate does not know, or whose package is not installed."""
    for name in names:
        if name not in TRACKERS:
            raise InputError(f"{option}: expected some of {', '.join(TRACKERS)}, got {name!r}{closest(name, TRACKERS)}")
        if importlib.util.find_spec(name) is None:
            raise InputError(f"{option}: {name} is not installed; pip install {name}")


def started(names: Sequence[str], run: Path, first_step: int) -> list[Any]:
    """The trackers of a run, ready to be told; each is a `accelerate.tracking.GeneralTracker`."""
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    found = [LOGGER_TYPE_TO_CLASS[name](**TRACKERS[name](run, first_step)) for name in names]
    for tracker in found:
        tracker.start()
    return found
