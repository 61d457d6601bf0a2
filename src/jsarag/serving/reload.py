"""Another version of the run is loaded beside the one that answers, and takes its place between two batches."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from jsarag import layout
from jsarag.api import Run
from jsarag.display.visible import visible_line
from jsarag.serving.measures import Measures
from jsarag.serving.worker import Worker

Load = Callable[[], Run]


def again(run: Run, weights: str) -> Load:
    """Loads a run as it was loaded: its folder, and how it answers; it does not keep the run itself."""
    folder, decoding, always = run.folder, run.pipeline.decoding, run.pipeline.least is None

    def load() -> Run:
        return Run.load(folder, weights=weights, decoding=decoding, always=always)

    return load


class Reload:
    """Loads the run anew, on demand and when its checkpoint has changed."""

    def __init__(self, load: Load, worker: Worker, measures: Measures, weights: str) -> None:
        self._load, self._worker, self._measures, self._weights = load, worker, measures, weights
        self._turn, self._seal = Lock(), b""

    def __call__(self) -> Run:
        """Load it and let it answer; requests are answered by the old one until then.

        Raises:
            InputError: it cannot be loaded; the old one goes on.
        """
        with self._turn:
            try:
                run = self._load()
                self._worker.swap(run)
            except Exception:
                self._measures.reloads.labels("failed").inc()
                raise
            self._measures.reloads.labels("done").inc()
            return run

    async def watch(self, seconds: float) -> None:
        """Look for a changed checkpoint every so many seconds, for ever."""
        seen = self._seen()
        while True:
            await asyncio.sleep(seconds)
            found = await asyncio.to_thread(self._seen)
            if found != seen:
                seen = found
                await asyncio.to_thread(self._follow)

    def _follow(self) -> None:
        try:
            run = self()
        except Exception as error:
            print(f"jsarag: the run goes on as it is: {visible_line(str(error))}", file=sys.stderr)
        else:
            step = f" of step {run.places[0].step}" if run.places else ""
            print(f"jsarag: {run.folder}: answers with the weights{step} now", file=sys.stderr)

    def _seen(self) -> bytes:
        """What says which checkpoint is served: its pointer, and the checksums of the run that it has to agree with."""
        if self._weights == "untrained":
            return b""
        run = self._worker.run.folder
        names = ("best", "last") if self._weights == "best" else (self._weights,)
        pointers = [content for name in names if (content := _content(run / layout.CHECKPOINTS / f"{name}.json"))]
        # A run that goes on has no checksums until it ends again.
        self._seal = _content(run / layout.CHECKSUMS) or self._seal
        return b"".join([*pointers[:1], self._seal])


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
