"""The encoders e_lambda(h), e_eta(x) and e_phi(x, y): from text to vectors, on sentence-transformers."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from jsarag.config import has_fields, require
from jsarag.models.batching import by_length, overhead
from jsarag.models.precision import Precision, autocast, compute_dtype
from jsarag.models.resolve import not_loadable, resolve
from jsarag.types import Passage

TOKENISED = 1024
"""Texts that are tokenised at once to learn their lengths."""


@dataclass(frozen=True)
class EncoderConfig:
    """The encoders; prior, posterior and passage encoder start from the same model.

    Pooling and normalisation are the model's own, read from its sentence-transformers configuration (a plain
    transformers model: the mean over tokens).

    Attributes:
        model: A folder, all-MiniLM-L6-v2, or a hub id.
        passage: How a passage is written for the encoder, from its {title} and {text}.
        query: How x is written for the prior, from {input}; some encoders want a prefix here.
        posterior: How x and y are written for the posterior, from {input} and {output}.
        scale: The s of softmax( s <e(h), e(x)> ); null: 20 where the model normalises its vectors, else 1.
        max_length: Longest text in tokens, null: the model's own. Of a passage the end is cut, of a dialog the start.
        precision: Format of the computation; auto: bf16 where the machine is fast at it. Weights are float32.
        batch_tokens: Tokens of one padded batch; null: 16,384. Small ones stay in a CPU's cache, but it prepares its
            matrix products anew for every shape: with 2,048 tokens 600 passages took 2.9 s, with 16,384 2.6 s.
    """

    model: str = "all-MiniLM-L6-v2"
    passage: str = "{title}. {text}"
    query: str = "{input}"
    posterior: str = "{input} {output}"
    scale: float | None = None
    max_length: int | None = None
    precision: Precision = "auto"
    batch_tokens: int | None = None

    def __post_init__(self) -> None:
        has_fields("encoder.passage", self.passage, ("text",), ("title",))
        has_fields("encoder.query", self.query, ("input",))
        has_fields("encoder.posterior", self.posterior, ("input", "output"))
        require(self.scale is None or self.scale > 0, "encoder.scale", "a number above 0 or null", self.scale)
        for name in ("max_length", "batch_tokens"):
            value = getattr(self, name)
            require(value is None or value > 0, f"encoder.{name}", "a number above 0 or null", value)


class Encoder(nn.Module):
    """Wraps a ``SentenceTransformer``; dropout is never switched on."""

    def __init__(self, config: EncoderConfig, model: Any, dtype: torch.dtype) -> None:
        """Wrap a loaded model; use `load_encoder`."""
        super().__init__()
        self.config = config
        self.model = model.eval()
        self.dtype = dtype
        normalises = any(type(module).__name__ == "Normalize" for module in model)
        self.scale = config.scale if config.scale is not None else (20.0 if normalises else 1.0)

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return torch.device(next(self.model.parameters()).device)

    @property
    def batch_tokens(self) -> int:
        """Tokens of one padded batch."""
        return self.config.batch_tokens or 16_384

    @property
    def dimensions(self) -> int:
        """Of the vectors."""
        return int(self.model.get_embedding_dimension())

    def embed_queries(self, xs: Sequence[str]) -> Tensor:
        """e(x): ``[texts, dimensions]``, float32, with gradient where it is enabled."""
        return self._embed([self.config.query.format(input=x) for x in xs], cut="left")

    def embed_pairs(self, xs: Sequence[str], ys: Sequence[str]) -> Tensor:
        """e(x, y): ``[pairs, dimensions]``, float32, with gradient where it is enabled."""
        texts = [self.config.posterior.format(input=x, output=y) for x, y in zip(xs, ys, strict=True)]
        return self._embed(texts, cut="left")

    def embed_passages(self, passages: Sequence[Passage], *, progress: Callable[[int], None] | None = None) -> Tensor:
        """e(h): ``[passages, dimensions]``, float32; ``progress`` is told the size of each finished batch."""
        texts = [self.config.passage.format(title=h.title, text=h.text) for h in passages]
        return self._embed(texts, cut="right", progress=progress)

    def copy(self) -> Encoder:
        """An independent encoder with the same weights."""
        return copy.deepcopy(self)

    def forget(self, seed: int) -> None:
        """Replace all weights by random ones, drawn as the architecture draws them before any training."""
        from transformers import AutoModel

        inner = self.model[0].auto_model
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            fresh: Any = AutoModel.from_config(inner.config)  # type: ignore[no-untyped-call]
        inner.load_state_dict(fresh.state_dict())

    def trained(self) -> dict[str, nn.Parameter]:
        """The parameters that training changes, by name."""
        return dict(self.model.named_parameters())

    def fingerprint(self) -> str:
        """Hash of the weights and of every setting that changes a passage's vector."""
        digest = hashlib.sha256()
        for name, weight in sorted(self.model.state_dict().items()):
            digest.update(name.encode())
            digest.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
        settings = {"passage": self.config.passage, "max_length": self.model.max_seq_length, "modules": str(self.model)}
        digest.update(json.dumps(settings, sort_keys=True).encode())
        return digest.hexdigest()[:16]

    def _embed(self, texts: list[str], *, cut: str, progress: Callable[[int], None] | None = None) -> Tensor:
        self.model.tokenizer.truncation_side = cut
        # Tokenising twice costs less than the padding of batches whose lengths are only guessed.
        lengths = self._lengths(texts)
        parts: list[Tensor] = []
        order: list[int] = []
        # Around all batches: the float32 weights are cast once, not once a batch.
        with autocast(self.dtype, self.device):
            for batch in by_length(lengths, self.batch_tokens, overhead(self.device)):
                features = self.model.preprocess([texts[i] for i in batch])
                features = {
                    key: value.to(self.device) if isinstance(value, Tensor) else value
                    for key, value in features.items()
                }
                parts.append(self.model(features)["sentence_embedding"].float())
                order += batch
                if progress:
                    progress(len(batch))
        if not parts:
            return torch.zeros(0, self.dimensions, device=self.device)
        return torch.cat(parts)[torch.tensor(order, device=self.device).argsort()]

    def _lengths(self, texts: list[str]) -> list[int]:
        """Tokens of each text."""
        lengths: list[int] = []
        for first in range(0, len(texts), TOKENISED):
            some = texts[first : first + TOKENISED]
            found = self.model.tokenizer(
                some,
                truncation=True,
                max_length=self.model.max_seq_length,
                return_attention_mask=False,
                return_token_type_ids=False,
            )
            lengths += map(len, found["input_ids"])
        return lengths


def load_encoder(config: EncoderConfig, device: torch.device) -> Encoder:
    """Load the encoder a configuration names.

    Raises:
        InputError: there is no such model.
    """
    from sentence_transformers import SentenceTransformer

    path = resolve(config.model, "encoder.model")
    try:
        model = SentenceTransformer(path, device=str(device), model_kwargs={"dtype": torch.float32})
    except (OSError, ValueError, KeyError) as error:
        raise not_loadable(config.model, "encoder.model", error) from None
    if config.max_length is not None:
        model.max_seq_length = config.max_length
    return Encoder(config, model, compute_dtype(config.precision, device))
