"""Tables of figures for the terminal."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from jsarag.display.visible import visible_line
from jsarag.metrics import Estimate, Figure, Unit, block_of, in_order
from jsarag.report import Group, costs, heading
from jsarag.report.compare_page import COSTS, difference_text, mean_text
from jsarag.report.numbers import bounds, change, number
from jsarag.report.standing import leader, letters, standings
from jsarag.report.verdict import SURE, Verdict, next_steps, verdict
from jsarag.run.dry import Finding


def show_summary(summary: dict[str, Any], run: Path | None = None) -> None:
    """Print the verdict on a run, its figures before and after training, and what to do next with its folder."""
    before, after, cost = summary["before"], summary["after"], summary["cost"]
    show_verdict(verdict(before, after, summary.get("paired", {}), summary["run"], cost, summary.get("abstention")))
    if before and after:
        tests = summary.get("paired", {}).get("before", {})
        table, stars = Table("percent [95 % interval]", "before", "after", "change"), False
        for name, figure in in_order(_blocks(before), _blocks(after)):
            if name == "evidence" and "prior" in after:  # labels tell more
                continue
            a, b = (side.get(name, {}).get(figure.name) for side in (before, after))
            if figure.shown and a and b:
                difference = change(b["mean"] - a["mean"], figure.unit)
                sure = tests.get(f"{name}/{figure.name}", {}).get("p", 1) < SURE
                stars |= sure
                table.add_row(
                    label(name, figure), cell(a, figure.unit), cell(b, figure.unit), difference + (" *" if sure else "")
                )
        Console().print(table, markup=False)
        if stars:
            print("* more than chance: p < 0.05 in a paired test over the examples")
    print(
        f"training: steps {summary['run']['steps']}, {cost['seconds']:.0f} s, {cost['tokens_scored']:,} tokens scored, "
        f"{cost['tokens_trained']:,} trained, peak memory {cost['peak_memory_bytes'] / 2**30:.1f} GiB"
    )
    if run is not None:
        print("\nnext:")
        for purpose, command in next_steps(shlex.quote(str(run))):
            print(f"  {purpose:<9}{command}")


def show_verdict(found: Verdict) -> None:
    """Print the verdict: a sentence, a line a figure, which models were kept, what it cost."""
    lines = [(line.title, line.text) for line in found.lines]
    lines += [
        (name, told)
        for name, told in (("models", found.models), ("declines", found.declines), ("cost", found.cost))
        if told
    ]
    console = Console(highlight=False)
    console.print(found.headline, style="bold", markup=False)
    # A title beside its figures where both fit, else above them.
    width = max((len(title) for title, _ in lines), default=0)
    beside = all(width + len(text) + 4 <= console.width for _, text in lines[: len(found.lines)])
    for title, told in lines:
        if beside:
            rest = textwrap.wrap(told, max(console.width - width - 4, 20), break_on_hyphens=False)
            print(f"  {title:<{width}}  " + f"\n{'':<{width + 4}}".join(rest))
        else:
            print(textwrap.fill(f"{title}: {told}", console.width, initial_indent="  ", subsequent_indent="      "))


def show_evaluation(summary: dict[str, Any], title: str = "", *, every: bool = False) -> None:
    """Print the figures of one evaluation, and its modes side by side where there are several.

    Args:
        summary: The figures by block.
        title: What was measured on what.
        every: All figures; else those that most people read.
    """
    console = Console(highlight=False)
    if title:
        console.print(visible_line(title), markup=False, soft_wrap=True)
    table = Table("figure", "percent [95 % interval]")
    columns = [name for name in _blocks(summary) if block_of(name).column]
    chosen = [(name, figure) for name, figure in in_order(_blocks(summary)) if name not in columns]
    shown = [(name, figure) for name, figure in chosen if every or figure.shown or not figure.folded]
    for i, (name, figure) in enumerate(shown):
        if i and name != shown[i - 1][0]:
            table.add_section()
        unit = "" if figure.unit == "percent" else f" ({figure.unit})"
        table.add_row(label(name, figure) + unit, cell(summary[name][figure.name], figure.unit))
    console.print(table, markup=False)
    if every and columns:
        _show_combinations({block_of(name).column: summary[name] for name in columns})
    if len(chosen) > len(shown):
        print(f"{len(chosen) - len(shown)} more figures: --all shows them, --json FILE writes them")
    if "modes" in summary:
        _show_modes(summary["modes"], summary["retrieval_seconds"])


def _show_modes(modes: dict[str, Any], retrieval_seconds: float) -> None:
    """Print a line a mode: quality, and what a question costs."""
    shown = [(name, figure) for name, figure in in_order(*map(_blocks, modes.values())) if figure.shown]
    table = Table("percent [95 % interval]", *(label(name, figure) for name, figure in shown), "seconds", "tokens")
    for mode, found in modes.items():
        cells = [cell(found.get(name, {}).get(figure.name), figure.unit) for name, figure in shown]
        table.add_row(mode, *cells, f"{found['cost']['seconds']:.3f}", f"{found['cost']['tokens']:,.0f}")
    _wide().print(table, markup=False)
    taken = f"{retrieval_seconds:.3f} s"
    print(f"seconds and generator tokens a question, without the {taken} that finding its passages takes")


def _show_combinations(columns: dict[str, Any]) -> None:
    """Print how gold passages read go with right answers, and where the answers of each combination come from."""
    table = Table("gold passage, answer", *columns)
    for name in next(iter(columns.values())):
        table.add_row(
            block_of("combinations").figure(name).title, *(cell(found.get(name)) for found in columns.values())
        )
    Console().print(table, markup=False)


def label(name: str, figure: Figure) -> str:
    """The title of a figure among those of other blocks, with its direction where less is better."""
    prefix = block_of(name).prefix
    return f"{name.replace('_', ' ') if prefix is None else prefix} {figure.title}{figure.direction}".strip()


def _blocks(summary: dict[str, Any]) -> dict[str, Any]:
    """The entries of a summary that hold estimates by metric."""
    return {
        name: value
        for name, value in summary.items()
        if isinstance(value, dict) and all(isinstance(v, dict) and "mean" in v for v in value.values())
    }


HEADING, CELL = 20, 20
"""Columns of the terminal that the name of a metric takes, and a group."""


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
        console.print(table, markup=False)
    if result.get("recovery_summary"):
        table = Table("objective", "q at first", "log p(y|x)", "end", "KL end", "halved at", title="recovery of q")
        for row in result["recovery_summary"]:
            numbers = [f"{row[key]:.2f}" for key in ("at_first", "marginal", "kl")]
            table.add_row(row["objective"], row["q"], *numbers, str(row["kl_halved_at"] or "-"))
        console.print(table, markup=False)
    for claim in result["claims"]:
        figures_told = ", ".join(f"{name} {value:.2f}" for name, value in claim["figures"].items())
        verdict = "holds" if claim["holds"] else "does not hold"
        print(f"{verdict:<14} {claim['claim']}: {figures_told}")


def show_contrast(groups: Sequence[Group]) -> None:
    """Print who is ahead and by how much, then groups of runs side by side: a metric a row, a letter a group."""
    console = Console() if Console().is_terminal else Console(width=max(Console().width, 80))
    for line in [leader(groups), *standings(groups)]:
        print(textwrap.fill(line, console.width, subsequent_indent="  ", break_on_hyphens=False))
    print()
    short = letters(groups)
    for letter, group in zip(short, groups, strict=True):
        runs = f"{len(group.members)} run{'' if len(group.members) == 1 else 's'}"
        legend = f"{letter}  {group.label} ({runs})"
        print(textwrap.fill(legend, console.width, subsequent_indent="   ", break_on_hyphens=False))
    metrics = list(groups[0].figures)
    fit = max((console.width - HEADING) // CELL, 2) - 1
    for start in range(1, max(len(groups), 2), fit):
        # The reference stands in every table.
        shown = [0, *range(start, min(start + fit, len(groups)))]
        table = Table("", *(short[i] for i in shown))
        for metric in metrics:
            cells = [
                "\n".join(filter(None, (mean_text(groups[i], metric), difference_text(groups[i], metric))))
                for i in shown
            ]
            table.add_row(heading(metric), *cells)
        table.add_section()
        spent = [(*costs(groups[i]), f"{groups[i].cost['seconds']:.0f} s") for i in shown]
        for name, cells_ in zip(COSTS, zip(*spent, strict=True), strict=True):
            table.add_row(name, *cells_)
        console.print(table, markup=False)
    note = f"percent ± deviation over seeds; below, points against {short[0]} and p of a paired randomisation test"
    print(textwrap.fill(note, console.width))


def show_findings(findings: Sequence[Finding]) -> None:
    """Print what a dry run found, a line a check, and whether the run could start."""
    table = Table("check", "state", "found", box=None)
    for finding in findings:
        table.add_row(finding.name, "PROBLEM" if finding.state == "problem" else finding.state, finding.text)
    _wide().print(table, markup=False)
    problems = sum(finding.state == "problem" for finding in findings)
    print(f"problems: {problems}; the run {'would be refused' if problems else 'can start'}; nothing was written")


def _wide() -> Console:
    """The terminal as it is; a file or a pipe bears long lines."""
    console = Console()
    return console if console.is_terminal else Console(width=200)


def _triple(figures: list[float | None] | None) -> str:
    if figures is None or None in figures:
        return "-"
    angle, bias, variance = figures
    return f"{angle:3.0f}°  {bias:5.2f}  {variance:.3f}"


def cell(estimate: dict[str, float] | None, unit: Unit = "percent") -> str:
    """``mean [low, high]``; a dash where there is none."""
    if estimate is None:
        return "-"
    return f"{number(estimate['mean'], unit)} {bounds(Estimate(**estimate), unit)}"
