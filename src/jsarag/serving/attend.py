"""A request that waits for its work: not longer than its time, and not after its client has gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Request

from jsarag.serving.errors import RefusedError
from jsarag.serving.measures import GONE
from jsarag.serving.worker import Work


class Attention:
    """What a request still waits for.

    Attributes:
        streamed: Whether the work goes on after the request's own block, until the stream ends.
    """

    def __init__(self, work: Work, deadline: float, seconds: float) -> None:
        self.work, self.deadline, self.seconds = work, deadline, seconds
        self.streamed = False

    def over(self) -> RefusedError:
        """The refusal of a request whose time is over."""
        return RefusedError(504, f"no answer within {self.seconds:g} seconds", code="timeout")

    async def handed_on(self, first: Any, rest: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Events for a stream, within the request's time; the work is dropped where the stream is."""
        try:
            yield first
            while True:
                try:
                    async with asyncio.timeout_at(self.deadline):
                        event = await anext(rest, None)
                except TimeoutError:
                    raise self.over() from None
                if event is None:
                    return
                yield event
        finally:
            self.work.gone = True

    def hand_on(self, first: Any, rest: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """The same, and the work outlives the block."""
        self.streamed = True
        return self.handed_on(first, rest)


@asynccontextmanager
async def attended(request: Request, work: Work, seconds: float) -> AsyncIterator[Attention]:
    """Within the block the work's events are awaited; the work is dropped where the block ends before it.

    Raises:
        RefusedError: the time is over, or the client has gone.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    attention = Attention(work, deadline, seconds)
    watching = asyncio.create_task(_watch(request, work))
    try:
        async with asyncio.timeout_at(deadline):
            yield attention
    except TimeoutError:
        raise attention.over() from None
    finally:
        watching.cancel()
        if not attention.streamed:
            work.gone = True


async def _watch(request: Request, work: Work) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    work.gone = True
    work.tell(RefusedError(GONE, "the client has gone"))
