"""The report of a run as one page that needs nothing but itself: no network, no script, no other file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jsarag import layout
from jsarag.files import write_text
from jsarag.metrics import Bin, reliability
from jsarag.report.before_after import Table, headline, tables
from jsarag.report.charts import forest_chart, line_chart, reliability_chart
from jsarag.report.curves import CURVES, Curve, Line, lines
from jsarag.report.examples import changes
from jsarag.report.record import PARTS, Record, Side, read_record
from jsarag.report.templates import render

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
    write_text(path, _page(read_record(run)))
    return path


def _page(record: Record) -> str:
    compared = tables(record.before, record.after)
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
        headline=headline(compared),
        facts=_facts(record),
        cost=_cost(record),
        versions=_versions(record),
        held_out=_held_out(record),
        compared=[(table, _forest(table)) for table in compared],
        diagram=_diagram(record),
        pictures=pictures,
        unrecorded=[curve.title for curve in CURVES if not drawn[curve.title]] if trained else [],
        changes=changes(record.pairs),
        missing=[(name, PARTS[name]) for name in record.missing],
    )


def _forest(table: Table) -> str:
    return forest_chart(f"{table.title}: before and after training", table.rows)


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
        ("Time", None if seconds is None else _duration(seconds)),
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


def _duration(seconds: float) -> str:
    """Seconds as ``1 h 02 min``, ``2 min 05 s`` or ``7.4 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min {rest:02d} s"
