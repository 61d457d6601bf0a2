"""The generator as a folder of PEFT, or with its adapters added to its weights as a folder of transformers."""

from __future__ import annotations

from pathlib import Path

from jsarag.models import LanguageModel
from jsarag.models.lora import PLAIN


def write(generator: LanguageModel, folder: Path, *, base: str, merged: bool) -> None:
    """Write the generator into a new folder; with ``merged`` the generator cannot be used afterwards.

    Args:
        generator: The generator.
        folder: The folder.
        base: What the adapters name as their base.
        merged: Add adapters to the weights.
    """
    if generator.config.lora is not None and merged:
        generator.merge()
    elif generator.config.lora is not None:
        generator.model.peft_config[PLAIN].base_model_name_or_path = base
    generator.save(folder)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's own card names places on this machine
