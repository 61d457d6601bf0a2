"""A page of the documentation whose table an attack writes anew."""

from __future__ import annotations

from pathlib import Path


def replace_table(page: Path, begin: str, table: str, end: str) -> None:
    """Put a table between the marks ``begin`` and ``end`` of a page, in place of what stands there."""
    text = page.read_text(encoding="utf-8")
    head, _, rest = text.partition(begin)
    page.write_text(f"{head}{begin}\n{table}\n{end}{rest.partition(end)[2]}", encoding="utf-8")
