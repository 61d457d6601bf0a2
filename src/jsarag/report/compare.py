"""Runs side by side: grouped by settings over seeds, with paired tests on per-example scores and with their cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from jsarag import layout
from jsarag.checks import closest
from jsarag.data.names import listed
from jsarag.metrics import BLOCKS, Estimate, difference, interval, randomisation
from jsarag.report.archive import SCORES, Kept, find, parse, parse_lines
from jsarag.types import InputError

COSTS = ("tokens_scored", "tokens_trained", "seconds", "peak_memory_bytes")
OWN = ("out", "loop.seed", "evaluation.baselines", "evaluation.likelihood")
"""Settings that may differ among the runs of a group: they change no figure."""


@dataclass(frozen=True)
class Member:
    """One run: settings, per-example scores by ``block/metric``, costs, dev figures against tokens, gradients.

    ``gradients`` holds by component: ``norm``, the median over steps; ``tail``, the largest norm over the median;
    ``noise``, the median of the variance (half the squared distance of the gradients of two steps in a row) over the
    squared median norm.
    """

    folder: Path
    settings: dict[str, Any]
    ids: tuple[str, ...]
    scores: dict[str, list[float]]
    cost: dict[str, float]
    curves: dict[str, list[tuple[float, float]]]
    gradients: dict[str, dict[str, float]]


@dataclass(frozen=True)
class Compared:
    """One metric of a group.

    Attributes:
        estimate: Mean over seeds and examples, interval over examples of the mean over seeds.
        seeds: Means of the single runs.
        versus: Difference from the reference with its interval over seeds and examples; None for the reference.
        p: Of the paired randomisation test over examples; None for the reference.
    """

    estimate: Estimate
    seeds: tuple[float, ...]
    versus: Estimate | None
    p: float | None


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone."""

    label: str
    members: tuple[Member, ...]
    figures: dict[str, Compared]
    cost: dict[str, float]
    curves: dict[str, list[tuple[float, float]]]
    gradients: dict[str, dict[str, float]]


def contrast(
    addresses: Sequence[Path], *, metrics: Sequence[str] = (), reference: str | None = None, resamples: int = 10_000
) -> list[Group]:
    """Compare runs on the examples they were all measured on; the first group is the reference, or the one named.

    Args:
        addresses: Finished runs (`jsarag.report.archive.find`: folders, or runs in an archive); those with equal
            settings but for seed and folder form a group.
        metrics: As ``block/metric``, such as prior/mrr@10; none: those that `BLOCKS` names and all runs have.
        reference: Label of the group the others are tested against, or its objective where one group has that; None:
            the label of the first run.
        resamples: Of the randomisation test.

    Raises:
        InputError: fewer than two runs, a folder that is no finished run, a damaged archive, runs measured on
            different examples, an unknown metric or label.
    """
    runs = [run for address in addresses for run in find(address)]
    if len(runs) < 2:
        raise InputError(f"compare: expected at least two runs, got {len(runs)}")
    twice = next((run.place for i, run in enumerate(runs) if any(run.place == other.place for other in runs[:i])), None)
    if twice is not None:
        raise InputError(f"{twice}: given twice")
    members = [_member(run) for run in runs]
    for member in members:
        if member.ids != members[0].ids:
            raise InputError(f"{member.folder}: measured on other examples than {members[0].folder}")
    shared = [name for name in members[0].scores if all(name in member.scores for member in members)]
    labelled = any(name.startswith("prior/") for name in shared)
    blocks = {name: block for name, block in BLOCKS.items() if not (labelled and block.stand_in)}
    usual = [f"{name}/{metric}" for name, block in blocks.items() for metric in block.compared]
    wanted = list(metrics) or [name for name in usual if name in shared]
    for name in wanted:
        if name not in shared:
            known = f"--metrics: expected some of {listed(shared)} (what all runs have)"
            raise InputError(f"{known}, got {name!r}{closest(name, shared)}")
    grouped: dict[str, list[Member]] = {}
    for member in members:
        # A setting that an older version did not have is one that is not set.
        key = {name: value for name, value in member.settings.items() if name not in OWN and value is not None}
        grouped.setdefault(yaml.safe_dump(key), []).append(member)
    labels = _labels([found[0].settings for found in grouped.values()])
    by_label = dict(zip(labels, grouped.values(), strict=True))
    first = labels[0] if reference is None else reference
    if first not in by_label:
        named = [label for label, found in by_label.items() if found[0].settings["objective.name"] == first]
        if len(named) != 1:
            raise InputError(f"--reference: expected one of {', '.join(labels)}, got {first!r}")
        first = named[0]
    base = by_label[first]
    ordered = [first, *[label for label in labels if label != first]]
    return [_group(label, by_label[label], None if label == first else base, wanted, resamples) for label in ordered]


