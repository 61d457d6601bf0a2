"""What counts tokens in these tests: the tiny encoder, which reads 64."""

from __future__ import annotations

from pathlib import Path

import pytest

from jsarag.documents.measure import Measure
from jsarag.models import load_encoder


@pytest.fixture(scope="session")
def measure(encoder_model: Path) -> Measure:
    return Measure.of(load_encoder(str(encoder_model)))
