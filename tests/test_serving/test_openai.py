"""The official client of OpenAI against a real server: what it gets is what the run answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import openai
import pytest
import torch
from torch.testing import assert_close

import jsarag
from jsarag.models import LanguageModel, SentenceEncoder
from jsarag.types import DECLINED, Passage
from tests.test_serving.conftest import QUESTIONS, ROOM, Served, Start

QUESTION = QUESTIONS[0]
DIALOG = [
    {"role": "user", "content": "where is the red lamp ?"},
    {"role": "assistant", "content": "in the tower"},
    {"role": "user", "content": "and the blue boat ?"},
]


def chat(served: Served, messages: str | list[dict[str, Any]] = QUESTION, **more: Any) -> Any:
    said = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    fields: dict[str, Any] = {"messages": said, **more}
    return served.client().chat.completions.create(model="mine", **fields)


def text(chunks: Sequence[Any]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_a_completion_is_the_answer_of_the_run_with_its_passages_and_its_tokens(
    served: Served, alone: jsarag.Run
) -> None:
    found, expected = chat(served), alone.ask(QUESTION)
    (choice,) = found.choices
    assert choice.message.content == expected.text
    assert (found.model, choice.message.role, found.declined) == ("mine", "assistant", False)
    assert [h["id"] for h in found.passages] == [h.passage.id for h in expected.passages]
    assert [h["text"] for h in found.passages] == [h.passage.text for h in expected.passages]
    for field in ("probability", "score"):
        assert [h[field] for h in found.passages] == pytest.approx([getattr(h, field) for h in expected.passages])
    generator = alone.pipeline.generator
    assert isinstance(generator, LanguageModel)
    prompt = generator.prompt.context(QUESTION, [expected.passages[0].passage], room=ROOM)
    assert found.usage.prompt_tokens == len(prompt)
    # The tiny model's answers do not end: they are cut.
    assert (found.usage.completion_tokens, choice.finish_reason) == (ROOM, "length")
    assert found.usage.total_tokens == len(prompt) + ROOM


def test_a_stream_has_the_passages_first_and_its_pieces_are_the_answer(served: Served, alone: jsarag.Run) -> None:
    chunks = list(chat(served, stream=True, stream_options={"include_usage": True}))
    first, last, usage = chunks[0], chunks[-2], chunks[-1]
    whole = chat(served)
    assert (first.choices[0].delta.role, first.choices[0].delta.content) == ("assistant", "")
    assert first.passages == whole.passages
    assert text(chunks) == alone.ask(QUESTION).text
    assert len([chunk for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]) > 3
    assert (last.choices[0].finish_reason, last.declined) == ("length", False)
    assert (usage.choices, usage.usage) == ([], whole.usage)
    assert len({chunk.id for chunk in chunks}) == 1
    assert chat(served).id != chat(served).id


def test_earlier_turns_are_the_history(served: Served, alone: jsarag.Run) -> None:
    history = [{"role": turn["role"], "text": turn["content"]} for turn in DIALOG[:-1]]
    expected = alone.ask(DIALOG[-1]["content"], history)
    assert expected.passages != alone.ask(DIALOG[-1]["content"]).passages
    found = chat(served, DIALOG)
    assert found.choices[0].message.content == expected.text
    assert [h["probability"] for h in found.passages] == pytest.approx([h.probability for h in expected.passages])
    # Instructions are left out: the prompt of the run holds its own.
    found = chat(served, [{"role": "system", "content": "Be brief."}, *DIALOG])
    assert found.choices[0].message.content == expected.text
    parts = [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}]
    assert chat(served, parts).choices[0].message.content == alone.ask(QUESTION).text


def test_an_answer_is_cut_at_a_number_of_tokens_or_before_a_text(served: Served, alone: jsarag.Run) -> None:
    whole = alone.ask(QUESTION).text
    words = whole.split()
    for name in ("max_tokens", "max_completion_tokens"):
        three: dict[str, Any] = {name: 3}
        found = chat(served, **three)
        assert (found.choices[0].message.content, found.choices[0].finish_reason) == (" ".join(words[:3]), "length")
        assert found.usage.completion_tokens == 3
        many: dict[str, Any] = {name: 1000}
        assert chat(served, **many).choices[0].message.content == whole
    stop = words[5]
    expected = " ".join(words[: words.index(stop)])
    for stops in (stop, ["never", stop]):
        found = chat(served, stop=stops)
        assert (found.choices[0].message.content, found.choices[0].finish_reason) == (expected, "stop")
        assert text(list(chat(served, stop=stops, stream=True))) == expected


def test_a_temperature_draws_and_a_seed_fixes_the_draw(served: Served, alone: jsarag.Run) -> None:
    decoding = replace(alone.pipeline.decoding, search="sample", temperature=1.5, top_p=0.9, seed=7)
    expected = replace(alone, pipeline=replace(alone.pipeline, decoding=decoding)).ask(QUESTION).text
    seeded = [chat(served, temperature=1.5, top_p=0.9, seed=7).choices[0].message.content for _ in range(2)]
    assert seeded == [expected, expected]
    assert text(list(chat(served, temperature=1.5, top_p=0.9, seed=7, stream=True))) == expected
    drawn = {chat(served, temperature=1.5).choices[0].message.content for _ in range(4)}
    assert len(drawn) > 1
    assert chat(served, temperature=0, seed=7).choices[0].message.content == alone.ask(QUESTION).text


@pytest.mark.parametrize(
    "settings",
    [{"mode": "rag-token"}, {"mode": "rag-sequence-fast", "search": "beam", "beams": 2}, {"mode": "concat"}],
    ids=lambda settings: settings["mode"],
)
def test_every_way_of_decoding_answers_and_streams(start: Start, alone: jsarag.Run, settings: dict[str, Any]) -> None:
    decoding = jsarag.DecodingConfig(passages=2, **settings)
    own = start(jsarag.Run.load(alone.folder, decoding=decoding))
    expected = replace(alone, pipeline=replace(alone.pipeline, decoding=decoding)).ask(QUESTION)
    found = chat(own)
    assert found.choices[0].message.content == expected.text
    assert [h["id"] for h in found.passages] == [h.passage.id for h in expected.passages]
    assert text(list(chat(own, stream=True))) == expected.text
    assert found.usage.completion_tokens > 0
    assert expected.text.startswith(chat(own, max_tokens=2).choices[0].message.content)


def test_a_question_without_evidence_is_declined(start: Start, alone: jsarag.Run) -> None:
    run = jsarag.Run.load(alone.folder)
    declining = start(replace(run, pipeline=replace(run.pipeline, least=1e9)))
    found = chat(declining)
    assert (found.choices[0].message.content, found.declined) == (DECLINED, True)
    assert (found.choices[0].finish_reason, found.usage.total_tokens) == ("stop", 0)
    assert found.passages
    chunks = list(chat(declining, stream=True))
    assert (text(chunks), chunks[-1].declined) == (DECLINED, True)
    assert "jsarag_declined_total 2.0" in httpx.get(f"{declining.url}/metrics").text


def test_models(served: Served) -> None:
    client = served.client()
    assert [model.id for model in client.models.list()] == ["mine"]
    assert client.models.retrieve("mine").owned_by == "jsarag"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4")
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-4", messages=[{"role": "user", "content": QUESTION}])
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


def test_embeddings_are_those_of_the_retriever(served: Served, alone: jsarag.Run) -> None:
    encoder, client = alone.pipeline.prior, served.client()
    assert isinstance(encoder, SentenceEncoder)
    texts = [QUESTIONS[i % 12] + " red" * i for i in range(70)]  # more than are embedded in one turn
    with torch.inference_mode():
        expected = encoder.embed_queries(texts)
        passage = encoder.embed_passages([Passage("", "", texts[0])])
    base64 = client.embeddings.create(model="mine", input=texts)  # what the client asks for by itself
    plain = client.embeddings.create(model="mine", input=texts, encoding_format="float")
    for found in (base64, plain):
        assert_close(torch.tensor([row.embedding for row in found.data]), expected, atol=1e-5, rtol=1e-5)
    assert [row.index for row in base64.data] == list(range(70))
    assert base64.usage.prompt_tokens == sum(encoder.query_lengths(texts))
    one = client.embeddings.create(model="mine", input=texts[0], extra_body={"input_type": "passage"})
    assert_close(torch.tensor([one.data[0].embedding]), passage, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(passage, expected[:1])
    bads: list[Any] = ["", [], [""], [[1, 2]], ["a"] * 2049]
    for bad in bads:
        with pytest.raises(openai.BadRequestError) as caught:
            client.embeddings.create(model="mine", input=bad)
        assert caught.value.param == "input"
    with pytest.raises(openai.BadRequestError, match="dimensions: this run has 32"):
        client.embeddings.create(model="mine", input="a", dimensions=8)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n": 2}, "n: not supported"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools: not supported"),
        ({"logprobs": True}, "logprobs: not supported"),
        ({"response_format": {"type": "json_object"}}, "response_format: not supported"),
        ({"presence_penalty": 0.5}, "presence_penalty: not supported"),
        ({"temperature": 3}, "temperature: expected a number of 2 or less"),
        ({"max_tokens": 0}, "max_tokens: expected a number of 1 or more"),
        ({"stop": list("abcde")}, "stop: expected up to 4 texts"),
        ({"messages": []}, "messages: expected the user's question last"),
        ({"messages": DIALOG[:2]}, "messages: expected the user's question last"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages: expected a question that is not empty"),
        ({"messages": [{"role": "tool", "content": "a"}]}, r"messages\[0\]: expected the role user, assistant"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            r"messages\[0\]: expected text, got 'image_url'",
        ),
        ({"messages": [{"role": "user", "content": "red " * 1000}]}, "question and answer need"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(served: Served, fields: dict[str, Any], message: str) -> None:
    asked = {"model": "mine", "messages": [{"role": "user", "content": QUESTION}], **fields}
    with pytest.raises(openai.BadRequestError, match=message) as caught:
        served.client().chat.completions.create(**asked)
    assert caught.value.type == "invalid_request_error"
    assert caught.value.param is not None
    assert "\n" not in caught.value.message
    with pytest.raises(openai.BadRequestError):
        served.client().chat.completions.create(**asked, stream=True)


def test_what_changes_nothing_is_let_through(served: Served, alone: jsarag.Run) -> None:
    more = {"n": 1, "user": "me", "logprobs": False, "presence_penalty": 0, "tools": [], "metadata": {"a": "b"}}
    found = chat(served, temperature=0, top_p=1, extra_body=more)
    assert found.choices[0].message.content == alone.ask(QUESTION).text


def test_a_body_without_its_header_is_explained(served: Served) -> None:
    answer = httpx.post(
        f"{served.url}/v1/chat/completions", content='{"messages": []}', headers={"Content-Type": "text/x"}
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "expected the header Content-Type: application/json, got text/x"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "messages: expected a value; the field is required"),
        ({"messages": 5}, "messages: expected a list"),
        ({"messages": [5]}, "messages.0: expected an object"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content: expected text"),
        ({"messages": [], "max_tokens": 0}, "max_tokens: expected a number of 1 or more"),
        ({"messages": [], "max_tokens": 1.5}, "max_tokens: expected a whole number"),
        ({"messages": [], "temperature": 3}, "temperature: expected a number of 2 or less"),
        ({"messages": [], "top_p": 0}, "top_p: expected a number above 0"),
        ({"messages": [], "seed": 2**70}, f"seed: expected a number below {2**63}"),
        ({"messages": [], "stream": "perhaps"}, "stream: expected true or false"),
    ],
)
def test_a_bad_field_is_named_with_what_was_expected(served: Served, body: dict[str, object], message: str) -> None:
    answer = httpx.post(f"{served.url}/v1/chat/completions", json=body)
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, message)


def test_what_is_no_json_is_told(served: Served) -> None:
    answer = httpx.post(
        f"{served.url}/v1/chat/completions", content='{"messages": ', headers={"Content-Type": "application/json"}
    )
    assert answer.json()["error"]["message"] == "expected JSON: Expecting value at 13"
