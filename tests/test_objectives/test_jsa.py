"""JSA against the identities that enumeration can check (method page, section on identities)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from jsarag.objectives import JSA, diagnose
from jsarag.types import InputError
from tests.enumeration import gradients, toy


def exact_gradients() -> list[torch.Tensor]:
    """Of -log p(y|x) for prior and generator, of KL(posterior || q) for the posterior retriever."""
    model = toy()
    prior, generator = torch.autograd.grad(-model.log_marginal().sum(), [model.prior, model.generator])
    post = model.log_posterior().detach()
    kl = (post.exp() * (post - model.posterior.log_softmax(-1))).sum()
    (posterior,) = torch.autograd.grad(kl, [model.posterior])
    return [prior, posterior, generator]


def test_exact_weights_give_the_gradient_of_the_marginal_and_of_the_inclusive_divergence() -> None:
    for found, truth in zip(gradients(JSA(exact=True, states=None), toy()), exact_gradients(), strict=True):
        assert_close(found, truth)


@pytest.mark.parametrize("occupancy", [False, True])
def test_long_chains_give_the_same_gradient(occupancy: bool) -> None:
    for found, truth in zip(
        gradients(JSA(m=50_000, occupancy=occupancy, states=None), toy()), exact_gradients(), strict=True
    ):
        assert_close(found, truth, atol=0.02, rtol=0)


def test_distinct_states_by_weight_equal_the_plain_sum_over_states() -> None:
    model, m = toy(), 17
    scores = model.scores()
    objective = JSA(m=m, states=None)
    rng = torch.Generator().manual_seed(3)
    seen = replace(scores, log_p=scores.log_p.detach(), log_q=scores.log_q.detach(), log_lik=scores.log_lik.detach())
    target = objective.weigh(seen, objective.propose(seen, rng), rng)
    visits = (target.weights * m).round().long()
    assert visits.sum(-1).tolist() == [m] * 3
    total = scores.log_p + scores.log_lik + scores.log_q
    states = [[h for h in range(7) for _ in range(int(visits[b, h]))] for b in range(3)]
    plain = torch.stack([-total[b, states[b]].sum() / m for b in range(3)])
    loss = objective.loss(scores, target)
    assert_close(loss, plain)
    for a, b in zip(
        torch.autograd.grad(loss.sum(), model.leaves, retain_graph=True),
        torch.autograd.grad(plain.sum(), model.leaves),
        strict=True,
    ):
        assert_close(a, b)


def test_only_distinct_proposals_are_scored_and_only_visited_states_go_backward() -> None:
    scores = toy().scores()
    seen = replace(scores, log_p=scores.log_p.detach(), log_q=scores.log_q.detach(), log_lik=scores.log_lik.detach())
    rng = torch.Generator().manual_seed(0)
    objective = JSA(m=3, states=None)
    proposals = objective.propose(seen, rng)
    target = objective.weigh(seen, proposals, rng)
    assert proposals.scored.sum(-1).le(4).all()
    assert (target.backward == (target.weights > 0)).all()
    assert not (target.backward & ~proposals.scored).any()


def test_fewer_states_for_the_generator_leave_the_retrievers_alone_and_the_mean_gradient_right() -> None:
    prior, posterior, generator = gradients(JSA(exact=True, states=None), toy())
    draws = [gradients(JSA(exact=True, states=1), toy(), seed=seed) for seed in range(2_000)]
    assert_close(draws[0][0], prior)
    assert_close(draws[0][1], posterior)
    assert (draws[0][2] != 0).any(-1).sum(-1).tolist() == [1, 1, 1]
    assert_close(torch.stack([draw[2] for draw in draws]).mean(0), generator, atol=0.05, rtol=0)


def test_one_candidate_is_certain() -> None:
    model = toy(passages=1)
    prior, posterior, generator = gradients(JSA(m=5, states=None), model)
    assert_close(prior, torch.zeros_like(prior))
    assert_close(posterior, torch.zeros_like(posterior))
    within = torch.arange(3) < model.lengths[:, None]
    assert_close(generator, -within[:, None, :].to(generator))


def test_cached_state_is_scored_and_continued() -> None:
    scores = toy().scores()
    with torch.no_grad():
        scores.log_lik[:, 4] = 100.0  # nothing else is ever accepted
        q = scores.log_q.clone()
        q[:, 4] = -1e3  # and q never proposes it
    seen = replace(
        scores, log_p=scores.log_p.detach(), log_q=q, log_lik=scores.log_lik.detach(), start=torch.full((3,), 4)
    )
    rng = torch.Generator().manual_seed(0)
    objective = JSA(m=5, cache=True, states=None)
    proposals = objective.propose(seen, rng)
    assert proposals.scored[:, 4].all()
    target = objective.weigh(seen, proposals, rng)
    assert target.state is not None
    assert target.state.tolist() == [4, 4, 4]


def test_diagnostics_of_a_perfect_posterior() -> None:
    model = toy()
    with torch.no_grad():
        model.posterior.copy_(model.log_posterior())
    scores = model.scores()
    seen = replace(scores, log_p=scores.log_p.detach(), log_q=scores.log_q.detach(), log_lik=scores.log_lik.detach())
    rng = torch.Generator().manual_seed(0)
    objective = JSA(m=30, states=None)
    proposals = objective.propose(seen, rng)
    target = objective.weigh(seen, proposals, rng)
    general = diagnose(seen, proposals.scored, posterior=True)
    ones = torch.ones(3, dtype=torch.float64)
    assert_close(target.diagnostics["acceptance"], ones)
    assert_close(general["ess"], ones)
    assert_close(general["kl_posterior_q"], 0 * ones, atol=1e-9, rtol=0)


def test_diagnostics_against_their_definitions() -> None:
    model = toy()
    scores = model.scores()
    seen = replace(scores, log_p=scores.log_p.detach(), log_q=scores.log_q.detach(), log_lik=scores.log_lik.detach())
    found = diagnose(seen, seen.valid, posterior=True)
    assert "ess" not in diagnose(seen, seen.valid, posterior=False)
    p, q, post = seen.log_p.exp(), seen.log_q.exp(), model.log_posterior().exp().detach()
    w = post / q
    assert_close(found["ess"], (q * w).sum(-1) ** 2 / (q * w * w).sum(-1))
    assert_close(found["entropy_prior"], -(p * p.log()).sum(-1))
    assert_close(found["entropy_posterior_retriever"], -(q * q.log()).sum(-1))
    assert_close(found["entropy_posterior"], -(post * post.log()).sum(-1))
    assert_close(found["kl_posterior_q"], (post * (post / q).log()).sum(-1))
    assert_close(found["top1_mass"], post[torch.arange(3), p.argmax(-1)])
    # log p(y|x) - ELBO(q) = KL(q || posterior)
    elbo = (q * (seen.log_p + seen.log_lik - seen.log_q)).sum(-1)
    assert_close(model.log_marginal() - elbo, (q * (q / post).log()).sum(-1))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"m": 0}, "objective.m"),
        ({"k": 0}, "objective.k"),
        ({"m": 5, "burn_in": 5}, "objective.burn_in"),
        ({"exact": True, "cache": True}, "objective.cache"),
        ({"exact": True, "occupancy": True}, "objective.occupancy"),
        ({"exact": True, "burn_in": 1}, "objective.burn_in"),
    ],
)
def test_options_that_contradict_are_refused(options: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        JSA(**options)
