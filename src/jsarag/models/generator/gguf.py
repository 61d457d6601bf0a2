"""GGUF files, converted to safetensors once."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import nn

from jsarag.files import whole
from jsarag.models.generator.pretrained import whole_model
from jsarag.models.resolve import BROKEN, cache_folder, not_loadable


def from_gguf(file: Path) -> Path:
    """Convert a GGUF file to safetensors once and keep the result: unpacking takes about 15 s each time."""
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils.quantization_config import GgufConfig

    stat = file.stat()
    folder = cache_folder() / f"{file.stem}-{stat.st_size}"
    if not (folder / "source.json").exists():
        options = {"gguf_file": file.name, "quantization_config": GgufConfig(dequantize=True)}
        model = whole_model(AutoModelForCausalLM, file.parent, str(file), dtype=torch.float32, **options)
        try:
            tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
        except BROKEN as error:
            raise not_loadable(str(file), "generator.model", error) from None
        with whole(folder) as temporary:
            nn.Module.to(model, torch.bfloat16)
            model.save_pretrained(temporary)
            tokenizer.save_pretrained(temporary)
            (temporary / "source.json").write_text(json.dumps({"gguf": file.name, "bytes": stat.st_size}))
    return folder
