"""The encoders e_lambda(h), e_eta(x) and e_phi(x, y): from text to vectors, on sentence-transformers."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import torch
from torch import Tensor, nn

from jsarag.config import has_fields, require
from jsarag.models import sentence
from jsarag.models.batching import by_length, overhead
from jsarag.models.checks import PROBES, check_whole
from jsarag.models.cut import without_start
from jsarag.models.memory import Thrift
from jsarag.models.precision import Precision, autocast, compute_dtype
from jsarag.models.resolve import BROKEN, not_loadable, resolve
from jsarag.models.sentence import Task
from jsarag.models.similarity import SIMILARITIES, Similarity
from jsarag.models.turns import Turns
from jsarag.types import InputError, Passage

_MARK = "\0"
"""Stands for the input where only what comes before it is asked for."""
_TITLE = re.compile(r"\{title\}[^{}]*(?=\{text\})")
"""In a template of passages, the title and what joins it to the text."""


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
        require(self.scale is None or self.scale > 0, "encoder.scale", "a number above 0 or null", self.scale)
        for name in ("max_length", "batch_tokens"):
            value = getattr(self, name)
            require(value is None or value > 0, f"encoder.{name}", "a number above 0 or null", value)


class Encoder(nn.Module):
    """Wraps a ``SentenceTransformer``; dropout is never switched on.

    Many threads may embed with one encoder: they take turns, a call at a time.

    Attributes:
        similarity: How its vectors are compared (`jsarag.models.similarity.comparable`); ``dot`` too where the model
            itself gives vectors of length 1, whose inner product is their cosine.
        scale: The s of the retrieval softmax.
        turns: Held by the thread that works with the model.
        thrift: How sparing it is with memory.
    """

    def __init__(self, config: EncoderConfig, model: Any, dtype: torch.dtype) -> None:
        """Wrap a loaded model; use `load_encoder`.

        Raises:
            InputError: the model's vectors are compared by a distance.
        """
        super().__init__()
        self.config = config
        self.turns = Turns()
        self.thrift = Thrift()
        self.model = model.eval()
        self.dtype = dtype
        declared = config.similarity or model.similarity_fn_name
        if declared not in SIMILARITIES:
            raise InputError(
                f"encoder.model: {config.model} compares vectors by {declared}, expected cosine or dot; "
                "name another model, or set encoder.similarity"
            )
        normalises = [type(module).__name__ == "Normalize" for module in model]
        self.similarity: Similarity = "dot" if normalises[-1] and model.truncate_dim is None else declared
        small = declared == "cosine" or any(normalises)  # inner products are between -1 and 1
        self.scale = config.scale if config.scale is not None else (20.0 if small else 1.0)
        for reader in sentence.readers(model):
            reader.tokenizer.truncation_side = "right"

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return torch.device(next(self.model.parameters()).device)

    @property
    def batch_tokens(self) -> int:
        """Tokens of one padded batch."""
        return self.thrift.tokens(self.config.batch_tokens or 16_384)

    @property
    def dimensions(self) -> int:
        """Of the vectors."""
        return int(self.model.get_embedding_dimension())

    @property
    def positions(self) -> int | None:
        """The most tokens that its models can read, None without a limit."""
        limits = [sentence.positions(reader.model) for reader in sentence.readers(self.model)]
        return min((limit for limit in limits if limit is not None), default=None)

    def embed_queries(self, xs: Sequence[str]) -> Tensor:
        """e(x): ``[texts, dimensions]``, float32, with gradient where it is enabled."""
        with self.turns:
            return self._embed("query", self.config.query, [{"input": x} for x in xs])

    def embed_pairs(self, xs: Sequence[str], ys: Sequence[str]) -> Tensor:
        """e(x, y), read as queries are: ``[pairs, dimensions]``, float32, with gradient where it is enabled."""
        fields = [{"input": x, "output": y} for x, y in zip(xs, ys, strict=True)]
        with self.turns:
            return self._embed("query", self.config.posterior, fields)

    def embed_passages(self, passages: Sequence[Passage], *, progress: Callable[[int], None] | None = None) -> Tensor:
        """e(h): ``[passages, dimensions]``, float32; ``progress`` is told the size of each finished batch."""
        fields = [{"title": h.title, "text": h.text} for h in passages]
        with self.turns:
            return self._embed("document", self.config.passage, fields, progress=progress)

    def copy(self) -> Encoder:
        """An independent encoder with the same weights."""
        with self.turns:
            return copy.deepcopy(self)

    def forget(self, seed: int) -> None:
        """Replace all weights by random ones, drawn as the architecture draws them before any training."""
        transformers, layers = sentence.parts(self.model)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for inner in transformers:
                inner.load_state_dict(type(inner)(inner.config).state_dict())
            for layer in layers:
                # Drawn on the CPU, so that every device gives the same numbers.
                fresh = copy.deepcopy(layer).cpu()
                fresh.reset_parameters()
                layer.load_state_dict(fresh.state_dict())

    def trained(self, task: Task | None = None) -> dict[str, nn.Parameter]:
        """The parameters that training changes, by name; of one task: those that its texts go through."""
        named = dict(self.model.named_parameters())
        if task is None:
            return named
        used = {id(weight) for module in sentence.route(self.model, task) for weight in module.parameters()}
        return {name: weight for name, weight in named.items() if id(weight) in used}

    def fingerprint(self) -> str:
        """Hash of the weights and of every setting that changes a passage's vector."""
        digest = hashlib.sha256()
        for name, weight in sorted(self._document_weights().items()):
            digest.update(name.encode())
            digest.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
        longest = getattr(sentence.reader(self.model, "document"), "max_seq_length", None)
        settings = {"passage": self.config.passage, "max_length": longest, "modules": str(self.model)}
        # Most models have none of these, and without them the fingerprint has no trace of them.
        prompt, _ = self._prompt("document", self.config.passage)
        others = {"prompt": prompt, "dimensions": self.model.truncate_dim}
        others["similarity"] = None if self.similarity == "dot" else self.similarity
        settings |= {name: value for name, value in others.items() if value}
        digest.update(json.dumps(settings, sort_keys=True).encode())
        return digest.hexdigest()[:16]

    def _document_weights(self) -> dict[str, Tensor]:
        modules = list(sentence.route(self.model, "document"))
        whole = modules == list(self.model)
        return dict((self.model if whole else nn.Sequential(*modules)).state_dict())

    def _prompt(self, task: Task, template: str) -> tuple[str, int]:
        """The model's own prompt, and how many characters of it the template's texts begin with: all or none."""
        prompt = sentence.prompt_of(self.model, task)
        start = template.format_map(_Marks()).partition(_MARK)[0]
        for written in (prompt, prompt.strip()):
            if written and start.startswith(written):
                return written, len(written)
        return prompt, 0

    def _embed(
        self,
        task: Task,
        template: str,
        fields: Sequence[dict[str, str]],
        *,
        progress: Callable[[int], None] | None = None,
    ) -> Tensor:
        prompt, written = self._prompt(task, template)
        texts = [_written(template, values)[written:] for values in fields]
        limit = sentence.limit(sentence.reader(self.model, task), task)
        # Tokenising twice costs less than the padding of batches whose lengths are only guessed.
        lengths = sentence.lengths(self.model, texts, prompt, task)
        long = {i for i, n in enumerate(lengths) if limit is not None and n > limit}
        parts: list[Tensor] = []
        order: list[int] = []
        sizes = [n if limit is None else min(n, limit) for n in lengths]

        def batches(chosen: Sequence[int]) -> list[list[int]]:
            cut = by_length([sizes[i] for i in chosen], self.batch_tokens, overhead(self.device))
            return [[chosen[i] for i in batch] for batch in cut]

        def read(batch: list[int]) -> Tensor:
            some = [texts[i] for i in batch]
            if task == "query" and limit is not None and not long.isdisjoint(batch):
                # The input's start goes, and what stands before the input stays.
                heads = [template.format(**fields[i] | {"input": _MARK}).partition(_MARK)[0] for i in batch]
                whole = sentence.tokens(self.model, some, prompt, task, whole=True)
                features = without_start(whole, self._ids([head[written:] for head in heads], prompt, task), limit)
            else:
                features = sentence.tokens(self.model, some, prompt, task)
            return self.thrift.run(self._forward, features, task)

        # Around all batches: the float32 weights are cast once, not once a batch.
        with autocast(self.dtype, self.device):
            for batch, vectors in self.thrift.each(len(texts), batches, read):
                parts.append(vectors)
                order += batch
                if progress:
                    progress(len(batch))
        if not parts:
            return torch.zeros(0, self.dimensions, device=self.device)
        return torch.cat(parts)[torch.tensor(order, device=self.device).argsort()]

    def probe(self, task: Task) -> Tensor:
        """``[texts, dimensions]`` vectors of `PROBES` alone, without prompt or template; keeps the gradient."""
        with self.turns:
            return self._forward(sentence.tokens(self.model, PROBES, "", task, whole=True), task)

    def _forward(self, features: dict[str, Any], task: Task) -> Tensor:
        there = {
            name: value.to(self.device) if isinstance(value, Tensor) else value for name, value in features.items()
        }
        vectors: Tensor = self.model(there, task=task)["sentence_embedding"]
        return vectors[..., : self.model.truncate_dim].float()

    def _ids(self, texts: Sequence[str], prompt: str, task: Task) -> list[list[int]]:
        """The tokens of each text alone, uncut."""
        known: dict[str, list[int]] = {}
        for text in dict.fromkeys(texts):
            known[text] = sentence.tokens(self.model, [text], prompt, task, whole=True)["input_ids"][0].tolist()
        return [known[text] for text in texts]


