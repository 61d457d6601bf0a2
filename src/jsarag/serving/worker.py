"""The one thread that touches the models: a bounded queue, and together what waits together."""

from __future__ import annotations

import asyncio
import gc
import math
import sys
import time
import traceback
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Hashable, Sequence
from contextlib import suppress
from threading import Condition, Thread
from typing import Any

from jsarag.api import Run
from jsarag.models import LanguageModel
from jsarag.models.memory import lack, out_of_memory
from jsarag.serving.config import ServingConfig
from jsarag.serving.errors import RefusedError
from jsarag.serving.measures import Measures
from jsarag.types import InputError

LINGER = 0.005
"""Seconds after several requests were answered together, in which their clients may ask again."""


class Work(ABC):
    """Something that a request wants of the models; made where its events are awaited.

    Attributes:
        gone: Set where nobody waits for it any more.
    """

    gone: bool = False

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Any] = asyncio.Queue()

    @property
    @abstractmethod
    def kind(self) -> Hashable:
        """Works of one kind can be done together."""

    def goes_with(self, others: Sequence[Work]) -> bool:
        """Whether it can be done together with works that were chosen before it."""
        return self.kind == others[0].kind

    @classmethod
    @abstractmethod
    def do(cls, run: Run, works: Sequence[Any]) -> Sequence[Work]:
        """Do works of one kind, telling each what comes of it; returns those that are not done yet."""

    def tell(self, event: Any) -> None:
        """Hand on an event, or an exception, from any thread."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    async def next(self) -> Any:
        """The next event.

        Raises:
            Exception: what the work met instead.
        """
        event = await self._events.get()
        if isinstance(event, BaseException):
            raise event
        return event


class Worker:
    """Does the works that requests hand in, in their order, those of one kind together.

    A work that comes while nothing runs is done at once.

    Attributes:
        run: The run that the next works are done with.
    """

    def __init__(self, run: Run, config: ServingConfig, measures: Measures) -> None:
        self.run = check_run(run)
        self._room, self._batch, self._measures = config.queue, config.batch, measures
        self._prefixes = config.prefix_cache << 20
        self._waiting: deque[Work] = deque()
        self._changed = Condition()
        self._closed = False
        self._pace = 0.0
        self._thread = Thread(target=self._work, name="jsarag-models", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it works."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End after what is being done; what waits is told so."""
        with self._changed:
            self._closed = True
            for work in self._waiting:
                work.tell(RefusedError(503, "the server is closing; try again soon", code="closing"))
            self._waiting.clear()
            self._changed.notify()
        self._thread.join()

    def submit(self, work: Work) -> None:
        """Put a work into the queue.

        Raises:
            RefusedError: the queue is full.
        """
        with self._changed:
            for left in [one for one in self._waiting if one.gone]:
                self._waiting.remove(left)
            if len(self._waiting) >= self._room:
                seconds = max(1, math.ceil(self._pace * len(self._waiting) / self._batch))
                raise RefusedError(
                    429,
                    f"{self._room} requests wait already; try again in {seconds} s",
                    code="queue_full",
                    headers={"Retry-After": str(seconds)},
                )
            self._waiting.append(work)
            self._measures.waiting.set(len(self._waiting))
            self._changed.notify()

    def swap(self, run: Run) -> None:
        """Answer with another run from the next works on."""
        with self._changed:
            self.run = check_run(run)
            self._changed.notify()

    def _work(self) -> None:
        while not self._closed:
            self._work_with(self.run)
            if not self._closed:
                gc.collect()  # the models of the run before

    def _work_with(self, run: Run) -> None:
        """Work until another run is to answer."""
        generator = served(run)
        # Made ready once, not for each batch.
        with generator.prepared(self._prefixes):
            seen = Counter[str]()
            while works := self._take(run):
                self._do(run, works)
                self._note(generator, seen)
                self._linger(len(works))

    def _note(self, generator: LanguageModel, seen: Counter[str]) -> None:
        """Count what the generator took from what it had read before; ``seen`` is what was counted already."""
        if kept := generator.kept:
            for kind, tokens in (("asked", kept.asked), ("found", kept.found)):
                self._measures.prefixes.labels(kind).inc(tokens - seen[kind])
                seen[kind] = tokens
            self._measures.prefix_bytes.set(kept.held)

    def _take(self, run: Run) -> list[Work]:
        """The oldest work and what goes with it; nothing where the server ends or another run is to answer."""
        with self._changed:
            while True:
                if self._closed or self.run is not run:
                    return []
                while self._waiting and self._waiting[0].gone:
                    self._waiting.popleft()
                if self._waiting:
                    break
                self._changed.wait()
            chosen = [self._waiting.popleft()]
            for work in list(self._waiting):
                if len(chosen) < self._batch and not work.gone and work.goes_with(chosen):
                    self._waiting.remove(work)
                    chosen.append(work)
            self._measures.waiting.set(len(self._waiting))
            return chosen

    def _linger(self, answered: int) -> None:
        """After a batch wait a moment for its clients: else the quickest is answered alone, and the others wait."""
        if answered > 1:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or len(self._waiting) >= answered, LINGER)

    def _do(self, run: Run, works: Sequence[Work]) -> None:
        self._measures.batch.observe(len(works))
        began = time.perf_counter()
        try:
            again = type(works[0]).do(run, works)
        except Exception as error:  # the server goes on: the next works may be sound
            for work in works:
                work.tell(_told(error))
            return
        self._pace = time.perf_counter() - began
        with self._changed:
            self._waiting.extend(again)


def check_run(run: Run) -> Run:
    """Refuse a run that cannot be served."""
    served(run)
    return run


def served(run: Run) -> LanguageModel:
    """The generator of a run, of the kind that can be served."""
    generator = run.pipeline.generator
    if not isinstance(generator, LanguageModel):
        raise InputError(f"run: expected a generator of transformers to be served, got {type(generator).__name__}")
    return generator


def _told(error: Exception) -> Exception:
    """What a client is told of an error; one that is ours goes to standard error, and not to the client."""
    if isinstance(error, InputError | RefusedError):
        return error
    if out_of_memory(error):
        return RefusedError(503, lack(error), code="out_of_memory")
    traceback.print_exception(error, file=sys.stderr)
    return RefusedError(500, "the server failed; its standard error says why", code="internal")
