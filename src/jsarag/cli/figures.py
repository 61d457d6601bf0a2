"""Tables of figures for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from jsarag.metrics import Figure, block_of, in_order
from jsarag.report import Group, costs, heading, text


def show_summary(summary: dict[str, Any]) -> None:
    """Print figures before and after training with intervals, and what the training cost."""
    before, after, cost = summary["before"], summary["after"], summary["cost"]
    if before and after:
        table = Table("percent [95 % interval]", "before", "after", "change")
        for name, figure in in_order(_blocks(before), _blocks(after)):
            a, b = (side.get(name, {}).get(figure.name) for side in (before, after))
            if figure.shown and a and b:
                table.add_row(_label(name, figure), cell(a), cell(b), f"{100 * (b['mean'] - a['mean']):+.1f}")
        Console().print(table)
    print(
        f"training: {summary['run']['steps']} steps, {cost['seconds']:.0f} s, {cost['tokens_scored']:,} tokens scored, "
        f"{cost['tokens_trained']:,} trained, peak memory {cost['peak_memory_bytes'] / 2**30:.1f} GiB"
    )


def show_evaluation(summary: dict[str, Any], title: str = "", *, every: bool = False) -> None:
    """Print the figures of one evaluation, and its modes side by side where there are several.

    Args:
        summary: The figures by block.
        title: What was measured on what.
        every: All figures; else those that most people read.
    """
    console = Console(highlight=False)
    if title:
        console.print(title, markup=False, soft_wrap=True)
    columns = [name for name in _blocks(summary) if block_of(name).column]
    figures = [(name, figure) for name, figure in in_order(_blocks(summary)) if name not in columns]
    chosen = [(name, figure) for name, figure in figures if every or figure.shown]
    table = Table("figure", "percent [95 % interval]")
    for name, figure in chosen:
        table.add_row(_label(name, figure), cell(summary[name][figure.name]))
    console.print(table)
    if every and columns:
        _show_combinations({block_of(name).column: summary[name] for name in columns})
    if len(chosen) < len(figures):
        print(f"{len(figures) - len(chosen)} more figures: --all shows them, --json FILE writes them")
    if "modes" in summary:
        _show_modes(summary["modes"], summary["retrieval_seconds"])


def _show_modes(modes: dict[str, Any], retrieval_seconds: float) -> None:
    """Print a line a mode: quality, and what a question costs."""
    shown = [(name, figure) for name, figure in in_order(*map(_blocks, modes.values())) if figure.shown]
    table = Table("percent [95 % interval]", *(_label(name, figure) for name, figure in shown), "seconds", "tokens")
    for mode, found in modes.items():
        cells = [cell(found.get(name, {}).get(figure.name)) for name, figure in shown]
        table.add_row(mode, *cells, f"{found['cost']['seconds']:.3f}", f"{found['cost']['tokens']:,.0f}")
    _wide().print(table)
    taken = f"{retrieval_seconds:.3f} s"
    print(f"seconds and generator tokens a question, without the {taken} that finding its passages takes")


def _show_combinations(columns: dict[str, Any]) -> None:
    """Print how gold passages read go with right answers, and where the answers of each combination come from."""
    table = Table("gold passage, answer", *columns)
    for name in next(iter(columns.values())):
        table.add_row(name.replace("_", ", "), *(cell(found.get(name)) for found in columns.values()))
    Console().print(table)


def _label(name: str, figure: Figure) -> str:
    return f"{name.replace('_', ' ')} {figure.title}{figure.direction}"


def _blocks(summary: dict[str, Any]) -> dict[str, Any]:
    """The entries of a summary that hold estimates by metric."""
    return {
        name: value
        for name, value in summary.items()
        if isinstance(value, dict) and all(isinstance(v, dict) and "mean" in v for v in value.values())
    }


def show_claims(result: dict[str, Any]) -> None:
    """Print bias and variance of the objectives in the middle of K, recovery, and what was found on each claim."""
    console = _wide()
    figures = ("angle", "bias", "variance")
    for world, measured in result["worlds"].items():
        ks = sorted({row["k"] for row in measured["by_k"]})
        k = 5 if 5 in ks else ks[len(ks) // 2]
        rows = [row for row in measured["by_k"] if row["k"] == k]
        table = Table("objective", "prior", "posterior", "generator", title=f"{world}, K = {k}: angle, bias, variance")
        for name in dict.fromkeys(row["objective"] for row in rows):
            own = {row["component"]: [row[figure] for figure in figures] for row in rows if row["objective"] == name}
            table.add_row(name, *[_triple(own.get(part)) for part in ("prior", "posterior", "generator")])
        console.print(table)
    if result.get("recovery_summary"):
        table = Table("objective", "q at first", "log p(y|x)", "end", "KL end", "halved at", title="recovery of q")
        for row in result["recovery_summary"]:
            numbers = [f"{row[key]:.2f}" for key in ("at_first", "marginal", "kl")]
            table.add_row(row["objective"], row["q"], *numbers, str(row["kl_halved_at"] or "-"))
        console.print(table)
    for claim in result["claims"]:
        figures_told = ", ".join(f"{name} {value:.2f}" for name, value in claim["figures"].items())
        verdict = "holds" if claim["holds"] else "does not hold"
        print(f"{verdict:<14} {claim['claim']}: {figures_told}")


def show_contrast(groups: Sequence[Group]) -> None:
    """Print groups of runs side by side."""
    metrics = list(groups[0].figures)
    table = Table("objective", "seeds", *map(heading, metrics), "tokens scored", "trained", "memory", "seconds")
    for group in groups:
        cells = [text(group, metric) for metric in metrics]
        table.add_row(group.label, str(len(group.members)), *cells, *costs(group), f"{group.cost['seconds']:.0f}")
    console = _wide()
    console.print(table)
    print(f"percent ± deviation over seeds (points against {groups[0].label}, p of a paired randomisation test)")


def _wide() -> Console:
    """The terminal as it is; a file or a pipe bears long lines."""
    console = Console()
    return console if console.is_terminal else Console(width=200)


def _triple(figures: list[float | None] | None) -> str:
    if figures is None or None in figures:
        return "-"
    angle, bias, variance = figures
    return f"{angle:3.0f}°  {bias:5.2f}  {variance:.3f}"


def cell(estimate: dict[str, float] | None) -> str:
    """``mean [low, high]`` in percent; a dash where there is none."""
    if estimate is None:
        return "-"
    return f"{100 * estimate['mean']:.1f} [{100 * estimate['low']:.1f}, {100 * estimate['high']:.1f}]"
