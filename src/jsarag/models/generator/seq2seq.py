"""Encoder-decoder language models as generators."""

from __future__ import annotations

from collections.abc import Sequence

from jsarag.models.decode import pad_id
from jsarag.models.generator.language_model import Inputs, LanguageModel, Rows
from jsarag.models.prefix import Past
from jsarag.system.transfer import to_device


class Seq2SeqGenerator(LanguageModel):
    """An encoder-decoder language model: x and h go to the encoder, y to the decoder."""

    def _inputs(self, contexts: Rows, answers: Rows, past: Past | None, rows: Sequence[int]) -> Inputs:
        pad, start = pad_id(self.tokenizer, self.prompt.stops), self.model.generation_config.decoder_start_token_id
        wide, long = max(map(len, contexts)), max(map(len, answers))
        ids = to_device([c + [pad] * (wide - len(c)) for c in contexts], self.device)
        mask = to_device([[1] * len(c) + [0] * (wide - len(c)) for c in contexts], self.device)
        decoder = to_device([[start] + a[:-1] + [pad] * (long - len(a)) for a in answers], self.device)
        positions = [r * long + t for r, a in enumerate(answers) for t in range(len(a))]
        return positions, {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": decoder, "use_cache": False}

    def _shape(self, context: list[int], answer: list[int]) -> tuple[int, ...]:
        return len(context), len(answer)
