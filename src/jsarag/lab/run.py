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
from jsarag.lab.chains import error_by_m, mixing_by_quality, slope
from jsarag.lab.config import LabConfig
from jsarag.lab.estimators import Row, lengths, measure
from jsarag.lab.real import real
from jsarag.lab.recovery import recover
from jsarag.lab.synthetic import synthetic
from jsarag.lab.world import World
from jsarag.models import load_encoder, load_generator
from jsarag.objectives import JSA, OBJECTIVES, RWS, VOD, VRAG, Objective, RagSequence

QUALITY = 0.5
"""Of q where it is not what is varied."""
TAIL_EXAMPLES = 400
"""Examples of the synthetic world behind the tails."""
MARGIN = 1.1
"""How much more biased an estimator has to be for the claim to hold."""
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
        ``config``; ``by_k``, ``by_m``, ``by_quality`` (bias and variance of every objective, synthetic); ``chains`` and
        ``mixing``; ``tails`` and ``tail_curves`` (``real_`` likewise); ``recovery`` and ``recovery_summary``; ``real``;
        and ``claims``, each with its figures and a verdict.
    """
    result: dict[str, Any] = {"config": plain(config)}
    if config.models != "real":
        result |= _synthetic(config, display)
    if config.models != "synthetic":
        result |= _real(config, display)
    result["claims"] = claims(result)
    return result


def _synthetic(config: LabConfig, display: Display) -> dict[str, Any]:
    world = synthetic(config.examples, config.passages, config.seed)
    ks = [k for k in config.k if k <= config.passages]
    curves = {
        "by_k": [Setting(objective, world, {"k": k}) for k in ks for objective in _every(k)],
        "by_m": [
            Setting(replace(objective, m=m), world, {"m": m})
            for m in config.m
            for objective in (JSA(k=config.passages), RWS(k=config.passages), VOD(k=config.passages))
        ],
        "by_quality": [
            Setting(objective, world.with_quality(quality), {"quality": quality})
            for quality in config.quality
            for objective in _every(min(5, config.passages))
            if "posterior" in objective.trains and objective.name != "gold"
        ],
    }
    result: dict[str, Any] = {}
    with display.task("estimators", sum(map(len, curves.values()))) as advance:
        for name, settings in curves.items():
            result[name] = [row for setting in settings for row in _rows(setting, config, advance)]
    with display.task("chains, tails, recovery", 4) as advance:
        result["chains"] = error_by_m(world, config.m, config.replicates, config.seed)
        advance(1, "")
        result["mixing"] = mixing_by_quality(world, config.quality, 50, config.replicates, config.seed)
        advance(1, "")
        result |= _tails(synthetic(TAIL_EXAMPLES, config.passages, config.seed), config.seed, "")
        advance(1, "")
        result |= _recovery(synthetic(64, config.passages, config.seed), config.seed)
        advance(1, "")
    return result


def _real(config: LabConfig, display: Display) -> dict[str, Any]:
    device = torch.device("cpu")
    encoder, generator = load_encoder(config.encoder, device), load_generator(config.generator, device)
    passages = load_passages(SAMPLE / "passages.jsonl")
    tokens = generator.prompt
    brief = [e for e in load_examples(SAMPLE / "train.jsonl") if len(tokens.answer(e.outputs[0])) <= 4]
    with display.task("real models", config.real_examples) as advance:
        world = real(
            encoder,
            generator,
            passages,
            brief[: config.real_examples],
            config.real_passages,
            _only_count(advance),
        )
    ks = [k for k in config.k if k < config.real_passages] + [config.real_passages]
    at = min(5, config.real_passages)
    settings = [Setting(o, world, {"k": k, "q": "real"}) for k in ks for o in _every(k)]
    settings += [
        Setting(objective, world.with_quality(quality), {"k": at, "q": name})
        for name, quality in (("uniform", 0.0), ("exact", 1.0))
        for objective in _every(at)
        if "posterior" in objective.trains and objective.name != "gold"
    ]
    with display.task("estimators on real models", len(settings)) as advance:
        rows = [row for setting in settings for row in _rows(setting, config, advance)]
    several = brief[config.real_examples :][: config.tail_examples]
    with display.task("tails on real models", len(several)) as advance:
        told = _only_count(advance)
        tables = real(encoder, generator, passages, several, config.real_passages, told, jacobians=False)
    return {"real": rows, **_tails(tables, config.seed, "real_")}


def _only_count(advance: Advance) -> Callable[[int], None]:
    return lambda done: advance(done, "")


def _rows(setting: Setting, config: LabConfig, advance: Advance) -> Iterator[Row]:
    name = called(setting.objective)
    for row in measure(setting.objective, setting.world, config.replicates, config.seed):
        yield {"objective": name, **setting.columns, **row}
    advance(1, name)


def _every(k: int) -> list[Objective]:
    """Every objective with this k, VRAG in both presets; those that need two passages from k = 2 on."""
    kinds = [kind for name, kind in OBJECTIVES.items() if name != "loop" or k > 1]
    return [kind(k=k) for kind in kinds] + [VRAG(k=k, preset="released")]


def called(objective: Objective) -> str:
    """The name of an objective with its preset."""
    return (
        f"{objective.name} (released)"
        if isinstance(objective, VRAG) and objective.preset == "released"
        else objective.name
    )


def _tails(world: World, seed: int, prefix: str) -> dict[str, Any]:
    """Lengths of single gradients of the posterior retriever over examples: with the world's own q, and a wrong one."""
    rng = torch.Generator().manual_seed(seed)
    wrong = world.with_posterior(WRONG * torch.randn(world.prior.shape, generator=rng, dtype=world.prior.dtype))
    rows: list[Row] = []
    curves: list[Row] = []
    shares = torch.tensor([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0], dtype=torch.float64)
    for q, there in (("own", world), ("wrong", wrong)):
        for objective in (JSA(k=5), RWS(k=5), VOD(k=5), VRAG(k=5), VRAG(k=5, preset="released")):
            values = lengths(objective, there, 4, seed)["posterior"]
            quantiles = values.quantile(shares)
            centred = values - values.mean()
            name = called(objective)
            rows.append(
                {
                    "objective": name,
                    "q": q,
                    "median": float(quantiles[3]),
                    "q99": float(quantiles[8]),
                    "largest": float(quantiles[-1]),
                    "q99_over_median": float(quantiles[8] / quantiles[3].clamp(min=1e-12)),
                    "kurtosis": float(centred.pow(4).mean() / centred.square().mean().square()),
                }
            )
            points = zip(shares.tolist(), quantiles.tolist(), strict=True)
            curves += [{"objective": name, "q": q, "share": share, "length": value} for share, value in points]
    return {f"{prefix}tails": rows, f"{prefix}tail_curves": curves}


