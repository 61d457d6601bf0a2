"""The encoders e_lambda(h), e_eta(x) and e_phi(x, y): from text to vectors, on sentence-transformers.

The modules, tokenizers and prompts are those of sentence-transformers. Its ``encode`` is not used: it gives no
gradient, and it fills a batch by a number of texts and not by tokens.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from jsarag.models import sentence
from jsarag.models.batching import by_length, overhead
from jsarag.models.checks import PROBES, check_alike
from jsarag.models.encoder.config import EncoderConfig
from jsarag.models.encoder.cut import without_start
from jsarag.models.encoder.encoder import Task
from jsarag.models.fingerprint import add_weights
from jsarag.models.memory import Thrift
from jsarag.models.precision import autocast
from jsarag.models.quiet import quiet
from jsarag.models.resolve import BROKEN, not_loadable
from jsarag.models.similarity import SIMILARITIES, Similarity
from jsarag.models.turns import Turns
from jsarag.system.transfer import to_device
from jsarag.types import InputError, Passage

_MARK = "\0"
"""Stands for the input where only what comes before it is asked for."""
TITLE = re.compile(r"\{title\}[^{}]*(?=\{text\})")
"""In a template of passages, the title and what joins it to the text."""


class SentenceEncoder(nn.Module):
    """An encoder of sentence-transformers; dropout is never switched on.

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

    def query_lengths(self, xs: Sequence[str]) -> list[int]:
        """Tokens of each input as it is read, before one that is too long is cut."""
        return self._lengths("query", self.config.query, [{"input": x} for x in xs])

    def passage_text(self, passage: Passage) -> str:
        """A passage as the tokenizer reads it: the model's own prompt, and the template with title and text."""
        prompt, written = self.prompt("document", self.config.passage)
        return prompt + _written(self.config.passage, {"title": passage.title, "text": passage.text})[written:]

    def tokenizer_json(self) -> str | None:
        """The tokenizer of passages as JSON of the library `tokenizers`; None where it is of another library."""
        backend = getattr(sentence.reader(self.model, "document").tokenizer, "backend_tokenizer", None)
        return None if backend is None else str(backend.to_str())

    def passage_lengths(self, passages: Sequence[Passage]) -> list[int]:
        """Tokens of each passage as it is read, before `passage_limit` cuts the end of a longer one."""
        return self._lengths("document", self.config.passage, [{"title": h.title, "text": h.text} for h in passages])

    def _lengths(self, task: Task, template: str, fields: Sequence[dict[str, str]]) -> list[int]:
        prompt, written = self.prompt(task, template)
        with self.turns:
            return sentence.lengths(
                self.model, [_written(template, values)[written:] for values in fields], prompt, task
            )

    @property
    def passage_limit(self) -> int | None:
        """Tokens after which a passage is cut, None where nothing is."""
        return sentence.limit(sentence.reader(self.model, "document"), "document")

    def copy(self) -> SentenceEncoder:
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
        add_weights(digest, self._document_weights())
        longest = getattr(sentence.reader(self.model, "document"), "max_seq_length", None)
        settings = {"passage": self.config.passage, "max_length": longest, "modules": str(self.model)}
        # Most models have none of these, and without them the fingerprint has no trace of them.
        prompt, _ = self.prompt("document", self.config.passage)
        others = {"prompt": prompt, "dimensions": self.model.truncate_dim}
        others["similarity"] = None if self.similarity == "dot" else self.similarity
        settings |= {name: value for name, value in others.items() if value}
        digest.update(json.dumps(settings, sort_keys=True).encode())
        return digest.hexdigest()[:16]

    def save(self, folder: Path) -> None:
        """Write the model into a new folder as sentence-transformers opens it."""
        with self.turns:
            self.model.save(str(folder), create_model_card=False)

    def load(self, folder: Path) -> None:
        """Take over the weights that `save` wrote; errors as of `Encoder.load`."""
        from sentence_transformers import SentenceTransformer

        try:
            with quiet():
                kwargs = {"dtype": torch.float32}
                saved = SentenceTransformer(str(folder), device="cpu", model_kwargs=kwargs).state_dict()
        except BROKEN as error:
            raise not_loadable(str(folder), "encoder.model", error) from None
        check_alike(saved, self.model.state_dict(), str(folder))
        with self.turns:
            self.model.load_state_dict(saved)

    def _document_weights(self) -> dict[str, Tensor]:
        modules = list(sentence.route(self.model, "document"))
        whole = modules == list(self.model)
        return dict((self.model if whole else nn.Sequential(*modules)).state_dict())

    def prompt(self, task: Task, template: str) -> tuple[str, int]:
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
        prompt, written = self.prompt(task, template)
        texts = [_written(template, values)[written:] for values in fields]
        limit = sentence.limit(sentence.reader(self.model, task), task)
        # Tokenising twice costs less than the padding of batches whose lengths are only guessed.
        lengths = sentence.lengths(self.model, texts, prompt, task)
        long = {i for i, n in enumerate(lengths) if limit is not None and n > limit}
        parts: list[Tensor] = []
        order: list[int] = []
        sizes = [n if limit is None else min(n, limit) for n in lengths]

        def batches(chosen: Sequence[int]) -> list[list[int]]:
            return by_length(chosen, sizes.__getitem__, self.batch_tokens, overhead(self.device))

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
        return torch.cat(parts)[to_device(torch.tensor(order).argsort(), self.device)]

    def probe(self, task: Task) -> Tensor:
        """``[texts, dimensions]`` vectors of `PROBES` alone, without prompt or template; keeps the gradient."""
        with self.turns:
            return self._forward(sentence.tokens(self.model, PROBES, "", task, whole=True), task)

    def _forward(self, features: dict[str, Any], task: Task) -> Tensor:
        there = {
            name: to_device(value, self.device) if isinstance(value, Tensor) else value
            for name, value in features.items()
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
    return (TITLE.sub("", template, count=1) if untitled else template).format(**fields)


class _Marks(dict[str, str]):
    """A mark for every field of a template."""

    def __missing__(self, _: str) -> str:
        return _MARK
