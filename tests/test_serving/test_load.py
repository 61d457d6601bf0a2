"""Many requests at once: what waits together is answered together, as if alone; what is too much is told so."""

from __future__ import annotations

import asyncio
import json
import shutil
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import openai
import pytest
import torch
from torch.testing import assert_close

import jsarag
from jsarag.files import read_json
from jsarag.models import LanguageModel
from jsarag.run import sealed
from jsarag.serving.work import Ask, Embed
from jsarag.training import checkpoint
from tests.test_serving.conftest import QUESTIONS, Served, Start


class Gate:
    """Holds what the worker is about to answer until it is opened.

    Attributes:
        batches: The questions that were taken together.
    """

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.taken, self.opened = Event(), Event()

    def hold(self, monkeypatch: pytest.MonkeyPatch) -> None:
        do = Ask.do

        def held(run: jsarag.Run, works: Sequence[Ask]) -> Any:
            self.batches.append([ask.x for ask in works])
            self.taken.set()
            assert self.opened.wait(60)
            return do(run, works)

        monkeypatch.setattr(Ask, "do", held)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    one = Gate()
    one.hold(monkeypatch)
    yield one
    one.opened.set()


def body(question: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}], **more}


def ask(served: Served, question: str, **more: Any) -> httpx.Response:
    return httpx.post(f"{served.url}/v1/chat/completions", json=body(question, **more), timeout=60)


def streamed(response: httpx.Response) -> str:
    chunks = [json.loads(line[6:]) for line in response.text.split("\n\n") if line.startswith("data: {")]
    return "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)


def until_waiting(served: Served, number: int) -> None:
    """Return once so many requests wait."""
    worker = served.parts.worker
    with worker._changed:
        assert worker._changed.wait_for(lambda: len(worker._waiting) >= number, timeout=60)


def test_requests_that_wait_together_are_answered_together_and_as_alone(
    start: Start, alone: jsarag.Run, gate: Gate
) -> None:
    expected = [answer.text for answer in (alone.ask(question) for question in QUESTIONS)]
    served = start()
    with ThreadPoolExecutor(20) as pool:
        first = pool.submit(ask, served, QUESTIONS[0])
        assert gate.taken.wait(60)
        rest = [pool.submit(ask, served, q, stream=i % 2 == 1) for i, q in enumerate(QUESTIONS[1:], start=1)]
        drawn = [pool.submit(ask, served, QUESTIONS[0], temperature=1.5) for _ in range(2)]
        until_waiting(served, len(rest) + len(drawn))
        gate.opened.set()
        answers = [one.result() for one in (first, *rest)]
        draws = [one.result().json()["choices"][0]["message"]["content"] for one in drawn]
    found = [
        streamed(one) if i % 2 else one.json()["choices"][0]["message"]["content"] for i, one in enumerate(answers)
    ]
    assert found == expected
    # A request alone goes at once; those that waited go together, by settings. Two equal draws would be one draw.
    assert sorted(map(len, gate.batches)) == [1, 1, 1, len(rest)]
    assert draws[0] != draws[1]


def test_short_answers_do_not_wait_for_long_ones_beside_them(start: Start, alone: jsarag.Run) -> None:
    served, order = start(), list[int]()
    run = served.parts.worker.run
    decoder, hs = run.pipeline.decoding.decoder, run.pipeline.retrieve(QUESTIONS[:3])

    class Noted(jsarag.models.Reader):
        def __init__(self, number: int, longest: int) -> None:
            self.number, self.longest = number, longest
            self.text = ""

        def piece(self, text: str) -> None:
            self.text += text

        def end(self, tokens: int, *, finished: bool) -> None:
            assert (tokens, finished) == (self.longest, False)
            order.append(self.number)

    readers = [Noted(0, 12), Noted(1, 2), Noted(2, 5)]
    search = run.pipeline.decoding.chosen()
    found = decoder.follow_all(run.pipeline.generator, QUESTIONS[:3], hs, search, readers)  # type: ignore[attr-defined]
    assert order == [1, 2, 0]
    for reader, answer, question in zip(readers, found, QUESTIONS, strict=False):
        words = alone.ask(question).text.split()
        assert reader.text == answer.text == " ".join(words[: reader.longest])


