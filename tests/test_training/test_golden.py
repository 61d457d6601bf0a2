"""Twenty steps of each objective give what they gave when the golden record was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jsarag.objectives import OBJECTIVES
from tests.test_training.golden import FILE, STEPS, machine, record


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", OBJECTIVES)
def test_steps_are_those_of_the_record(name: str, golden: dict[str, Any], tmp_path: Path) -> None:
    found = record(tmp_path, name)
    assert len(found) == STEPS
    if golden["machine"] == machine():
        assert found == golden[name]
    else:
        # Another processor rounds otherwise, and twenty steps make more of that.
        assert found[:3] == [pytest.approx(step, rel=1e-3, abs=1e-4) for step in golden[name][:3]]
