"""Every objective: its definition by enumeration, central differences, invariances, extremes, identities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from jsarag.objectives import (
    EMDR2,
    JSA,
    OBJECTIVES,
    RWS,
    VOD,
    VRAG,
    Concat,
    Decoupled,
    Frozen,
    Gold,
    LeaveOneOut,
    Loop,
    Objective,
    PDist,
    RagSequence,
    RagToken,
    ReplugLSR,
    RetGen,
    StochasticRag,
)
from tests.enumeration import Toy, gradients, rearranged, slopes, through, toy

EVERY: list[Objective] = [
    *(kind() for kind in OBJECTIVES.values()),
    VRAG(preset="released"),
    JSA(exact=True, states=None),
]
CERTAIN = [
    o for o in EVERY if not isinstance(o, RWS | VOD | StochasticRag) and not (isinstance(o, JSA) and not o.exact)
]


def called(objective: Objective) -> str:
    return objective.name + (f"-{objective.preset}" if isinstance(objective, VRAG) else "")


@pytest.fixture(params=EVERY, ids=called)
def objective(request: pytest.FixtureRequest) -> Any:
    return request.param


def fixed(values: Tensor) -> Tensor:
    return values.detach()


def in_words(objective: Objective, model: Toy) -> Tensor:
    """The loss of row after row from the formula in the objective's first line, in plain sums of probabilities."""
    found, losses = model.scores().found, []
    for b in range(len(model.lengths)):
        p, q = model.prior[b].softmax(-1), model.posterior[b].softmax(-1)
        lik, tokens, length = model.log_lik[b].exp(), model.tokens[b, :, : model.lengths[b]].exp(), model.lengths[b]
        per_token = lik ** (1 / length)
        expected = (fixed(p) * lik.log()).sum()
        match objective:
            case RagSequence():
                loss = -(p * lik).sum().log()
            case RagToken():
                loss = -sum(((p * tokens[:, t]).sum().log() for t in range(length)), torch.zeros(()))
            case Frozen():
                loss = -(fixed(p) * lik).sum().log()
            case VRAG(preset="paper"):
                loss = -(q * lik.log()).sum() + (q * (q / p).log()).sum()
            case VRAG():
                top = q[1:] / q[1:].sum()  # what the posterior found
                loss = -(top * lik[1:].log() / length).sum() + (q * (q / p).log()).sum() / 7
            case EMDR2():
                loss = -(p * fixed(lik)).sum().log() - expected
            case PDist():
                t = fixed(lik / lik.sum())
                loss = (t * (t / p).log()).sum() - expected
            case Loop():
                worth = 1 / model.without()[b].exp()
                t = worth / worth.sum()
                loss = (t * (t / p).log()).sum() - expected
            case ReplugLSR():
                t = fixed((per_token / 0.1).softmax(-1))
                loss = (p * (p / t).log()).sum()
            case Decoupled():
                t = fixed((per_token[:4] / 0.01).softmax(-1))  # what the prior found
                top = p[:4] / p[:4].sum()
                loss = (top * (top / t).log()).sum() - lik[found["untrained"][b]].log().mean()
            case RetGen():
                reward = fixed(p * (per_token - per_token.mean()))
                loss = -(reward * p.log()).sum() - expected
            case JSA():
                post = fixed(p * lik / (p * lik).sum())
                loss = -(post * (p * q * lik).log()).sum()
            case Concat():
                loss = -lik[:4].log().mean()  # what the prior found; the toy says as much of each as of all together
            case Gold():
                loss = -(p[1] * q[1] * lik[1]).log()
            case _:
                raise AssertionError(objective)
        losses.append(loss)
    return torch.stack(losses)


@pytest.mark.parametrize("objective", CERTAIN, ids=called)
def test_value_and_gradients_are_those_of_the_formula(objective: Objective) -> None:
    model, made = toy(), through(objective, toy())
    truth = in_words(objective, model)
    assert_close(made.loss, truth, check_dtype=False)
    for found, expected in zip(gradients(objective, toy()), slopes(truth.sum(), model.leaves), strict=True):
        assert_close(found, expected, check_dtype=False)