def test_a_full_queue_says_when_to_try_again(start: Start, gate: Gate) -> None:
    served = start(queue=2)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(ask, served, QUESTIONS[0])
        assert gate.taken.wait(60)
        waiting = [pool.submit(ask, served, question) for question in QUESTIONS[1:3]]
        until_waiting(served, 2)
        with pytest.raises(openai.RateLimitError, match="2 requests wait already") as caught:
            served.client().chat.completions.create(model="mine", messages=body("x")["messages"])
        assert int(caught.value.response.headers["Retry-After"]) >= 1
        assert caught.value.code == "queue_full"
        assert "jsarag_queue_length 2.0" in httpx.get(f"{served.url}/metrics").text
        gate.opened.set()
        assert [one.result().status_code for one in (first, *waiting)] == [200, 200, 200]


def test_what_takes_too_long_is_told_so_and_not_done_any_more(start: Start, gate: Gate) -> None:
    served = start(timeout=0.3)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask, served, QUESTIONS[0])
        assert gate.taken.wait(60)
        second = pool.submit(ask, served, QUESTIONS[1], stream=True)
        for response in (first.result(), second.result()):
            assert response.status_code == 504
            assert response.json()["error"]["message"] == "no answer within 0.3 seconds"
    gate.opened.set()
    httpx.post(f"{served.url}/retrieve", json={"question": "the red lamp"}).raise_for_status()  # comes after them
    assert gate.batches == [[QUESTIONS[0]]]


def test_nothing_is_done_for_a_client_that_has_gone(start: Start, gate: Gate) -> None:
    served = start()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, served, QUESTIONS[0])
        assert gate.taken.wait(60)
        for stream in (False, True):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(
                    f"{served.url}/v1/chat/completions",
                    json=body(QUESTIONS[1], stream=stream),
                    timeout=httpx.Timeout(60, read=0.3),
                )
        waiting = served.parts.worker._waiting
        assert poll(lambda: all(work.gone for work in list(waiting)))
        gate.opened.set()
        assert first.result().status_code == 200
    assert ask(served, QUESTIONS[2]).status_code == 200
    assert gate.batches == [[QUESTIONS[0]], [QUESTIONS[2]]]
    assert 'jsarag_requests_total{route="/v1/chat/completions",status="499"} 2.0' in metrics(served)


def test_an_answer_ends_where_its_client_goes(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, bool]] = []
    begun, left = Event(), Event()
    piece, end = Ask.piece, Ask.end

    def slow(self: Ask, text: str) -> None:
        piece(self, text)
        begun.set()
        assert left.wait(60)

    def noted(self: Ask, tokens: int, *, finished: bool) -> None:
        told.append((tokens, finished))
        end(self, tokens, finished=finished)

    monkeypatch.setattr(Ask, "piece", slow)
    monkeypatch.setattr(Ask, "end", noted)
    served = start()
    with httpx.stream("POST", f"{served.url}/v1/chat/completions", json=body(QUESTIONS[0], stream=True)) as response:
        next(response.iter_lines())
        assert begun.wait(60)
    assert poll(lambda: served.parts.door.inside == 0)
    left.set()
    assert ask(served, QUESTIONS[1]).status_code == 200
    assert told[0] == (1, False)


def metrics(served: Served) -> str:
    return httpx.get(f"{served.url}/metrics").text


def poll(true: Any) -> bool:
    """Whether something becomes true within a minute."""
    waiting = Event()
    return any(true() or waiting.wait(0.02) for _ in range(3000))


@pytest.fixture
def own_run(run_folder: Path, tmp_path: Path) -> Path:
    """A copy of the run, to be changed."""
    folder = tmp_path / "mine"
    shutil.copytree(run_folder, folder)
    return folder


def retrain(folder: Path) -> None:
    """Give the finished run another best checkpoint, as a longer training does."""
    run = jsarag.Run.load(folder)
    generator = run.pipeline.generator
    assert isinstance(generator, LanguageModel)
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in generator.trained().values():
            weight.add_(torch.randn_like(weight), alpha=0.3)
    parts = {"prior": run.pipeline.prior, "posterior": run.posterior, "generator": generator}
    summary = read_json(folder / "summary.json")
    (folder / "summary.json").unlink()
    checkpoint.save_models(folder, "best", parts, 9)  # type: ignore[arg-type]
    sealed.finish(folder, summary)


