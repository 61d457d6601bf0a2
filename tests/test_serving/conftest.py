"""A tiny run behind a real server in this process."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import openai
import pytest
import uvicorn

import jsarag
from jsarag.cli.main import main
from jsarag.serving import ServingConfig, app
from jsarag.serving.state import State
from jsarag.system.listen import address, bind
from tests import world

QUESTIONS = [f"where is the {colour} {thing} ?" for thing in world.THINGS for colour in world.COLOURS]
ROOM = 12
"""Tokens of an answer."""


@pytest.fixture(scope="session")
def run_folder(data: Path, encoder_model: Path, causal_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    out = tmp_path_factory.mktemp("served") / "mine"
    options = world.options(data, encoder_model, causal_model, out)
    short = ("--loop.steps", "1", "--evaluation.before", "false", "--evaluation.closed_book", "false")
    own = ("--generator.max_new_tokens", str(ROOM), "--encoder.passage", "the {title} : {text}")
    assert main(["train", *options, *short, *own]) == 0
    return out


@pytest.fixture(scope="session")
def alone(run_folder: Path) -> jsarag.Run:
    """The same run, asked without a server."""
    return jsarag.Run.load(run_folder)


class Served:
    """A server that runs.

    Attributes:
        url: Where it is.
        parts: Its inside.
    """

    def __init__(self, url: str, parts: State) -> None:
        self.url, self.parts = url, parts
        self.clients: list[openai.OpenAI] = []

    def client(self, key: str = "none") -> openai.OpenAI:
        """The official client; it tries nothing twice."""
        self.clients.append(openai.OpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0))
        return self.clients[-1]


@contextmanager
def serving(run: jsarag.Run, config: ServingConfig | None = None) -> Iterator[Served]:
    """Serve a run until the block ends."""
    made = app(run, config)
    del run  # the server alone keeps it
    with bind("127.0.0.1", 0) as bound:
        settings = uvicorn.Config(made, log_config=None, log_level="error", timeout_graceful_shutdown=1)
        server, ready = uvicorn.Server(settings), Event()
        begin = server.startup

        async def startup(sockets: list[socket.socket] | None = None) -> None:
            await begin(sockets)
            ready.set()

        server.startup = startup  # type: ignore[method-assign]
        thread = Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        try:
            assert ready.wait(60)
            yield (one := Served(address(bound), made.state.parts))
            for client in one.clients:
                client.close()
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def served(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with the usual settings."""
    file = tmp_path_factory.mktemp("feedback") / "feedback.jsonl"
    with serving(jsarag.Run.load(run_folder), ServingConfig(feedback=file, watch=0)) as one:
        yield one


Start = Callable[..., Served]


@pytest.fixture
def start(run_folder: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts servers with settings of their own, which end with the test."""
    with ExitStack() as stack:

        def begin(run: jsarag.Run | None = None, **settings: Any) -> Served:
            config = ServingConfig(**{"feedback": tmp_path / "feedback.jsonl", "watch": 0, **settings})
            return stack.enter_context(serving(run or jsarag.Run.load(run_folder), config))

        yield begin
