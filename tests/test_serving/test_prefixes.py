"""Passages that were read before are not read again, and nobody sees that but in the figures."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx

import jsarag
from jsarag.models import LanguageModel
from tests.test_serving.conftest import QUESTIONS, Served, Start


def answer(served: Served, question: str) -> str:
    said = {"messages": [{"role": "user", "content": question}]}
    response = httpx.post(f"{served.url}/v1/chat/completions", json=said, timeout=60).raise_for_status()
    return str(response.json()["choices"][0]["message"]["content"])


def figures(served: Served) -> dict[str, float]:
    """Tokens that were looked up and found, and bytes held."""
    lines = httpx.get(f"{served.url}/metrics").text.splitlines()
    found = dict(line.rsplit(" ", 1) for line in lines if line.startswith("jsarag_prefix"))
    return {
        "asked": float(found.get('jsarag_prefix_tokens_total{kind="asked"}', 0)),
        "found": float(found.get('jsarag_prefix_tokens_total{kind="found"}', 0)),
        "bytes": float(found["jsarag_prefix_bytes"]),
    }


def test_answers_to_many_at_once_are_those_of_a_run_that_reads_all_anew(start: Start, alone: jsarag.Run) -> None:
    expected = [alone.ask(question).text for question in QUESTIONS]
    kept, anew = start(), start(prefix_cache=0)
    with ThreadPoolExecutor(8) as pool:
        for served in (kept, anew):
            for _ in range(2):
                assert list(pool.map(lambda question, to=served: answer(to, question), QUESTIONS)) == expected
    found = figures(kept)
    assert found["asked"] / 2 < found["found"] < found["asked"]
    assert 0 < found["bytes"] <= 1024 << 20
    assert figures(anew) == {"asked": 0, "found": 0, "bytes": 0}


def test_another_checkpoint_reads_all_anew(start: Start) -> None:
    served = start()
    text = answer(served, QUESTIONS[0])
    before, generator = figures(served), served.parts.worker.run.pipeline.generator
    httpx.post(f"{served.url}/reload", timeout=60).raise_for_status()
    assert answer(served, QUESTIONS[0]) == text
    after = figures(served)
    assert after["asked"] == 2 * before["asked"]
    assert after["found"] == before["found"] == 0
    assert after["bytes"] == before["bytes"] > 0
    assert isinstance(generator, LanguageModel)
    assert generator.kept is None
