"""The experiment on figures without labels: its statistics by hand, its tables from rows that are known."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from sklearn.metrics import matthews_corrcoef, roc_auc_score

from jsarag.files import write_json, write_jsonl

PLACE = Path(__file__).parents[2] / "experiments" / "label-free" / "agreement.py"


@pytest.fixture(scope="module")
def agreement() -> Any:
    spec = importlib.util.spec_from_file_location("agreement", PLACE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_statistics(agreement: Any) -> None:
    gold, binary, graded = [1, 1, 0, 0, 0, 1], [1, 0, 0, 0, 1, 1], [0.9, 0.2, 0.2, 0.1, 0.5, 0.5]
    assert agreement.phi(binary, gold) == pytest.approx(matthews_corrcoef(gold, binary))
    assert agreement.auc(graded, gold) == pytest.approx(roc_auc_score(gold, graded))
    assert agreement.phi([1, 1], [0, 1]) is None
    assert agreement.auc([0.1, 0.2], [1, 1]) is None


def test_tables(agreement: Any, tmp_path: Path) -> None:
    """Gold rises in ten examples; the answer stands where gold is, the words fall, the likelihood stays."""
    for side, right in (("before", 0), ("after", 10)):
        rows = []
        for i in range(20):
            hit = float(i < right)
            scores = {"prior/hit@1": hit, "prior/hit@5": hit, "evidence/answer@1": hit, "evidence/answer@5": hit}
            scores |= {"evidence/words@1": 0.5 - hit / 2, "evidence/words@5": 0.5 - hit / 2}
            rows.append({"id": str(i), "likelihood/per_token": -1.0, "likelihood/closed_book": -2.0, **scores})
        write_jsonl(tmp_path / "set" / "evaluation" / f"{side}.jsonl", rows)

    def test(mean: float) -> dict[str, float]:
        return {"mean": mean, "p": 0.01}

    beside = {"prior/hit@1": test(-0.1), "evidence/answer@1": test(-0.2), "evidence/words@1": test(0.1)}
    write_json(tmp_path / "set" / "summary.json", {"paired": {"baseline:bm25": beside}})
    found = agreement.measure(tmp_path / "set")
    assert found["agreement"]["gold@1"] == 0.25
    assert found["agreement"]["phi answer@1"] == pytest.approx(1)
    assert found["agreement"]["AUC words@1"] == 0
    assert found["agreement"]["AUC gain in log p, gold@5"] == 0.5
    ways = ["yes", "NO", "yes", "NO", "level"]
    assert list(found["contrasts"]["before to after training"]["same way"].values()) == ways
    table = agreement.markdown({"set": found})
    assert "| set | 20 | 25.0 | 1.00 | 0.00 | 0.50 |" in table
    assert "| set | trained, against BM25 | -10.0 * | - | -20.0 * yes | - | +10.0 * NO | - | - |" in table
    assert "| +50.0 * | +50.0 * | +50.0 * yes | +50.0 * yes | -25.0 * NO | -25.0 * NO | +0.00 level |" in table