def test_a_new_checkpoint_takes_over_under_load_without_a_failed_request(own_run: Path, start: Start) -> None:
    run = jsarag.Run.load(own_run)
    old = [run.ask(question).text for question in QUESTIONS]
    served = start(run, watch=0.05)
    stop, found = Event(), list[tuple[int, str]]()

    def client(number: int) -> None:
        with httpx.Client(timeout=60) as session:
            while not stop.is_set():
                for i in range(number, len(QUESTIONS), 4):
                    response = session.post(f"{served.url}/v1/chat/completions", json=body(QUESTIONS[i]))
                    response.raise_for_status()
                    found.append((i, response.json()["choices"][0]["message"]["content"]))

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(client, number) for number in range(4)]
        retrain(own_run)
        assert poll(lambda: served.parts.worker.run is not run)
        taken = len(found)
        assert poll(lambda: len(found) > taken + 16)
        stop.set()
        for one in clients:
            one.result()
    expected = jsarag.Run.load(own_run)
    new = [expected.ask(question).text for question in QUESTIONS]
    assert old != new
    assert expected.places[0].step == 9
    assert all(text in (old[i], new[i]) for i, text in found)
    assert all(text == new[i] for i, text in found[-8:])
    assert httpx.post(f"{served.url}/reload").json() == {"run": "mine", "step": 9}


def test_the_models_of_before_are_given_up(start: Start) -> None:
    served = start()
    before = weakref.ref(served.parts.worker.run.pipeline.generator)
    httpx.post(f"{served.url}/reload", timeout=60).raise_for_status()
    assert ask(served, QUESTIONS[0]).status_code == 200
    assert poll(lambda: before() is None)


def test_vectors_of_one_request_are_of_one_encoder(alone: jsarag.Run) -> None:
    texts = [f"{QUESTIONS[0]} {i}" for i in range(70)]
    other = alone.pipeline.prior.copy()
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in other.trained().values():
            weight.add_(torch.randn_like(weight), alpha=0.1)
    changed = replace(alone, pipeline=replace(alone.pipeline, prior=other))

    async def embedded() -> Any:
        work = Embed(texts, "query")
        with torch.no_grad():
            assert Embed.do(alone, [work]) == [work]  # some are left
            while Embed.do(changed, [work]):
                pass
        return await work.next()

    vectors, _ = asyncio.run(embedded())
    with torch.no_grad():
        assert_close(vectors, other.embed_queries(texts), atol=1e-5, rtol=1e-5)


def test_a_checkpoint_that_cannot_be_loaded_changes_nothing(
    own_run: Path, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    served = start(jsarag.Run.load(own_run), watch=0.05)
    text = ask(served, QUESTIONS[0]).json()["choices"][0]["message"]["content"]
    (own_run / "checkpoints" / "best.json").write_text("{}")
    assert poll(lambda: 'jsarag_reloads_total{result="failed"}' in metrics(served))
    response = httpx.post(f"{served.url}/reload")
    assert response.status_code == 500
    assert "goes on as it is" in response.json()["error"]["message"]
    assert ask(served, QUESTIONS[0]).json()["choices"][0]["message"]["content"] == text
    assert "jsarag: the run goes on as it is" in capsys.readouterr().err


def test_the_figures_count_what_was_done(start: Start) -> None:
    served = start()
    usage = [ask(served, question).json()["usage"] for question in QUESTIONS[:3]]
    told = metrics(served)
    for kind, field in (("prompt", "prompt_tokens"), ("answer", "completion_tokens")):
        assert f'jsarag_tokens_total{{kind="{kind}"}} {float(sum(one[field] for one in usage))}' in told
    assert 'jsarag_requests_total{route="/v1/chat/completions",status="200"} 3.0' in told
    assert 'jsarag_request_seconds_count{route="/v1/chat/completions"} 3.0' in told
    assert "jsarag_batch_size_sum 3.0" in told
    assert "jsarag_queue_length 0.0" in told
