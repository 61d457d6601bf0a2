"""RAG-Sequence and RAG-Token against the losses of transformers' own RAG models, on the same tensors."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from transformers.models.rag.modeling_rag import RagSequenceForGeneration, RagTokenForGeneration

from jsarag.objectives import Objective, RagSequence, RagToken, Scores
from tests.enumeration import slopes, toy

ROWS, DOCS, TOKENS, WORDS = 4, 5, 6, 11
PAD = 0
LENGTHS = torch.tensor([6, 2, 4, 3])
"""Answer tokens; not 1, for there transformers' RAG-Sequence masks the document's score together with the padding."""


def tensors() -> tuple[Tensor, Tensor, Tensor]:
    """Logits over words for each passage, passage scores, target words padded at the end."""
    rng = torch.Generator().manual_seed(0)
    logits = torch.randn(ROWS, DOCS, TOKENS, WORDS, generator=rng, dtype=torch.float64).mul(2).requires_grad_()
    documents = torch.randn(ROWS, DOCS, generator=rng, dtype=torch.float64).requires_grad_()
    target = torch.randint(1, WORDS, (ROWS, TOKENS), generator=rng)
    return logits, documents, target.masked_fill(torch.arange(TOKENS) >= LENGTHS[:, None], PAD)


def theirs(kind: Any, logits: Tensor, documents: Tensor, target: Tensor) -> Tensor:
    config = SimpleNamespace(
        n_docs=DOCS, bos_token_id=None, generator=SimpleNamespace(pad_token_id=PAD, bos_token_id=None)
    )
    model = SimpleNamespace(config=config)
    model.marginalize = lambda *args: RagTokenForGeneration.marginalize(model, *args)  # type: ignore[arg-type, no-untyped-call]
    # Their targets begin with a start token, which they shift away.
    shifted = torch.cat([torch.full((ROWS, 1), 7), target], dim=1)
    flat = torch.cat([logits, torch.zeros(ROWS, DOCS, 1, WORDS, dtype=logits.dtype)], dim=2).flatten(0, 1)
    loss: Tensor = kind.get_nll(model, flat, documents, shifted)
    return loss.reshape(-1)


def ours(objective: Objective, logits: Tensor, documents: Tensor, target: Tensor) -> Tensor:
    index = target[:, None, :, None].expand(-1, DOCS, -1, -1)
    tokens = logits.log_softmax(-1).gather(-1, index)[..., 0]
    tokens = tokens.masked_fill((torch.arange(TOKENS) >= LENGTHS[:, None])[:, None], 0)
    scores: Scores = replace(
        toy().scores(),
        log_p=documents.log_softmax(-1),
        log_lik=tokens.sum(-1),
        token_log_lik=tokens,
        answer_tokens=LENGTHS,
    )
    rng = torch.Generator()
    return objective.loss(scores, objective.weigh(scores, objective.propose(scores, rng), rng))


@pytest.mark.parametrize(
    ("objective", "kind"), [(RagSequence(), RagSequenceForGeneration), (RagToken(), RagTokenForGeneration)]
)
def test_loss_and_gradients_are_those_of_transformers(objective: Objective, kind: Any) -> None:
    logits, documents, target = tensors()
    mine, reference = ours(objective, logits, documents, target), theirs(kind, logits, documents, target)
    assert_close(mine, reference)
    leaves = [logits, documents]
    for a, b in zip(slopes(mine.sum(), leaves), slopes(reference.sum(), leaves), strict=True):
        assert_close(a, b)
