"""One training step with real (tiny) models against a slow, plain computation of the same loss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from jsarag.data import load_passages
from jsarag.kb import KnowledgeBase
from jsarag.models import (
    Encoder,
    EncoderConfig,
    GeneratorConfig,
    LanguageModel,
    LoraConfig,
    Pair,
    load_encoder,
    load_generator,
)
from jsarag.objectives import JSA, OBJECTIVES, VRAG, Decoupled, Gold, Loop, Objective, RagSequence, RagToken
from jsarag.training.models import Models
from jsarag.training.step import TrainingCase, step

CPU = torch.device("cpu")
CASES = [
    TrainingCase("where is the red lamp ?", "seven", (0,)),
    TrainingCase("what is the blue boat ?", "nine tallies", (4, 5)),
    TrainingCase("who is at the green key ?", "Ada", (8,)),
]


@pytest.fixture(scope="module")
def models(encoder_model: Path, causal_model: Path) -> Models:
    prior = load_encoder(EncoderConfig(model=str(encoder_model), precision="fp32", scale=0.5), CPU)
    posterior = prior.copy()
    with torch.no_grad():  # away from the prior, so that the two are told apart
        for weight in posterior.trained().values():
            weight.add_(0.05 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
    config = GeneratorConfig(model=str(causal_model), precision="fp32", lora=LoraConfig(rank=4))
    return Models(prior, posterior, load_generator(config, CPU))


@pytest.fixture(scope="module")
def kb(models: Models, data: Path) -> KnowledgeBase:
    return KnowledgeBase.build(load_passages(data / "passages.jsonl"), models.prior)


def run(
    objective: Objective, models: Models, kb: KnowledgeBase, start: list[int] | None = None
) -> tuple[Tensor, dict[str, float], Tensor]:
    begin = torch.tensor(start or [-1] * len(CASES))
    outcome = step(models, kb, objective, CASES, begin, torch.Generator().manual_seed(0))
    return outcome.loss, outcome.diagnostics, outcome.state


def plain(models: Models, kb: KnowledgeBase, case: TrainingCase) -> tuple[Tensor, Tensor, Tensor]:
    """log p(h|x), log q(h|x,y) and log p(y|x,h) over the whole KB, one passage at a time."""
    x = models.prior.embed_queries([case.x])[0]
    xy = models.posterior.embed_pairs([case.x], [case.y])[0]
    h = kb.vectors
    likelihood = torch.cat([models.generator.log_likelihood([Pair(case.x, (p,), case.y)]) for p in kb.passages])
    return (0.5 * h @ x).log_softmax(-1), (0.5 * h @ xy).log_softmax(-1), likelihood


def gradients(loss: Tensor, models: Models) -> list[Tensor]:
    trained = models.trained(["prior", "posterior", "generator"])
    weights = [weight for named in trained.values() for weight in named.values()]
    found = torch.autograd.grad(loss, weights, allow_unused=True)
    return [torch.zeros_like(w) if g is None else g for g, w in zip(found, weights, strict=True)]


def test_exact_jsa_over_the_whole_kb_has_the_gradients_of_enumeration(models: Models, kb: KnowledgeBase) -> None:
    loss, diagnostics, _ = run(JSA(k=len(kb), exact=True, states=None), models, kb)
    total = torch.zeros(())
    for case in CASES:
        log_p, log_q, log_lik = plain(models, kb, case)
        posterior = (log_p + log_lik).softmax(-1).detach()
        # Fisher: -log p(y|x) for prior and generator; cross-entropy of the exact posterior for q.
        total = total - (log_p + log_lik).logsumexp(-1) - (posterior * log_q).sum()
    for a, b in zip(gradients(loss, models), gradients(total / len(CASES), models), strict=True):
        assert_close(a, b, atol=1e-4, rtol=1e-3)
    assert diagnostics["distinct_proposals"] == len(kb)


def test_rag_sequence_is_top_k_marginalisation(models: Models, kb: KnowledgeBase) -> None:
    loss, _, _ = run(RagSequence(k=4), models, kb)
    losses = []
    for case in CASES:
        log_p, _, log_lik = plain(models, kb, case)
        top = log_p.topk(4).indices
        losses.append(-(log_p[top].log_softmax(-1) + log_lik[top]).logsumexp(-1))
    assert_close(loss, torch.stack(losses).mean(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("shared", [False, True])
def test_excluded_passages_are_no_candidates(models: Models, kb: KnowledgeBase, shared: bool) -> None:
    tops = [plain(models, kb, case)[0].topk(3).indices.tolist() for case in CASES]
    cases = [replace(case, gold=(), exclude=(top[0], top[2])) for case, top in zip(CASES, tops, strict=True)]
    start, rng = torch.full((len(cases),), -1), torch.Generator().manual_seed(0)
    outcome = step(models, kb, RagSequence(k=2), cases, start, rng, share_candidates=shared)
    found, losses = [], []
    for case in cases:
        log_p, _, log_lik = plain(models, kb, case)
        found.append([i for i in log_p.argsort(descending=True).tolist() if i not in case.exclude][:2])
        losses.append((log_p, log_lik))
    everyone = {i for some in found for i in some}
    total = torch.zeros(())
    for case, some, (log_p, log_lik) in zip(cases, found, losses, strict=True):
        chosen = sorted(everyone - set(case.exclude)) if shared else some
        total = total - (log_p[chosen].log_softmax(-1) + log_lik[chosen]).logsumexp(-1)
    assert_close(outcome.loss, total / len(cases), atol=1e-4, rtol=1e-4)
    assert outcome.top1.tolist() == [some[0] for some in found]


def test_gold_adds_the_labels_to_the_candidates(models: Models, kb: KnowledgeBase) -> None:
    loss, _, _ = run(Gold(k=1), models, kb)
    losses = []
    for case in CASES:
        log_p, log_q, log_lik = plain(models, kb, case)
        chosen = sorted({int(log_p.argmax()), int(log_q.argmax()), *case.gold})
        gold = [chosen.index(i) for i in case.gold]
        terms = log_p[chosen].log_softmax(-1) + log_q[chosen].log_softmax(-1) + log_lik[chosen]
        losses.append(-terms[gold].mean())
    assert_close(loss, torch.stack(losses).mean(), atol=1e-4, rtol=1e-4)


def test_label_free_objectives_do_not_read_labels(models: Models, kb: KnowledgeBase) -> None:
    with_labels, _, _ = run(JSA(k=3), models, kb)
    bare = [TrainingCase(case.x, case.y) for case in CASES]
    outcome = step(models, kb, JSA(k=3), bare, torch.full((3,), -1), torch.Generator().manual_seed(0))
    assert_close(with_labels, outcome.loss)
    assert "hit@1" not in outcome.diagnostics


def test_chain_states_are_passages_and_come_back_as_candidates(models: Models, kb: KnowledgeBase) -> None:
    _, _, state = run(JSA(k=2, cache=True), models, kb)
    assert ((state >= 0) & (state < len(kb))).all()
    # A state that neither retriever proposes is a candidate all the same: with k = 1 there are up to three.
    far = [int((0.5 * kb.vectors @ models.prior.embed_queries([case.x])[0]).argmin()) for case in CASES]
    _, diagnostics, _ = run(JSA(k=1, m=1, cache=True), models, kb, far)
    assert diagnostics["distinct_proposals"] >= 1
    _, _, fresh = run(JSA(k=1), models, kb)
    assert fresh.tolist() == [-1, -1, -1]


def test_generator_scores_each_distinct_proposal_once_and_trains_on_visited_ones(
    models: Models, kb: KnowledgeBase
) -> None:
    generator = models.generator
    assert isinstance(generator, LanguageModel)
    before = generator.tokens_scored, generator.tokens_trained
    _, diagnostics, _ = run(JSA(k=3, m=200, states=None), models, kb)
    lengths = [
        len(generator.prompt.context(c.x, (p,), room=len(a))) + len(a)
        for c in CASES
        for a in [generator.prompt.answer(c.y)]
        for p in kb.passages
    ]
    scored, trained = generator.tokens_scored - before[0], generator.tokens_trained - before[1]
    assert scored <= diagnostics["distinct_proposals"] * len(CASES) * max(lengths)
    assert scored >= diagnostics["distinct_proposals"] * len(CASES) * min(lengths)
    assert trained <= diagnostics["distinct_states"] * len(CASES) * max(lengths) + 1


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_takes_a_step_that_reaches_the_models_it_declares(
    name: str, models: Models, kb: KnowledgeBase
) -> None:
    whole = replace(models, untrained_prior=models.prior.copy(), untrained_generator=models.generator.copy())
    objective = OBJECTIVES[name](k=3)
    loss, diagnostics, _ = run(objective, whole, kb)
    assert loss.isfinite()
    assert {"entropy_prior", "hit@1"} <= diagnostics.keys()
    assert ("ess" in diagnostics) == ("posterior" in objective.trains)
    for component, weights in whole.trained(["prior", "posterior", "generator"]).items():
        found = torch.autograd.grad(loss, list(weights.values()), allow_unused=True, retain_graph=True)
        assert any(g is not None and g.any() for g in found) == (component in objective.trains), component


def test_rag_token_marginalises_every_token(models: Models, kb: KnowledgeBase) -> None:
    loss, _, _ = run(RagToken(k=4), models, kb)
    losses = []
    for case in CASES:
        log_p, _, _ = plain(models, kb, case)
        top = log_p.topk(4).indices.tolist()
        pairs = [Pair(case.x, (kb.passages[i],), case.y) for i in top]
        tokens = torch.stack([models.generator.token_log_likelihood([pair])[0] for pair in pairs])
        losses.append(-(log_p[top].log_softmax(-1)[:, None] + tokens).logsumexp(0).sum())
    assert_close(loss, torch.stack(losses).mean(), atol=1e-4, rtol=1e-4)


def test_loop_reads_all_passages_but_one_in_one_prompt(models: Models, kb: KnowledgeBase) -> None:
    loss, _, _ = run(Loop(k=3), models, kb)
    losses = []
    for case in CASES:
        log_p, _, log_lik = plain(models, kb, case)
        top = sorted(log_p.topk(3).indices.tolist())
        p = log_p[top].log_softmax(-1)
        without = [
            models.generator.log_likelihood([Pair(case.x, tuple(kb.passages[i] for i in top if i != out), case.y)])
            for out in top
        ]
        target = (-torch.cat(without)).softmax(-1).detach()
        losses.append((target * (target.log() - p)).sum() - (p.detach().exp() * log_lik[top]).sum())
    assert_close(loss, torch.stack(losses).mean(), atol=1e-4, rtol=1e-4)


def test_vrag_as_released_divides_logits_and_means_over_tokens(models: Models, kb: KnowledgeBase) -> None:
    loss, _, _ = run(VRAG(k=3, preset="released"), models, kb)
    losses = []
    for case in CASES:
        log_p, log_q, _ = plain(models, kb, case)
        top = log_q.topk(3).indices.tolist()
        union = sorted({*top, *log_p.topk(3).indices.tolist()})
        p, q = log_p[union].log_softmax(-1), log_q[union].log_softmax(-1)
        pairs = [Pair(case.x, (kb.passages[i],), case.y) for i in top]
        mean = torch.stack([models.generator.token_log_likelihood([pair], temperature=5.0).mean() for pair in pairs])
        losses.append(-(log_q[top].softmax(-1) * mean).sum() + (q.exp() * (q - p)).sum() / len(union))
    assert_close(loss, torch.stack(losses).mean(), atol=1e-4, rtol=1e-4)


def test_decoupled_asks_the_untrained_models(models: Models, kb: KnowledgeBase) -> None:
    other = replace(models, untrained_prior=models.posterior, untrained_generator=models.generator.copy())
    assert other.untrained_generator is not None
    with torch.no_grad():
        for weight in other.untrained_generator.trained().values():
            weight.add_(0.1)
    same = replace(models, untrained_prior=models.prior, untrained_generator=models.generator)
    before = other.tokens
    loss, _, _ = run(Decoupled(k=3, beta=0.1), other, kb)
    losses = []
    for case in CASES:
        log_p, _, log_lik = plain(models, kb, case)
        top = log_p.topk(3).indices.tolist()
        read = (0.5 * kb.vectors @ other.untrained_prior.embed_queries([case.x])[0]).topk(3).indices.tolist()  # type: ignore[union-attr]
        pairs = [Pair(case.x, (kb.passages[i],), case.y) for i in top]
        judged = other.untrained_generator.token_log_likelihood(pairs).mean(-1).exp().detach()
        p, t = log_p[top].log_softmax(-1), (judged / 0.1).log_softmax(-1)
        losses.append((p.exp() * (p - t)).sum() - log_lik[read].mean())
    assert_close(loss, torch.stack(losses).mean(), atol=1e-4, rtol=1e-4)
    assert run(Decoupled(k=3, beta=0.1), same, kb)[0] != loss
    assert other.tokens[0] > before[0]  # what the copy reads is counted too


def by_hand(models: Models, kb: KnowledgeBase, passages: Encoder, case: TrainingCase) -> tuple[Tensor, Tensor, Tensor]:
    """As `plain`, the passages encoded today."""
    h = passages.embed_passages(kb.passages)
    x, xy = models.prior.embed_queries([case.x])[0], models.posterior.embed_pairs([case.x], [case.y])[0]
    return (0.5 * h @ x).log_softmax(-1), (0.5 * h @ xy).log_softmax(-1), plain(models, kb, case)[2]


@pytest.mark.parametrize("kind", ["own", "shared"])
def test_a_learning_passage_encoder_has_the_gradients_of_enumeration(
    kind: str, models: Models, kb: KnowledgeBase
) -> None:
    own = models.prior.copy()
    with torch.no_grad():  # the index is stale: the loss must not be that of its vectors
        for weight in own.trained().values():
            weight.add_(0.02 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(2)))
    passages = own if kind == "own" else models.prior
    learning = replace(models, passages=passages)
    loss, diagnostics, _ = run(JSA(k=len(kb), exact=True, states=None), learning, kb)
    total = torch.zeros(())
    for case in CASES:
        log_p, log_q, log_lik = by_hand(models, kb, passages, case)
        posterior = (log_p + log_lik).softmax(-1).detach()
        total = total - (log_p + log_lik).logsumexp(-1) - (posterior * log_q).sum()
    trained = learning.trained(["prior", "posterior", "generator"])
    assert set(trained) == {"prior", "posterior", "generator"} | ({"passages"} if kind == "own" else set())
    weights = [weight for named in trained.values() for weight in named.values()]
    found = torch.autograd.grad(loss, weights, allow_unused=True)
    wanted = torch.autograd.grad(total / len(CASES), weights, allow_unused=True)
    for a, b in zip(found, wanted, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert_close(a, b, atol=1e-4, rtol=1e-3)
    fresh = passages.embed_passages(kb.passages).detach()
    drift = 1 - torch.nn.functional.cosine_similarity(fresh, kb.vectors).mean()
    assert diagnostics["drift"] == pytest.approx(drift.item(), abs=1e-5)


def test_shared_candidates_are_those_of_the_whole_batch(models: Models, kb: KnowledgeBase) -> None:
    begin = torch.full((len(CASES),), -1)
    rng = torch.Generator().manual_seed(0)
    loss = step(models, kb, JSA(k=2, exact=True, states=None), CASES, begin, rng, share_candidates=True).loss
    rows = [plain(models, kb, case) for case in CASES]
    everyone = sorted({int(i) for log_p, log_q, _ in rows for lp in (log_p, log_q) for i in lp.topk(2).indices})
    total = torch.zeros(())
    for log_p, log_q, log_lik in rows:
        p, q = log_p[everyone].log_softmax(-1), log_q[everyone].log_softmax(-1)
        posterior = (p + log_lik[everyone]).softmax(-1).detach()
        total = total - (posterior * (p + q + log_lik[everyone])).sum()
    assert_close(loss, total / len(CASES), atol=1e-4, rtol=1e-4)


def test_diagnostics_are_those_of_everything_that_was_scored(models: Models, kb: KnowledgeBase) -> None:
    # With one state a chain to train on, the posterior is still known wherever the generator scored.
    _, found, _ = run(JSA(k=len(kb), exact=True, states=1), models, kb)
    entropy, worth, distance = 0.0, 0.0, 0.0
    for case in CASES:
        log_p, log_q, log_lik = plain(models, kb, case)
        log_post = (log_p + log_lik).log_softmax(-1)
        entropy -= float((log_post.exp() * log_post).sum().detach()) / len(CASES)
        worth += float(1 / (2 * log_post - log_q).exp().sum().detach()) / len(CASES)
        distance += float((log_post.exp() * (log_post - log_q)).sum().detach()) / len(CASES)
    assert entropy > 0.01
    assert found["entropy_posterior"] == pytest.approx(entropy, abs=1e-3)
    assert found["ess"] == pytest.approx(worth, abs=1e-3)
    assert found["kl_posterior_q"] == pytest.approx(distance, abs=1e-3)
