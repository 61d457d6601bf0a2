"""How well a chain of Metropolis independence sampling mixes, and what cache and burn-in do for it."""

from __future__ import annotations

import torch
from torch import Tensor

from jsarag.objectives.mis import NO_STATE, Chain, walk


def diagnose(
    chain: Chain, proposals: Tensor, log_w: Tensor, log_posterior: Tensor, start: Tensor, rng: torch.Generator
) -> dict[str, Tensor]:
    """Diagnostics of one chain a row, ``[batch]`` each; NaN where a row has none.

    The posterior is that on the proposed passages, which is where the chain would end up.

    Args:
        chain: What `jsarag.objectives.mis` made.
        proposals: ``[batch, steps + 1]`` the proposals it walked over.
        log_w: ``[batch, candidates]`` its log weights.
        log_posterior: ``[batch, candidates]`` log p(h|x,y) on what was proposed, -inf elsewhere.
        start: ``[batch]`` where it continued from, -1 where it started afresh.
        rng: Source of randomness of the chain that is walked for comparison.

    Returns:
        ``acceptance``; ``chain_error``, the total variation between its weights and the posterior;
        ``chain_error_half``, likewise with the first half of the transitions left out (what burn-in would do);
        ``chain_error_fresh``, likewise of a chain over the same proposals that starts at the first of them (what the
        cache saves), where the row continued an earlier chain; ``autocorrelation`` and ``chain_ess`` of the log
        posterior along the chain.
    """
    posterior = log_posterior.exp()
    found = {"acceptance": chain.acceptance, "chain_error": total_variation(chain.weights, posterior)}
    if chain.trace is not None:
        half = occupancy(chain.trace[:, chain.trace.shape[1] // 2 :], posterior.shape[1]).to(posterior.dtype)
        rho = autocorrelation(log_posterior.gather(1, chain.trace))
        found["chain_error_half"] = total_variation(half, posterior)
        found["autocorrelation"] = rho[:, 1] if rho.shape[1] > 1 else torch.full_like(rho[:, 0], torch.nan)
        found["chain_ess"] = effective_length(rho)
    continued = start != NO_STATE
    if continued.any():
        fresh = total_variation(walk(proposals, log_w, generator=rng).weights, posterior)
        found["chain_error_fresh"] = fresh.masked_fill(~continued, torch.nan)
    return found


def total_variation(a: Tensor, b: Tensor) -> Tensor:
    """``[batch]`` half the L1 distance of two distributions ``[batch, candidates]``: 0 equal, 1 disjoint."""
    return (a - b).abs().sum(-1) / 2


def occupancy(trace: Tensor, candidates: int) -> Tensor:
    """``[batch, candidates]`` share of the ``trace[batch, steps]`` that stands at each candidate."""
    share = torch.full(trace.shape, 1 / trace.shape[1], dtype=torch.float64, device=trace.device)
    return torch.zeros(len(trace), candidates, dtype=torch.float64, device=trace.device).scatter_add_(1, trace, share)


def autocorrelation(values: Tensor) -> Tensor:
    """``[batch, steps]`` autocorrelation by lag of ``values[batch, steps]``; NaN in rows that never change."""
    steps = values.shape[1]
    centred = values - values.mean(-1, keepdim=True)
    spectrum = torch.fft.rfft(centred, n=2 * steps)
    covariance = torch.fft.irfft(spectrum.abs().square(), n=2 * steps)[:, :steps]
    constant = (values == values[:, :1]).all(-1, keepdim=True)
    rho: Tensor = covariance / covariance[:, :1]
    return rho.masked_fill(constant, torch.nan)


def effective_length(rho: Tensor) -> Tensor:
    """``[batch]`` independent draws that the chain is worth, 1 to steps, from its ``autocorrelation``.

    Steps over the autocorrelation time, summed over pairs of lags up to the first pair that is not positive (Geyer
    1992, initial positive sequence).
    """
    steps = rho.shape[1]
    even = rho[:, : steps - steps % 2].reshape(len(rho), -1, 2).sum(-1) if steps > 1 else rho
    time = 2 * (even * (even > 0).cumprod(-1)).sum(-1) - 1
    return (steps / time.clamp(min=1)).where(rho[:, 0].isfinite(), torch.nan)
