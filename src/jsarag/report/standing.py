"""Who is ahead in a comparison, and by how much, in a sentence a group."""

from __future__ import annotations

from collections.abc import Sequence

from jsarag.metrics import Figure, block_of
from jsarag.report.compare import Group
from jsarag.report.numbers import change_told, p_told, told
from jsarag.report.verdict import SURE


def figure_of(metric: str) -> Figure:
    """What a metric, ``block/name``, declares; its title tells the block as well."""
    block, _, name = metric.rpartition("/")
    return block_of(block).figure(name)


def title_of(metric: str) -> str:
    """The metric in plain words: ``right passage first``, ``answers F1``."""
    block, _, _ = metric.rpartition("/")
    prefix = block_of(block).prefix
    return f"{block.replace('_', ' ') if prefix is None else prefix} {figure_of(metric).title}".strip()


def letters(groups: Sequence[Group]) -> list[str]:
    """A short name a group, for tables: A, B, ..., Z, A1, B1, ..."""
    return [chr(ord("A") + i % 26) + (str(i // 26) if i >= 26 else "") for i in range(len(groups))]


def leader(groups: Sequence[Group]) -> str:
    """Who is ahead in the first figure, and by how much, against the first group or, where this leads, the next best.

    Only a lead over the first group is tested, so only such a difference is called one.
    """
    if len(groups) == 1:
        return f"{groups[0].label} stands alone: name runs of another objective or setting to compare it with."
    metric = next(iter(groups[0].figures))
    best, rival = sorted(groups[1:], key=lambda group: -_gain(group, metric))[0], groups[0]
    compared = best.figures[metric]
    assert compared.versus is not None
    assert compared.p is not None
    gain, figure = _gain(best, metric), figure_of(metric)
    if compared.p >= SURE or gain == 0:
        return f"No lead beyond chance in: {title_of(metric)}."
    first, second = (best, rival) if gain > 0 else (rival, best)
    margin = change_told(abs(compared.versus.mean) * (figure.better or 1), figure.unit)
    return f"{first.label} leads {second.label}: {title_of(metric)} {margin} ({p_told(compared.p)})."


def standings(groups: Sequence[Group]) -> list[str]:
    """A sentence for each group but the first, against the first; the one that is most ahead comes first."""
    others = sorted(groups[1:], key=lambda group: -_gain(group, next(iter(group.figures), None)))
    return [standing(group, groups[0]) for group in others]


def standing(group: Group, reference: Group) -> str:
    """``gold is ahead of jsa: right passage first 80.0 % against 30.0 % (+50.0 points, p < 0.001).``."""
    ahead: list[str] = []
    behind: list[str] = []
    level: list[str] = []
    for metric, compared in group.figures.items():
        assert compared.versus is not None
        assert compared.p is not None
        gain, figure = _gain(group, metric), figure_of(metric)
        if compared.p >= SURE or gain == 0:
            level.append(title_of(metric))
            continue
        own, theirs = (told(side.figures[metric].estimate.mean, figure.unit) for side in (group, reference))
        test = f"{change_told(compared.versus.mean, figure.unit)}, {p_told(compared.p)}"
        (ahead if gain > 0 else behind).append(f"{title_of(metric)} {own} against {theirs} ({test})")
    apart = f" Not apart beyond chance: {', '.join(level)}." if level else ""
    if not ahead and not behind:
        return f"{group.label} and {reference.label} are not apart beyond chance: {', '.join(level)}."
    parts = [
        f"is {word} {reference.label}: {'; '.join(some)}"
        for word, some in (("ahead of", ahead), ("behind", behind))
        if some
    ]
    return f"{group.label} {'. It '.join(parts)}.{apart}"


def _gain(group: Group, metric: str | None) -> float:
    """How much better than the reference, 0 where neither side of the figure is better."""
    compared = group.figures[metric] if metric else None
    if compared is None or compared.versus is None or metric is None:
        return 0.0
    return compared.versus.mean * figure_of(metric).better
