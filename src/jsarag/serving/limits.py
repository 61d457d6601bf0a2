"""Who and what is let in: the size of a request, its key, its origin, and nobody while the server closes."""

from __future__ import annotations

import asyncio
from json import JSONDecodeError
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jsarag.files import JSON
from jsarag.serving.config import ServingConfig
from jsarag.serving.errors import RefusedError
from jsarag.serving.keys import Keys

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Door:
    """Whether the server takes requests, and how many are inside."""

    def __init__(self) -> None:
        self.closing = False
        self.inside = 0


class Limits:
    """An ASGI layer that lets a request in, its body read whole, or refuses it."""

    def __init__(self, app: ASGIApp, config: ServingConfig, door: Door, open_paths: frozenset[str]) -> None:
        self.app, self.config, self.door, self.open_paths = app, config, door, open_paths
        self.keys = Keys(config.keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            self._check(scope)
            body = await self._body(Headers(scope=scope), receive)
        except RefusedError as refused:
            await refused.response()(scope, receive, send)
            return
        except _LeftError:
            return
        self.door.inside += 1
        try:
            await self.app(scope, _again(body, receive), send)
        finally:
            self.door.inside -= 1

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        if self.door.closing:
            leave = {"Retry-After": "5", "Connection": "close"}
            raise RefusedError(503, "the server is closing; try again soon", code="closing", headers=leave)
        if not self.keys:
            self._check_origin(headers)
        elif scope["path"] not in self.open_paths and not self.keys.allow(_first(scope, b"authorization")):
            raise RefusedError(
                401,
                "expected a key of this server in the header Authorization: Bearer KEY",
                code="invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def _check_origin(self, headers: Headers) -> None:
        """Without keys, keep out the pages of other sites, which a browser on this machine lets ask as its user."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            raise RefusedError(403, f"a page of another site ({origin[:100]}) may not ask this server", code="origin")
        if self.config.local and _name(host) not in LOOPBACK:
            raise RefusedError(403, f"expected localhost in the header Host, got {host[:100]!r}", code="host")

    async def _body(self, headers: Headers, receive: Receive) -> bytes:
        most, told = self.config.max_body, headers.get("content-length", "0")
        if told.isdecimal() and int(told[:20]) > most:
            raise _too_large(most)
        body = bytearray()
        try:
            async with asyncio.timeout(self.config.timeout):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _LeftError
                    body += message.get("body", b"")
                    if len(body) > most:
                        raise _too_large(most)
                    if not message.get("more_body", False):
                        return _json(bytes(body))
        except TimeoutError:
            seconds = f"{self.config.timeout:g}"
            raise RefusedError(408, f"expected the whole request within {seconds} seconds", code="timeout") from None


class _LeftError(Exception):
    """The client went away before its request was whole."""


def _json(body: bytes) -> bytes:
    """Refuse what is no JSON, or holds what no tokenizer takes: half a character."""
    try:
        if body:
            JSON.decode(body.decode())
    except UnicodeDecodeError:
        raise RefusedError(400, "expected JSON in UTF-8", code="invalid_json") from None
    except JSONDecodeError as error:
        raise RefusedError(400, f"expected JSON: {error.msg} at {error.pos}", code="invalid_json") from None
    return body


def _too_large(most: int) -> RefusedError:
    close = {"Connection": "close"}
    return RefusedError(413, f"expected a request of at most {most:,} bytes", code="request_too_large", headers=close)


def _again(body: bytes, receive: Receive) -> Receive:
    """Receives the body that was read, and then what comes after it."""
    read = False

    async def received() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return received


def _first(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key == name), b"")


def _name(host: str) -> str:
    """The name in ``NAME:PORT``."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
