"""An answer that is read while it is being generated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import SimpleQueue
from threading import Lock, Thread

from jsarag.types import Answer

Tell = Callable[[str], None]


class Stream(Iterator[str]):
    """Pieces of text as they come; together they are the text of the answer.

    The generation runs in a thread of its own, from the first piece asked for to its end, whether it is read or not.
    """

    def __init__(self, work: Callable[[Tell], Answer]) -> None:
        """Take what generates: it is given a function to call with each piece."""
        self._work = work
        self._pieces: SimpleQueue[str | Answer | BaseException] = SimpleQueue()
        self._started = False
        self._reading = Lock()
        self._end: Answer | BaseException | None = None

    @property
    def answer(self) -> Answer:
        """The whole answer with its passages; waits for the end.

        Raises:
            InputError: what generating raised.
        """
        for _ in self:
            pass
        if isinstance(self._end, Answer):
            return self._end
        raise self._end or RuntimeError("a stream that ended without an answer")

    def __next__(self) -> str:
        """The next piece, once it is there."""
        # Of two threads that read, one would wait for ever after the end.
        with self._reading:
            if not self._started:
                self._started = True
                Thread(target=self._run, daemon=True).start()
            if self._end is None:
                piece = self._pieces.get()
                if isinstance(piece, str):
                    return piece
                self._end = piece
                if isinstance(piece, BaseException):
                    raise piece
            raise StopIteration

    def _run(self) -> None:
        try:
            self._pieces.put(self._work(self._pieces.put))
        except BaseException as error:  # raised again where the stream is read
            self._pieces.put(error)
