"""What the installed transformers can build: an older version than that of the tables builds some families alone."""

from __future__ import annotations

from typing import TypeVar

import pytest
import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

Built = TypeVar("Built")

ALL = tuple(int(part) for part in transformers.__version__.split(".")[:2]) >= (5, 24)
"""Whether it builds every family."""

needs_all = pytest.mark.skipif(not ALL, reason="needs every family, and this transformers is older than some")


def built_here(families: dict[str, Built]) -> dict[str, Built]:
    """The families that can be built."""
    return {name: build for name, build in families.items() if ALL or name in CONFIG_MAPPING or "-" in name}
