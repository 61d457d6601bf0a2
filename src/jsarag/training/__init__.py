"""Joint training: one step, the loop around it, checkpoints, and a whole run in its folder."""

from __future__ import annotations

from jsarag.training.config import DataConfig, LoopConfig, OptimConfig, TrainConfig
from jsarag.training.run import train

__all__ = ["DataConfig", "LoopConfig", "OptimConfig", "TrainConfig", "train"]
