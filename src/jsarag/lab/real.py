"""A world made by real models: their tables on a few passages, and the Jacobians behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from jsarag.lab.world import World
from jsarag.models import Encoder, Generator, Pair
from jsarag.models.similarity import comparable
from jsarag.types import Example, Passage


def real(
    encoder: Encoder,
    generator: Generator,
    passages: Sequence[Passage],
    examples: Sequence[Example],
    nearest: int,
    progress: Callable[[int], None],
    *,
    jacobians: bool = True,
) -> World:
    """Tables of the untrained models: for each example the passages nearest to x, the right one among them.

    The posterior retriever is a copy of the prior, reading x and y.

    Args:
        encoder: Prior and posterior.
        generator: The generator, with the weights that training would change.
        passages: The knowledge base.
        examples: (x, y) pairs with a gold passage.
        nearest: N, the passages kept for each example.
        progress: Told 1 for each finished example.
        jacobians: Also take the Jacobians behind the tables; without them lengths are those of the tables' gradients.
    """
    vectors = comparable(encoder.embed_passages(passages).detach(), encoder.similarity)
    position = {passage.id: i for i, passage in enumerate(passages)}
    parts = []
    for example in examples:
        with torch.set_grad_enabled(jacobians):
            gold = position[example.gold[0]]
            part = _one(encoder, generator, passages, vectors, example, gold, nearest)
        parts.append(part)
        progress(1)
    tokens = nn.utils.rnn.pad_sequence([part.tokens[0].T for part in parts], batch_first=True).transpose(1, 2)
    return World(
        torch.cat([part.prior for part in parts]),
        torch.cat([part.posterior for part in parts]),
        tokens,
        torch.cat([part.lengths for part in parts]),
        torch.cat([part.gold for part in parts]),
        {
            "prior": torch.cat([part.metric["prior"] for part in parts]),
            "posterior": torch.cat([part.metric["posterior"] for part in parts]),
            "generator": torch.cat([_padded(part.metric["generator"], nearest, tokens.shape[2]) for part in parts]),
        }
        if jacobians
        else {},
    )


def _one(
    encoder: Encoder,
    generator: Generator,
    passages: Sequence[Passage],
    vectors: Tensor,
    example: Example,
    gold: int,
    nearest: int,
) -> World:
    y = example.outputs[0]
    inputs = torch.cat([encoder.embed_queries([example.input]), encoder.embed_pairs([example.input], [y])])
    e_x, e_xy = comparable(inputs, encoder.similarity)
    ranked = [i for i in (vectors @ e_x.detach()).argsort(descending=True).tolist() if i != gold]
    kept = sorted([gold, *ranked[: nearest - 1]])
    prior, posterior = (encoder.scale * vectors[kept] @ e for e in (e_x, e_xy))
    rows, jacobians = [], []
    weights = list(generator.trained().values())
    for i in kept:
        row = generator.token_log_likelihood([Pair(example.input, (passages[i],), y)])[0]
        if row.requires_grad:
            jacobians.append(_jacobian(row, weights))
        rows.append(row.detach())
    metric = {}
    if jacobians:
        metric = {
            "prior": _gram(_jacobian(prior, encoder.trained().values())),
            "posterior": _gram(_jacobian(posterior, encoder.trained().values())),
            "generator": _gram(torch.cat(jacobians)),
        }
    tokens = torch.stack(rows)
    return World(
        prior.detach().double()[None],
        posterior.detach().double()[None],
        tokens.double()[None],
        torch.tensor([tokens.shape[1]]),
        torch.tensor([kept.index(gold)]),
        {name: gram[None] for name, gram in metric.items()},
    )


def _jacobian(values: Tensor, weights: Iterable[nn.Parameter]) -> Tensor:
    """``[values, parameters]`` derivatives of a vector."""
    among = list(weights)
    rows = []
    for value in values:
        found = torch.autograd.grad(value, among, retain_graph=True, allow_unused=True)
        rows.append(
            torch.cat(
                [torch.zeros_like(w).flatten() if g is None else g.flatten() for g, w in zip(found, among, strict=True)]
            )
        )
    return torch.stack(rows)


def _gram(jacobian: Tensor) -> Tensor:
    return (jacobian @ jacobian.T).double()


def _padded(gram: Tensor, passages: int, tokens: int) -> Tensor:
    """``[1, passages * tokens, passages * tokens]`` from fewer tokens, zeros at the padding."""
    own = gram.shape[1] // passages
    wide = torch.zeros(passages, tokens, passages, tokens, dtype=gram.dtype)
    wide[:, :own, :, :own] = gram.reshape(passages, own, passages, own)
    return wide.reshape(1, passages * tokens, passages * tokens)
