"""The page about models says what the code does."""

from __future__ import annotations

from pathlib import Path

from tests.families.installed import needs_all
from tests.families.table import tables

PAGE = Path(__file__).parents[2] / "docs" / "models.md"


@needs_all
def test_page_holds_the_tables() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for table in tables():
        assert table in page, "print them with `python -m tests.families.table`"
