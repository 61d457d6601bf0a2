"""A server of a run, as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from jsarag.api import Run
from jsarag.serving import page
from jsarag.serving.config import ServingConfig
from jsarag.serving.errors import RefusedError
from jsarag.serving.feedback import Feedback
from jsarag.serving.invalid import told
from jsarag.serving.limits import Door, Limits
from jsarag.serving.measures import Measured, Measures
from jsarag.serving.reload import Load, Reload, again
from jsarag.serving.routes import router
from jsarag.serving.runs import Runs
from jsarag.serving.state import State
from jsarag.serving.worker import Worker
from jsarag.types import InputError


def app(run: Run, config: ServingConfig | None = None, load: Load | None = None) -> FastAPI:
    """A server of a run.

    Args:
        run: The run that answers; from now on the server's own thread alone may use its models.
        config: The settings.
        load: Loads the run anew when its checkpoint has changed; default: `Run.load` of its folder.

    Raises:
        InputError: a run whose generator is none of transformers.
    """
    config, folder = config or ServingConfig(), run.folder.resolve()
    measures, door, files = Measures(), Door(), page.files()
    worker = Worker(run, config, measures)
    reload = Reload(load or again(run, config.weights), worker, measures, config.weights)
    feedback, runs = Feedback(config.feedback or feedback_file(folder)), Runs(folder, config.runs)

    @asynccontextmanager
    async def living(_: FastAPI) -> AsyncIterator[None]:
        worker.start()
        watching = asyncio.create_task(reload.watch(config.watch)) if config.watch else None
        yield
        if watching:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
        await run_in_threadpool(worker.stop)

    served = FastAPI(title="jsarag", lifespan=living, docs_url=None, redoc_url=None, openapi_url=None)
    name = config.name or folder.name
    served.state.parts = State(name, folder, config, worker, reload, measures, door, feedback, runs)
    served.add_middleware(Limits, config=config, door=door, open_paths=frozenset({*files, "/health"}))
    served.add_middleware(Measured, measures=measures)
    served.include_router(router)
    for path, content in files.items():
        served.add_api_route(path, _static(path, content))
    _tell_errors(served)
    return served


def feedback_file(run: Path) -> Path:
    """Where feedback on the run in a folder is kept by default: beside the folder, so that it outlives the run."""
    folder = run.resolve()
    return folder.with_name(f"{folder.name}-feedback.jsonl")


def _static(path: str, content: bytes) -> Callable[[], Response]:
    return lambda: page.static(path, content)


def _tell_errors(served: FastAPI) -> None:
    """Let every error have OpenAI's shape."""

    @served.exception_handler(RefusedError)
    async def refused(_: Request, error: RefusedError) -> JSONResponse:
        return error.response()

    @served.exception_handler(InputError)
    async def mistake(_: Request, error: InputError) -> JSONResponse:
        code = "context_length_exceeded" if "prompt.max_length" in str(error) else None
        return RefusedError(400, str(error), param=str(error).partition(":")[0], code=code).response()

    @served.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        kind = request.headers.get("content-type", "none")
        if tuple(first["loc"]) == ("body",) and not kind.startswith("application/json"):
            return RefusedError(400, f"expected the header Content-Type: application/json, got {kind}").response()
        field, what = told(first)
        return RefusedError(400, ": ".join(filter(None, (field, what))), param=field or None).response()

    @served.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        return RefusedError(error.status_code, str(error.detail), headers=error.headers).response()

    @served.exception_handler(Exception)
    async def failed(_: Request, __: Exception) -> JSONResponse:
        return RefusedError(500, "the server failed; its standard error says why", code="internal").response()
