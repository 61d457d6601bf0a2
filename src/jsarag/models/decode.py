"""Decoding with transformers' `generate`, from one prompt an answer or from a mixture of prompts.

Each prompt of a mixture is a row of the batch with keys and values of its own. Before a token is chosen, the rows of an
answer are given the same scores, those of the mixture; so they go on alike, and greedy search and beam search over a
mixture are those of transformers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from itertools import groupby
from typing import Any, NamedTuple

import torch
from torch import Tensor

from jsarag.models.batching import by_length
from jsarag.models.roads import QUICK, Roads
from jsarag.models.search import Search
from jsarag.models.unpadded import unpadded
from jsarag.types import InputError, Passage


class Mixture(NamedTuple):
    """What an answer is generated from: p(y_t|x,y_<t) = sum_i weight_i p(y_t | x, passages_i, y_<t).

    Attributes:
        x: The question.
        parts: The passages of each prompt, best first.
        log_weights: Logarithms of the weights, which sum to 1; -inf for a prompt that does not count.
    """

    x: str
    parts: tuple[tuple[Passage, ...], ...]
    log_weights: tuple[float, ...]


class Generated(NamedTuple):
    """A decoded answer and its log-probability, the end-of-answer token included.

    The log-probability is that of the model itself: no temperature, nothing cut off.

    Attributes:
        text: The answer.
        log_probability: In nats; of an answer that is not finished, that of all answers that begin so.
        finished: Whether it came to its end within the longest answer.
    """

    text: str
    log_probability: float
    finished: bool


class Batch(NamedTuple):
    """Mixtures of equally many prompts, decoded together.

    Attributes:
        xs: The questions.
        contexts: The tokens of their prompts, ``[answers][prompts]``.
        log_weights: ``[answers, prompts]``.
    """

    xs: list[str]
    contexts: list[list[list[int]]]
    log_weights: Tensor


def alike(
    chosen: Sequence[int],
    contexts: Sequence[Sequence[Sequence[int]]],
    more: int,
    width: int,
    budget: int,
    overhead: int,
) -> list[list[int]]:
    """Positions of mixtures to decode together: equally many prompts, and a padded batch within a budget of tokens.

    Args:
        chosen: Positions of the mixtures that are to be decoded.
        contexts: The prompts of each mixture.
        more: Tokens that each will grow by.
        width: Beams of each prompt.
        budget: Tokens of a batch.
        overhead: What a batch costs beside its tokens, in tokens.
    """

    def tokens(i: int) -> int:
        return width * len(contexts[i]) * (max(map(len, contexts[i])) + more)

    groups = groupby(sorted(chosen, key=lambda i: len(contexts[i])), key=lambda i: len(contexts[i]))
    return [batch for _, group in groups for batch in by_length(list(group), tokens, budget, overhead)]


def decode(
    model: Any,
    tokenizer: Any,
    batch: Batch,
    search: Search,
    room: int,
    *,
    stops: Sequence[int],
    roads: Roads = QUICK,
    heed: Callable[[int, int], bool] | None = None,
) -> tuple[list[list[Generated]], int]:
    """Answers to each mixture, best first, and how many tokens that took, padding not counted.

    Args:
        model: A language model of transformers.
        tokenizer: Its tokenizer.
        batch: What to decode.
        search: How tokens are chosen.
        room: Longest answer, in tokens.
        stops: Tokens any of which ends an answer.
        roads: What the model's family bears.
        heed: Called with the place of an answer and each of its tokens as soon as that is chosen; where it says True
            the answer ends there. Not with beams.
    """
    pad = pad_id(tokenizer, stops)
    contexts = [row for rows in batch.contexts for row in rows]
    ids, mask = _rectangle(contexts, pad, left=not _two_part(model))
    choice = _Choice(batch, search, start=1 if _two_part(model) else ids.shape[1], stops=stops, heed=heed)
    beams: dict[str, Any] = {}
    if search.width > 1:
        # Without a length penalty the score of a beam is its log-probability, and the best beam the likeliest.
        beams = {"num_return_sequences": search.width, "length_penalty": 0.0, "early_stopping": False}
    device = next(model.parameters()).device
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    alone = unpadded(inner, contexts, ids.shape[1], stretched=roads.stretched)
    with nullcontext() if roads.cached else alone:
        sequences = model.generate(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            max_new_tokens=room,
            do_sample=False,
            num_beams=search.width,
            pad_token_id=pad,
            eos_token_id=list(stops),
            logits_processor=[choice],
            stopping_criteria=[choice.ended] if heed else None,
            use_cache=roads.cached,
            **beams,
        )
    answers, parts = batch.log_weights.shape
    # The rows of a mixture are alike: the first speaks for all.
    tokens = sequences.view(answers, parts, search.width, -1)[:, 0, :, choice.start :].tolist()
    found, read = [], int(mask.sum())
    for answer, rows in enumerate(tokens):
        # What follows an answer that was ended is padding.
        known_rows = [row[: choice.lengths[answer]] for row in rows] if heed else rows
        # A search with more beams than there are answers fills up with answers that it has already.
        distinct = {_ended(row, stops) for row in known_rows}
        read += parts * sum(map(len, distinct))
        totals = [(choice.log_probability(answer, row), row) for row in distinct]
        if any(total is not None and math.isnan(total) for total, _ in totals):
            raise InputError(f"generator.model: its scores of answers to {batch.xs[answer][:60]!r} are not numbers")
        known = sorted([(total, row) for total, row in totals if total is not None], reverse=True)
        found.append([Generated(text_of(tokenizer, row, stops), total, row[-1] in stops) for total, row in known])
    return found, read


def text_of(tokenizer: Any, tokens: Sequence[int], stops: Sequence[int] = ()) -> str:
    """The text of an answer's tokens, without the one of ``stops`` that ends it: not all are special tokens."""
    held = tokens[:-1] if tokens and tokens[-1] in stops else tokens
    # Cleaned up, a text would not only grow as tokens arrive: "it '" and then "it's".
    text = tokenizer.decode(list(held), skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return str(text).strip()


def pad_id(tokenizer: Any, stops: Sequence[int]) -> int:
    """The padding token, or the end token of a model that has none."""
    return int(stops[0] if tokenizer.pad_token_id is None else tokenizer.pad_token_id)


def _ended(row: list[int], stops: Sequence[int]) -> tuple[int, ...]:
    """An answer up to its end token: what follows is padding."""
    end = next((t + 1 for t, token in enumerate(row) if token in stops), len(row))
    return tuple(row[:end])


class _Choice:
    """A logits processor that leaves to `generate` only the tokens that the search may take, and keeps their scores."""

    def __init__(
        self,
        batch: Batch,
        search: Search,
        start: int,
        stops: Sequence[int],
        heed: Callable[[int, int], bool] | None,
    ) -> None:
        self.start = start
        self.lengths = [0] * len(batch.xs)
        # As many as `generate` looks at, for some may be at their end: two a beam, or more where more tokens end one.
        self._kept = max(2, 1 + len(stops)) * search.width if search.width > 1 else 1
        self._log_weights, self._search = batch.log_weights, search
        self._stops, self._heed, self._over = frozenset(stops), heed, [False] * len(batch.xs)
        self._noise = [search.noise(x, "answer") for x in batch.xs]
        # By answer and beginning: log p(y_t|y_<t) of the tokens that may follow.
        self._seen: list[dict[tuple[int, ...], dict[int, float]]] = [{} for _ in batch.xs]

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        answers, parts = self._log_weights.shape
        rows = scores.float().log_softmax(-1).view(answers, parts, self._search.width, -1)
        weights = self._log_weights.to(rows.device)[:, :, None, None]
        log_probs = (rows + weights).logsumexp(1) if parts > 1 else rows[:, 0]
        judged = self._search.judge(log_probs, self._noise)
        top = judged.topk(min(self._kept, judged.shape[-1]))
        self._note(ids, top.indices, log_probs.gather(-1, top.indices))
        allowed = torch.full_like(judged, -torch.inf).scatter(-1, top.indices, top.values)
        return allowed[:, None].expand_as(rows).reshape(scores.shape)

    def _note(self, ids: Tensor, tokens: Tensor, log_probs: Tensor) -> None:
        answers, parts = self._log_weights.shape
        begun = ids[:, self.start :].view(answers, parts, self._search.width, -1)[:, 0].tolist()
        for seen, *rows in zip(self._seen, begun, tokens.tolist(), log_probs.tolist(), strict=True):
            for beginning, following, values in zip(*rows, strict=True):
                seen[tuple(beginning)] = dict(zip(following, values, strict=True))
        if self._heed:
            for answer, token in enumerate(tokens[:, 0, 0].tolist()):
                if not self._over[answer]:
                    self.lengths[answer] += 1
                    self._over[answer] = self._heed(answer, token) or token in self._stops

    def ended(self, ids: Tensor, _: object) -> Tensor:
        """``[rows]`` whose answer is over: a criterion of `generate`."""
        return torch.tensor(self._over, device=ids.device).repeat_interleave(self._log_weights.shape[1])

    def log_probability(self, answer: int, tokens: Sequence[int]) -> float | None:
        """That of an answer; None for padding that stands where the search found no answer."""
        total = 0.0
        for t, token in enumerate(tokens):
            following = self._seen[answer].get(tuple(tokens[:t]), {})
            if token not in following:
                return None
            total += following[token]
        return total


def _two_part(model: Any) -> bool:
    return bool(model.config.is_encoder_decoder)


def _rectangle(rows: list[list[int]], pad: int, *, left: bool) -> tuple[Tensor, Tensor]:
    """Rows of tokens padded to one width, and where they are not padding.

    A decoder goes on at the right end, so padding stands on its left. An encoder may count positions from the left.
    """
    width = max(map(len, rows))

    def padded(row: list[int], fill: int) -> list[int]:
        filling = [fill] * (width - len(row))
        return filling + row if left else row + filling

    return torch.tensor([padded(row, pad) for row in rows]), torch.tensor([padded([1] * len(row), 0) for row in rows])
