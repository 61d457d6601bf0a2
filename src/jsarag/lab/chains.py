"""How near sampled weights come to the posterior: chains, their start and burn-in, importance sampling, by m."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from jsarag.lab.estimators import Row
from jsarag.lab.world import World
from jsarag.objectives import mis, mixing


def error_by_m(world: World, m: Sequence[int], replicates: int, seed: int) -> list[Row]:
    """Root mean square distance of weights from p(h|x,y) over the whole KB, by method and m.

    Methods: ``mis`` (fresh start), ``mis, burn-in`` (first half not counted), ``mis, cache`` (started where a chain of
    older models stood: a draw from the posterior of logits that differ by a normal of standard deviation 0.5),
    ``mis, occupancy`` (expected accept/reject), ``importance`` (self-normalised weights, the estimator of rws).
    """
    many = world.repeated(replicates)
    posterior = many.log_posterior.exp()
    log_q = many.posterior.log_softmax(-1)
    log_w = many.log_posterior - log_q
    rng = torch.Generator().manual_seed(seed)
    noise = 0.5 * torch.randn(many.prior.shape, generator=rng, dtype=posterior.dtype)
    older = torch.multinomial((many.log_posterior + noise).exp(), 1, generator=rng)[:, 0]
    rows = []
    for steps in m:
        proposals = mis.propose(log_q, steps, generator=rng)
        found = {
            "mis": mis.walk(proposals, log_w, generator=rng).weights,
            "mis, cache": mis.walk(proposals, log_w, start=older, generator=rng).weights,
            "mis, occupancy": mis.walk_expected(proposals, log_w, generator=rng).weights,
            "importance": _importance(proposals[:, 1:], log_w),
        }
        if steps > 1:
            found["mis, burn-in"] = mis.walk(proposals, log_w, burn_in=steps // 2, generator=rng).weights
        rows += [
            {"method": method, "m": steps, "error": float((weights - posterior).square().sum(-1).mean().sqrt())}
            for method, weights in found.items()
        ]
    return rows


def slope(rows: Sequence[Row], method: str, least: int = 10) -> float:
    """The exponent with which the error of a method falls as m grows, fitted from m = ``least`` on."""
    points = [
        (math.log(row["m"]), math.log(row["error"])) for row in rows if row["method"] == method and row["m"] >= least
    ]
    mx, my = (sum(values) / len(points) for values in zip(*points, strict=True))
    return float(sum((x - mx) * (y - my) for x, y in points) / sum((x - mx) ** 2 for x, _ in points))


def mixing_by_quality(world: World, quality: Sequence[float], m: int, replicates: int, seed: int) -> list[Row]:
    """Acceptance, autocorrelation at lag 1, effective share of m states, distance of the weights, by quality of q."""
    rows = []
    for value in quality:
        many = world.with_quality(value).repeated(replicates)
        log_q = many.posterior.log_softmax(-1)
        rng = torch.Generator().manual_seed(seed)
        proposals = mis.propose(log_q, m, generator=rng)
        chain = mis.walk(proposals, many.log_posterior - log_q, generator=rng)
        start = torch.full((len(many),), mis.NO_STATE)
        found = mixing.diagnose(chain, proposals, many.log_posterior - log_q, many.log_posterior, start, rng)
        rows.append(
            {
                "quality": value,
                "acceptance": float(found["acceptance"].mean()),
                "autocorrelation": float(found["autocorrelation"].nanmean()),
                "effective_share": float(found["chain_ess"].nanmean()) / m,
                "distance": float(found["chain_error"].mean()),
            }
        )
    return rows


def _importance(draws: Tensor, log_w: Tensor) -> Tensor:
    weights = log_w.gather(1, draws).softmax(-1)
    return torch.zeros_like(log_w).scatter_add_(1, draws, weights)
