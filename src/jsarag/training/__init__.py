"""Joint training: one step, the trainer around it, checkpoints. No file is named here but by a store."""

from __future__ import annotations

from jsarag.training.config import LoopConfig, OptimConfig, PassageConfig, Settings
from jsarag.training.models import Models
from jsarag.training.trainer import Trainer

__all__ = ["LoopConfig", "Models", "OptimConfig", "PassageConfig", "Settings", "Trainer"]
