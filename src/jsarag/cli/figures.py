"""Tables of figures for the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

SHOWN = {
    "prior": ("hit@1", "hit@5", "mrr@10"),
    "posterior": ("hit@1", "mrr@10"),
    "answers": ("em", "f1", "rougeL", "bleu1", "bleu4"),
    "closed_book": ("em", "f1"),
}
"""The figures worth a line; all are in the JSON."""


def show_summary(summary: dict[str, Any]) -> None:
    """Print figures before and after training with intervals, and what the training cost."""
    before, after, cost = summary["before"], summary["after"], summary["cost"]
    if before and after:
        table = Table("percent [95 % interval]", "before", "after", "change")
        for block, metrics in SHOWN.items():
            for metric in metrics:
                a, b = before.get(block, {}).get(metric), after.get(block, {}).get(metric)
                if a and b:
                    table.add_row(f"{block} {metric}", cell(a), cell(b), f"{100 * (b['mean'] - a['mean']):+.1f}")
        Console().print(table)
    print(
        f"training: {summary['run']['steps']} steps, {cost['seconds']:.0f} s, {cost['tokens_scored']:,} tokens scored, "
        f"{cost['tokens_trained']:,} trained, peak memory {cost['peak_memory_bytes'] / 2**30:.1f} GiB"
    )


def show_evaluation(summary: dict[str, dict[str, dict[str, float]]]) -> None:
    """Print all figures of one evaluation."""
    table = Table("percent [95 % interval]", "")
    for block, metrics in summary.items():
        for metric, estimate in metrics.items():
            table.add_row(f"{block} {metric}", cell(estimate))
    Console().print(table)


def cell(estimate: dict[str, float]) -> str:
    """``mean [low, high]`` in percent."""
    return f"{100 * estimate['mean']:.1f} [{100 * estimate['low']:.1f}, {100 * estimate['high']:.1f}]"