def _recovery(world: World, seed: int) -> dict[str, list[Row]]:
    """Training of the tables of p and q, from q half way, from a vague random q, from one that is sure and wrong."""
    rng = torch.Generator().manual_seed(seed)
    chance = torch.randn(world.prior.shape, generator=rng, dtype=world.prior.dtype)
    starts = {
        "half-way": world,
        "vague": world.with_posterior(VAGUE * chance),
        "wrong": world.with_posterior(WRONG * chance),
    }
    variants = {
        "jsa": JSA(k=5),
        "jsa (mix 0.2)": JSA(k=5, mix=0.2),
        "jsa (exact)": JSA(k=5, exact=True),
        "rws": RWS(k=5),
        "vod": VOD(k=5),
        "vrag": VRAG(k=5),
        "rag-sequence": RagSequence(k=5),
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


def claims(result: dict[str, Any]) -> list[dict[str, Any]]:
    """What the paper claims, the figures for it, and whether they bear it out."""
    found: list[dict[str, Any]] = []
    for name, q, where in (
        ("by_k", None, "synthetic"),
        ("real", "real", "real models, untrained q"),
        ("real", "exact", "real models, exact q"),
    ):
        # Top-K marginalisation has no q: its row is that of the first world.
        rows = {
            (r["objective"], r["k"], r["component"]): r for r in result.get(name, []) if r.get("q") in (None, "real")
        }
        own = {(r["objective"], r["k"], r["component"]): r for r in result.get(name, []) if r.get("q") == q}
        ks = sorted({k for _, k, _ in own} & {k for _, k, _ in rows})
        if not ks:
            continue
        k = 5 if 5 in ks else ks[len(ks) // 2]
        for component in ("prior", "generator"):
            rag, jsa = rows["rag-sequence", k, component]["bias"], own["jsa", k, component]["bias"]
            found.append(
                {
                    "claim": f"Top-K marginalisation is biased, and more than JSA ({component}, K = {k}, {where})",
                    "figures": {"bias rag-sequence": rag, "bias jsa": jsa},
                    "holds": rag > max(MARGIN * jsa, 0.01),
                }
            )
    for name, where in (("tails", "synthetic"), ("real_tails", "real models")):
        tails = {(r["objective"], r["q"]): r for r in result.get(name, [])}
        for q in dict.fromkeys(q for _, q in tails):
            vrag, jsa = tails["vrag", q], tails["jsa", q]
            for figure, label in (("q99", "99 % quantile of its length"), ("q99_over_median", "that over the median")):
                found.append(
                    {
                        "claim": f"VRAG's gradient has a heavier tail than JSA's (posterior, {q} q, {where}): {label}",
                        "figures": {"vrag": vrag[figure], "jsa": jsa[figure]},
                        "holds": vrag[figure] > jsa[figure],
                    }
                )
    if "chains" in result and sum(row["m"] >= 10 for row in result["chains"] if row["method"] == "mis") > 1:
        fall = slope(result["chains"], "mis")
        found.append(
            {
                "claim": "MIS converges as one over the root of m: exponent -0.5",
                "figures": {"exponent": fall},
                "holds": abs(fall + 0.5) < 0.1,
            }
        )
    return found
