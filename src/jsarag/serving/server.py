"""The process of a server: its start, and its end, which lets what runs come to its own."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from threading import Thread

import uvicorn
from fastapi import FastAPI

from jsarag.system.interrupt import listening

LOOK = 0.1
"""Seconds between two looks for a signal."""
LITTLE = 5
"""Seconds for connections on which nothing is asked any more."""


def serve(app: FastAPI, bound: socket.socket, timeout: float, ready: Callable[[], None]) -> None:
    """Serve until a signal comes; then take no more, finish what runs, and end.

    Args:
        app: What `jsarag.serving.app` made.
        bound: What `jsarag.system.listen.bind` made.
        timeout: Seconds that what runs may take at most.
        ready: Called once requests are answered.

    Raises:
        Stopped: by the signal; a second one of the same kind ends at once.
    """
    settings = uvicorn.Config(
        app, log_config=None, log_level="error", access_log=False, timeout_graceful_shutdown=LITTLE, lifespan="on"
    )
    server = uvicorn.Server(settings)
    # In a thread of its own: the main thread hears the signals.
    thread = Thread(target=server.run, kwargs={"sockets": [bound]}, name="jsarag-server", daemon=True)
    with listening() as asked, asked.later():
        thread.start()
        while thread.is_alive() and not server.started and not asked.number:
            time.sleep(0.01)
        if server.started:
            ready()
        while thread.is_alive() and not asked.number:
            thread.join(LOOK)
        if not asked.number:
            raise RuntimeError("the server ended by itself")
        door = app.state.parts.door
        door.closing = True
        end = time.monotonic() + timeout
        while thread.is_alive() and door.inside and time.monotonic() < end:
            thread.join(LOOK)
        server.should_exit = True
        thread.join()
