"""The weights of a checkpoint: a folder a part, as the part's own library opens it.

``prior``, ``posterior`` and ``passages`` are folders of sentence-transformers; ``generator`` is a folder of PEFT where
adapters are trained, else one of transformers. Release 0.1 wrote one file ``models.safetensors`` for all parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from jsarag import layout
from jsarag.models import Encoder, Generator
from jsarag.models.checks import check_alike, check_finite
from jsarag.training.models import Part, Parts
from jsarag.types import InputError

OLD = layout.OLD_WEIGHTS


def write(folder: Path, parts: Parts) -> None:
    """Write the models of all parts into a folder.

    Raises:
        InputError: a weight is not finite; nothing has been written.
    """
    for part, model in parts.items():
        check_finite({f"{part}.{name}": w for name, w in model.trained().items()}, "training: nothing is saved")
    for part, model in parts.items():
        model.save(folder / part)


def there(folder: Path) -> set[str]:
    """The parts whose weights a folder holds."""
    if (folder / OLD).is_file():
        with safe_open(folder / OLD, framework="pt") as saved:
            return {_part(key) for key in saved.keys()}  # noqa: SIM118 - it is no dict
    return {path.name for path in folder.iterdir() if path.is_dir()}


def read(folder: Path, parts: Parts) -> None:
    """Put the weights in a folder into the models of these parts.

    Raises:
        InputError: a part is not there, or its weights are those of another model, or not finite.
    """
    held = there(folder)
    missing = next((part for part in parts if part not in held), None)
    if missing is not None:
        raise InputError(f"{folder}: holds other weights than this run's models and objective train (no {missing})")
    if (folder / OLD).is_file():
        saved = load_file(folder / OLD)
        for part, model in parts.items():
            _copy({k.partition(".")[2]: w for k, w in saved.items() if _part(k) == part}, model, part, folder / OLD)
        return
    for part, model in parts.items():
        model.load(folder / part)


def _part(key: str) -> str:
    return key.partition(".")[0]


def _copy(saved: Mapping[str, Tensor], model: Encoder | Generator, part: Part, file: Path) -> None:
    # Of an encoder in use on one side alone, release 0.1 kept the weights of that side.
    wanted = {name: weight for name, weight in model.trained().items() if name in saved or part == "generator"}
    check_alike(saved, wanted, str(file))
    with torch.no_grad():
        for name, weight in wanted.items():
            weight.copy_(saved[name])
