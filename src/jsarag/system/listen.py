"""The socket at which a server listens, and its address."""

from __future__ import annotations

import errno
import socket

from jsarag.types import InputError


def bind(host: str, port: int, *, listen: bool = True) -> socket.socket:
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
        if listen:  # until then another process can take the address as well
            bound.listen()
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
