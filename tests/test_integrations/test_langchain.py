"""A run in LangChain's own chains."""

from __future__ import annotations

from dataclasses import replace

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnableParallel

from jsarag import DecodingConfig, Run
from jsarag.integrations.langchain import JsaragChat, JsaragRetriever
from jsarag.types import InputError, Turn

QUESTION, NEXT = "where is the red lamp ?", "and the boat ?"


def test_the_retriever_in_a_chain_finds_what_the_run_finds(run: Run) -> None:
    chain = JsaragRetriever(run=run, k=3) | RunnableLambda(lambda found: found)
    found, expected = chain.invoke(QUESTION), run.retrieve(QUESTION, k=3)
    assert [(d.id, d.page_content) for d in found] == [(h.passage.id, h.passage.text) for h in expected]
    assert [d.metadata["probability"] for d in found] == pytest.approx([h.probability for h in expected])
    assert found[0].metadata["title"] == expected[0].passage.title
    assert len(JsaragRetriever(run=run).invoke(QUESTION)) == run.pipeline.decoding.passages


def test_the_chat_in_a_chain_answers_with_its_history(run: Run) -> None:
    prompt = ChatPromptTemplate.from_messages([("system", "Be kind."), ("placeholder", "{before}"), ("human", "{q}")])
    before = [HumanMessage(QUESTION), AIMessage("in the tower")]
    chain = prompt | RunnableParallel(text=JsaragChat(run=run) | StrOutputParser(), message=JsaragChat(run=run))
    found = chain.invoke({"before": before, "q": NEXT})
    expected = run.ask(NEXT, [Turn("user", QUESTION), Turn("assistant", "in the tower")])
    assert found["text"] == found["message"].text == expected.text
    ids = [h.passage.id for h in expected.passages]
    assert [h["id"] for h in found["message"].response_metadata["passages"]] == ids
    assert ids != [h.passage.id for h in run.ask(NEXT).passages]


@pytest.mark.parametrize("mode", ["top-1", "rag-sequence-fast"])
def test_a_stream_is_the_answer_whether_the_mode_streams_or_not(run: Run, mode: str) -> None:
    other = replace(run, pipeline=replace(run.pipeline, decoding=DecodingConfig(mode=mode)))
    pieces = list(JsaragChat(run=other).stream(QUESTION))
    assert "".join(piece.text for piece in pieces) == other.ask(QUESTION).text
    whole = pieces[0]
    for piece in pieces[1:]:
        whole += piece
    assert len(whole.response_metadata["passages"]) == other.pipeline.decoding.passages


def test_a_stop_ends_the_answer(run: Run) -> None:
    text = run.ask(QUESTION).text
    assert len(text) > 2
    assert JsaragChat(run=run).invoke(QUESTION, stop=[text[1:3]]).text == text[:1]


def test_an_answer_is_no_question(run: Run) -> None:
    with pytest.raises(InputError, match="messages: expected the user's question last"):
        JsaragChat(run=run).invoke([HumanMessage(QUESTION), AIMessage("in the tower")])
