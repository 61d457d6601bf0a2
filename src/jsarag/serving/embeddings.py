"""OpenAI's embeddings, of questions or of passages."""

from __future__ import annotations

import base64
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from torch import Tensor

from jsarag.serving.errors import RefusedError

MOST = 2048
"""Texts of a request."""


class EmbeddingRequest(BaseModel):
    """Embeddings that are asked for."""

    model_config = ConfigDict(extra="allow")

    input: Any
    model: str | None = None
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    input_type: Literal["query", "passage"] = "query"

    def texts(self, dimensions: int) -> list[str]:
        """The texts.

        Raises:
            RefusedError: anything but texts, or vectors of another length.
        """
        texts = [self.input] if isinstance(self.input, str) else self.input
        if not isinstance(texts, list) or not all(isinstance(text, str) and text.strip() for text in texts):
            raise RefusedError(400, "input: expected a text that is not empty, or a list of them", param="input")
        if not 0 < len(texts) <= MOST:
            raise RefusedError(400, f"input: expected 1 to {MOST:,} texts, got {len(texts):,}", param="input")
        if self.dimensions not in (None, dimensions):
            raise RefusedError(400, f"dimensions: this run has {dimensions}, got {self.dimensions}", param="dimensions")
        return texts

    def answer(self, vectors: Tensor, tokens: int, model: str) -> dict[str, Any]:
        """The vectors in OpenAI's shape."""
        found: list[Any] = vectors.tolist()
        if self.encoding_format == "base64":
            found = [base64.b64encode(row.numpy().astype("<f4").tobytes()).decode() for row in vectors]
        return {
            "object": "list",
            "data": [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(found)],
            "model": model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
