"""A run in LlamaIndex' own engines."""

from __future__ import annotations

from dataclasses import replace

import pytest
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers.no_text import NoText

from jsarag import DecodingConfig, Run
from jsarag.integrations.llama_index import JsaragLLM, JsaragRetriever
from jsarag.types import Turn

QUESTION, NEXT = "where is the red lamp ?", "and the boat ?"


def test_the_retriever_in_a_query_engine_finds_what_the_run_finds(run: Run) -> None:
    engine = RetrieverQueryEngine(JsaragRetriever(run, k=3), NoText(llm=JsaragLLM(run=run)))
    found, expected = engine.query(QUESTION).source_nodes, run.retrieve(QUESTION, k=3)
    assert [(n.node.node_id, n.node.get_content()) for n in found] == [(h.passage.id, h.passage.text) for h in expected]
    assert [n.score for n in found] == pytest.approx([h.probability for h in expected])


def test_a_chat_engine_asks_with_its_history(run: Run) -> None:
    memory = ChatMemoryBuffer(token_limit=1000, tokenizer_fn=str.split)
    engine = SimpleChatEngine.from_defaults(llm=JsaragLLM(run=run), memory=memory)
    first = engine.chat(QUESTION).response
    assert first == run.ask(QUESTION).text
    expected = run.ask(NEXT, [Turn("user", QUESTION), Turn("assistant", first)])
    assert engine.chat(NEXT).response == expected.text


@pytest.mark.parametrize("mode", ["top-1", "rag-sequence-fast"])
def test_streams_are_the_answer(run: Run, mode: str) -> None:
    other = replace(run, pipeline=replace(run.pipeline, decoding=DecodingConfig(mode=mode)))
    llm, expected = JsaragLLM(run=other), other.ask(QUESTION)
    *_, last = llm.stream_complete(QUESTION)
    assert (last.text, last.raw) == (expected.text, expected)
    pieces = list(llm.stream_chat([ChatMessage(QUESTION, role=MessageRole.USER)]))
    assert "".join(piece.delta or "" for piece in pieces) == expected.text
    assert pieces[-1].message.content == expected.text
    assert llm.complete(QUESTION).text == expected.text
    assert llm.metadata.num_output == run.config.generator.max_new_tokens
