"""A run in LangChain: a retriever, and a chat model that retrieves by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from jsarag.data import last_question
from jsarag.integrations import as_run
from jsarag.types import Answer, Example, Retrieved

try:
    from langchain_core.callbacks import CallbackManagerForLLMRun, CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
    from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
    from langchain_core.retrievers import BaseRetriever
    from pydantic import PlainValidator
except ImportError as error:
    raise ImportError('jsarag.integrations.langchain: pip install "jsarag[langchain]"') from error


class JsaragRetriever(BaseRetriever):
    """The trained retriever of a run.

    Attributes:
        run: What `jsarag.Run.load` gives.
        k: Passages for a question; None: as many as the run answers with.

    Example:
        >>> retriever = JsaragRetriever(run=jsarag.Run.load("runs/mine"), k=3)
        >>> retriever.invoke("How do I get my deposit back?")[0].metadata["probability"]
        0.87
    """

    run: Annotated[Any, PlainValidator(as_run)]
    k: int | None = None

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [_document(h) for h in self.run.retrieve(query, k=self.k)]


class JsaragChat(BaseChatModel):
    """A run as a chat model: it retrieves and answers the last message, with the messages before as history.

    The answer's ``response_metadata`` holds its ``passages``, its ``log_probability`` and whether it was ``declined``.
    System messages are left out: the run's own prompt holds its instructions.

    Attributes:
        run: What `jsarag.Run.load` gives.

    Example:
        >>> JsaragChat(run=jsarag.Run.load("runs/mine")).invoke("How do I get my deposit back?").text
        'within 14 days'
    """

    run: Annotated[Any, PlainValidator(as_run)]

    @property
    def _llm_type(self) -> str:
        return "jsarag"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        answer = self.run.ask(_question(messages))
        message = AIMessage(_until(answer.text, stop), response_metadata=_metadata(answer))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        if stop or not self.run.pipeline.decoding.streams:
            # A stop may stand across two pieces; and some ways to decode know their answer only at the end.
            whole = self._generate(messages, stop, run_manager).generations[0].message
            told = AIMessageChunk(content=whole.text, response_metadata=whole.response_metadata)
            yield _told(ChatGenerationChunk(message=told), run_manager)
            return
        stream = self.run.stream(_question(messages))
        for piece in stream:
            yield _told(ChatGenerationChunk(message=AIMessageChunk(content=piece)), run_manager)
        yield ChatGenerationChunk(message=AIMessageChunk(content="", response_metadata=_metadata(stream.answer)))


def _told(chunk: ChatGenerationChunk, run_manager: CallbackManagerForLLMRun | None) -> ChatGenerationChunk:
    if run_manager:
        run_manager.on_llm_new_token(chunk.text, chunk=chunk)
    return chunk


def _question(messages: Sequence[BaseMessage]) -> Example:
    return last_question([(message.type, str(message.text)) for message in messages], "messages")


def _until(text: str, stop: Sequence[str] | None) -> str:
    """The text up to the first of the words that stop it."""
    return text[: min((at for word in stop or () if (at := text.find(word)) >= 0), default=len(text))]


def _document(h: Retrieved) -> Document:
    record = h.record()
    text, name = str(record.pop("text")), str(record.pop("id"))
    return Document(text, id=name, metadata=record)


def _metadata(answer: Answer) -> dict[str, Any]:
    passages = [h.record() for h in answer.passages]
    return {"passages": passages, "log_probability": answer.log_probability, "declined": answer.declined}
