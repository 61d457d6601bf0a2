"""What `/metrics` tells Prometheus: requests, seconds, the queue, batches, tokens."""

from __future__ import annotations

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

GONE = 499
"""The status of a request whose client went away before it was answered, as in nginx."""


class Measures:
    """The figures of one server."""

    def __init__(self) -> None:
        self.registry = known = CollectorRegistry()
        self.requests = Counter("jsarag_requests", "Requests answered.", ["route", "status"], registry=known)
        seconds = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
        self.seconds = Histogram(
            "jsarag_request_seconds", "Seconds until a request is answered.", ["route"], buckets=seconds, registry=known
        )
        self.waiting = Gauge("jsarag_queue_length", "Requests that wait for the models.", registry=known)
        sizes = (1, 2, 4, 8, 16, 32, 64, 128)
        self.batch = Histogram("jsarag_batch_size", "Requests answered together.", buckets=sizes, registry=known)
        self.tokens = Counter("jsarag_tokens", "Tokens of prompts and of answers.", ["kind"], registry=known)
        looked = "Tokens of prompts that were looked up (asked) and taken (found) in what was read before."
        self.prefixes = Counter("jsarag_prefix_tokens", looked, ["kind"], registry=known)
        self.prefix_bytes = Gauge("jsarag_prefix_bytes", "Bytes of what was read before.", registry=known)
        self.declined = Counter("jsarag_declined", "Questions declined for lack of evidence.", registry=known)
        self.reloads = Counter("jsarag_reloads", "Loads of the run while it is served.", ["result"], registry=known)
        self.feedback = Counter("jsarag_feedback", "Feedback kept.", registry=known)

    def page(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self.registry)


class Measured:
    """An ASGI layer that counts requests and their seconds."""

    def __init__(self, app: ASGIApp, measures: Measures, clock: Callable[[], float] = time.perf_counter) -> None:
        self.app, self.measures, self.clock = app, measures, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Measure one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = self.clock(), GONE

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, told)
        finally:
            # A path as it was asked for may be anything: the route that took it is one of a few.
            route = getattr(scope.get("route"), "path", "other")
            self.measures.requests.labels(route, status).inc()
            self.measures.seconds.labels(route).observe(self.clock() - began)
