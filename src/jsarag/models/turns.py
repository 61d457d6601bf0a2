"""One thread at a time where a model or its tokenizer is changed while it works."""

from __future__ import annotations

from threading import RLock


class Turns:
    """A lock of one object: the thread that holds it may enter again, and a copy of the object has its own.

    Transformers and tokenizers keep settings of a call in the object itself (padding, truncation, hooks, prepared
    weights). Two calls on the same cores gain nothing by running at once, so they take turns.
    """

    def __init__(self) -> None:
        self._lock = RLock()

    def __enter__(self) -> None:
        """Wait until no other thread is inside."""
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        """Let the next one in."""
        self._lock.release()

    def __reduce__(self) -> tuple[type[Turns], tuple[()]]:
        """A lock cannot be copied: what is copied gets a free one."""
        return Turns, ()
