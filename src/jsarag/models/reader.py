"""Answers that are read while they are generated: what a reader is told, and where the reader lets an answer end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jsarag.models.decode import text_of


class Reader:
    """Reads one answer while it is generated; a subclass says what happens with it.

    Attributes:
        longest: Tokens after which the answer is cut; None: the generator's longest.
        stop: Texts before which the answer ends.
        gone: Whether nobody reads any more: the answer ends with the next token.
    """

    longest: int | None = None
    stop: Sequence[str] = ()
    gone: bool = False

    def piece(self, text: str) -> None:
        """The next piece of the text; all pieces together are the text of the answer."""

    def end(self, tokens: int, *, finished: bool) -> None:
        """The answer is over; no piece follows.

        Args:
            tokens: How many it took, the end of the answer included.
            finished: Whether it came to its end, and was not cut.
        """


class Teller(Reader):
    """Passes the pieces on to a function."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """Call ``tell`` with each piece."""
        self._tell = tell

    def piece(self, text: str) -> None:
        """Pass it on."""
        self._tell(text)


class Pieces:
    """Tells text bit by bit while its tokens arrive; all pieces together are the text that `decode` gives.

    Attributes:
        stopped: Whether one of the texts ``before`` came: the text ends before it.
    """

    def __init__(
        self, tokenizer: Any, tell: Callable[[str], None], stops: Sequence[int] = (), before: Sequence[str] = ()
    ) -> None:
        """Pass pieces to ``tell``; one of the tokens ``stops``, or of the texts ``before``, ends the text."""
        self._tokenizer, self._tell, self._stops, self._before = tokenizer, tell, stops, before
        self._told = 0
        self.begin()

    def begin(self) -> None:
        """Take in the tokens from the first one on, again; nothing is told twice."""
        self._tokens, self.stopped = list[int](), False

    def __call__(self, token: int) -> None:
        """Take in the next token."""
        self._tokens.append(token)
        text = self._text()
        # Half a character decodes to this mark: the rest is yet to come.
        if not text.endswith("\ufffd"):
            self._pass(text if self.stopped else text[: len(text) - self._begun(text)])

    def finish(self) -> str:
        """Tell what is left, and return the whole text."""
        text = self._text()
        self._pass(text)
        return text

    def _text(self) -> str:
        text = text_of(self._tokenizer, self._tokens, self._stops)
        found = [place for place in map(text.find, self._before) if place >= 0]
        self.stopped = bool(found)
        return text[: min(found)].rstrip() if found else text

    def _begun(self, text: str) -> int:
        """Characters at the end that may be the beginning of what ends the text, with the blanks before them."""
        begun = max((n for stop in self._before for n in range(len(stop)) if text.endswith(stop[:n])), default=0)
        return len(text) - len(text[: len(text) - begun].rstrip()) if begun else 0

    def _pass(self, text: str) -> None:
        if len(text) > self._told:
            self._tell(text[self._told :])
            self._told = len(text)


class Reading:
    """One answer as its reader gets it."""

    def __init__(self, tokenizer: Any, reader: Reader, stops: Sequence[int], room: int) -> None:
        """Of an answer of at most ``room`` tokens, which one of ``stops`` ends."""
        self._pieces = Pieces(tokenizer, reader.piece, stops, reader.stop)
        self._reader, self._stops = reader, frozenset(stops)
        self._longest = min(room, room if reader.longest is None else reader.longest)
        self._ended = False
        self.begin()

    def begin(self) -> None:
        """The answer is generated from its beginning, maybe again; nothing is told twice."""
        self._pieces.begin()
        self._tokens = 0

    def __call__(self, token: int) -> bool:
        """Take in the next token; whether the answer is over."""
        self._tokens += 1
        self._pieces(token)
        self.finished = token in self._stops or self._pieces.stopped
        over = self.finished or self._tokens >= self._longest or self._reader.gone
        if over and not self._ended:
            self._ended = True
            self.text = self._pieces.finish()
            self._reader.end(self._tokens, finished=self.finished)
        return over
