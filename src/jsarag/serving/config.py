"""The settings of a server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jsarag.checks import not_negative, positive, require


@dataclass(frozen=True)
class ServingConfig:
    """How a run is served.

    Attributes:
        name: The model's name for clients; empty: that of the run's folder.
        weights: Which weights `reload` loads: ``best``, ``last`` or ``untrained``.
        queue: Requests that may wait; one more is answered 429.
        batch: Requests that are answered together at most.
        prefix_cache: MiB of keys and values of passages that were read, kept for the next questions to them; 0: none.
        timeout: Seconds in which a request must be answered; else it is answered 504.
        max_body: Bytes of a request; a larger one is answered 413.
        keys: API keys, one of which each request must bring; none: everyone is let in.
        feedback: The file of feedback; None: ``NAME-feedback.jsonl`` beside the run's folder.
        runs: A folder of runs to show; None: the served run alone.
        watch: Seconds between two looks at the checkpoint that is served; 0: nobody looks.
        local: Whether the server is reached from this machine alone.
    """

    name: str = ""
    weights: str = "best"
    queue: int = 64
    batch: int = 32
    prefix_cache: int = 1024
    timeout: float = 60.0
    max_body: int = 1_000_000
    keys: tuple[str, ...] = ()
    feedback: Path | None = None
    runs: Path | None = None
    watch: float = 2.0
    local: bool = True

    def __post_init__(self) -> None:
        for name in ("queue", "batch", "timeout", "max_body"):
            positive(f"serving.{name}", getattr(self, name))
        not_negative("serving.prefix_cache", self.prefix_cache)
        require(self.watch >= 0, "serving.watch", "seconds, or 0", self.watch)
