"""The report of a run: one page made from the files in its folder."""

from __future__ import annotations

from jsarag.report.laboratory import write_laboratory
from jsarag.report.page import write_report

__all__ = ["write_laboratory", "write_report"]
