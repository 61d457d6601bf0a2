"""What can be set about the encoders."""

from __future__ import annotations

from dataclasses import dataclass

from jsarag.checks import has_fields, positive_or_null, require
from jsarag.models.precision import Precision
from jsarag.models.similarity import SIMILARITIES, Similarity


@dataclass(frozen=True)
class EncoderConfig:
    """The encoders; prior, posterior and passage encoder start from the same model.

    Everything else is the model's own, read from its sentence-transformers files: pooling, normalisation, layers on
    top, similarity, length, ``truncate_dim``, the prompts and the route (of a ``Router``) of queries and documents. A
    vector is that of ``encode_query`` (x, and x with y) or ``encode_document`` (passages). Weights are float32 whatever
    format the files name. A plain transformers model: the mean over tokens (a causal one: the last token), compared by
    inner product.

    A template gives the text that follows the model's own prompt. A template that begins with that prompt is taken to
    hold it: the prompt is not added a second time.

    Attributes:
        model: A folder, all-MiniLM-L6-v2, or a hub id.
        passage: How a passage is written for the encoder, from its {title} and {text}. Of a passage without a title the
            part from {title} up to {text} is left out.
        query: How x is written for the prior, from {input}. Some encoders want a prefix that their files do not name.
        posterior: How x and y are written for the posterior, from {input} and {output}.
        similarity: ``cosine`` or ``dot``; null: what the model's files name, and where they name none, cosine for a
            model with sentence-transformers files and dot for a plain transformers model.
        scale: The s of softmax( s <e(h), e(x)> ); null: 20 where vectors are compared with length 1, else 1.
        max_length: Longest text in tokens, null: the model's own. Of a passage the end is cut. Of a dialog the start is
            cut: prompt, text of the template and y stay.
        precision: Format of the computation; auto: bf16 where the machine is fast at it. Weights are float32.
        batch_tokens: Tokens of one padded batch; null: 16,384. Small ones stay in a CPU's cache, but it prepares its
            matrix products anew for every shape: with 2,048 tokens 600 passages took 2.9 s, with 16,384 2.6 s.
    """

    model: str = "all-MiniLM-L6-v2"
    passage: str = "{title}. {text}"
    query: str = "{input}"
    posterior: str = "{input} {output}"
    similarity: Similarity | None = None
    scale: float | None = None
    max_length: int | None = None
    precision: Precision = "auto"
    batch_tokens: int | None = None

    def __post_init__(self) -> None:
        has_fields("encoder.passage", self.passage, ("text",), ("title",))
        has_fields("encoder.query", self.query, ("input",))
        has_fields("encoder.posterior", self.posterior, ("input", "output"))
        require(self.similarity in (None, *SIMILARITIES), "encoder.similarity", "cosine, dot or null", self.similarity)
        for name in ("scale", "max_length", "batch_tokens"):
            positive_or_null(f"encoder.{name}", getattr(self, name))
