"""All weights in a checkpoint's folder, whatever library wrote them."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor


def weights(folder: Path) -> dict[str, Tensor]:
    """By file and name; without optimizer and sampler, which lie beside the folders of the models."""
    found = {}
    for file in sorted(folder.glob("*/**/*.safetensors")):
        for name, weight in load_file(file).items():
            found[f"{file.relative_to(folder)}:{name}"] = weight
    assert found
    return found