def _group(
    label: str, members: list[Member], base: list[Member] | None, metrics: Sequence[str], resamples: int
) -> Group:
    figures = {}
    for name in metrics:
        scores = [member.scores[name] for member in members]
        means = _means(scores)
        versus = p = None
        if base is not None:
            theirs = [member.scores[name] for member in base]
            versus, p = difference(scores, theirs), randomisation(means, _means(theirs), resamples=resamples)
        seeds = tuple(sum(values) / len(values) for values in scores)
        figures[name] = Compared(interval(means), seeds, versus, p)
    cost = {name: sum(member.cost[name] for member in members) / len(members) for name in COSTS}
    curves = {name: _mean_curve([member.curves[name] for member in members]) for name in members[0].curves}
    gradients = {}
    for part in dict.fromkeys(part for member in members for part in member.gradients):
        # A run too short to tell the spread of a gradient has no figures for it.
        measured = [member.gradients[part] for member in members if part in member.gradients]
        gradients[part] = {name: sum(found[name] for found in measured) / len(measured) for name in measured[0]}
    return Group(label, tuple(members), figures, cost, curves, gradients)


def _means(scores: Sequence[Sequence[float]]) -> list[float]:
    return [sum(values) / len(values) for values in zip(*scores, strict=True)]


def _mean_curve(curves: Sequence[list[tuple[float, float]]]) -> list[tuple[float, float]]:
    """Point by point over seeds, as far as all go."""
    return [
        (sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points))
        for points in zip(*curves, strict=False)
    ]


def _labels(settings: Sequence[dict[str, Any]]) -> list[str]:
    """The objective's name, and what tells a group from others: its value of a setting that most do not share."""
    made = []
    for own in settings:
        kin = [other for other in settings if other["objective.name"] == own["objective.name"]]
        told = []
        for name in own:
            if name in (*OWN, "objective.name"):
                continue
            values = [other.get(name) for other in (kin if name.startswith("objective.") else settings)]
            if values.count(own[name]) <= len(values) / 2:
                told.append(f"{name.removeprefix('objective.')}={own[name]}")
        made.append(" ".join([str(own["objective.name"]), *told]))
    return made


def _member(run: Kept) -> Member:
    names = [name for name in run.scores[0] if name != "id"] if run.scores else []
    if not names:
        raise InputError(f"{run.place / SCORES}: holds no scores an example; evaluate the run again")
    # Answers may be judged on the first examples alone.
    scores = {name: [row[name] for row in run.scores if name in row] for name in names}
    logged = parse_lines(run.place / layout.METRICS, run.metrics)
    tokens = {row["step"]: row["tokens_scored"] + row["tokens_trained"] for row in logged if row["kind"] == "step"}
    curves: dict[str, list[tuple[float, float]]] = {}
    for row in logged:
        if row["kind"] == "dev":
            for block, figures in row.items():
                for metric, value in figures.items() if isinstance(figures, dict) else ():
                    if value is not None and (row["step"] == 0 or row["step"] in tokens):
                        curves.setdefault(f"{block}/{metric}", []).append((tokens.get(row["step"], 0), value))
    summary = parse(run.place / layout.SUMMARY, run.summary)
    # Of files and models their content counts, and not the folder they lie in.
    flat = _settings(run)
    return Member(
        run.place,
        flat | {name: f"{Path(str(flat[name])).name} ({word})" for name, word in run.content.items()},
        tuple(row["id"] for row in run.scores),
        scores,
        {name: float(summary["cost"][name]) for name in COSTS},
        curves,
        _gradients([row for row in logged if row["kind"] == "step"]),
    )


def _settings(run: Kept) -> dict[str, Any]:
    """The settings of a run by dotted names; a run writes no alias, few of which may stand for more than memory."""
    try:
        aliased = any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(run.config, yaml.SafeLoader))
        settings = None if aliased else yaml.safe_load(run.config)
    except (yaml.YAMLError, RecursionError, ValueError):
        settings = None
    flat = _flat(settings) if isinstance(settings, dict) else {}
    if not flat or not run.content.keys() <= flat.keys():
        raise InputError(f"{run.place / layout.CONFIG}: expected the settings of a run in YAML")
    return flat


def _gradients(steps: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    found = {}
    for name in dict.fromkeys(name for row in steps for name in row if name.startswith("grad_norm/")):
        part = name.removeprefix("grad_norm/")
        norms = [row[name] for row in steps if row.get(name)]
        spread = [row[f"grad_variance/{part}"] for row in steps if row.get(f"grad_variance/{part}") is not None]
        if norms and spread:
            norm = median(norms)
            found[part] = {"norm": norm, "tail": max(norms) / norm, "noise": median(spread) / norm**2}
    return found


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
