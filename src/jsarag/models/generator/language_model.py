"""The generator p(y|x,h) as a language model of transformers: likelihoods with and without gradient, and decoding.

Dropout is never switched on: the model that scores proposals is the model that is trained on the accepted ones.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from jsarag.models.attention import PLAIN, differentiable, slow_backward
from jsarag.models.batching import by_length, default_batch, overhead
from jsarag.models.checks import check_alike
from jsarag.models.decode import Batch, Generated, Mixture, alike, decode
from jsarag.models.generator.checkpointing import recompute_layers
from jsarag.models.generator.config import GeneratorConfig
from jsarag.models.generator.generator import GREEDY, Pair
from jsarag.models.generator.logits import log_probs, logits_at
from jsarag.models.generator.pretrained import whole_model
from jsarag.models.memory import Thrift, out_of_memory
from jsarag.models.precision import autocast, cast
from jsarag.models.prefix import Past
from jsarag.models.prefix_cache import PrefixCache, common
from jsarag.models.prefix_decode import decode_from
from jsarag.models.prompt import Prompt
from jsarag.models.reader import Reader, Reading, Teller
from jsarag.models.roads import roads
from jsarag.models.search import Search
from jsarag.models.tokens import PROBE
from jsarag.models.turns import Turns
from jsarag.system.transfer import to_device
from jsarag.types import InputError, Passage

Rows = list[list[int]]
"""Tokens of some texts."""
Inputs = tuple[list[int], dict[str, Any]]
"""Flat positions in a batch ``[texts, width]``, and the arguments of a forward pass over it."""
EMPTY = Passage("", "", "")
"""Stands for any passage: its text is cut to fit, the template around it is not."""
MERGING_PAYS = 2048
"""Tokens from which on float32 is quicker with adapters added to the weights first: about twice what breaks even."""
DECODED = 2
"""Batches of decoding are so many times as large as those of scoring: most of their steps read one token a row."""


class LanguageModel(nn.Module, ABC):
    """A generator of transformers; `CausalGenerator` and `Seq2SeqGenerator` differ in how tokens reach the model.

    Many threads may score and generate with one generator: they take turns, a call at a time.

    Attributes:
        tokens_scored: Tokens that went through the model without gradient so far, padding not counted.
        tokens_trained: Likewise with gradient.
        turns: Held by the thread that works with the model.
        thrift: How sparing it is with memory.
        recommended: How the model's makers generate, for files that are saved; None where it is not known.
        kept: How prompts began lately, while weights are `prepared` with room for that; else None.
    """

    def __init__(self, config: GeneratorConfig, model: Any, tokenizer: Any, dtype: torch.dtype) -> None:
        """Wrap a transformers model; use `load_generator`."""
        super().__init__()
        self.recommended: Any = None
        self.config = config
        self.turns = Turns()
        self.thrift = Thrift()
        self.model = model.eval()
        head = model.get_output_embeddings()
        if head is not None:
            head.register_forward_pre_hook(_contiguous)
        self.roads = roads(model.config, config.prompt.max_length)
        if config.checkpointing:
            recompute_layers(model)
            if slow_backward(dtype, self.device):
                # Layers are computed again in the backward pass, and must be computed alike.
                model.set_attn_implementation(PLAIN)
        self.tokenizer = tokenizer
        made = model.generation_config
        self.prompt = Prompt(
            config.prompt,
            tokenizer,
            stops=listed(made.eos_token_id),
            start=made.decoder_start_token_id,
            two_part=bool(model.config.is_encoder_decoder),
        )
        self.dtype = dtype
        self.tokens_scored = 0
        self.tokens_trained = 0
        self._held = False
        self.kept: PrefixCache | None = None

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return torch.device(next(self.model.parameters()).device)

    @property
    def batch_tokens(self) -> int:
        """Tokens of one padded batch."""
        return self.thrift.tokens(self.config.batch_tokens or default_batch(self.device))

    def log_likelihood(self, pairs: Sequence[Pair]) -> Tensor:
        """`Generator.log_likelihood`."""
        return self.total(self.token_log_likelihood(pairs), self.answer_tokens([pair.y for pair in pairs]))

    def token_log_likelihood(self, pairs: Sequence[Pair], *, temperature: float = 1.0) -> Tensor:
        """`Generator.token_log_likelihood`."""
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
        found: list[Tensor] = []
        order: list[int] = []
        kernels = partial(differentiable, self.model, self.dtype, self.device)

        def read(batch: list[int]) -> Tensor:
            chosen = [contexts[i] for i in batch], [answers[i] for i in batch]
            # What the backward pass computes again has to be computed alike.
            with kernels() if self.thrift.halvings else self._with_gradient():
                return self._answer_log_probs(*chosen, temperature, past, batch)

        # Around all batches: weights that are kept in float32 are cast once, not once a batch.
        with autocast(self.dtype, self.device), kernels():
            for batch, each in self.thrift.each(
                len(contexts), partial(self._batches, contexts, answers), partial(self.thrift.run, read)
            ):
                found.append(each.float())
                order += batch
        if not found:
            return torch.zeros(0, 1, device=self.device)
        place = [(i, t) for i in order for t in range(len(answers[i]))]
        rows, columns = to_device(place, self.device).unbind(-1)
        padded = found[0].new_zeros(len(answers), max(map(len, answers)))
        return padded.index_put((rows, columns), torch.cat(found))

    def _batches(self, contexts: list[list[int]], answers: list[list[int]], chosen: Sequence[int]) -> list[list[int]]:
        """Positions, of those chosen, of the texts that are read together."""
        shapes: dict[tuple[int, ...], list[int]] = {}
        for i in chosen:
            shapes.setdefault(() if self.roads.padded else self._shape(contexts[i], answers[i]), []).append(i)

        def tokens(i: int) -> int:
            return len(contexts[i]) + len(answers[i])

        cut = partial(by_length, length=tokens, budget=self.batch_tokens, overhead=overhead(self.device))
        return [batch for group in shapes.values() for batch in cut(group)]

    def answer_tokens(self, ys: Sequence[str]) -> Tensor:
        """``[answers]`` tokens of each answer, the end of answer included; on the host."""
        return torch.tensor([len(self.prompt.answer(y)) for y in ys])

    def total(self, token_log_lik: Tensor, tokens: Tensor) -> Tensor:
        """``[...]`` the log-likelihoods of ``token_log_lik[..., longest]``, their sum or mean, as configured."""
        total = token_log_lik.sum(-1)
        return total if self.config.likelihood == "sum" else total / to_device(tokens, total.device)

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
        """`Generator.candidates`."""
        return self._candidates(mixtures, search, progress)

    def _candidates(
        self,
        mixtures: Sequence[Mixture],
        search: Search,
        progress: Callable[[int], None] | None = None,
        readings: Sequence[Reading] = (),
    ) -> list[list[Generated]]:
        room = self.config.max_new_tokens
        contexts = [[self.prompt.context(m.x, h, room=room) for h in m.parts] for m in mixtures]
        results: dict[int, list[Generated]] = {}

        def batches(chosen: Sequence[int]) -> list[list[int]]:
            return alike(chosen, contexts, room, search.width, DECODED * self.batch_tokens, overhead(self.device))

        def answer(batch: list[int]) -> list[list[Generated]]:
            some = [readings[i] for i in batch] if readings else []
            for reading in some:
                reading.begin()
            heed = (lambda i, token: some[i](token)) if some else None
            try:
                return self._decode([contexts[i] for i in batch], [mixtures[i] for i in batch], search, heed)
            except Exception as error:
                if self.kept and out_of_memory(error):
                    self.kept.halve()  # before batches are
                raise

        with self._ready(sum(len(context) for parts in contexts for context in parts)):
            for batch, found in self.thrift.each(len(contexts), batches, answer):
                results |= dict(zip(batch, found, strict=True))
                if progress:
                    progress(len(batch))
        return [results[i] for i in range(len(mixtures))]

    def follow(self, mixture: Mixture, search: Search, tell: Callable[[str], None]) -> Generated:
        """Answer one mixture, telling each piece of the text as soon as it is there; not with beams."""
        return self.follow_all([mixture], search, [Teller(tell)])[0]

    @torch.inference_mode()
    def follow_all(self, mixtures: Sequence[Mixture], search: Search, readers: Sequence[Reader]) -> list[Generated]:
        """`Followed.follow_all`."""
        readings = [self._reading(reader) for reader in readers]
        found = self._candidates(mixtures, search, readings=readings)
        return [
            best._replace(text=reading.text, finished=reading.finished)
            for (best, *_), reading in zip(found, readings, strict=True)
        ]

    def reread(self, answer: str, reader: Reader) -> None:
        """Let a reader read an answer that is there already, and end it early."""
        reading = self._reading(reader)
        for token in self.prompt.answer(answer):
            if reading(token):
                break

    def _reading(self, reader: Reader) -> Reading:
        return Reading(self.tokenizer, reader, self.prompt.stops, self.config.max_new_tokens)

    @contextmanager
    def prepared(self, room: int = 0) -> Iterator[None]:
        """Keep the weights prepared for scoring and decoding, which each call else does anew; nothing may train.

        Args:
            room: Bytes of keys and values of prompts' beginnings that decoding may keep meanwhile, so that a passage
                is not read again for its next question; a family that cannot go on from there keeps none.
        """
        with torch.no_grad(), self._prepared(MERGING_PAYS):
            self._held = True
            self.kept = PrefixCache(room) if room and self.roads.prefix else None
            try:
                yield
            finally:
                self._held, self.kept = False, None

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
            logits_at(self.model, [0], inputs)

    def reads(self, x: str, passages: Sequence[Passage]) -> tuple[Passage, ...]:
        """Those of ``passages`` that fit into one prompt of an answer to ``x``; the first always does."""
        return self.prompt.read(x, passages, room=self.config.max_new_tokens)

    @property
    def bound(self) -> str:
        """The setting that bounds the passages in a prompt, in words."""
        name = "max_length" if self.config.prompt.passage_length is None else "passage_length"
        return f"generator.prompt.{name} is {getattr(self.config.prompt, name)}"

    def check_fits(self, x: str, y: str, *, answered: bool) -> None:
        """`Generator.check_fits`: in the prompt with passages and in the one without."""
        # A decoder may score what it generated, with the end of answer behind the longest one.
        longest = self.config.max_new_tokens + 1 if answered else 0
        room = max(len(self.prompt.answer(y)), longest)
        for passages in ((), (EMPTY,)):
            self.prompt.context(x, passages, room=room)

    def save(self, folder: Path) -> None:
        """Write the adapters as PEFT opens them; or all weights, with tokenizer, as transformers does."""
        with self.turns:
            if self.config.lora:
                self.model.save_pretrained(str(folder), save_embedding_layers=False)
                return
            self.model.save_pretrained(str(folder))
            self.tokenizer.save_pretrained(str(folder))
            if self.recommended is not None:
                self.recommended.save_pretrained(str(folder))

    def merge(self) -> None:
        """Add the adapters to the weights they adapt, for good; `save` then writes all weights."""
        with self.turns:
            if self.config.lora:
                self.model = self.model.merge_and_unload()
                self.config = replace(self.config, lora=None)

    def load(self, folder: Path) -> None:
        """Take over what `save` wrote; errors as of `Generator.load`."""
        with self.turns:
            if self.config.lora:
                from jsarag.models.lora import load

                load(self.model, folder)
                return
            saved = whole_model(type(self.model), folder, str(folder), dtype=torch.float32).state_dict()
            check_alike(saved, self.model.state_dict(), str(folder))
            self.model.load_state_dict(saved)

    def copy(self) -> LanguageModel:
        """An independent generator with the same weights."""
        with self.turns:
            return copy.deepcopy(self)

    def trained(self) -> dict[str, nn.Parameter]:
        """The parameters that training changes, by name: the adapters, or all weights."""
        return {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}

    @abstractmethod
    def _shape(self, context: list[int], answer: list[int]) -> tuple[int, ...]:
        """Texts of one shape need no padding beside each other."""

    def _answer_log_probs(
        self, contexts: Rows, answers: Rows, temperature: float, past: Past | None, rows: Sequence[int]
    ) -> Tensor:
        """``[answer tokens of all rows]`` log-probability of each, row by row; arguments as of `_inputs`."""
        positions, inputs = self._inputs(contexts, answers, past, rows)
        targets = to_device([token for answer in answers for token in answer], self.device)
        return log_probs(logits_at(self.model, positions, inputs), targets, temperature)

    @abstractmethod
    def _inputs(self, contexts: Rows, answers: Rows, past: Past | None, rows: Sequence[int]) -> Inputs:
        """Where the logits of all answers' tokens stand, row by row, and what the model is given.

        Args:
            contexts: What follows the prefixes in ``past``, by row.
            answers: The answers.
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
        idle = not tokens or torch.is_grad_enabled()
        if self._held or idle or (exact and (self.config.lora is None or tokens < MERGING_PAYS)):
            return nullcontext()
        if self.config.lora is None:
            return cast(self.model, self.dtype)
        from jsarag.models.lora import ready

        return ready(self.model)

    def _with_gradient(self) -> AbstractContextManager[None]:
        """Where a batch is read with gradient: its adapters prepared, but where layers are computed a second time."""
        if not torch.is_grad_enabled() or self.config.lora is None or self.config.checkpointing:
            return nullcontext()
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
        heed: Callable[[int, int], bool] | None = None,
    ) -> list[list[Generated]]:
        log_weights = torch.tensor([mixture.log_weights for mixture in mixtures], dtype=torch.float32)
        batch = Batch([mixture.x for mixture in mixtures], contexts, log_weights)
        with autocast(self.dtype, self.device):
            if self.kept is not None and search.width == 1:
                found, tokens = decode_from(
                    self.model,
                    self.tokenizer,
                    batch,
                    self._stable(contexts, mixtures),
                    self.kept,
                    search,
                    self.config.max_new_tokens,
                    stops=self.prompt.stops,
                    budget=self.batch_tokens,
                    heed=heed,
                )
            else:
                found, tokens = decode(
                    self.model,
                    self.tokenizer,
                    batch,
                    search,
                    self.config.max_new_tokens,
                    stops=self.prompt.stops,
                    roads=self.roads,
                    heed=heed,
                )
        self._count(tokens)
        return found

    def _stable(self, contexts: list[list[list[int]]], mixtures: Sequence[Mixture]) -> list[int]:
        """How many tokens of each prompt another question to the same passages begins with too."""
        room = self.config.max_new_tokens
        return [
            common(context, self.prompt.context(PROBE, passages, room=room))
            for rows, mixture in zip(contexts, mixtures, strict=True)
            for context, passages in zip(rows, mixture.parts, strict=True)
        ]

    def _count(self, tokens: int) -> None:
        if torch.is_grad_enabled():
            self.tokens_trained += tokens
        else:
            self.tokens_scored += tokens


def listed(tokens: int | Sequence[int] | None) -> list[int]:
    """End tokens as a configuration names them: none, one or several."""
    if tokens is None:
        return []
    return [tokens] if isinstance(tokens, int) else list(tokens)


def _contiguous(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor]:
    """Before an output head: of states in a slice, as `generate` gives them, each would meet a copy of all weights."""
    return (args[0].contiguous(),)