def test_gradients_agree_with_central_differences(objective: Objective) -> None:
    model = toy()
    made = through(objective, model)
    expected = slopes(made.loss.sum(), model.leaves)
    stopped: list[Tensor] = []
    detach = Tensor.detach

    def loss(stop: Callable[[Tensor], Tensor]) -> float:
        with mock.patch.object(Tensor, "detach", stop):
            return float(detach(objective.loss(model.scores(), made.target).sum()))

    def record(values: Tensor) -> Tensor:
        stopped.append(detach(values).clone())
        return stopped[-1]

    loss(record)  # what gradient does not flow through stays as it is here
    step = 1e-5
    with torch.no_grad():
        for leaf, slope in zip(model.leaves, expected, strict=True):
            flat = leaf.view(-1)
            for i in range(0, len(flat), 2):
                ends = []
                for sign in (1, -1):
                    flat[i] += sign * step
                    replayed = iter(stopped)
                    ends.append(loss(lambda _, replayed=replayed: next(replayed)))  # type: ignore[misc]
                    flat[i] -= sign * step
                assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(float(slope.view(-1)[i]), abs=1e-6)


def test_only_the_declared_models_get_a_gradient(objective: Objective) -> None:
    for name, gradient in zip(("prior", "posterior", "generator"), gradients(objective, toy()), strict=True):
        assert bool((gradient != 0).any()) == (name in objective.trains), name


@given(seed=st.integers(0, 10_000), passages=st.integers(3, 50), padding=st.integers(0, 3), data=st.data())
@settings(max_examples=25, deadline=None)
def test_order_padding_and_company_do_not_matter(seed: int, passages: int, padding: int, data: st.DataObject) -> None:
    objective = data.draw(st.sampled_from(CERTAIN))
    model = toy(rows=3, passages=passages, seed=seed)
    order = torch.randperm(passages, generator=torch.Generator().manual_seed(seed))
    truth = through(objective, model)
    slope = slopes(truth.loss.sum(), model.leaves)
    if not isinstance(objective.first_reading, LeaveOneOut):  # the table of what is left out is in the old order
        moved = through(objective, model, rearranged(model.scores(), order, padding))
        assert_close(moved.loss, truth.loss)
        for found, expected in zip(slopes(moved.loss.sum(), model.leaves), slope, strict=True):
            assert_close(found, expected)
    prior, posterior, generator = (leaf[1:2].detach().requires_grad_() for leaf in model.leaves)
    alone = Toy(prior, posterior, generator, model.lengths[1:2])
    made = through(objective, alone)
    assert_close(made.loss, truth.loss[1:2])
    for found, expected in zip(slopes(made.loss.sum(), alone.leaves), slope, strict=True):
        assert_close(found, expected[1:2])


