"""The ways to take one optimisation step that `step.py` compares, on the same models and batches.

Learning rates are 0: the optimizer does all its work and no weight moves, so that every variant meets the same models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from transformers.cache_utils import DynamicCache
from workload import Workload

from jsarag.models import Pair
from jsarag.models.attention import differentiable
from jsarag.models.precision import autocast
from jsarag.models.prefix import cache_argument
from jsarag.objectives import Objective, mis
from jsarag.objectives.candidates import union
from jsarag.objectives.jsa import JSA
from jsarag.training.config import OptimConfig
from jsarag.training.models import Models
from jsarag.training.optimisation import Optimisation
from jsarag.training.step import step

STILL = OptimConfig(lr_prior=0.0, lr_posterior=0.0, lr_generator=0.0)


class Engine:
    """One step of an objective as `jsarag train` takes it."""

    def __init__(self, work: Workload, objective: Objective, size: int) -> None:
        """Prepare an optimizer for what the objective trains."""
        self.work, self.objective, self.size = work, objective, size
        self.optimisation = Optimisation(STILL, work.models.trained(objective.trains))
        self.diagnostics: dict[str, float] = {}

    def __call__(self, turn: int) -> None:
        """Take the step on batch ``turn``."""
        batch = self.work.batch(turn, self.size)
        rng = torch.Generator().manual_seed(turn)
        start = torch.full((len(batch),), -1)
        outcome = step(self.work.models, self.work.kb, self.objective, batch, start, rng)
        self.backward(outcome.loss)
        self.optimisation.step(0.5)
        self.diagnostics = outcome.diagnostics

    def backward(self, loss: Tensor) -> None:
        """A method of its own, so that it can be timed."""
        loss.backward()  # type: ignore[no-untyped-call]


class Released:
    """JSA in the way of the paper's released code (github.com/Caohy23/JSA-RAG, written anew).

    Each example's m proposals, repeats included, are one batch padded to its longest, with a mask and with logits at
    every position; the M-step does the same with the distinct states. Candidates, chain and loss are those of `JSA`.
    """

    def __init__(self, work: Workload, objective: JSA, size: int) -> None:
        """Prepare an optimizer for all three models."""
        self.work, self.objective, self.size = work, objective, size
        self.optimisation = Optimisation(STILL, work.models.trained(objective.trains))

    def __call__(self, turn: int) -> None:
        """Take the step on batch ``turn``."""
        models, kb = self.work.models, self.work.kb
        batch = self.work.batch(turn, self.size)
        rng = torch.Generator(models.prior.device).manual_seed(turn)
        xs, ys = [case.x for case in batch], [case.y for case in batch]
        e_x, e_xy = models.prior.embed_queries(xs), models.posterior.embed_pairs(xs, ys)
        both = [kb.search(e, self.objective.k)[1] for e in (e_x, e_xy)]
        candidates = union(*both)
        h = kb.vectors[candidates.clamp(min=0)].to(e_x.device)
        padding = (candidates < 0).to(e_x.device)
        log_p, log_q = (
            (models.prior.scale * torch.einsum("bcd,bd->bc", h, e)).masked_fill(padding, -torch.inf).log_softmax(-1)
            for e in (e_x, e_xy)
        )
        draws = mis.propose(log_q.detach(), self.objective.m, generator=rng)
        terms = []
        for row, case in enumerate(batch):
            passages = [kb.passages[i] if i >= 0 else kb.passages[0] for i in candidates[row].tolist()]
            pairs = [Pair(case.x, (passages[c],), case.y) for c in draws[row].tolist()]
            with torch.no_grad():
                log_lik = torch.zeros_like(log_q[row]).scatter_(0, draws[row], self._log_likelihood(pairs))
            log_w = (log_p[row].detach() + log_lik - log_q[row].detach())[None]
            weights = mis.walk(draws[row : row + 1], log_w, generator=rng).weights[0]
            states = weights.nonzero()[:, 0]
            with_gradient = self._log_likelihood([Pair(case.x, (passages[c],), case.y) for c in states.tolist()])
            # An example at a time: with full logits the graphs of eight do not fit into 24 GB.
            (-(weights[states] * with_gradient).sum() / len(batch)).backward()  # type: ignore[no-untyped-call]
            terms.append(-(weights[states] * (log_p[row][states] + log_q[row][states])).sum())
        torch.stack(terms).mean().backward()  # type: ignore[no-untyped-call]
        self.optimisation.step(0.5)

    def _log_likelihood(self, pairs: Sequence[Pair]) -> Tensor:
        """``[pairs]`` as a plain transformers script computes it."""
        generator = self.work.models.generator
        answers = [generator.prompt.answer(pair.y) for pair in pairs]
        rows = [
            (generator.prompt.context(pair.x, pair.passages, room=len(answer)), answer)
            for pair, answer in zip(pairs, answers, strict=True)
        ]
        width = max(len(c) + len(a) for c, a in rows)
        ids = torch.tensor([c + a + [0] * (width - len(c) - len(a)) for c, a in rows], device=generator.device)
        mask = torch.tensor([[1] * len(c + a) + [0] * (width - len(c + a)) for c, a in rows], device=generator.device)
        labels = ids.clone()
        for i, (c, a) in enumerate(rows):
            labels[i, : len(c)] = -100
            labels[i, len(c) + len(a) :] = -100
        with autocast(generator.dtype, generator.device):
            logits = generator.model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        loss = nn.functional.cross_entropy(
            logits[:, :-1].float().transpose(1, 2), labels[:, 1:], ignore_index=-100, reduction="none"
        )
        return -loss.sum(-1)


@dataclass
class Recorded:
    """What reached the networks in one step.

    Attributes:
        scored: Tokens and answer tokens of each row without gradient; a shared beginning is a row of its own.
        trained: Likewise with gradient.
        encoded: By call of an encoder, its name and the tokens of each text.
        before: Tokens of the shared beginning that a row without gradient goes on from, on average.
        computed: Tokens that the generator computed, with padding.
    """

    scored: list[tuple[int, int]] = field(default_factory=list)
    trained: list[tuple[int, int]] = field(default_factory=list)
    encoded: list[tuple[str, list[int]]] = field(default_factory=list)
    before: int = 0
    computed: int = 0

    @property
    def needed(self) -> int:
        """Tokens of the generator without padding."""
        return sum(length for length, _ in self.scored + self.trained)


@contextmanager
def record(engine: Engine) -> Iterator[Recorded]:
    """Write down the lengths of what the steps inside the block compute."""
    seen, models = Recorded(), engine.work.models
    generator = models.generator
    answer_log_probs, beginnings = generator._answer_log_probs, generator._past
    with ExitStack() as stack:

        def rows(contexts: list[list[int]], answers: list[list[int]], *rest: Any) -> Tensor:
            kind = seen.trained if torch.is_grad_enabled() else seen.scored
            # The last token of an answer is predicted, never read.
            kind += [(len(c) + len(a) - 1, len(a)) for c, a in zip(contexts, answers, strict=True)]
            return answer_log_probs(contexts, answers, *rest)

        def past(contexts: list[list[int]], xs: list[str]) -> Any:
            found = beginnings(contexts, xs)
            if found:
                lengths = [len(tokens) for tokens in found.prefixes.tokens]
                seen.scored += [(length, 0) for length in lengths]
                seen.before = round(sum(lengths[g] for g in found.prefixes.of) / len(found.prefixes.of))
                seen.computed += len(lengths) * max(lengths)
            return found

        def count(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            read = (args[0] if args else kwargs["input_ids"], kwargs.get("decoder_input_ids"))
            seen.computed += sum(ids.numel() for ids in read if ids is not None)

        stack.enter_context(patch.object(generator, "_answer_log_probs", rows))
        stack.enter_context(patch.object(generator, "_past", past))
        handle = generator.model.register_forward_pre_hook(count, with_kwargs=True)
        stack.callback(handle.remove)
        for name, encoder in (("prior", models.prior), ("posterior", models.posterior)):
            original = encoder.model.preprocess

            def texts(inputs: Any, *args: Any, original: Any = original, name: str = name, **kwargs: Any) -> Any:
                features = original(inputs, *args, **kwargs)
                seen.encoded.append((name, features["attention_mask"].sum(-1).tolist()))
                return features

            stack.enter_context(patch.object(encoder.model, "preprocess", texts))
        yield seen


class Bare:
    """The networks alone, on as many tokens as a step of ``jsa`` gave them, in batches without padding.

    Forward where the step needs no gradient, forward and backward where it does; the output head on as many positions,
    and attention to a shared beginning where rows go on from one. Nothing else: no text, no tokens, no search, no
    chain, no optimizer.
    """

    def __init__(self, models: Models, trained: Any, seen: Recorded) -> None:
        """Take what a step of ``jsa`` computed, and the parts whose weights the objective trains."""
        self.models, self.seen = models, seen
        self.parameters = [p for part in models.trained(trained).values() for p in part.values()]

    def __call__(self) -> None:
        """Compute it."""
        seen = self.seen
        for name, lengths in seen.encoded:
            encoder = self.models.prior if name == "prior" else self.models.posterior
            ids = torch.full((len(lengths), max(round(sum(lengths) / len(lengths)), 1)), 1000, device=encoder.device)
            with autocast(encoder.dtype, encoder.device):
                hidden = encoder.model[0].auto_model(input_ids=ids).last_hidden_state
            hidden.float().mean().backward()
        with torch.no_grad():
            self._generator([row for row in seen.scored if not row[1]])
            self._generator([row for row in seen.scored if row[1]], seen.before)
        for loss in self._generator(seen.trained):
            loss.backward()  # type: ignore[no-untyped-call]
        for parameter in self.parameters:
            parameter.grad = None

    def _generator(self, rows: list[tuple[int, int]], before: int = 0) -> list[Tensor]:
        """The mean log-probability of each batch, of rows that go on from ``before`` tokens."""
        if not rows:
            return []
        generator = self.models.generator
        length = round(sum(length for length, _ in rows) / len(rows))
        answers = round(sum(answer for _, answer in rows) / len(rows))
        size = max(generator.batch_tokens // length, 1)
        results = []
        inner = generator.model.get_base_model()
        kernels = differentiable(generator.model, generator.dtype, generator.device)
        with autocast(generator.dtype, generator.device), kernels, generator._ready(len(rows) * length):
            for first in range(0, len(rows), size):
                count = min(size, len(rows) - first)
                ids = torch.full((count, length), 1000, device=generator.device)
                past = {cache_argument(inner): self._beginning(inner, count, before)} if before else {}
                hidden = inner.model(input_ids=ids, use_cache=False, **past).last_hidden_state
                if answers:  # none in a shared beginning
                    logits = inner.lm_head(hidden[:, :answers].flatten(0, 1))
                    results.append(-logits.float().log_softmax(-1)[:, 0].mean())
        return results

    def _beginning(self, inner: Any, rows: int, tokens: int) -> DynamicCache:
        """Keys and values of a beginning: zeros, in the shape and format of the network's own."""
        config, like = inner.config, self.models.generator
        heads, size = config.num_key_value_heads, config.hidden_size // config.num_attention_heads
        zeros = torch.zeros(rows, heads, tokens, size, dtype=like.dtype, device=like.device)
        return DynamicCache([(zeros, zeros)] * config.num_hidden_layers)
