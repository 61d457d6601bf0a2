"""The curves of a training run: what each shows, what it means, and what healthy values are."""

from __future__ import annotations

from dataclasses import dataclass

from jsarag.report.record import Record


@dataclass(frozen=True)
class Line:
    """One line of a chart: ``xs`` steps or a setting, ``ys`` values; ``points``: few values, not to be smoothed."""

    label: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    points: bool = False
    series: int | None = None
    """Which colour and dash pattern, from 0, so that a label looks the same in every chart; None: by position."""


@dataclass(frozen=True)
class Curve:
    """One chart with its explanation.

    Attributes:
        title: Heading, with the unit.
        meaning: What it shows and what healthy values are.
        figures: Name in metrics.jsonl to the label of its line; ``block/metric`` after ``dev:`` for dev figures.
        log: Logarithmic axis.
        share: The axis is that of a share, 0 to 1.
        first: Whether the report shows it outside the fold.
    """

    title: str
    meaning: str
    figures: dict[str, str]
    log: bool = False
    share: bool = False
    first: bool = False


CURVES = (
    Curve(
        "Loss (nats an example)",
        "What the optimizer minimises. Healthy: falls, then flattens. It sums over answer tokens and models: compare "
        "it within one objective and one data set only.",
        {"loss": "loss"},
        first=True,
    ),
    Curve(
        "Right passage first (hit@1)",
        "Share of examples whose best passage is a gold one; of training batches (they are small: noisy) and of dev. "
        "Healthy: rises. Batch rising while dev falls: the retriever overfits.",
        {"hit@1": "prior, batch", "dev:prior/hit@1": "prior, dev", "dev:posterior/hit@1": "posterior, dev"},
        share=True,
        first=True,
    ),
    Curve(
        "Log-likelihood of dev (nats)",
        "Mean log p(y|x) of the dev answers over the prior's best passages; measured where dev has no gold passages. "
        "Healthy: rises.",
        {"dev:marginal/log_p": "log p(y|x)"},
        first=True,
    ),
    Curve(
        "Acceptance rate",
        "Share of proposals of q(h|x,y) that the chain accepts; 1 where q is the true posterior. Healthy: above 0.1, "
        "rising or level. Below 0.02 the chain no longer mixes.",
        {"acceptance": "acceptance"},
        share=True,
        first=True,
    ),
    Curve(
        "Autocorrelation of the chain",
        "Of the log posterior along a chain, from one state to the next, over chains that moved. Healthy: below 0.9 "
        "and falling; 0 where q is the true posterior, near 1 where the chain sticks.",
        {"autocorrelation": "lag 1"},
        share=True,
    ),
    Curve(
        "Independent states a chain",
        "How many independent draws from the posterior the states of a chain are worth (steps over autocorrelation "
        "time). Healthy: rising towards objective.m; below 2, raise objective.m.",
        {"chain_ess": "effective states"},
    ),
    Curve(
        "Distance of the chain from the posterior",
        "Total variation between the chain's weights and the posterior on what it was proposed, 0 to 1: as counted; "
        "without its first half (what burn-in would do); and, where chains are kept (objective.cache), of a chain over "
        "the same proposals that starts afresh. Healthy: falling. Burn-in pays where its line is lowest; the cache, "
        "where a fresh start lies above.",
        {"chain_error": "as counted", "chain_error_half": "second half only", "chain_error_fresh": "fresh start"},
        share=True,
    ),
    Curve(
        "Effective sample size",
        "Worth of one draw from q as a draw from the true posterior, 0 to 1. Healthy: above 0.1 and rising. It is "
        "taken on the passages that were scored, which flatters q when they are few.",
        {"ess": "effective sample size"},
        share=True,
    ),
    Curve(
        "Entropies (nats)",
        "Spread over candidates of the prior p(h|x), the posterior retriever q(h|x,y) and the true posterior p(h|x,y). "
        "Healthy: fall slowly, the posterior below the prior. All near 0 early: the retrievers have collapsed.",
        {
            "entropy_prior": "p(h|x)",
            "entropy_posterior_retriever": "q(h|x,y)",
            "entropy_posterior": "p(h|x,y)",
        },
    ),
    Curve(
        "KL(posterior ‖ q) (nats)",
        "How far the posterior retriever is from the true posterior. Healthy: falls towards 0.",
        {"kl_posterior_q": "KL"},
    ),
    Curve(
        "Distinct passages an example",
        "Distinct proposals (each scored once by the generator) and distinct states of the chain (each with a backward "
        "pass). Healthy: both fall as retrieval sharpens; 1 proposal from the start means q explores nothing.",
        {"distinct_proposals": "proposals", "distinct_states": "states"},
    ),
    Curve(
        "Time a step (seconds)",
        "Search, scores, chain, backward and optimizer. Healthy: falls, since a sharper q proposes fewer distinct "
        "passages to score.",
        {"step_seconds": "seconds"},
    ),
    Curve(
        "Staleness of the index",
        "Where the passage encoder learns: share of today's top k that the index in use still finds, as checked along "
        "the way, and at a rebuild that of the old index in the new one. Healthy: above 0.8; below, rebuild more often "
        "(passages.rebuild_every).",
        {"dev:index/overlap": "checked", "dev:index/overlap_of_old": "at a rebuild"},
        share=True,
    ),
    Curve(
        "Drift of the passages (1 − cosine)",
        "Between the vectors of the candidates today and those in the index. Falls to 0 at every rebuild. Healthy: the "
        "teeth of the saw get smaller.",
        {"drift": "drift"},
    ),
    Curve(
        "Mass on the prior's top 1",
        "True posterior of the prior's best passage: how far the generator agrees with that choice. Healthy: rises.",
        {"top1_mass": "mass"},
        share=True,
    ),
    Curve(
        "Gradient norms",
        "Before clipping, by component, logarithmic. Healthy: level or falling. A rise by a factor of ten that stays: "
        "lower that component's learning rate.",
        {"grad_norm/prior": "prior", "grad_norm/posterior": "posterior", "grad_norm/generator": "generator"},
        log=True,
    ),
    Curve(
        "Gradient variance",
        "Half the squared distance between the gradients of two steps in a row, by component, logarithmic: the noise "
        "of batch and sampler. Healthy: level or falling. Far above the squared norm: larger batches, or more "
        "transitions.",
        {
            "grad_variance/prior": "prior",
            "grad_variance/posterior": "posterior",
            "grad_variance/generator": "generator",
        },
        log=True,
    ),
)
"""Every chart of training in the order shown."""


def lines(curve: Curve, record: Record) -> list[Line]:
    """The lines of a curve that the run has values for; on a logarithmic axis, values above 0."""
    made = []
    for figure, label in curve.figures.items():
        dev = figure.startswith("dev:")
        block, _, name = figure.removeprefix("dev:").partition("/") if dev else ("", "", figure)
        source = record.dev.get(block, ()) if dev else record.steps
        kept = [
            (point.step, point.values[name])
            for point in source
            if name in point.values and (point.values[name] > 0 or not curve.log)
        ]
        if kept:
            xs, ys = zip(*kept, strict=True)
            made.append(Line(label, xs, ys, points=dev))
    return made
