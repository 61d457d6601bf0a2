"""``jsarag ask``: modes, searches, streams, and what is refused; the same from Python."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import jsarag
from jsarag.cli.main import main
from jsarag.decoding import DECODERS
from tests import world

QUESTION = "where is the red lamp ?"


@pytest.fixture(scope="module")
def run(data: Path, encoder_model: Path, causal_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that was evaluated with beams."""
    out = tmp_path_factory.mktemp("asked") / "run"
    options = world.options(data, encoder_model, causal_model, out)
    short = ("--loop.steps", "1", "--evaluation.before", "false", "--evaluation.closed_book", "false")
    beams = ("--evaluation.decoding.search", "beam", "--evaluation.decoding.beams", "3")
    assert main(["train", *options, *short, *beams]) == 0
    return out


def asked(capsys: pytest.CaptureFixture[str], run: Path, *more: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["ask", QUESTION, "--run", str(run), "--json", *more]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def mistake(capsys: pytest.CaptureFixture[str], run: Path, *more: str) -> str:
    capsys.readouterr()
    assert main(["ask", QUESTION, "--run", str(run), *more]) == 2
    out, err = capsys.readouterr()
    (line,) = [line for line in err.splitlines() if line.startswith("jsarag:")]
    assert (out, "Traceback" in err) == ("", False)
    return line


@pytest.mark.parametrize("mode", DECODERS)
def test_every_mode_answers_with_the_search_of_the_run_or_another(
    run: Path, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    loaded = jsarag.Run.load(run)
    for options, settings in (
        ((), {}),
        (("--search", "greedy"), {"search": "greedy", "beams": None}),
        (("--search", "sample", "--seed", "3"), {"search": "sample", "beams": None, "seed": 3}),
    ):
        found = asked(capsys, run, "--mode", mode, "--passages", "2", *options)
        decoding = replace(loaded.pipeline.decoding, mode=mode, passages=2, **settings)
        expected = replace(loaded, pipeline=replace(loaded.pipeline, decoding=decoding)).ask(QUESTION)
        assert found["text"] == expected.text
        assert found["log_probability"] == pytest.approx(expected.log_probability)
        assert [h["passage"]["id"] for h in found["passages"]] == [h.passage.id for h in expected.passages]


@pytest.mark.parametrize("mode", ["top-1", "rag-token", "concat"])
def test_a_streamed_answer_is_the_answer(run: Path, mode: str, capsys: pytest.CaptureFixture[str]) -> None:
    whole = asked(capsys, run, "--mode", mode, "--search", "greedy")
    assert main(["ask", QUESTION, "--run", str(run), "--mode", mode, "--search", "greedy", "--stream"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(whole["text"] or "(no answer)")
    assert "p(h|x)" in out
    loaded = jsarag.Run.load(run, decoding=jsarag.DecodingConfig(mode=mode))
    stream = loaded.stream(QUESTION)
    assert "".join(stream) == stream.answer.text == whole["text"]
    assert stream.answer.log_probability == pytest.approx(whole["log_probability"])
    assert list(stream) == []
    assert loaded.stream(QUESTION).answer == stream.answer  # without reading the pieces


def test_a_stream_that_fails_says_so_where_it_is_read(run: Path) -> None:
    stream = jsarag.Run.load(run, decoding=jsarag.DecodingConfig()).stream("red " * 1000)
    with pytest.raises(jsarag.InputError, match=r"generator\.prompt\.max_length"):
        next(stream)
    with pytest.raises(jsarag.InputError, match=r"generator\.prompt\.max_length"):
        _ = stream.answer


def test_what_would_be_ignored_is_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    greedy = ("--search", "greedy")
    assert "--beams: expected null with --search greedy" in mistake(capsys, run, *greedy, "--beams", "2")
    assert "--seed: expected null with --search beam" in mistake(capsys, run, "--seed", "1")
    assert "--beams: expected 2 or more" in mistake(capsys, run, "--beams", "1")
    assert "--top_p" in mistake(capsys, run, "--search", "sample", "--top_p", "2")
    assert "--search" in mistake(capsys, run, "--search", "wide")
    assert "--search: expected greedy or sample to stream" in mistake(capsys, run, "--stream")
    line = mistake(capsys, run, *greedy, "--stream", "--mode", "rag-sequence-thorough")
    assert "--mode: expected one of top-1, rag-token, concat to stream" in line
    assert "--stream: expected without --json" in mistake(capsys, run, *greedy, "--stream", "--json")
    with pytest.raises(jsarag.InputError, match="to stream"):
        jsarag.Run.load(run).stream(QUESTION)
