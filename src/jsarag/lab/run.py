"""All measurements of the laboratory, in one result of plain rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch

from jsarag.config import plain
from jsarag.data import load_examples, load_passages
from jsarag.display import Advance, Display
from jsarag.kb import SAMPLE
from jsarag.lab.chains import error_by_m, mixing_by_quality
from jsarag.lab.claims import claims
from jsarag.lab.config import LabConfig
from jsarag.lab.estimators import Row, lengths, measure
from jsarag.lab.real import real
from jsarag.lab.recovery import recover
from jsarag.lab.synthetic import synthetic
from jsarag.lab.world import World
from jsarag.models import load_encoder, load_generator
from jsarag.objectives import JSA, OBJECTIVES, RWS, VOD, VRAG, Objective, RagSequence
from jsarag.types import InputError

K = 5
"""Candidates a source where they are not what is varied."""
BRIEF = 4
"""Most tokens of an answer of the real world: each costs a backward pass a passage."""
TAIL_EXAMPLES, RECOVERY_EXAMPLES = 400, 64
"""Examples of the synthetic worlds behind tails and recovery."""
STEPS, EVERY = 300, 10
"""Of the training of tables."""
VAGUE, WRONG = 1.0, 4.0
"""Standard deviations of the logits of random posterior retrievers; at 4 they are sure, and wrong."""


@dataclass(frozen=True)
class Setting:
    """One point of a curve."""

    objective: Objective
    world: World
    columns: dict[str, Any]


def run(config: LabConfig, display: Display) -> dict[str, Any]:
    """Measure everything the configuration asks for.

    Returns:
        ``config``; ``worlds``: for each of them (synthetic, real) ``by_k``, ``by_m`` and ``by_quality`` (bias and
        variance of every objective), ``chains``, ``mixing``, ``tails`` and ``tail_curves``; ``recovery`` and
        ``recovery_summary`` (synthetic); ``claims``, each with its figures and a verdict.
    """
    worlds: dict[str, Any] = {}
    result: dict[str, Any] = {"config": plain(config), "worlds": worlds}
    if config.models != "real":
        made = synthetic(config.examples, config.passages, config.seed)
        more = synthetic(TAIL_EXAMPLES, config.passages, config.seed)
        worlds["synthetic"] = _measured(made, more, config, display, "synthetic")
        with display.task("recovery", 1) as advance:
            result |= _recovery(synthetic(RECOVERY_EXAMPLES, config.passages, config.seed), config.seed)
            advance(1, "")
    if config.models != "synthetic":
        worlds["real"] = _measured(*_real(config, display), config, display, "real")
    result["claims"] = claims(result)
    return result


def _measured(world: World, more: World, config: LabConfig, display: Display, name: str) -> dict[str, Any]:
    """Everything that is measured on one world; ``more`` holds other examples of its kind, for the tails."""
    n, m = world.passages, config.m
    k = min(K, n)
    learned = [o for o in _every(k) if "posterior" in o.trains and o.name != "gold"]
    curves = {
        "by_k": [Setting(o, world, {"k": k}) for k in sorted({min(k, n) for k in config.k}) for o in _every(k)],
        "by_m": [
            Setting(replace(o, m=m), world, {"m": m}) for m in config.m for o in (JSA(n, states=None), RWS(n), VOD(n))
        ],
        "by_quality": [
            Setting(o, world.with_quality(quality), {"quality": quality}) for quality in config.quality for o in learned
        ],
    }
    result: dict[str, Any] = {}
    with display.task(f"{name}: estimators", sum(map(len, curves.values()))) as advance:
        for curve, settings in curves.items():
            result[curve] = [row for setting in settings for row in _rows(setting, config, advance)]
    with display.task(f"{name}: chains and tails", 3) as advance:
        result["chains"] = error_by_m(world, m, config.replicates, config.seed)
        advance(1, "")
        result["mixing"] = mixing_by_quality(world, config.quality, 50, config.replicates, config.seed)
        advance(1, "")
        result |= _tails(more, config.seed)
        advance(1, "")
    return result


def _real(config: LabConfig, display: Display) -> tuple[World, World]:
    """The real world with Jacobians, and further examples without."""
    device = torch.device("cpu")
    encoder, generator = load_encoder(config.encoder, device), load_generator(config.generator, device)
    passages = load_passages(SAMPLE / "passages.jsonl")
    tokens = generator.prompt
    brief = [e for e in load_examples(SAMPLE / "train.jsonl") if len(tokens.answer(e.outputs[0])) <= BRIEF]
    some, others = brief[: config.real_examples], brief[config.real_examples :][: config.tail_examples]
    if not others:
        raise InputError(
            f"real_examples: expected fewer than the {len(brief)} pairs of the sample with short answers, so that some "
            f"are left for the tails, got {config.real_examples}"
        )
    n = config.real_passages
    with display.task("real: models and Jacobians", len(some)) as advance:
        world = real(encoder, generator, passages, some, n, _only_count(advance))
    with display.task("real: models", len(others)) as advance:
        more = real(encoder, generator, passages, others, n, _only_count(advance), jacobians=False)
    return world, more


def _only_count(advance: Advance) -> Callable[[int], None]:
    return lambda done: advance(done, "")


def _rows(setting: Setting, config: LabConfig, advance: Advance) -> Iterator[Row]:
    name = called(setting.objective)
    for row in measure(setting.objective, setting.world, config.replicates, config.seed):
        yield {"objective": name, **setting.columns, **row}
    advance(1, name)


def _every(k: int) -> list[Objective]:
    """Every objective with this k, VRAG in both presets; those that need two passages from k = 2 on."""
    kinds = [kind for name, kind in OBJECTIVES.all_loadable().items() if name != "loop" or k > 1]
    return [_paper(kind(k=k)) for kind in kinds] + [VRAG(k=k, preset="released")]


def _paper(objective: Objective) -> Objective:
    """An objective as in its paper: JSA with 50 transitions, trained on every state, not its cheaper defaults."""
    return replace(objective, m=50, states=None) if isinstance(objective, JSA) else objective


def called(objective: Objective) -> str:
    """The name of an objective with its preset."""
    released = isinstance(objective, VRAG) and objective.preset == "released"
    return f"{objective.name} (released)" if released else objective.name


def _tails(world: World, seed: int) -> dict[str, Any]:
    """Lengths of single gradients of the posterior retriever over examples: with the world's own q, and a wrong one."""
    rng = torch.Generator().manual_seed(seed)
    wrong = world.with_posterior(WRONG * torch.randn(world.prior.shape, generator=rng, dtype=world.prior.dtype))
    k = min(K, world.passages)
    rows: list[Row] = []
    curves: list[Row] = []
    shares = torch.tensor([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0], dtype=torch.float64)
    for q, there in (("own", world), ("wrong", wrong)):
        for objective in (_paper(JSA(k=k)), RWS(k=k), VOD(k=k), VRAG(k=k), VRAG(k=k, preset="released")):
            values = lengths(objective, there, 4, seed)["posterior"]
            quantiles = values.quantile(shares)
            centred = values - values.mean()
            spread = centred.square().mean()
            name = called(objective)
            rows.append(
                {
                    "objective": name,
                    "q": q,
                    "median": float(quantiles[3]),
                    "q99": float(quantiles[8]),
                    "largest": float(quantiles[-1]),
                    "q99_over_median": float(quantiles[8] / quantiles[3].clamp(min=1e-12)),
                    # None where all lengths are one, as with a single example they may be.
                    "kurtosis": float(centred.pow(4).mean() / spread.square()) if spread > 0 else None,
                }
            )
            points = zip(shares.tolist(), quantiles.tolist(), strict=True)
            curves += [{"objective": name, "q": q, "share": share, "length": value} for share, value in points]
    return {"tails": rows, "tail_curves": curves}


