"""The routes of a server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

from jsarag.serving import page, passages
from jsarag.serving.attend import attended
from jsarag.serving.chat import ChatRequest, Completion, Message, events, input_of, shown
from jsarag.serving.embeddings import EmbeddingRequest
from jsarag.serving.errors import RefusedError
from jsarag.serving.feedback import FeedbackRequest
from jsarag.serving.measures import Measures
from jsarag.serving.state import Parts, State
from jsarag.serving.work import Ask, Embed, Ended, Found, Retrieve, Weights
from jsarag.types import InputError

router = APIRouter()


@router.get("/v1/models")
def models(parts: Parts) -> dict[str, Any]:
    """The one model."""
    return {"object": "list", "data": [_model(parts)]}


@router.get("/v1/models/{model:path}")
def model(model: str, parts: Parts) -> dict[str, Any]:
    """The model by its name."""
    parts.check_model(model)
    return _model(parts)


@router.post("/v1/chat/completions", response_model=None)
async def chat(asked: ChatRequest, request: Request, parts: Parts) -> Response | dict[str, Any]:
    """An answer with its passages, whole or as a stream."""
    parts.check_model(asked.model)
    asked.check()
    run, measures = parts.worker.run, parts.measures
    x = input_of(asked.messages, run.config.data.history)
    ask = Ask(x, asked.decoding(run.pipeline.decoding), longest=asked.longest, stop=asked.stops)
    completion = Completion(parts.name)
    async with attended(request, ask, parts.config.timeout) as attention:
        parts.worker.submit(ask)
        found: Found = await ask.next()
        measures.declined.inc(found.declined)
        measures.tokens.labels("prompt").inc(found.tokens)
        told = _counted(events(ask), measures)
        if asked.stream:
            usage = asked.stream_options is not None and asked.stream_options.include_usage
            stream = completion.stream(attention.hand_on(found, told), usage)
            return StreamingResponse(stream, media_type="text/event-stream")
        pieces: list[str] = []
        ended = Ended(0, False)
        async for event in told:
            if isinstance(event, str):
                pieces.append(event)
            else:
                ended = event
        return completion.whole("".join(pieces), found, ended)


@router.post("/v1/embeddings")
async def embeddings(asked: EmbeddingRequest, request: Request, parts: Parts) -> dict[str, Any]:
    """The retriever's vectors."""
    parts.check_model(asked.model)
    work = Embed(asked.texts(parts.worker.run.pipeline.prior.dimensions), asked.input_type)
    async with attended(request, work, parts.config.timeout):
        parts.worker.submit(work)
        vectors, tokens = await work.next()
    return asked.answer(vectors, tokens, parts.name)


class RetrieveRequest(BaseModel):
    """Passages that are asked for, of a question or of the last message of a dialog."""

    question: str | None = None
    messages: list[Message] | None = None
    k: int = Field(5, ge=1)
    weights: Weights = "trained"


@router.post("/retrieve")
async def retrieve(asked: RetrieveRequest, request: Request, parts: Parts) -> dict[str, Any]:
    """Passages without an answer, of the trained retriever or as it was before."""
    if (asked.question is None) == (asked.messages is None):
        raise RefusedError(400, "question: expected a question or messages", param="question")
    messages = asked.messages if asked.messages is not None else [Message(role="user", content=asked.question)]
    run = parts.worker.run
    run.pipeline.kb.check_k(asked.k, "k")
    work = Retrieve(input_of(messages, run.config.data.history), asked.k, asked.weights)
    async with attended(request, work, parts.config.timeout):
        parts.worker.submit(work)
        return {"passages": shown(await work.next())}


@router.get("/passages")
def browse(
    parts: Parts,
    search: Annotated[str, Query(max_length=1000)] = "",
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    """A part of the knowledge base."""
    return passages.listed(parts.worker.run.pipeline.kb, search, offset, limit)


@router.get("/passages/{id:path}")
def passage(id: str, parts: Parts) -> dict[str, Any]:
    """A passage by its id."""
    found = passages.one(parts.worker.run.pipeline.kb, id)
    if found is None:
        raise RefusedError(404, f"id: no passage {id[:100]!r}", param="id")
    return found


@router.get("/runs")
def runs(parts: Parts) -> dict[str, Any]:
    """The runs that can be looked at."""
    return {"serving": parts.folder.name, "runs": parts.runs.listed()}


@router.get("/runs/{run}/report")
def report(run: str, parts: Parts) -> Response:
    """The report of a run."""
    return page.report(parts.runs.report(run))


@router.get("/compare")
def compare(parts: Parts, run: Annotated[list[str], Query(min_length=2, max_length=20)]) -> Response:
    """Runs side by side."""
    return page.report(parts.runs.compare(run))


@router.post("/feedback", status_code=201)
def feedback(asked: FeedbackRequest, parts: Parts) -> dict[str, str]:
    """Keep what somebody says about an answer."""
    record = asked.record()
    try:
        parts.feedback.add(record)
    except OSError as error:
        raise RefusedError(503, f"the feedback could not be kept: {error.strerror}", code="not_kept") from None
    parts.measures.feedback.inc()
    return {"id": record["id"]}


@router.get("/health")
def health(parts: Parts) -> dict[str, str]:
    """That the server answers."""
    if not parts.worker.alive:
        raise RefusedError(503, "nothing answers any more; the server's standard error says why", code="internal")
    return {"status": "ok"}


@router.get("/metrics")
def metrics(parts: Parts) -> Response:
    """Figures for Prometheus."""
    return Response(parts.measures.page(), headers={"Content-Type": CONTENT_TYPE_LATEST})


@router.post("/reload")
def reload(parts: Parts) -> dict[str, Any]:
    """Load the run anew."""
    try:
        found = parts.reload()
    except (InputError, OSError) as error:
        message = f"the run could not be loaded, and the server goes on as it is: {error}"
        raise RefusedError(500, message, code="reload_failed") from None
    return {"run": parts.folder.name, "step": found.places[0].step if found.places else None}


def _model(parts: State) -> dict[str, Any]:
    return {"id": parts.name, "object": "model", "created": parts.began, "owned_by": "jsarag"}


async def _counted(told: AsyncIterator[str | Ended], measures: Measures) -> AsyncIterator[str | Ended]:
    async for event in told:
        if isinstance(event, Ended):
            measures.tokens.labels("answer").inc(event.tokens)
        yield event
