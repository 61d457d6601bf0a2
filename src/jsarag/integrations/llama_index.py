"""A run in LlamaIndex: a retriever, and a language model that retrieves by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from jsarag.api import Run
from jsarag.data import last_question
from jsarag.integrations import as_run
from jsarag.types import Answer, Example, Retrieved

try:
    from llama_index.core.base.llms.types import (
        ChatMessage,
        ChatResponse,
        ChatResponseGen,
        CompletionResponse,
        CompletionResponseGen,
        LLMMetadata,
        MessageRole,
    )
    from llama_index.core.llms import CustomLLM
    from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
    from llama_index.core.retrievers import BaseRetriever
    from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
    from pydantic import PlainValidator
except ImportError as error:
    raise ImportError('jsarag.integrations.llama_index: pip install "jsarag[llama-index]"') from error


class JsaragRetriever(BaseRetriever):
    """The trained retriever of a run.

    Example:
        >>> retriever = JsaragRetriever(jsarag.Run.load("runs/mine"), k=3)
        >>> retriever.retrieve("How do I get my deposit back?")[0].score
        0.87
    """

    def __init__(self, run: Run, k: int | None = None, **more: Any) -> None:
        """Take a run.

        Args:
            run: What `jsarag.Run.load` gives.
            k: Passages for a question; None: as many as the run answers with.
            more: As of LlamaIndex' own retrievers.
        """
        super().__init__(**more)
        self.run, self.k = run, k

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [_node(h) for h in self.run.retrieve(query_bundle.query_str, k=self.k)]


class JsaragLLM(CustomLLM):
    """A run as a language model: it retrieves and answers the last message, with the messages before as history.

    ``raw`` of a response holds the `jsarag.Answer` with its passages. System messages are left out: the run's own
    prompt holds its instructions.

    Attributes:
        run: What `jsarag.Run.load` gives.

    Example:
        >>> JsaragLLM(run=jsarag.Run.load("runs/mine")).complete("How do I get my deposit back?").text
        'within 14 days'
    """

    run: Annotated[Any, PlainValidator(as_run)]

    @classmethod
    def class_name(cls) -> str:
        """The name by which LlamaIndex knows the class."""
        return "jsarag"

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex asks of a model."""
        generator = self.run.config.generator
        return LLMMetadata(
            context_window=generator.prompt.max_length,
            num_output=generator.max_new_tokens,
            is_chat_model=True,
            model_name=str(self.run.folder),
        )

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answer a question."""
        answer = self.run.ask(prompt)
        return CompletionResponse(text=answer.text, raw=answer)

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """Answer a question, to be read while it is generated."""
        return (CompletionResponse(text=text, delta=piece, raw=raw) for text, piece, raw in self._pieces(prompt))

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer the last message."""
        answer = self.run.ask(_question(messages))
        return ChatResponse(message=_said(answer.text), raw=answer)

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Answer the last message, to be read while it is generated."""
        question = _question(messages)
        return (ChatResponse(message=_said(text), delta=piece, raw=raw) for text, piece, raw in self._pieces(question))

    def _pieces(self, question: str | Example) -> Iterator[tuple[str, str, Answer | None]]:
        """The text so far, what came to it last, and at the end the whole answer."""
        if not self.run.pipeline.decoding.streams:
            answer = self.run.ask(question)
            yield answer.text, answer.text, answer
            return
        stream, text = self.run.stream(question), ""
        for piece in stream:
            text += piece
            yield text, piece, None
        yield text, "", stream.answer


def _question(messages: Sequence[ChatMessage]) -> Example:
    return last_question([(message.role.value, message.content or "") for message in messages], "messages")


def _said(text: str) -> ChatMessage:
    return ChatMessage(text, role=MessageRole.ASSISTANT)


def _node(h: Retrieved) -> NodeWithScore:
    record = h.passage.record()
    text, name = str(record.pop("text")), str(record.pop("id"))
    node = TextNode(id_=name, text=text, metadata={**record, "inner_product": h.score})
    return NodeWithScore(node=node, score=h.probability)
