"""``jsarag ask``: modes, searches, streams, and what is refused; the same from Python."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import jsarag
from jsarag.cli import quickstart
from jsarag.cli.answers import show
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


HISTORY = [{"role": "user", "text": "the lamp ?"}, {"role": "system", "text": "at seven"}]


def test_the_answer_comes_first_and_each_passage_has_two_lines(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    answer = jsarag.Run.load(run).ask(QUESTION)
    capsys.readouterr()
    assert main(["ask", QUESTION, "--run", str(run)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == (answer.text or "(no answer)")
    assert lines[1:3] == ["", "p(h|x)  passage"]
    passages = lines[3 : 3 + 2 * len(answer.passages)]
    for h, head, text in zip(answer.passages, passages[::2], passages[1::2], strict=True):
        assert head == f" {h.probability:.3f}  {h.passage.id}  {h.passage.title}"
        assert len(text.rstrip()) <= 40
        assert h.passage.text.startswith(text.strip().removesuffix("…"))
        assert text.rstrip().endswith("…")
    assert main(["ask", QUESTION, "--run", str(run), "--full"]) == 0
    words = " ".join(capsys.readouterr().out.split())
    for h in answer.passages:
        assert h.passage.text in words
    assert "--full: expected without --json" in mistake(capsys, run, "--full", "--json")


def test_questions_are_read_as_lines_of_text_or_json(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        QUESTION,
        "",
        json.dumps({"id": 7, "question": "and the key ?", "history": HISTORY}),
        json.dumps({"id": "b", "input": QUESTION, "outputs": ["nine"]}),
    ]
    loaded = jsarag.Run.load(run)
    expected = [loaded.ask(QUESTION), loaded.ask("and the key ?", HISTORY), loaded.ask(QUESTION)]
    (tmp_path / "asked.txt").write_text("\n".join(lines))
    for kind in ("file", "pipe"):
        source = (tmp_path / "asked.txt").open() if kind == "file" else io.StringIO("\n".join(lines))
        capsys.readouterr()
        with source, monkeypatch.context() as patch:
            patch.setattr("sys.stdin", source)
            assert main(["ask", "--run", str(run), "--json"]) == 0
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [(row["id"], row["question"]) for row in found] == [
            (None, QUESTION),
            ("7", "and the key ?"),
            ("b", QUESTION),
        ]
        assert [row["text"] for row in found] == [answer.text for answer in expected]
        assert [row.get("history") for row in found] == [None, HISTORY, None]
        for row, answer in zip(found, expected, strict=True):
            assert [h["passage"]["id"] for h in row["passages"]] == [h.passage.id for h in answer.passages]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"question": " "}', "standard input:2: expected a question that is not empty, got ' '"),
        ('{"question": 3}', "standard input:2: expected a question that is not empty, got 3"),
        ('{"query": "x"}', "standard input:2: no field 'question' or 'input'; it has query"),
        ('{"question": "x"', "standard input:2: not valid JSON"),
        ('{"question": "x", "history": "y"}', "standard input:2: history: expected a list of {role, text}"),
        (
            '{"question": "x", "history": [{"role": "user"}]}',
            "standard input:2: history: expected turns as {role, text}",
        ),
    ],
)
def test_a_bad_line_is_told_by_its_number(
    run: Path, text: str, message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{QUESTION}\n{text}\n"))
    assert main(["ask", "--run", str(run), "--json"]) == 2
    assert message in capsys.readouterr().err


def test_an_empty_question_is_a_mistake_before_anything_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "config.yaml").write_text("")  # looked at later
    for empty in ("", "  "):
        assert main(["ask", empty, "--run", str(tmp_path / "none")]) == 2
        assert "question: expected a question that is not empty" in capsys.readouterr().err


def test_a_list_is_answered_in_batches(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = jsarag.Run.load(run)
    turns = [jsarag.Turn(**turn) for turn in HISTORY]
    asked: list[Any] = [QUESTION, {"question": "and the key ?", "history": HISTORY}, jsarag.Example("a", "who ?")]
    alone = [loaded.ask(QUESTION), loaded.ask("and the key ?", turns), loaded.ask("who ?")]
    calls: list[int] = []
    answer = jsarag.Pipeline.answer

    def counted(self: jsarag.Pipeline, xs: Sequence[str], *more: Any) -> list[jsarag.Answer]:
        calls.append(len(xs))
        return answer(self, xs, *more)

    monkeypatch.setattr(jsarag.Pipeline, "answer", counted)
    together = loaded.ask(asked)
    assert calls == [3]
    assert [a.text for a in together] == [a.text for a in alone]
    assert [a.log_probability for a in together] == pytest.approx([a.log_probability for a in alone])
    # A history changes what is asked.
    assert loaded._x("and the key ?", HISTORY) == "the lamp ?\nat seven\nand the key ?"
    assert loaded.ask([]) == []
    bads: list[tuple[Any, str]] = [
        ("", "question: expected a question that is not empty"),
        (["x", ""], r"questions\[1\]: expected a question that is not empty"),
        ([None], r"questions\[0\]: expected text or"),
        (None, "question: expected text"),
    ]
    for bad, message in bads:
        with pytest.raises(jsarag.InputError, match=message):
            loaded.ask(bad)
    with pytest.raises(jsarag.InputError, match="history: expected with each question"):
        loaded.ask(["x"], HISTORY)  # type: ignore[call-overload]
    with pytest.raises(jsarag.InputError, match="question: history: expected turns"):
        loaded.ask("x", [{"who": "user"}])


def test_a_long_question_is_shown_whole(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    show(quickstart.QUESTION, jsarag.Answer("two hours", -1.0))
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 40
    assert " ".join(out.split()) == f"{quickstart.QUESTION} two hours p(h|x) passage"
