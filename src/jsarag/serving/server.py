"""The process of a server: its socket, its start, and its end, which lets what runs come to its own."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from threading import Thread

import uvicorn
from fastapi import FastAPI

from jsarag.system.interrupt import listening
from jsarag.types import InputError

LOOK = 0.1
"""Seconds between two looks for a signal."""
LITTLE = 5
"""Seconds for connections on which nothing is asked any more."""


def bind(host: str, port: int) -> socket.socket:
    """A socket at an address; taken before the models are loaded, so that a mistake shows at once.

    Whoever asks before the server is ready waits.

    Raises:
        InputError: no such host, or a port that is taken or not ours.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError, OverflowError):
        raise InputError(f"--host: expected a name or an address of this machine, got {host!r}") from None
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        bound.listen()  # until then another process can take the address as well
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise InputError(f"--port: {port} is taken at {host}; name another, or 0 for any free one") from None
        option = "--port" if error.errno == errno.EACCES else "--host"
        raise InputError(f"{option}: cannot listen at {host}:{port}: {error.strerror}") from None
    return bound


def address(bound: socket.socket) -> str:
    """The address for clients."""
    host, port = bound.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def serve(app: FastAPI, bound: socket.socket, timeout: float, ready: Callable[[], None]) -> None:
    """Serve until a signal comes; then take no more, finish what runs, and end.

    Args:
        app: What `jsarag.serving.app` made.
        bound: What `bind` made.
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