def _written(template: str, fields: dict[str, str]) -> str:
    """A text by its template; one without a title, if there is text, is not led in by what would follow the title."""
    untitled = fields.get("title") == "" and fields.get("text")
    return (_TITLE.sub("", template, count=1) if untitled else template).format(**fields)


class _Marks(dict[str, str]):
    """A mark for every field of a template."""

    def __missing__(self, _: str) -> str:
        return _MARK


def load_encoder(config: EncoderConfig, device: torch.device) -> Encoder:
    """Load the encoder a configuration names.

    Raises:
        InputError: there is no such model, weights are missing in its files, a weight is not finite, all texts have
            one vector, its vectors are compared by a distance, or ``max_length`` is more than it can read.
    """
    from sentence_transformers import SentenceTransformer

    path = resolve(config.model, "encoder.model")
    try:
        # Weights of another size are then among those that were not found, and named.
        kwargs = {"dtype": torch.float32, "ignore_mismatched_sizes": True}
        model = SentenceTransformer(path, device=str(device), model_kwargs=kwargs).float()
    except (*BROKEN, ImportError, AttributeError, TypeError) as error:
        raise not_loadable(config.model, "encoder.model", error) from None
    for name, weight in model.named_parameters():
        if not weight.sum().isfinite() and not weight.isfinite().all():
            raise InputError(f"encoder.model: {config.model} holds a number that is not finite, in {name}")
    if not model.module_kwargs:
        # A plain transformers model. Such models (DPR) are made for the inner product; the library would guess cosine.
        model.similarity_fn_name = "dot"
    _shorten(model, config)
    encoder = Encoder(config, model, compute_dtype(config.precision, device))
    _check_vectors(encoder)
    return encoder


