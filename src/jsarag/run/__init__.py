"""A run: its folder, its parts from files, its weights for answering."""

from __future__ import annotations

from jsarag.run.config import DataConfig, TrainConfig
from jsarag.run.work import train

__all__ = ["DataConfig", "TrainConfig", "train"]
