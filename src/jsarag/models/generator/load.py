"""From a configuration to a generator, ready to train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from jsarag.models import hub
from jsarag.models.checks import PROBES, check_finite
from jsarag.models.generator.causal import CausalGenerator
from jsarag.models.generator.config import GeneratorConfig
from jsarag.models.generator.gguf import from_gguf
from jsarag.models.generator.language_model import LanguageModel, listed
from jsarag.models.generator.pretrained import whole_model
from jsarag.models.generator.seq2seq import Seq2SeqGenerator
from jsarag.models.precision import compute_dtype
from jsarag.models.prompt import Prompt
from jsarag.models.resolve import BROKEN, check_sizes, not_loadable, resolve
from jsarag.models.roads import UNTRAINED
from jsarag.types import InputError


def load_generator(
    config: GeneratorConfig | str | None = None, device: torch.device | str | None = None
) -> LanguageModel:
    """Load a generator, ready to train.

    Args:
        config: The model with its settings, or its name alone; default: SmolLM2-135M-Instruct with adapters.
        device: Where to; default: the GPU where there is one.

    Raises:
        InputError: there is no such model, it is not a language model, or weights are missing in its files.
    """
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, GenerationConfig

    config = GeneratorConfig(config) if isinstance(config, str) else config or GeneratorConfig()
    device = torch.device(device or Accelerator().device)
    dtype = compute_dtype(config.precision, device)
    where = f"generator.model: {config.model}"
    path, theirs, tokenizer = _described(config)
    auto = AutoModelForSeq2SeqLM if theirs.is_encoder_decoder else AutoModelForCausalLM
    if theirs.model_type in UNTRAINED:
        reason = UNTRAINED[theirs.model_type]
        raise InputError(f"generator.model: expected another family than {theirs.model_type}: {reason}")
    # Frozen weights are kept in the format of the computation, trained ones in float32.
    model = whole_model(auto, path, config.model, dtype=dtype if config.lora else torch.float32)
    check_finite(dict(model.named_parameters()), where)
    rows, added = model.get_input_embeddings().weight.shape[0], tokenizer.get_added_vocab()
    last = max((number for word, number in tokenizer.get_vocab().items() if word not in added), default=0)
    if last >= rows:
        told = f"its tokenizer has a token {last:,}, and its weights know {rows:,} tokens"
        raise InputError(f"{where}: {told}; expected the tokenizer that belongs to the weights")
    # What its makers recommend for decoding (penalties, forced tokens) is no part of the p(y|x,h) that is trained:
    # where an answer starts and ends is.
    start = _decoder_start(model.generation_config, model.config) if model.config.is_encoder_decoder else None
    recommended = model.generation_config
    ends = recommended.eos_token_id
    model.generation_config = GenerationConfig(decoder_start_token_id=start, eos_token_id=ends)  # type: ignore[no-untyped-call]
    if config.lora:
        from jsarag.models.lora import adapted

        lora = config.lora
        targets = lora.targets if lora.targets == "all-linear" else [name.strip() for name in lora.targets.split(",")]
        model = adapted(model, rank=lora.rank, alpha=lora.alpha, targets=targets, dtype=dtype)
    kind = Seq2SeqGenerator if model.config.is_encoder_decoder else CausalGenerator
    nn.Module.to(model, device)
    generator = kind(config, model, tokenizer, dtype)
    generator.recommended = recommended
    if len({tuple(generator.prompt.answer(word)) for word in PROBES}) == 1:
        raise InputError(f"{where}: reads all texts alike; expected its tokenizer's files beside its weights")
    return generator


def load_prompt(config: GeneratorConfig) -> Prompt:
    """The prompt of the generator that ``config`` describes, to count tokens; no weight is read.

    Raises:
        InputError: there is no such model, or the prompt cannot be made with it.
    """
    from transformers import GenerationConfig

    path, theirs, tokenizer = _described(config)
    try:
        made = GenerationConfig.from_pretrained(path)
    except OSError:  # its makers wrote none
        made = GenerationConfig.from_model_config(theirs)
    two_part = bool(theirs.is_encoder_decoder)
    start = _decoder_start(made, theirs) if two_part else None
    return Prompt(config.prompt, tokenizer, stops=listed(made.eos_token_id), start=start, two_part=two_part)


def _described(config: GeneratorConfig) -> tuple[str, Any, Any]:
    """Where a model lies, its configuration and its tokenizer."""
    from transformers import AutoConfig, AutoTokenizer

    path = hub.place(resolve(config.model, "generator.model"), "generator.model")
    path = str(from_gguf(Path(path))) if path.endswith(".gguf") else path
    check_sizes(Path(path), config.model, "generator.model")
    try:
        return path, AutoConfig.from_pretrained(path), AutoTokenizer.from_pretrained(path)
    except BROKEN as error:
        raise not_loadable(config.model, "generator.model", error) from None


def _decoder_start(made: Any, config: Any) -> int:
    """The token that a decoder starts with; as in transformers the beginning of sequence where none is named."""
    known = [
        getattr(source, name, None)
        for name in ("decoder_start_token_id", "bos_token_id")
        for source in (made, config, getattr(config, "decoder", None))
    ]
    found = next((token for token in known if token is not None), None)
    if found is None:
        raise InputError(
            "generator.model: expected a decoder_start_token_id or a bos_token_id in the model's configuration or its "
            "generation configuration; this one has neither"
        )
    return int(found)