@given(seed=st.integers(0, 10_000), padding=st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_order_and_padding_do_not_matter_given_the_draws(seed: int, padding: int) -> None:
    scores = toy(seed=seed).scores()
    order = torch.randperm(7, generator=torch.Generator().manual_seed(seed))
    back = order.argsort()
    moved = rearranged(scores, order, padding)
    for objective in (JSA(m=20, states=None), JSA(m=20, occupancy=True, states=None), RWS(m=20), VOD(m=20)):
        first, second = (torch.Generator().manual_seed(seed) for _ in range(2))
        proposals = objective.propose(scores, first)
        assert proposals.draws is not None
        second.set_state(first.get_state())
        scored = torch.zeros_like(moved.valid)
        scored[:, :7] = proposals.scored[:, order]
        weights = objective.weigh(scores, proposals, first).weights
        found = objective.weigh(moved, replace(proposals, scored=scored, draws=back[proposals.draws]), second).weights
        assert_close(found[:, :7], weights[:, order])
        assert not found[:, 7:].any()


@pytest.mark.parametrize("scale", [1.0, 1e4])
@pytest.mark.parametrize("passages", [1, 7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_nan(objective: Objective, passages: int, scale: float, dtype: torch.dtype) -> None:
    model = toy(passages=passages)
    with torch.no_grad():
        model.prior *= scale
        model.generator *= scale
        model.posterior[0] = 0.0  # equal scores
        model.prior[2] = 0.0
    for padding in (0,) if isinstance(objective.first_reading, LeaveOneOut) else (0, 2):
        scores = rearranged(model.scores(), torch.arange(passages), padding)
        floats = ("log_p", "log_q", "log_lik", "token_log_lik")
        scores = replace(scores, **{name: getattr(scores, name).to(dtype) for name in floats})
        made = through(objective, model, scores)
        assert made.loss.isfinite().all()
        assert all(g.isfinite().all() for g in slopes(made.loss.sum(), model.leaves))


@pytest.mark.parametrize(
    "objective", [RagSequence(), RagToken(), JSA(), JSA(exact=True, states=None), RWS(), VOD(), Frozen()]
)
def test_an_impossible_answer_under_some_passages_is_no_nan(objective: Objective) -> None:
    model = toy()
    scores = model.scores()
    scores.token_log_lik[:, 2:4] = -torch.inf
    scores.log_lik[:, 2:4] = -torch.inf
    made = through(objective, model, scores)
    assert made.loss.isfinite().all()
    assert all(g.isfinite().all() for g in slopes(made.loss.sum(), model.leaves[:2]))


@given(seed=st.integers(0, 10_000), passages=st.integers(3, 50))
@settings(max_examples=30, deadline=None)
def test_identities_on_knowledge_bases_of_any_size(seed: int, passages: int) -> None:
    model = toy(passages=passages, seed=seed)
    exact = slopes(-model.log_marginal().sum(), model.leaves)
    for objective in (JSA(exact=True, states=None), RagSequence()):
        for i in (0, 2):
            assert_close(gradients(objective, model)[i], exact[i])
    # log p(y|x) - ELBO = KL(q || p(h|x,y)), whatever q.
    log_q, log_post = model.posterior.log_softmax(-1), model.log_posterior()
    gap = through(VRAG(), model).loss + model.log_marginal()
    assert_close(gap, (log_q.exp() * (log_q - log_post)).sum(-1))
    assert (gap > -1e-9).all()


def test_many_importance_samples_reach_the_exact_gradient() -> None:
    truth = gradients(JSA(exact=True, states=None), toy())
    for found, expected in zip(gradients(RWS(m=100_000), toy()), truth, strict=True):
        assert_close(found, expected, atol=0.02, rtol=0)


@pytest.mark.parametrize("alpha", [0.2, 0.5, 0.8])
def test_many_samples_reach_the_gradient_of_the_renyi_bound(alpha: float) -> None:
    model = toy()
    log_p, log_q = model.prior.log_softmax(-1), model.posterior.log_softmax(-1)
    power = alpha * log_q + (1 - alpha) * (log_p + model.log_lik)
    bound = power.logsumexp(-1) / (1 - alpha)
    assert (bound <= model.log_marginal()).all()
    found = gradients(VOD(m=100_000, alpha=alpha), toy())
    for a, b in zip(found, slopes(-bound.sum(), model.leaves), strict=True):
        assert_close(a, b, atol=0.03, rtol=0)


def test_fewer_states_leave_the_mean_gradient_right() -> None:
    for kind in (RWS, VOD):
        truth = gradients(kind(m=200), toy())
        draws = [gradients(kind(m=200, states=1), toy(), seed=seed)[2] for seed in range(1500)]
        mean = torch.stack([gradients(kind(m=200), toy(), seed=seed)[2] for seed in range(300)]).mean(0)
        assert_close(torch.stack(draws).mean(0), mean, atol=0.06, rtol=0)
        assert (draws[0] != 0).any(-1).sum(-1).tolist() == [1, 1, 1]
        assert (truth[2] != 0).any(-1).sum(-1).gt(1).any()


def test_the_straight_through_gradient_is_that_of_the_relaxed_draws() -> None:
    objective, model = StochasticRag(samples=3, smoothness=0.7), toy()
    made = through(objective, model)
    rng = torch.Generator().manual_seed(0)
    noise = -torch.empty(3, 7, dtype=torch.float64).exponential_(generator=rng).log()
    log_p = model.prior.log_softmax(-1)
    utility = (model.log_lik / model.lengths[:, None]).exp()
    total, left = torch.zeros(()), (log_p + noise).detach().clone()
    for _ in range(3):
        chosen = left.argmax(-1)
        hard = torch.nn.functional.one_hot(chosen, 7).double()
        gone = left == -torch.inf
        soft = ((log_p + noise).masked_fill(gone, -torch.inf) / 0.7).softmax(-1)
        # Forward the one drawn, backward the relaxation; the generator learns from the ones drawn alone.
        total = total + ((hard + soft - soft.detach()) * torch.where(hard > 0, utility, utility.detach())).sum()
        left = left.scatter(1, chosen[:, None], -torch.inf)
    assert_close(made.loss.sum(), -total / 3, check_dtype=False)
    for found, expected in zip(slopes(made.loss.sum(), model.leaves), slopes(-total / 3, model.leaves), strict=True):
        assert_close(found, expected)


def test_gumbel_draws_follow_the_prior_without_replacement() -> None:
    model = toy(rows=1)
    scores = model.scores()
    many = replace(
        scores,
        **{n: getattr(scores, n).detach().expand(20_000, *getattr(scores, n).shape[1:]) for n in ("log_p", "log_lik")},
        token_log_lik=scores.token_log_lik.detach().expand(20_000, -1, -1),
        answer_tokens=scores.answer_tokens.expand(20_000),
    )
    objective = StochasticRag(samples=2)
    rng = torch.Generator().manual_seed(0)
    drawn = objective.weigh(many, objective.propose(many, rng), rng).generator_weights
    p = scores.log_p[0].exp().detach()
    both = p[:, None] * p / (1 - p[:, None])  # first h, then h'
    both.fill_diagonal_(0)
    assert_close(drawn.mean(0), (both.sum(0) + both.sum(1)) / 2, atol=0.01, rtol=0)
    assert (drawn > 0).sum(-1).eq(2).all()


def test_the_bound_is_tight_where_q_is_the_posterior() -> None:
    model, truth = toy(), toy()
    with torch.no_grad():
        model.posterior.copy_(model.log_posterior())
    made = through(VRAG(), model)
    assert_close(made.loss, -model.log_marginal())
    prior, posterior, generator = slopes(made.loss.sum(), model.leaves)
    exact = slopes(-truth.log_marginal().sum(), truth.leaves)
    assert_close(prior, exact[0])
    assert_close(generator, exact[2])
    assert_close(posterior, torch.zeros_like(posterior), atol=1e-12, rtol=0)


def test_the_retriever_of_emdr2_follows_rag_sequence() -> None:
    assert_close(gradients(EMDR2(), toy())[0], gradients(RagSequence(), toy())[0])


@pytest.mark.parametrize(
    ("kind", "options", "named"),
    [
        (VRAG, {"beta": -1.0}, "objective.beta"),
        (VRAG, {"preset": "other"}, "objective.preset"),
        (VOD, {"alpha": 1.0}, "objective.alpha"),
        (VOD, {"states": 0}, "objective.states"),
        (RWS, {"m": 0}, "objective.m"),
        (Loop, {"k": 1}, "objective.k"),
        (PDist, {"temperature_target": 0.0}, "objective.temperature_target"),
        (ReplugLSR, {"beta": 0.0}, "objective.beta"),
        (Concat, {"dropout": 1.0}, "objective.dropout"),
        (StochasticRag, {"samples": 0}, "objective.samples"),
    ],
)
def test_options_out_of_range_are_refused(kind: type[Objective], options: dict[str, Any], named: str) -> None:
    from jsarag.types import InputError

    with pytest.raises(InputError, match=named):
        kind(**options)