def _check_vectors(encoder: Encoder) -> None:
    """Refuse a model that gives all texts one vector, or vectors that depend on weights which its files lack."""
    where = f"encoder.model: {encoder.config.model}"
    lost = sentence.unfilled(encoder.model)
    missing: set[str] = set()
    for task in get_args(Task):
        try:
            with torch.set_grad_enabled(bool(lost)):
                vectors = encoder.probe(task)
        except Exception as error:  # a tokenizer without its files may raise anything
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f"{where}: cannot embed a text, are its tokenizer's files whole? {reason}") from None
        if torch.allclose(vectors, vectors[:1].expand_as(vectors), rtol=1e-4, atol=1e-6):
            raise InputError(f"{where}: gives all texts one vector; expected its tokenizer's files beside its weights")
        if lost:
            # A pooler, which most checkpoints lack, is in no vector.
            found = torch.autograd.grad(vectors.square().sum(), list(lost.values()), allow_unused=True)
            missing |= {name for name, gradient in zip(lost, found, strict=True) if gradient is not None}
    check_whole(missing, len(encoder.trained()), where)


def _shorten(model: Any, config: EncoderConfig) -> None:
    """Set the longest text in tokens, at most what the model can read."""
    readers = sentence.readers(model)
    if config.max_length is not None and not readers:
        raise InputError(f"encoder.max_length: expected null for {config.model}, which reads texts of any length")
    for reader in readers:
        most = sentence.positions(reader.model)
        if most is not None and config.max_length is not None and config.max_length > most:
            raise InputError(
                f"encoder.max_length: expected at most the {most} tokens that {config.model} can read, "
                f"got {config.max_length}"
            )
        sentence.shorten(reader, config.max_length, most)
