"""Encoder-decoder language models as generators."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from jsarag.models.decode import pad_id
from jsarag.models.generator.language_model import LanguageModel
from jsarag.models.generator.logits import log_probs, logits_at
from jsarag.models.prefix import Past


class Seq2SeqGenerator(LanguageModel):
    """An encoder-decoder language model: x and h go to the encoder, y to the decoder."""

    def _answer_log_probs(
        self,
        contexts: list[list[int]],
        answers: list[list[int]],
        temperature: float,
        past: Past | None,
        rows: Sequence[int],
    ) -> Tensor:
        pad, start = pad_id(self.tokenizer, self.prompt.stops), self.model.generation_config.decoder_start_token_id
        wide, long = max(map(len, contexts)), max(map(len, answers))
        ids = torch.tensor([c + [pad] * (wide - len(c)) for c in contexts], device=self.device)
        mask = torch.tensor([[1] * len(c) + [0] * (wide - len(c)) for c in contexts], device=self.device)
        decoder = torch.tensor([[start] + a[:-1] + [pad] * (long - len(a)) for a in answers], device=self.device)
        positions = [r * long + t for r, a in enumerate(answers) for t in range(len(a))]
        targets = torch.tensor([token for answer in answers for token in answer], device=self.device)
        inputs = {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": decoder, "use_cache": False}
        return log_probs(logits_at(self.model, positions, inputs), targets, temperature)

    def _shape(self, context: list[int], answer: list[int]) -> tuple[int, ...]:
        return len(context), len(answer)
