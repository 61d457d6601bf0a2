"""The checksums of a finished run: of its results, and of what says which weights and which index it answers with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from jsarag import checksums, layout
from jsarag.files import write_text

SUMMARY = layout.SUMMARY
"""Written last: a run that has it is finished."""

RESULTS = (
    SUMMARY,
    layout.FINGERPRINTS,
    layout.METRICS,
    layout.EXAMPLES,
    *(f"{layout.EVALUATION}/{name}.{kind}" for name in ("before", "after") for kind in ("json", "jsonl")),
)
"""What reports and comparisons read."""

PARTS = (
    *(f"{name}/{checksums.FILE}" for name in (layout.INDEX, layout.TRAINED_INDEX)),
    *(f"{layout.CHECKPOINTS}/{name}.json" for name in ("start", "best")),
)
"""What a run answers with; the checkpoint ``last`` only where there is no better one."""


def finish(run: Path, summary: dict[str, Any]) -> None:
    """Write the checksums of a run that has ended, then its summary."""
    text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    parts = PARTS if (run / layout.CHECKPOINTS / "best.json").exists() else (*PARTS, f"{layout.CHECKPOINTS}/last.json")
    names = [name for name in (*RESULTS, *parts) if name != SUMMARY and (run / name).is_file()]
    checksums.seal(run / checksums.FILE, names, {SUMMARY: hashlib.sha256(text.encode()).hexdigest()})
    write_text(run / SUMMARY, text)


def check(run: Path, names: Collection[str]) -> None:
    """Refuse a finished run in which one of these files is damaged; one that is not finished has no checksums yet.

    Raises:
        InputError: a file is damaged, of another run, or missing.
    """
    seal = run / checksums.FILE
    if (run / SUMMARY).is_file() and (seal.is_file() or checksums.is_sealed(run)):
        checksums.check(seal, "put it back from a copy (`jsarag check` tells of all files)", names)
