"""The generator on one batch, as objectives meet it: a `jsarag.objectives.Reader`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from jsarag import processes
from jsarag.kb import KnowledgeBase
from jsarag.models import Generator, Pair
from jsarag.objectives import Reading
from jsarag.objectives.candidates import PADDING
from jsarag.objectives.reads import Reads
from jsarag.system.transfer import to_device, to_host


@dataclass(frozen=True)
class BatchReader:
    """Scores the answers of a batch under its candidates.

    Attributes:
        generator: Reads.
        kb: The passages.
        pairs: The (x, y) of the batch.
        candidates: ``[batch, candidates]`` positions of passages.
        log_p: ``[batch, candidates]`` log p(h|x), on the host: passages read together stand in its order.
        temperature: What the generator's logits are divided by.
    """

    generator: Generator
    kb: KnowledgeBase
    pairs: Sequence[tuple[str, str]]
    candidates: Tensor
    log_p: Tensor
    temperature: float

    def __call__(self, asked: Tensor, reads: Reads) -> Reading:
        """Read the candidates ``asked[batch, candidates]`` as ``reads`` says; the same prompt is read once.

        ``asked`` lies on the host, and so does what is read without gradient.
        """
        rows, columns = asked.nonzero(as_tuple=True)
        totals = torch.zeros(asked.shape)
        if not len(rows):
            return Reading(totals, totals[..., None])
        found = self._prompts(asked.tolist(), reads)
        prompts = [(r, found[r][c]) for r, c in zip(rows.tolist(), columns.tolist(), strict=True)]
        distinct = list(dict.fromkeys(prompts))
        pairs = [
            Pair(self.pairs[r][0], tuple(self.kb.passages[i] for i in positions), self.pairs[r][1])
            for r, positions in distinct
        ]
        tokens = processes.spread(
            pairs, lambda some: self.generator.token_log_likelihood(some, temperature=self.temperature)
        )
        if not tokens.requires_grad:
            (tokens,) = to_host([tokens])
        lengths = to_device(self.generator.answer_tokens([pair.y for pair in pairs]), tokens.device)
        place = {prompt: i for i, prompt in enumerate(distinct)}
        at = to_device([place[prompt] for prompt in prompts], tokens.device)
        where = to_device(rows, tokens.device), to_device(columns, tokens.device)
        empty = torch.zeros(*asked.shape, tokens.shape[1], device=tokens.device)
        return Reading(
            to_device(totals, tokens.device).index_put(where, self.generator.total(tokens, lengths)[at]),
            empty.index_put(where, tokens[at]),
        )

    def _prompts(self, asked: list[list[bool]], reads: Reads) -> list[dict[int, tuple[int, ...]]]:
        """By row, positions of the passages in the prompt of each candidate that is asked for."""
        found = []
        orders = self.log_p.argsort(descending=True).tolist()
        for wanted, order, positions in zip(asked, orders, self.candidates.tolist(), strict=True):
            best = [c for c in order if wanted[c]]
            everyone = [c for c, i in enumerate(positions) if i != PADDING]
            found.append({c: tuple(positions[other] for other in reads.prompt(c, best, everyone)) for c in best})
        return found