def _recovery(world: World, seed: int) -> dict[str, list[Row]]:
    """Training of the tables of p and q, from q half way, from a vague random q, from one that is sure and wrong."""
    rng = torch.Generator().manual_seed(seed)
    chance = torch.randn(world.prior.shape, generator=rng, dtype=world.prior.dtype)
    starts = {
        "half-way": world,
        "vague": world.with_posterior(VAGUE * chance),
        "wrong": world.with_posterior(WRONG * chance),
    }
    k = min(K, world.passages)
    variants: dict[str, Objective] = {
        "jsa": _paper(JSA(k=k)),
        "jsa (mix 0.2)": _paper(JSA(k=k, mix=0.2)),
        "jsa (exact)": _paper(JSA(k=k, exact=True)),
        "rws": RWS(k=k),
        "vod": VOD(k=k),
        "vrag": VRAG(k=k),
        "rag-sequence": RagSequence(k=k),
    }
    curves: list[Row] = []
    summary: list[Row] = []
    for q, there in starts.items():
        for name, objective in variants.items():
            rows = recover(objective, there, STEPS, EVERY, seed)
            curves += [{"objective": name, "q": q, **row} for row in rows]
            first, last = rows[0], rows[-1]
            halved = next((row["step"] for row in rows if row["kl"] <= first["kl"] / 2), None)
            ends = {"marginal": last["marginal"], "kl": last["kl"], "top1": last["top1"]}
            summary.append({"objective": name, "q": q, "at_first": first["marginal"], "kl_halved_at": halved, **ends})
    return {"recovery": curves, "recovery_summary": summary}
