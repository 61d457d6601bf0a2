"""The generator p(y|x,h): likelihoods with and without gradient, and decoding, behind one small interface.

Dropout is never switched on: the model that scores proposals is the model that is trained on the accepted ones.
"""

from __future__ import annotations

import copy
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from jsarag.config import one_of, positive, require
from jsarag.files import whole
from jsarag.models.attention import PLAIN, differentiable, slow_backward
from jsarag.models.batching import by_length, default_batch, overhead
from jsarag.models.checks import PROBES, check_causal, check_finite, check_whole, masked
from jsarag.models.decode import Batch, Generated, Mixture, Pieces, alike, decode, pad_id
from jsarag.models.precision import Precision, autocast, cast, compute_dtype
from jsarag.models.prefix import Past, shared
from jsarag.models.prompt import Prompt, PromptConfig
from jsarag.models.resolve import BROKEN, cache_folder, not_loadable, resolve
from jsarag.models.roads import UNTRAINED, roads
from jsarag.models.search import Greedy, Search
from jsarag.models.turns import Turns
from jsarag.models.unpadded import forget_lengths
from jsarag.types import InputError, Passage

GREEDY = Greedy()
MERGING_PAYS = 2048
"""Tokens from which on float32 is quicker with adapters added to the weights first: about twice what breaks even."""
DECODED = 2
"""Batches of decoding are so many times as large as those of scoring: most of their steps read one token a row."""


Likelihood = Literal["sum", "mean"]


@dataclass(frozen=True)
class LoraConfig:
    """Low-rank adaptation (PEFT).

    Attributes:
        rank: Rank of the update.
        alpha: Scale of the update; it enters as alpha / rank.
        targets: Names of the adapted layers, separated by commas; "all-linear": all but the output head.
    """

    rank: int = 16
    alpha: int = 32
    targets: str = "all-linear"

    def __post_init__(self) -> None:
        positive("generator.lora.rank", self.rank)
        positive("generator.lora.alpha", self.alpha)


@dataclass(frozen=True)
class GeneratorConfig:
    """The generator.

    Attributes:
        model: A folder, a .gguf file, SmolLM2-135M-Instruct, or a hub id; decoder-only or encoder-decoder.
        lora: Train low-rank adapters; null trains all weights.
        precision: Format of the computation; auto: bf16 where the machine is fast at it. Trained weights are float32.
        likelihood: log p(y|x,h) as the sum over answer tokens, or their mean (as in the paper's released code).
        max_new_tokens: Longest answer, in tokens.
        batch_tokens: Tokens of one padded batch; null: 2,048 on a CPU, 16,384 on a GPU.
        checkpointing: Keep no activations of the layers for the backward pass but compute them again: far less memory,
            about a third more time for what is trained on.
        prompt: The prompt and its length.
    """

    model: str = "SmolLM2-135M-Instruct"
    lora: LoraConfig | None = field(default_factory=LoraConfig)
    precision: Precision = "auto"
    likelihood: Likelihood = "sum"
    max_new_tokens: int = 32
    batch_tokens: int | None = None
    checkpointing: bool = False
    prompt: PromptConfig = field(default_factory=PromptConfig)

    def __post_init__(self) -> None:
        one_of("generator.likelihood", self.likelihood, get_args(Likelihood))
        positive("generator.max_new_tokens", self.max_new_tokens)
        tokens = self.batch_tokens
        require(tokens is None or tokens > 0, "generator.batch_tokens", "a number above 0 or null", tokens)


class Pair(NamedTuple):
    """One thing to score: y given x and h: one passage, several in one prompt, or none (closed book)."""

    x: str
    passages: tuple[Passage, ...]
    y: str


