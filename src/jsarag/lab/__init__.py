"""The laboratory: bias and variance of every objective's gradient, against exact enumeration on a small KB."""

from __future__ import annotations

from jsarag.lab.config import LabConfig
from jsarag.lab.run import run

__all__ = ["LabConfig", "run"]
