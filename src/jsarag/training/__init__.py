"""Joint training: one step, the loop around it, checkpoints, and a whole run in its folder."""

from __future__ import annotations

from jsarag.training.config import DataConfig, LoopConfig, OptimConfig, PassageConfig, Settings, TrainConfig
from jsarag.training.models import Models
from jsarag.training.run import train
from jsarag.training.trainer import Trainer

__all__ = [
    "DataConfig",
    "LoopConfig",
    "Models",
    "OptimConfig",
    "PassageConfig",
    "Settings",
    "TrainConfig",
    "Trainer",
    "train",
]