class Generator(nn.Module, ABC):
    """What every generator offers; `CausalGenerator` and `Seq2SeqGenerator` differ in how tokens reach the model.

    Many threads may score and generate with one generator: they take turns, a call at a time.

    Attributes:
        tokens_scored: Tokens that went through the model without gradient so far, padding not counted.
        tokens_trained: Likewise with gradient.
        turns: Held by the thread that works with the model.
    """

    def __init__(self, config: GeneratorConfig, model: Any, tokenizer: Any, dtype: torch.dtype) -> None:
        """Wrap a transformers model; use `load_generator`."""
        super().__init__()
        self.config = config
        self.turns = Turns()
        self.model = model.eval()
        head = model.get_output_embeddings()
        if head is not None:
            head.register_forward_pre_hook(_contiguous)
        self.roads = roads(model.config, config.prompt.max_length)
        if config.checkpointing:
            _recompute_layers(model)
            if slow_backward(dtype, self.device):
                # Layers are computed again in the backward pass, and must be computed alike.
                model.set_attn_implementation(PLAIN)
        self.tokenizer = tokenizer
        made = model.generation_config
        self.prompt = Prompt(
            config.prompt,
            tokenizer,
            stops=_listed(made.eos_token_id),
            start=made.decoder_start_token_id,
            two_part=bool(model.config.is_encoder_decoder),
        )
        self.dtype = dtype
        self.tokens_scored = 0
        self.tokens_trained = 0

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return torch.device(next(self.model.parameters()).device)

    @property
    def batch_tokens(self) -> int:
        """Tokens of one padded batch."""
        return self.config.batch_tokens or default_batch(self.device)

    def log_likelihood(self, pairs: Sequence[Pair]) -> Tensor:
        """``[pairs]`` log p(y|x,h) in nats, float32, with gradient where it is enabled.

        Raises:
            InputError: a question and answer that do not fit ``prompt.max_length``.
        """
        return self.total(self.token_log_likelihood(pairs), self.answer_tokens([pair.y for pair in pairs]))

    def token_log_likelihood(self, pairs: Sequence[Pair], *, temperature: float = 1.0) -> Tensor:
        """``[pairs, longest answer]`` log p(y_t|x,h,y_<t) in nats, float32; 0 past the end of an answer.

        Args:
            pairs: What to score.
            temperature: What the logits are divided by.

        Raises:
            InputError: a question and answer that do not fit ``prompt.max_length``.
        """
        answers = [self.prompt.answer(pair.y) for pair in pairs]
        contexts = [self.prompt.context(p.x, p.passages, room=len(a)) for p, a in zip(pairs, answers, strict=True)]
        with self._ready(sum(map(len, contexts))):
            return self._token_log_likelihood([pair.x for pair in pairs], contexts, answers, temperature)

    def _token_log_likelihood(
        self, xs: list[str], contexts: list[list[int]], answers: list[list[int]], temperature: float
    ) -> Tensor:
        past = None if torch.is_grad_enabled() else self._past(contexts, xs)
        if past:
            prefixes = past.prefixes
            self._count(sum(map(len, prefixes.tokens)))
            contexts = [c[len(prefixes.tokens[g]) :] for c, g in zip(contexts, prefixes.of, strict=True)]
        lengths = [len(c) + len(a) for c, a in zip(contexts, answers, strict=True)]
        self._count(sum(lengths))
        rows: list[Tensor] = []
        order: list[int] = []
        # Around all batches: weights that are kept in float32 are cast once, not once a batch.
        kernels = differentiable(self.model, self.dtype, self.device)
        with autocast(self.dtype, self.device), kernels:
            for batch in self._batches(contexts, answers):
                chosen = [contexts[i] for i in batch], [answers[i] for i in batch]
                log_probs = self._answer_log_probs(*chosen, temperature, past, batch)
                rows += torch.split(log_probs.float(), [len(answers[i]) for i in batch])
                order += batch
        if not rows:
            return torch.zeros(0, 1, device=self.device)
        padded = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        return padded[torch.tensor(order, device=self.device).argsort()]

    def _batches(self, contexts: list[list[int]], answers: list[list[int]]) -> list[list[int]]:
        """Positions of the texts that are read together."""
        lengths = [len(c) + len(a) for c, a in zip(contexts, answers, strict=True)]
        if self.roads.padded:
            return by_length(lengths, self.batch_tokens, overhead(self.device))
        shapes: dict[tuple[int, ...], list[int]] = {}
        for i, (context, answer) in enumerate(zip(contexts, answers, strict=True)):
            shapes.setdefault(self._shape(context, answer), []).append(i)
        return [
            [group[i] for i in batch]
            for group in shapes.values()
            for batch in by_length([lengths[i] for i in group], self.batch_tokens, overhead(self.device))
        ]

    def answer_tokens(self, ys: Sequence[str]) -> Tensor:
        """``[answers]`` tokens of each answer, the end of answer included."""
        return torch.tensor([len(self.prompt.answer(y)) for y in ys], device=self.device)

    def total(self, token_log_lik: Tensor, tokens: Tensor) -> Tensor:
        """``[...]`` the log-likelihoods of ``token_log_lik[..., longest]``, their sum or mean, as configured."""
        total = token_log_lik.sum(-1)
        return total if self.config.likelihood == "sum" else total / tokens

    def generate(
        self,
        prompts: Sequence[tuple[str, tuple[Passage, ...]]],
        search: Search = GREEDY,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> list[Generated]:
        """The best answer to each (x, passages), in the order given; the passages stand in one prompt, or are none."""
        mixtures = [Mixture(x, (passages,), (0.0,)) for x, passages in prompts]
        return [found[0] for found in self.candidates(mixtures, search, progress=progress)]

    @torch.inference_mode()
    def candidates(
        self, mixtures: Sequence[Mixture], search: Search = GREEDY, *, progress: Callable[[int], None] | None = None
    ) -> list[list[Generated]]:
        """Answers to each mixture, best first: one, or with beams up to one a beam.

        Args:
            mixtures: What to answer from.
            search: How tokens are chosen.
            progress: Told the number of mixtures in each batch.

        Raises:
            InputError: a question that does not fit ``prompt.max_length``.
        """
        room = self.config.max_new_tokens
        contexts = [[self.prompt.context(m.x, h, room=room) for h in m.parts] for m in mixtures]
        results: dict[int, list[Generated]] = {}
        with self._ready(sum(len(context) for parts in contexts for context in parts)):
            budget = DECODED * self.batch_tokens
            for batch in alike(contexts, room, search.width, budget, overhead(self.device)):
                found = self._decode([contexts[i] for i in batch], [mixtures[i] for i in batch], search)
                results |= dict(zip(batch, found, strict=True))
                if progress:
                    progress(len(batch))
        return [results[i] for i in range(len(mixtures))]

    @torch.inference_mode()
    def follow(self, mixture: Mixture, search: Search, tell: Callable[[str], None]) -> Generated:
        """Answer one mixture, telling each piece of the text as soon as it is there; not with beams."""
        room = self.config.max_new_tokens
        context = [self.prompt.context(mixture.x, h, room=room) for h in mixture.parts]
        pieces = Pieces(self.tokenizer, tell, self.prompt.stops)
        with self._ready(sum(map(len, context))):
            ((found, *_),) = self._decode([context], [mixture], search, pieces)
        pieces.finish(found.text)
        return found

    @property
    def positions(self) -> int | None:
        """Tokens of a prompt and its answer, in an encoder of a prompt alone, that the model was made for, if known."""
        text = self.model.config.get_text_config()
        names = ("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx", "max_encoder_position_embeddings")
        return next((int(n) for name in names if isinstance(n := getattr(text, name, None), int)), None)

    def check_length(self) -> bool:
        """Refuse prompts that are longer than what the model can read at all; whether it was made for their length.

        A family that computes positions reads on beyond those it was made for; one that has learned them cannot.

        Raises:
            InputError: ``prompt.max_length``, or ``max_new_tokens`` in a decoder of its own, is more than it can read.
        """
        wanted, made = self.config.prompt.max_length, self.positions
        if made is None or wanted <= made:
            return True
        try:
            self._read_blank(wanted)
        except (IndexError, RuntimeError, ValueError):
            raise InputError(
                f"generator.prompt.max_length: expected at most the {made} tokens that {self.config.model} can read, "
                f"got {wanted}"
            ) from None
        return False

    @torch.no_grad()
    def _read_blank(self, tokens: int) -> None:
        """Run so many tokens through the model."""
        ids = torch.full((1, tokens), self.prompt.stops[0], device=self.device)
        inputs = {"input_ids": ids, "use_cache": False}
        if self.model.config.is_encoder_decoder:
            inputs["decoder_input_ids"] = ids[:, : self.config.max_new_tokens]
        with self.turns, autocast(self.dtype, self.device):
            _logits_at(self.model, [0], inputs)

    def reads(self, x: str, passages: Sequence[Passage]) -> tuple[Passage, ...]:
        """Those of ``passages`` that fit into one prompt of an answer to ``x``; the first always does."""
        return self.prompt.read(x, passages, room=self.config.max_new_tokens)

    def copy(self) -> Generator:
        """An independent generator with the same weights."""
        with self.turns:
            return copy.deepcopy(self)

    def trained(self) -> dict[str, nn.Parameter]:
        """The parameters that training changes, by name: the adapters, or all weights."""
        return {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}

    @abstractmethod
    def _shape(self, context: list[int], answer: list[int]) -> tuple[int, ...]:
        """Texts of one shape need no padding beside each other."""

    @abstractmethod
    def _answer_log_probs(
        self,
        contexts: list[list[int]],
        answers: list[list[int]],
        temperature: float,
        past: Past | None,
        rows: Sequence[int],
    ) -> Tensor:
        """``[answer tokens of all rows]`` log-probability of each, rows one after the other.

        Args:
            contexts: What follows the prefixes in ``past``, by row.
            answers: The answers.
            temperature: What the logits are divided by.
            past: What the model has read before, if anything.
            rows: Where these rows stand among the prompts of ``past``.
        """

    @contextmanager
    def _ready(self, tokens: int) -> Iterator[None]:
        """Have the model alone, its weights prepared once where no gradient is needed and so many tokens repay it."""
        with self.turns, self._prepared(tokens):
            yield

    def _prepared(self, tokens: int) -> AbstractContextManager[None]:
        exact = self.dtype == torch.float32
        if torch.is_grad_enabled() or (exact and (self.config.lora is None or tokens < MERGING_PAYS)):
            return nullcontext()
        if self.config.lora is None:
            return cast(self.model, self.dtype)
        from jsarag.models.lora import ready

        return ready(self.model)

    def _past(self, contexts: list[list[int]], xs: list[str]) -> Past | None:
        """What prompts have in common, read once; None where nothing is gained."""
        return None

    def _decode(
        self,
        contexts: list[list[list[int]]],
        mixtures: Sequence[Mixture],
        search: Search,
        tell: Callable[[int], None] | None = None,
    ) -> list[list[Generated]]:
        log_weights = torch.tensor([mixture.log_weights for mixture in mixtures])
        batch = Batch([mixture.x for mixture in mixtures], contexts, log_weights)
        with autocast(self.dtype, self.device):
            found, tokens = decode(
                self.model,
                self.tokenizer,
                batch,
                search,
                self.config.max_new_tokens,
                stops=self.prompt.stops,
                roads=self.roads,
                tell=tell,
            )
        self._count(tokens)
        return found

    def _count(self, tokens: int) -> None:
        if torch.is_grad_enabled():
            self.tokens_trained += tokens
        else:
            self.tokens_scored += tokens


class CausalGenerator(Generator):
    """A decoder-only language model."""

    def _answer_log_probs(
        self,
        contexts: list[list[int]],
        answers: list[list[int]],
        temperature: float,
        past: Past | None,
        rows: Sequence[int],
    ) -> Tensor:
        # The last token predicts nothing, but a family that takes the plain road is given the whole text.
        last = -1 if self.roads.padded else None
        texts = [(c + a)[:last] for c, a in zip(contexts, answers, strict=True)]
        width = max(map(len, texts))
        pad = pad_id(self.tokenizer, self.prompt.stops)
        # Padding stands on the right and attention is causal, so no real token sees it and no mask is needed.
        ids = torch.tensor([text + [pad] * (width - len(text)) for text in texts], device=self.device)
        positions = [
            r * width + len(c) - 1 + t
            for r, (c, a) in enumerate(zip(contexts, answers, strict=True))
            for t in range(len(a))
        ]
        targets = torch.tensor([token for answer in answers for token in answer], device=self.device)
        if self.roads.stretched:
            forget_lengths(self.model, ids)
        before = past.arguments(rows, width) if past else {}
        logits = _logits_at(self.model, positions, {"input_ids": ids, "use_cache": False, **before})
        return _log_probs(logits, targets, temperature)

    def _shape(self, context: list[int], answer: list[int]) -> tuple[int, ...]:
        return (len(context) + len(answer),)

    def _past(self, contexts: list[list[int]], xs: list[str]) -> Past | None:
        found = shared(contexts, xs) if contexts and self.roads.prefix else None
        if found is None:
            return None
        inner = self.model.get_base_model() if self.config.lora else self.model
        with autocast(self.dtype, self.device):
            return Past.read(inner, found, self.device)


class Seq2SeqGenerator(Generator):
    """An encoder-decoder language model: x and h go to the encoder, y to the decoder."""

    def _answer_log_probs(
        self,
        contexts: list[list[int]],
        answers: list[list[int]],
        temperature: float,
        past: Past | None,
        rows: Sequence[int],
    ) -> Tensor:
        pad, start = pad_id(self.tokenizer, self.prompt.stops), self.model.generation_config.decoder_start_token_id
        wide, long = max(map(len, contexts)), max(map(len, answers))
        ids = torch.tensor([c + [pad] * (wide - len(c)) for c in contexts], device=self.device)
        mask = torch.tensor([[1] * len(c) + [0] * (wide - len(c)) for c in contexts], device=self.device)
        decoder = torch.tensor([[start] + a[:-1] + [pad] * (long - len(a)) for a in answers], device=self.device)
        positions = [r * long + t for r, a in enumerate(answers) for t in range(len(a))]
        targets = torch.tensor([token for answer in answers for token in answer], device=self.device)
        inputs = {"input_ids": ids, "attention_mask": mask, "decoder_input_ids": decoder, "use_cache": False}
        return _log_probs(_logits_at(self.model, positions, inputs), targets, temperature)

    def _shape(self, context: list[int], answer: list[int]) -> tuple[int, ...]:
        return len(context), len(answer)


def load_generator(config: GeneratorConfig, device: torch.device) -> Generator:
    """Load the generator a configuration names, ready to train.

    Raises:
        InputError: there is no such model, it is not a language model, or weights are missing in its files.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer, GenerationConfig

    dtype = compute_dtype(config.precision, device)
    path, where = resolve(config.model, "generator.model"), f"generator.model: {config.model}"
    path = str(_from_gguf(Path(path))) if path.endswith(".gguf") else path
    try:
        theirs = AutoConfig.from_pretrained(path)
        auto = AutoModelForSeq2SeqLM if theirs.is_encoder_decoder else AutoModelForCausalLM
        tokenizer = AutoTokenizer.from_pretrained(path)
    except BROKEN as error:
        raise not_loadable(config.model, "generator.model", error) from None
    if theirs.model_type in UNTRAINED:
        reason = UNTRAINED[theirs.model_type]
        raise InputError(f"generator.model: expected another family than {theirs.model_type}: {reason}")
    # Frozen weights are kept in the format of the computation, trained ones in float32.
    model = _whole(auto, path, config.model, dtype=dtype if config.lora else torch.float32)
    check_finite(dict(model.named_parameters()), where)
    # What its makers recommend for decoding (penalties, forced tokens) is no part of the p(y|x,h) that is trained:
    # where an answer starts and ends is.
    start = _decoder_start(model) if model.config.is_encoder_decoder else None
    ends = model.generation_config.eos_token_id
    model.generation_config = GenerationConfig(decoder_start_token_id=start, eos_token_id=ends)  # type: ignore[no-untyped-call]
    if config.lora:
        from jsarag.models.lora import adapted

        lora = config.lora
        targets = lora.targets if lora.targets == "all-linear" else [name.strip() for name in lora.targets.split(",")]
        model = adapted(model, rank=lora.rank, alpha=lora.alpha, targets=targets, dtype=dtype)
    kind = Seq2SeqGenerator if model.config.is_encoder_decoder else CausalGenerator
    nn.Module.to(model, device)
    generator = kind(config, model, tokenizer, dtype)
    if len({tuple(generator.prompt.answer(word)) for word in PROBES}) == 1:
        raise InputError(f"{where}: reads all texts alike; expected its tokenizer's files beside its weights")
    return generator


def _whole(auto: Any, path: str | Path, name: str, **options: Any) -> Any:
    """The model ``name`` as the class ``auto`` of transformers loads it, no weight of it drawn at random.

    Raises:
        InputError: it cannot be loaded, is an encoder, or has weights that are missing in its files.
    """
    where = f"generator.model: {name}"
    try:
        model, info = auto.from_pretrained(path, output_loading_info=True, ignore_mismatched_sizes=True, **options)
    except BROKEN as error:
        raise not_loadable(name, "generator.model", error) from None
    if not model.config.is_encoder_decoder and masked(model.config):
        check_causal(model.eval(), where)
    lost = {*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])}
    check_whole(lost, len(model.state_dict()), where)
    return model


def _decoder_start(model: Any) -> int:
    """The token that a decoder starts with; as in transformers the beginning of sequence where none is named."""
    made, config, decoder = model.generation_config, model.config, getattr(model.config, "decoder", None)
    known = [
        getattr(source, name, None)
        for name in ("decoder_start_token_id", "bos_token_id")
        for source in (made, config, decoder)
    ]
    found = next((token for token in known if token is not None), None)
    if found is None:
        raise InputError(
            "generator.model: expected a decoder_start_token_id or a bos_token_id in the model's configuration or its "
            "generation configuration; this one has neither"
        )
    return int(found)


def _listed(tokens: int | Sequence[int] | None) -> list[int]:
    """End tokens as a configuration names them: none, one or several."""
    if tokens is None:
        return []
    return [tokens] if isinstance(tokens, int) else list(tokens)


def _from_gguf(file: Path) -> Path:
    """Convert a GGUF file to safetensors once and keep the result: unpacking takes about 15 s each time."""
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils.quantization_config import GgufConfig

    stat = file.stat()
    folder = cache_folder() / f"{file.stem}-{stat.st_size}"
    if not (folder / "source.json").exists():
        options = {"gguf_file": file.name, "quantization_config": GgufConfig(dequantize=True)}
        model = _whole(AutoModelForCausalLM, file.parent, str(file), dtype=torch.float32, **options)
        try:
            tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
        except BROKEN as error:
            raise not_loadable(str(file), "generator.model", error) from None
        with whole(folder) as temporary:
            nn.Module.to(model, torch.bfloat16)
            model.save_pretrained(temporary)
            tokenizer.save_pretrained(temporary)
            (temporary / "source.json").write_text(json.dumps({"gguf": file.name, "bytes": stat.st_size}))
    return folder


def _logits_at(model: Any, positions: list[int], inputs: dict[str, Any]) -> Tensor:
    """Logits at flat ``positions`` of a batch of texts ``[texts, width]``, whatever a family does to them afterwards.

    Most tokens are prompt, whose logits nobody reads: an output head that is a layer of its own, and is called once on
    all hidden states, sees those of the positions alone, as ``[tokens, hidden]``.
    """
    shape = inputs.get("decoder_input_ids", inputs["input_ids"]).shape
    index = torch.tensor(positions, device=inputs["input_ids"].device)
    seen: list[tuple[int, ...]] = []

    def gather(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        seen.append(tuple(args[0].shape[:-1]))
        return (args[0].flatten(0, 1).index_select(0, index), *args[1:]) if seen == [tuple(shape)] else args

    head = model.get_output_embeddings()
    handle = head.register_forward_pre_hook(gather) if head is not None else None
    try:
        logits: Tensor = model(**inputs).logits
    finally:
        if handle:
            handle.remove()
    gathered = seen == [tuple(shape)]
    return logits if gathered else logits.reshape(shape.numel(), -1).index_select(0, index)


def _recompute_layers(model: Any) -> None:
    """Let the layers of a forward pass with gradient keep no activations; the backward pass computes them again.

    transformers does that in training mode alone, in which layers also drop activations out.

    Raises:
        InputError: a family whose layers cannot be told.
    """
    from transformers.modeling_layers import GradientCheckpointingLayer

    layers = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    inside = {id(inner) for layer in layers for inner in layer.modules() if inner is not layer}
    if not layers:
        raise InputError(f"generator.checkpointing: expected false, {model.config.model_type} does not offer it")
    for layer in layers:
        if id(layer) not in inside:
            # A partial of a bound method, so that a copy of the model calls its own layers.
            layer.forward = partial(_recomputed, layer.forward)


def _recomputed(forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if not torch.is_grad_enabled():
        return forward(*args, **kwargs)
    return checkpoint(forward, *args, use_reentrant=False, preserve_rng_state=False, **kwargs)


def _contiguous(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor]:
    """Before an output head: of states in a slice, as `generate` gives them, each would meet a copy of all weights."""
    return (args[0].contiguous(),)


def _log_probs(logits: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """``[tokens]`` log-probabilities of ``targets`` under ``logits``, whatever leading axes of size 1 a bias added."""
    flat = logits.reshape(len(targets), -1).float()
    return -nn.functional.cross_entropy(flat if temperature == 1 else flat / temperature, targets, reduction="none")
