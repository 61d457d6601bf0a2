"""The sampler against enumeration."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from jsarag.objectives.mis import BLOCK, NO_STATE, Chain, distinct, propose, subsample, walk, walk_expected
from tests.enumeration import toy


def log_weights() -> tuple[Tensor, Tensor, Tensor]:
    """log q, log w and the exact posterior of three rows."""
    model = toy()
    scores = model.scores()
    log_w = scores.log_p + scores.log_lik - scores.log_q
    return scores.log_q.detach(), log_w.detach(), model.log_posterior().exp().detach()


def occupancy(
    log_q: Tensor, log_w: Tensor, steps: int, *, start: Tensor | None = None, generator: torch.Generator
) -> Chain:
    """One chain a row, for weights that are all known."""
    return walk(propose(log_q, steps, generator=generator), log_w, start=start, generator=generator)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_long_chain_reaches_the_posterior() -> None:
    log_q, log_w, posterior = log_weights()
    chain = occupancy(log_q, log_w, 100_000, generator=seeded())
    assert_close(chain.weights, posterior, atol=1e-2, rtol=0)


def test_error_falls_with_the_root_of_the_number_of_steps() -> None:
    log_q, log_w, posterior = log_weights()
    rows = 400
    errors = []
    for steps in (50, 800):
        chain = occupancy(log_q[:1].expand(rows, -1), log_w[:1].expand(rows, -1), steps, generator=seeded())
        errors.append(float((chain.weights - posterior[:1]).pow(2).sum(-1).mean().sqrt()))
    # 16 times the steps: a quarter of the error; 3.2 to 5 leaves room for the start of the short chain.
    assert 3.2 < errors[0] / errors[1] < 5.0


def test_chain_started_from_the_posterior_stays_in_it() -> None:
    log_q, log_w, posterior = log_weights()
    rows = 40_000
    start = torch.multinomial(posterior[0], rows, replacement=True, generator=seeded(1))
    log_q, log_w = log_q[:1].expand(rows, -1), log_w[:1].expand(rows, -1)
    for steps in (1, 3):
        chain = occupancy(log_q, log_w, steps, start=start, generator=seeded(2))
        landed = torch.bincount(chain.last, minlength=7) / rows
        assert_close(landed.double(), posterior[0], atol=0.01, rtol=0)


def test_every_proposal_is_accepted_where_q_is_the_posterior() -> None:
    _, _, posterior = log_weights()
    chain = occupancy(posterior.log(), torch.zeros_like(posterior), 50, generator=seeded())
    assert_close(chain.acceptance, torch.ones(3, dtype=torch.float64))


def test_acceptance_is_the_mean_over_pairs_of_states() -> None:
    log_q, log_w, posterior = log_weights()
    ratio = (log_w[:, None, :] - log_w[:, :, None]).clamp(max=0).exp()
    exact = torch.einsum("bi,bj,bij->b", posterior, log_q.exp(), ratio)
    chain = occupancy(log_q, log_w, 100_000, generator=seeded())
    assert_close(chain.acceptance, exact, atol=1e-2, rtol=0)


def test_expected_walk_is_the_mean_of_walks_over_the_same_proposals() -> None:
    log_q, log_w, _ = log_weights()
    proposals = propose(log_q[:1], 6, generator=seeded())
    expected = walk_expected(proposals, log_w[:1], burn_in=2, generator=seeded())
    rows = 100_000
    walked = walk(proposals.expand(rows, -1), log_w[:1].expand(rows, -1), burn_in=2, generator=seeded(3))
    assert_close(walked.weights.mean(0), expected.weights[0], atol=5e-3, rtol=0)
    assert_close(walked.acceptance.mean(), expected.acceptance[0], atol=5e-3, rtol=0)


def test_rejections_count_for_the_state_that_stays() -> None:
    # Two candidates; the start has all the weight, so the one proposal of the other is refused.
    chain = walk(torch.tensor([[0, 1, 0]]), torch.tensor([[0.0, -torch.inf]]), generator=seeded())
    assert_close(chain.weights, torch.tensor([[1.0, 0.0]]))
    assert chain.acceptance.tolist() == [0.5]  # proposing the present state is accepted


def test_burn_in_leaves_out_the_first_states() -> None:
    # The first proposal has 1e6 times the weight of the start; after it nothing moves.
    log_w = torch.tensor([[-14.0, 0.0]])
    proposals = torch.tensor([[0, 0, 1, 0]])
    assert_close(walk(proposals, log_w, generator=seeded()).weights, torch.tensor([[1 / 3, 2 / 3]]))
    assert_close(walk(proposals, log_w, burn_in=1, generator=seeded()).weights, torch.tensor([[0.0, 1.0]]))


def test_chain_leaves_a_state_of_no_weight_even_for_another() -> None:
    log_w = torch.tensor([[-torch.inf, -torch.inf, 0.0]])
    for run in (walk, walk_expected):
        chain = run(torch.tensor([[0, 1, 2]]), log_w, generator=seeded())
        assert chain.last.tolist() == [2]
        assert not chain.weights.isnan().any()


def test_start_replaces_the_first_draw_only_where_given() -> None:
    proposals = torch.tensor([[0, 1], [0, 1]])
    log_w = torch.tensor([[0.0, -torch.inf, 0.0]] * 2)
    chain = walk(proposals, log_w, start=torch.tensor([2, -1]), generator=seeded())
    assert chain.last.tolist() == [2, 0]
    assert distinct(proposals, 3, torch.tensor([2, -1])).tolist() == [[False, True, True], [True, True, False]]


def test_padding_is_never_proposed() -> None:
    log_q = torch.tensor([[0.0, -torch.inf, -torch.inf]])
    assert set(propose(log_q, 100, generator=seeded())[0].tolist()) == {0}


def test_rows_do_not_depend_on_each_other() -> None:
    log_q, log_w, _ = log_weights()
    proposals = propose(log_q, 20, generator=seeded())
    together = walk_expected(proposals, log_w, generator=seeded())
    for row in range(3):
        alone = walk_expected(proposals[row : row + 1], log_w[row : row + 1], generator=seeded())
        assert_close(alone.weights[0], together.weights[row])


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_weights_sum_to_one_at_any_scale(scale: float) -> None:
    log_q, log_w, _ = log_weights()
    chain = occupancy(log_q, scale * log_w, 30, generator=seeded())
    assert_close(chain.weights.sum(-1), torch.ones(3, dtype=torch.float64))


def test_subsample_is_unbiased_and_small() -> None:
    _, _, posterior = log_weights()
    rows = 100_000
    found = subsample(posterior[:1].expand(rows, -1), 2, generator=seeded())
    assert (found > 0).sum(-1).max() <= 2
    assert_close(found.sum(-1), torch.ones(rows, dtype=torch.float64))
    assert_close(found.mean(0), posterior[0], atol=5e-3, rtol=0)


def test_what_does_not_fit_is_refused() -> None:
    log_q, log_w, _ = log_weights()
    with pytest.raises(ValueError, match="no finite candidate"):
        propose(torch.full((1, 3), -torch.inf), 5)
    with pytest.raises(ValueError, match="steps must be at least 1"):
        propose(log_q, 0)
    proposals = propose(log_q, 5)
    with pytest.raises(ValueError, match="burn_in"):
        walk(proposals, log_w, burn_in=5)
    with pytest.raises(ValueError, match=r"expected start\[3\]"):
        walk(proposals, log_w, start=torch.tensor([0]))
    with pytest.raises(ValueError, match="expected proposals"):
        walk(proposals[:, :1], log_w)


def one_by_one(
    proposals: Tensor, log_w: Tensor, start: Tensor | None, burn_in: int, generator: torch.Generator
) -> Chain:
    """`walk` as a loop over its transitions."""
    state = proposals[:, 0] if start is None else torch.where(start == NO_STATE, proposals[:, 0], start)
    draws, rows = proposals[:, 1:], torch.arange(len(log_w))
    log_u = torch.rand(draws.shape, generator=generator, dtype=log_w.dtype).log()
    weights, accepted, trace = torch.zeros_like(log_w), torch.zeros(len(log_w), dtype=log_w.dtype), []
    for t, proposal in enumerate(draws.T):
        here, there = log_w[rows, state], log_w[rows, proposal]
        accept = log_u[:, t] < torch.where(here == -torch.inf, torch.inf, there - here)
        state = torch.where(accept, proposal, state)
        accepted += accept
        trace.append(state)
        if t >= burn_in:
            weights[rows, state] += 1 / (draws.shape[1] - burn_in)
    return Chain(weights, state, accepted / draws.shape[1], torch.stack(trace, dim=1))


@given(
    st.integers(0, 2**31),
    st.integers(1, 9),
    st.integers(1, 20),
    st.integers(1, 3 * BLOCK),
    st.sampled_from([torch.float32, torch.float64]),
)
@settings(max_examples=60, deadline=None)
def test_all_transitions_at_once_are_those_one_by_one(
    seed: int, rows: int, candidates: int, steps: int, dtype: torch.dtype
) -> None:
    rng = seeded(seed)
    log_q = torch.randn(rows, candidates, generator=rng, dtype=dtype)
    log_w = 5 * torch.randn(rows, candidates, generator=rng, dtype=dtype)
    log_w[torch.rand(rows, candidates, generator=rng) < 0.2] = -torch.inf
    start = torch.randint(-1, candidates, (rows,), generator=rng) if seed % 2 else None
    proposals, burn_in = propose(log_q, steps, generator=rng), seed % steps
    found = walk(proposals, log_w, start=start, burn_in=burn_in, generator=seeded(seed))
    wanted = one_by_one(proposals, log_w, start, burn_in, seeded(seed))
    for name, value in wanted._asdict().items():
        assert torch.equal(getattr(found, name), value), name
