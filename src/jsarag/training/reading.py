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


@dataclass(frozen=True)
class BatchReader:
    """Scores the answers of a batch under its candidates.

    Attributes:
        generator: Reads.
        kb: The passages.
        pairs: The (x, y) of the batch.
        candidates: ``[batch, candidates]`` positions of passages.
        log_p: ``[batch, candidates]`` log p(h|x): passages read together stand in its order.
        temperature: What the generator's logits are divided by.
    """

    generator: Generator
    kb: KnowledgeBase
    pairs: Sequence[tuple[str, str]]
    candidates: Tensor
    log_p: Tensor
    temperature: float

    def __call__(self, asked: Tensor, reads: Reads) -> Reading:
        """Read the candidates ``asked[batch, candidates]`` as ``reads`` says; the same prompt is read once."""
        rows, columns = asked.nonzero(as_tuple=True)
        found = [self._prompts(row, asked[row], reads) for row in range(len(self.pairs))]
        prompts = [(r, found[r][c]) for r, c in zip(rows.tolist(), columns.tolist(), strict=True)]
        distinct = list(dict.fromkeys(prompts))
        pairs = [
            Pair(self.pairs[r][0], tuple(self.kb.passages[i] for i in positions), self.pairs[r][1])
            for r, positions in distinct
        ]
        tokens = processes.spread(
            pairs, lambda some: self.generator.token_log_likelihood(some, temperature=self.temperature)
        ).to(asked.device)
        lengths = self.generator.answer_tokens([pair.y for pair in pairs]).to(asked.device)
        place = {prompt: i for i, prompt in enumerate(distinct)}
        at = torch.tensor([place[prompt] for prompt in prompts], dtype=torch.long)
        empty = torch.zeros(*asked.shape, tokens.shape[1], device=asked.device)
        totals = torch.zeros(asked.shape, device=asked.device)
        return Reading(
            totals.index_put((rows, columns), self.generator.total(tokens, lengths)[at]),
            empty.index_put((rows, columns), tokens[at]),
        )

    def _prompts(self, row: int, asked: Tensor, reads: Reads) -> dict[int, tuple[int, ...]]:
        """Positions of the passages in the prompt of each candidate of a row that is asked for."""
        positions = self.candidates[row].tolist()
        best = [c for c in self.log_p[row].argsort(descending=True).tolist() if asked[c]]
        everyone = [c for c, i in enumerate(positions) if i != PADDING]
        return {c: tuple(positions[other] for other in reads.prompt(c, best, everyone)) for c in best}
