"""Rebuilding the index while the passage encoder learns: when, where to, and how stale the one in use is.

A rebuilt index is a folder ``rebuilt/STEP`` of the run, written whole under a new name; the checkpoint names the one
that belongs to it. Others are removed only after the next checkpoint, so a kill at any moment leaves what a resumed run
needs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from jsarag import layout, processes
from jsarag.display import Display
from jsarag.files import write_json
from jsarag.kb import KnowledgeBase
from jsarag.models import Encoder, SentenceEncoder
from jsarag.training.config import PassageConfig
from jsarag.types import InputError
from jsarag.whole import sweep as clear

FOLDER = layout.REBUILT


@dataclass(frozen=True)
class Rebuilt:
    """A new index.

    Attributes:
        kb: The knowledge base with it.
        folder: Where it lies inside the run folder.
        from_step: The step after which the passages were encoded.
        seconds: What that took.
    """

    kb: KnowledgeBase
    folder: str
    from_step: int
    seconds: float


class Rebuilds:
    """Rebuilds the index of one run."""

    def __init__(
        self, config: PassageConfig, run: Path | None, prior: Encoder, passages: Encoder, probes: Sequence[str], k: int
    ) -> None:
        """Prepare; nothing is started.

        Args:
            config: When to rebuild.
            run: The folder where new indexes are written; None: they stay in memory.
            prior: Context encoder of p(h|x), for the probes.
            passages: The passage encoder that learns.
            probes: Inputs that are searched to measure staleness.
            k: Passages an input.
        """
        self.config, self.run, self.prior, self.passages, self.probes, self.k = config, run, prior, passages, probes, k
        self._process: _Process | None = None
        if config.background and (run is None or not isinstance(passages, SentenceEncoder)):
            raise InputError("passages.background: expected false in memory, or with an encoder of one's own")

    def after(self, step: int, kb: KnowledgeBase, display: Display) -> tuple[Rebuilt | None, dict[str, float]]:
        """What to do after a step: a new index where one is ready, and what was measured (``overlap``)."""
        figures: dict[str, float] = {}
        due = self.config.period > 0 and step % self.config.period == 0
        if self.config.overlap is not None and step % self.config.check_every == 0:
            figures["overlap"] = freshness(kb, self.prior, self.passages, self.probes, self.k)
            due |= figures["overlap"] < self.config.overlap
        if self._process is not None:
            ready = self._process.result()
            if ready:
                self._process = None
            return ready, figures
        if not due:
            return None, figures
        if self.config.background:
            assert isinstance(self.passages, SentenceEncoder) and self.run is not None
            self._process = _Process(self.run, step, kb, self.passages)
            return None, figures
        return self._now(step, kb, display), figures

    @torch.inference_mode()
    def agreement(self, old: KnowledgeBase, new: KnowledgeBase) -> float:
        """Share of the probes' top k in ``new`` that ``old`` found as well, 0 to 1; exact."""
        queries = self.prior.embed_queries(self.probes)
        return overlap(new.search(queries, self.k)[1], old.search(queries, self.k)[1])

    def _now(self, step: int, kb: KnowledgeBase, display: Display) -> Rebuilt:
        began = time.perf_counter()
        with display.task("rebuilding", len(kb)) as advance:
            fresh = kb.rebuilt(self.passages, progress=lambda done: advance(done, ""))
        name = ""
        if self.run is not None:
            name = f"{FOLDER}/{step:06d}"
            fresh.save(self.run / name)
        return Rebuilt(fresh, name, step, time.perf_counter() - began)

    def close(self) -> None:
        """Stop what is under way; a resumed run starts it again when it is due."""
        if self._process is not None:
            self._process.stop()
            self._process = None


def prune(run: Path, kept: Collection[str]) -> None:
    """Remove all rebuilt indexes of a run but ``kept``, those that its checkpoints need."""
    for folder in (run / FOLDER).glob("*"):
        if not folder.name.startswith(".") and f"{FOLDER}/{folder.name}" not in kept:  # what is under way stays
            shutil.rmtree(folder, ignore_errors=True)


def sweep(run: Path) -> None:
    """Remove what a kill left: half-written indexes, and orders to the process which encodes beside the run."""
    clear(run / FOLDER)
    for folder in (run / FOLDER).glob(".*.order"):
        shutil.rmtree(folder, ignore_errors=True)


@torch.inference_mode()
def freshness(kb: KnowledgeBase, prior: Encoder, passages: Encoder, probes: Sequence[str], k: int) -> float:
    """Share of each probe's top k by vectors of today that the index in use still has in its top k, 0 to 1.

    Today's top k is looked for among the 4k passages that the index finds for each probe, all probes' together, for
    encoding everything would cost as much as a rebuild. What the index has far from all of these is missed, so on
    large knowledge bases this is an upper bound; with 4k >= N it is exact.
    """
    queries = prior.embed_queries(probes)
    stale = kb.search(queries, min(4 * k, len(kb)))[1]
    near = torch.unique(stale)
    h = kb.comparable(processes.spread([kb.passages[i] for i in near.tolist()], passages.embed_passages))
    fresh = near[(kb.comparable(queries) @ h.T).topk(min(k, len(near))).indices.cpu()]
    return overlap(fresh, stale[:, :k])


def overlap(a: Tensor, b: Tensor) -> float:
    """Mean share of the positions in a row of ``a[queries, any]`` that are in that row of ``b[queries, any]``."""
    return float((a[:, :, None] == b[:, None, :]).any(-1).float().mean())


class _Process:
    """A second process that encodes the passages (`jsarag.training.encode`)."""

    def __init__(self, run: Path, step: int, kb: KnowledgeBase, passages: SentenceEncoder) -> None:
        """Hand over the weights of today and start."""
        self._began, self._step, self._run, self._name = time.perf_counter(), step, run, f"{FOLDER}/{step:06d}"
        self._order = run / FOLDER / f".{step:06d}.order"
        self._process = self._start(kb, passages) if processes.first() else None

    def _start(self, kb: KnowledgeBase, passages: SentenceEncoder) -> subprocess.Popen[bytes]:
        shutil.rmtree(self._order, ignore_errors=True)
        self._order.mkdir(parents=True)
        passages.save(self._order / "encoder")
        order = {
            "encoder": asdict(replace(passages.config, model=str(self._order / "encoder"))),
            "passages": str(kb.folder),
            "out": str(self._run / self._name),
            "parent": os.getpid(),
        }
        write_json(self._order / "order.json", order)
        command = [sys.executable, "-m", "jsarag.training.encode", str(self._order)]
        alone = {name: value for name, value in os.environ.items() if name not in processes.VARIABLES}
        with (self._order / "log").open("wb") as log:
            # A session of its own: a Ctrl-C is for the run, which ends this process itself after its step.
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=alone, start_new_session=True
            )

    def result(self) -> Rebuilt | None:
        """The new index once it is whole.

        Raises:
            InputError: the process failed; the message holds its last line.
        """
        code = self._process.poll() if self._process else None
        if not processes.anywhere(code is not None):
            return None
        if code:
            lines = (self._order / "log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise InputError(f"passages.background: encoding failed ({lines[-1] if lines else f'exit status {code}'})")
        processes.by_first(lambda: shutil.rmtree(self._order, ignore_errors=True))
        kb = KnowledgeBase.load(self._run / self._name)
        return Rebuilt(kb, self._name, self._step, time.perf_counter() - self._began)

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            shutil.rmtree(self._order, ignore_errors=True)
