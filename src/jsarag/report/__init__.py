"""Pages made from files: the report of a run, the comparison of runs, the laboratory."""

from __future__ import annotations

from jsarag.report.compare import Group, contrast
from jsarag.report.compare_page import contrast_figures, contrast_markdown, costs, heading, text, write_contrast
from jsarag.report.laboratory import write_laboratory
from jsarag.report.page import REPORT, write_report

__all__ = [
    "REPORT",
    "Group",
    "contrast",
    "contrast_figures",
    "contrast_markdown",
    "costs",
    "heading",
    "text",
    "write_contrast",
    "write_laboratory",
    "write_report",
]
