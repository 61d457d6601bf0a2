"""Questions that the documents do not answer are declined; what that costs is what a plain count says."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import jsarag
from jsarag.cli.main import main
from jsarag.evaluation import Case, measure_abstention
from jsarag.kb import SAMPLE
from jsarag.metrics.abstention import abstention_curve, point_at, threshold_at
from jsarag.pipeline import Pipeline, evidence
from jsarag.types import DECLINED, Passage, Retrieved

VALUES = st.lists(st.floats(-50, 50), min_size=1, max_size=60)


@given(VALUES, st.floats(0, 0.99))
def test_the_threshold_is_the_highest_that_loses_no_more_than_asked(values: list[float], lost: float) -> None:
    chosen = threshold_at(values, lost)
    assert chosen in values
    assert sum(value < chosen for value in values) <= lost * len(values) + 1e-6
    higher = [value for value in values if value > chosen]
    if higher:
        assert sum(value < min(higher) for value in values) > lost * len(values) - 1e-6


@given(st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=1, max_size=60))
def test_a_point_is_a_plain_count(cases: list[tuple[int, bool]]) -> None:
    values, right = [float(value) for value, _ in cases], [one for _, one in cases]
    for point in abstention_curve(values, right):
        answered = [one for value, one in cases if value >= point.threshold]
        assert point.coverage == pytest.approx(len(answered) / len(cases))
        assert point.precision == pytest.approx(sum(answered) / len(answered))
    assert abstention_curve(values, right)[0].coverage == 1
    assert point_at(values, right, 6.0).coverage == 0


def test_evidence_is_over_that_of_the_null_passage() -> None:
    found = [Retrieved(Passage("a", "", "x"), 0.5, 0.6), Retrieved(Passage("b", "", "y"), 0.25, 0.3)]
    assert evidence(found, 20.0) == 10.0
    assert evidence([*found, Retrieved(Passage("null", "", ""), 0.125, 0.1)], 20.0) == 7.5
    assert evidence(found[::-1], 20.0) == 10.0


@pytest.fixture(scope="module")
def real() -> Pipeline:
    """The real encoder over the bundled sample; the generator is not asked for anything before a question is."""
    encoder = jsarag.load_encoder()
    kb = jsarag.KnowledgeBase.build(jsarag.data.load_passages(SAMPLE / "passages.jsonl"), encoder)
    return Pipeline(encoder, kb, None)  # type: ignore[arg-type]


def test_questions_about_something_else_are_declined(real: Pipeline) -> None:
    dev = jsarag.data.load_examples(SAMPLE / "dev.jsonl")
    found = measure_abstention(real, [Case(e, e.input) for e in dev], 0.05)
    assert found is not None
    assert 0.95 <= found["coverage"] < 1
    assert found["precision"] >= found["precision_of_all"]
    held = [
        any(h.passage.id in e.gold for h in hs)
        for e, hs in zip(dev, real.retrieve([e.input for e in dev]), strict=True)
    ]
    assert found["precision_of_all"] == pytest.approx(sum(held) / len(held))
    careful = replace(real, least=found["threshold"])
    foreign = [
        "What is the capital of France?",
        "Who painted the Mona Lisa?",
        "How do I bake sourdough bread?",
        "What is the boiling point of ethanol?",
        "Who won the football world cup in 1998?",
        "How do I sort a list in Python?",
    ]
    declined = [x for x, hs in zip(foreign, careful.retrieve(foreign), strict=True) if careful.declines(hs)]
    assert foreign[0] in declined
    assert len(declined) >= 5  # of six: the handbook knows of boilers
    for answer in careful.answer(declined):
        assert (answer.text, answer.declined, len(answer.passages)) == (DECLINED, True, 5)
    assert list(replace(careful, decoding=jsarag.DecodingConfig()).stream(foreign[0])) == [DECLINED]


def test_too_few_pairs_choose_nothing(real: Pipeline) -> None:
    dev = jsarag.data.load_examples(SAMPLE / "dev.jsonl")[:19]
    assert measure_abstention(real, [Case(e, e.input) for e in dev], 0.05) is None


def test_a_run_declines_below_its_threshold(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *options]) == 0
    run = Path(options[options.index("--out") + 1])
    summary = json.loads((run / "summary.json").read_text())
    assert summary["abstention"] is None
    told = " ".join(capsys.readouterr().out.split())
    assert "declines: no question: the threshold is chosen on at least 20 dev pairs, and there are 6" in told
    summary["abstention"] = {"threshold": 1e9}
    (run / "summary.json").write_text(json.dumps(summary))
    capsys.readouterr()
    assert main(["ask", "--run", str(run), "--json", "where is the red lamp ?"]) == 0
    declined = json.loads(capsys.readouterr().out)
    assert (declined["text"], declined["declined"], declined["log_probability"]) == (DECLINED, True, 0.0)
    assert main(["ask", "--run", str(run), "--json", "--always", "where is the red lamp ?"]) == 0
    answered = json.loads(capsys.readouterr().out)
    assert not answered["declined"]
    assert math.isfinite(answered["log_probability"])
    assert answered["passages"] == declined["passages"]
