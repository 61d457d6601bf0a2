"""The report of a run as one page that needs nothing but itself: no network, no other file.

A few lines of its own script filter the examples; without script the page shows all of them.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from jsarag import layout
from jsarag.files import write_text
from jsarag.metrics import BASELINE, Bin, Estimate, block_of, reliability
from jsarag.report.before_after import Table, tables
from jsarag.report.charts import forest_chart, line_chart, reliability_chart
from jsarag.report.curves import CURVES, Curve, Line, lines
from jsarag.report.examples import changes
from jsarag.report.numbers import change, duration, number, p_told
from jsarag.report.record import PARTS, Blocks, Record, Side, read_record
from jsarag.report.templates import render
from jsarag.report.verdict import next_steps, verdict

REPORT = layout.REPORT


@dataclass(frozen=True)
class Picture:
    """A curve with its lines, drawn."""

    curve: Curve
    lines: list[Line]
    svg: str


def write_report(run: Path) -> Path:
    """Make ``report.html`` in a run folder from the files in it, and return its path.

    The page is made from ``config.yaml``, ``summary.json``, ``metrics.jsonl`` and ``examples.jsonl``; what a missing
    file would have brought is left out, with a note. All text of the run is escaped.

    Args:
        run: The folder of a run, finished or not.

    Raises:
        InputError: no such folder, none of the files, or a file that does not hold what it should (naming the line).
    """
    path = run / REPORT
    write_text(path, _page(read_record(run), shlex.quote(str(run))))
    return path


ANSWERS = ("answers", "closed_book", "likelihood", "dialog", "attribution")
"""Blocks of figures about answers, as the page orders them; all others are about retrieval."""


@dataclass(frozen=True)
class Part:
    """A table with the chart of its open rows."""

    table: Table
    forest: str


def _page(record: Record, place: str) -> str:
    compared = tables(record.before, record.after, record.paired.get("before", {}))
    figures = {side: _means(blocks) for side, blocks in (("before", record.before), ("after", record.after))}
    found = verdict(figures["before"], figures["after"], record.paired, record.run, record.cost, record.abstention)
    parts = [Part(table, _forest(table)) for table in compared]
    drawn = {curve.title: lines(curve, record) for curve in CURVES}
    pictures = [
        Picture(
            curve, drawn[curve.title], line_chart(curve.title, drawn[curve.title], log=curve.log, share=curve.share)
        )
        for curve in CURVES
        if drawn[curve.title]
    ]
    trained = record.steps or any(record.dev.values())
    return render(
        "page.html",
        record=record,
        verdict=found,
        next_steps=next_steps(place),
        facts=_facts(record),
        cost=_cost(record),
        versions=_versions(record),
        held_out=_held_out(record),
        answers=sorted(
            (part for part in parts if part.table.block in ANSWERS), key=lambda part: ANSWERS.index(part.table.block)
        ),
        retrieval=[part for part in parts if part.table.block not in ANSWERS],
        baselines=_baselines(record),
        diagram=_diagram(record),
        pictures=pictures,
        unrecorded=[curve.title for curve in CURVES if not drawn[curve.title]] if trained else [],
        changes=changes(record.pairs),
        missing=[(name, PARTS[name]) for name in record.missing],
    )


def _means(blocks: Blocks) -> dict[str, dict[str, dict[str, float]]]:
    return {block: {name: asdict(figure) for name, figure in found.items()} for block, found in blocks.items()}


@dataclass(frozen=True)
class Baselines:
    """The run beside retrievers without training: titles of figures, and a name with its cells a retriever."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


def _baselines(record: Record) -> Baselines | None:
    """A row a retriever; None where no baseline was measured."""
    names = [name for name in record.baselines if name.startswith(BASELINE)]
    if not names:
        return None
    found = list(record.baselines[names[0]])
    usual = [name for name in found if name in ("hit@1", "hit@5", "mrr@10")]
    wanted = usual or [name for name in found if name.startswith(("answer@", "words@"))]

    def own(blocks: Blocks) -> dict[str, Estimate]:
        return {**blocks.get("evidence", {}), **blocks.get("prior", {})}

    sides = [
        ("this run", own(record.after), {}),
        ("before training", own(record.before), record.paired.get("before", {})),
    ]
    sides += [
        (block_of(name).title.removeprefix("Baseline: "), record.baselines[name], record.paired.get(name, {}))
        for name in names
    ]
    rows = []
    for name, figures, tests in sides:
        cells = []
        for metric in wanted:
            test = next((tests[key] for key in (f"prior/{metric}", f"evidence/{metric}") if key in tests), None)
            text = number(figures[metric].mean) if metric in figures else "–"
            cells.append(f"{text} ({change(test['mean'])}, {p_told(test['p'])})" if test else text)
        rows.append((name, tuple(cells)))
    return Baselines(tuple(block_of(names[0]).figure(metric).title for metric in wanted), tuple(rows))


def _forest(table: Table) -> str:
    """The chart of the open rows; empty where none is open."""
    return forest_chart(f"{table.title}: before and after training", table.open) if table.open else ""


def _diagram(record: Record) -> str | None:
    """The reliability diagram of the retrieval probabilities; None where no example has labels."""
    labelled = [pair for pair in record.pairs if pair.gold and pair.before.passages and pair.after.passages]
    if not labelled:
        return None
    before, after = [pair.before for pair in labelled], [pair.after for pair in labelled]
    gold = [pair.gold for pair in labelled]
    return reliability_chart("Calibration before and after training", _bins(before, gold), _bins(after, gold))


def _bins(sides: Sequence[Side], gold: Sequence[frozenset[str]]) -> list[Bin]:
    top = [side.passages[0] for side in sides]
    right = [h.id in own for h, own in zip(top, gold, strict=True)]
    return reliability([min(h.probability, 1.0) for h in top], right)


def _facts(record: Record) -> list[str]:
    """What was trained, in a few words each: objective, steps, examples, passages."""
    run = record.run
    facts = [f"objective {run['objective']}"] if "objective" in run else []
    for name in ("steps", "examples", "passages"):
        if isinstance(run.get(name), int):
            facts.append(f"{run[name]:,} {name}")
    return facts


def _cost(record: Record) -> list[tuple[str, str]]:
    """Each cost with its name, in units for reading."""
    cost = record.cost
    scored, trained, seconds = cost.get("tokens_scored"), cost.get("tokens_trained"), cost.get("seconds")
    rows = [
        ("Time", None if seconds is None else duration(seconds)),
        ("Tokens scored without gradient", None if scored is None else f"{scored:,.0f}"),
        ("Tokens trained on, with gradient", None if trained is None else f"{trained:,.0f}"),
        ("Tokens a second", f"{((scored or 0) + (trained or 0)) / seconds:,.0f}" if seconds and trained else None),
        ("Peak memory", f"{cost['peak_memory_bytes'] / 2**30:.2f} GiB" if "peak_memory_bytes" in cost else None),
    ]
    return [(name, value) for name, value in rows if value is not None]


def _versions(record: Record) -> list[str]:
    versions = record.run.get("versions")
    return [f"{name} {version}" for name, version in versions.items()] if isinstance(versions, dict) else []


def _held_out(record: Record) -> str:
    """How pairs were held out of the training pairs; empty where they were not."""
    split = record.run.get("split")
    return str(split.get("text", "")) if isinstance(split, dict) else ""
