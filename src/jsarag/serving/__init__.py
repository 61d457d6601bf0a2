"""The server of a run: OpenAI's chat and embeddings, the passages behind each answer, feedback, metrics.

    import jsarag
    from jsarag.serving import ServingConfig, app

    served = app(jsarag.Run.load("runs/mine"), ServingConfig(keys=("secret",)))  # an ASGI application

It needs the extra ``serve``.
"""

from __future__ import annotations

from jsarag.serving.app import app
from jsarag.serving.config import ServingConfig

__all__ = ["ServingConfig", "app"]
