"""All answers of a model with a small vocabulary, and their probabilities, one plain forward pass at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch

from jsarag.models import GeneratorConfig, LanguageModel, Mixture, PromptConfig, load_generator
from jsarag.models.decode import text_of
from jsarag.types import Passage, Retrieved

WORDS = "a b c"
EOS = 5
ROOM = 3
"""Longest answer, in tokens."""
X = "b a"
TEXTS = ("a b", "c", "a a c b")
PROBABILITIES = (0.5, 0.3, 0.2)
HS = [Retrieved(Passage(str(i), "", t), 0.0, p) for i, (t, p) in enumerate(zip(TEXTS, PROBABILITIES, strict=True))]


def load(path: Path, room: int = ROOM) -> LanguageModel:
    prompt = PromptConfig(template="{passage} {input}", passage="{text}", no_passage="{input}", separator=" c ")
    config = GeneratorConfig(
        str(path), lora=None, precision="fp32", max_new_tokens=room, batch_tokens=100_000, prompt=prompt
    )
    return load_generator(config, torch.device("cpu"))


def next_token(generator: LanguageModel, context: list[int], answer: Sequence[int]) -> torch.Tensor:
    """``[vocabulary]`` log p(y_t | context, y_<t), without cache, padding or batch."""
    model = generator.model
    with torch.inference_mode():
        if model.config.is_encoder_decoder:
            decoder = torch.tensor([[model.config.decoder_start_token_id, *answer]])
            logits = model(input_ids=torch.tensor([context]), decoder_input_ids=decoder).logits
        else:
            logits = model(input_ids=torch.tensor([[*context, *answer]])).logits
    found: torch.Tensor = logits[0, -1].double().log_softmax(-1)
    return found


def answers(generator: LanguageModel, mixture: Mixture) -> dict[tuple[int, ...], float]:
    """log p(y|x) of every token sequence that ends, or is as long as an answer may be, under a mixture of prompts."""
    contexts = [generator.prompt.context(mixture.x, h, room=ROOM) for h in mixture.parts]
    weights = torch.tensor(mixture.log_weights).double()[:, None]
    found: dict[tuple[int, ...], float] = {}
    begun: dict[tuple[int, ...], float] = {(): 0.0}
    for _ in range(ROOM):
        longer: dict[tuple[int, ...], float] = {}
        for answer, total in begun.items():
            each = torch.stack([next_token(generator, context, answer) for context in contexts])
            for token, log_p in enumerate((weights + each).logsumexp(0).tolist()):
                longer[(*answer, token)] = total + log_p
        found |= {answer: total for answer, total in longer.items() if answer[-1] == EOS}
        begun = {answer: total for answer, total in longer.items() if answer[-1] != EOS}
    return found | begun


def texts(generator: LanguageModel, found: dict[tuple[int, ...], float]) -> dict[str, float]:
    """log-probability of each text: tokens that have none, such as those of padding, make several sequences one."""
    total: dict[str, float] = {}
    for tokens, log_p in found.items():
        text = text_of(generator.tokenizer, tokens)
        total[text] = total.get(text, 0.0) + math.exp(log_p)
    return {text: math.log(p) for text, p in total.items()}


def likelihood(generator: LanguageModel, passages: tuple[Passage, ...], y: str) -> float:
    """log p(y | x, passages), token after token."""
    answer = generator.prompt.answer(y)
    context = generator.prompt.context(X, passages, room=ROOM)
    return sum(float(next_token(generator, context, answer[:t])[token]) for t, token in enumerate(answer))
