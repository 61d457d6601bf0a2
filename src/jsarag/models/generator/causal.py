"""Decoder-only language models as generators."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

from torch import Tensor

from jsarag.models.attention import unmasked
from jsarag.models.batching import prefix_overhead
from jsarag.models.decode import pad_id
from jsarag.models.generator.language_model import Inputs, LanguageModel, Rows
from jsarag.models.precision import autocast
from jsarag.models.prefix import Past, shared
from jsarag.models.unpadded import forget_lengths
from jsarag.system.transfer import to_device


class CausalGenerator(LanguageModel):
    """A decoder-only language model."""

    def _inputs(self, contexts: Rows, answers: Rows, past: Past | None, rows: Sequence[int]) -> Inputs:
        # The last token predicts nothing, but a family that takes the plain road is given the whole text.
        last = -1 if self.roads.padded else None
        texts = [(c + a)[:last] for c, a in zip(contexts, answers, strict=True)]
        width = max(map(len, texts))
        pad = pad_id(self.tokenizer, self.prompt.stops)
        # Padding stands on the right and attention is causal, so no real token sees it and no mask is needed.
        ids = to_device([text + [pad] * (width - len(text)) for text in texts], self.device)
        positions = [
            r * width + len(c) - 1 + t
            for r, (c, a) in enumerate(zip(contexts, answers, strict=True))
            for t in range(len(a))
        ]
        if self.roads.stretched:
            forget_lengths(self.model, ids)
        before = past.arguments(rows, width) if past else {}
        return positions, {"input_ids": ids, "use_cache": False, **before}

    def _answer_log_probs(
        self, contexts: Rows, answers: Rows, temperature: float, past: Past | None, rows: Sequence[int]
    ) -> Tensor:
        # Those that share beginnings attend to everything before a token, in all layers.
        causal = past is None and self.roads.prefix
        with unmasked(self.model, self.device) if causal else nullcontext():
            return super()._answer_log_probs(contexts, answers, temperature, past, rows)

    def _shape(self, context: list[int], answer: list[int]) -> tuple[int, ...]:
        return (len(context) + len(answer),)

    def _past(self, contexts: list[list[int]], xs: list[str]) -> Past | None:
        found = shared(contexts, xs, prefix_overhead(self.device)) if contexts and self.roads.prefix else None
        if found is None:
            return None
        inner = self.model.get_base_model() if self.config.lora else self.model
        with autocast(self.dtype, self.device):
            return Past.read(inner, found, self.device)
