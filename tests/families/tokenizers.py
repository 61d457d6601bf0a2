"""Kinds of tokenizers: each built like a published one, but trained on a page of English.

What makes a kind is kept: normalizer, pre-tokenizer, decoder, post-processor, added tokens. The vocabulary is small.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import ByT5Tokenizer, PreTrainedTokenizerFast

TEXT = """Answer with a few words from the text above. Question: who keeps the harbour lamp at night? Answer: Ada Tib.
The Glimmer is a boat. Its keeper, Ada, lit the red lamp in 1939-1945; seven tallies hang in the slip tower.
Where was the blue key found? It was found under the stove, in the harbour stores, by the keeper of the bell.
How many tallies does Ada have? She has nine tallies and 21 cards, it's said. We don't know when they'll be counted.
The system asks the user, and the assistant answers the question. You are a helpful assistant. What is in the tower?
Few words answer a question that the passage above does not; the text answers where the keeper's boat was at 8:30.
"""

# How a text is split before merging: English contractions, words with what stands before them, numbers, the rest.
LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN_SPLIT = LLAMA3_SPLIT.replace(r"\p{N}{1,3}", r"\p{N}")

CHATML = ["<|im_start|>", "<|im_end|>"]
PIECES = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
SENTENCEPIECE = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]


def _learned(pre_tokenizer: Any, alphabet: Sequence[str] = (), normalizer: Any = None) -> tuple[list[str], list[Any]]:
    """Pieces and merges of a BPE of 500 pieces."""
    backend = Tokenizer(models.BPE())
    backend.normalizer, backend.pre_tokenizer = normalizer, pre_tokenizer
    trainer = trainers.BpeTrainer(vocab_size=500, initial_alphabet=[*alphabet], show_progress=False)
    backend.train_from_iterator(TEXT.splitlines(), trainer)
    learned = json.loads(backend.to_str())["model"]
    return sorted(learned["vocab"], key=learned["vocab"].get), [tuple(merge) for merge in learned["merges"]]


def _template(backend: Tokenizer, single: str) -> Any:
    """A post-processor that puts special tokens around a text, ``$A``."""
    special = [(token, backend.token_to_id(token)) for token in dict.fromkeys(single.split()) if token != "$A"]
    return processors.TemplateProcessing(single=single, pair=f"{single} $B", special_tokens=special)


def _wrapped(backend: Tokenizer, **special: Any) -> Any:
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend, clean_up_tokenization_spaces=False, **special
    )


def _pieces(
    single: str,
    *,
    normalizer: Any = None,
    pre_tokenizer: Any = None,
    strip: bool = True,
    plain: Sequence[str] = (),
    added: Sequence[str | AddedToken] = (),
    specials: Sequence[str] = PIECES,
    **names: Any,
) -> Any:
    """A SentencePiece BPE that falls back to bytes, as in Llama-2, Mistral and Gemma.

    Args:
        single: What stands around a text.
        normalizer: Where spaces become ▁, unless ``pre_tokenizer`` does that.
        pre_tokenizer: What splits a text.
        strip: Whether decoding takes a space off the beginning.
        plain: Tokens that are found in a text as they stand, and are not special.
        added: Special tokens beside ``specials``.
        specials: The first tokens: unknown, beginning, end.
        names: Roles of special tokens.
    """
    pieces, merges = _learned(pre_tokenizers.Metaspace(prepend_scheme="always"))
    vocabulary = list(dict.fromkeys([*specials, *BYTES, *pieces]))
    model = models.BPE(
        vocab={piece: i for i, piece in enumerate(vocabulary)},
        merges=merges,
        unk_token="<unk>",
        fuse_unk=True,
        byte_fallback=True,
    )
    backend = Tokenizer(model)
    if normalizer is not None:
        backend.normalizer = normalizer
    if pre_tokenizer is not None:
        backend.pre_tokenizer = pre_tokenizer
    backend.decoder = decoders.Sequence([*SENTENCEPIECE, *([decoders.Strip(" ", 1, 0)] if strip else [])])
    backend.add_special_tokens([AddedToken(token, normalized=False) for token in specials])
    backend.add_special_tokens([token if isinstance(token, AddedToken) else _exactly(token) for token in added])
    backend.add_tokens([_exactly(token) for token in plain])
    if single != "$A":
        backend.post_processor = _template(backend, single)
    return _wrapped(backend, unk_token="<unk>", **names)


def _exactly(token: str) -> AddedToken:
    return AddedToken(token, normalized=False)


def _bytes(
    *,
    single: str = "$A",
    split: str | None = None,
    digits: bool = False,
    prefix: bool = False,
    normalizer: Any = None,
    plain: Sequence[str] = (),
    added: Sequence[str | AddedToken] = (),
    post: Any = None,
    **names: Any,
) -> Any:
    """A BPE over bytes, as in GPT-2 and all that came from it.

    Args:
        single: What stands around a text.
        split: How a text is split; None: as GPT-2 does.
        digits: Whether each digit is a token.
        prefix: Whether a space is put before a text that has none.
        normalizer: What is done to a text first.
        plain: Tokens that are found in a text as they stand, and are not special.
        added: Special tokens.
        post: The post-processor, unless ``single`` says it.
        names: Roles of special tokens.
    """
    steps: list[Any] = [pre_tokenizers.Digits(individual_digits=True)] if digits else []
    if split:
        steps.append(pre_tokenizers.Split(Regex(split), behavior="isolated"))
    steps.append(pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=split is None))
    pre_tokenizer = pre_tokenizers.Sequence(steps) if len(steps) > 1 else steps[0]
    pieces, merges = _learned(pre_tokenizer, sorted(pre_tokenizers.ByteLevel.alphabet()))
    backend = Tokenizer(models.BPE(vocab={piece: i for i, piece in enumerate(pieces)}, merges=merges))
    if normalizer is not None:
        backend.normalizer = normalizer
    backend.pre_tokenizer, backend.decoder = pre_tokenizer, decoders.ByteLevel()
    backend.add_special_tokens([token if isinstance(token, AddedToken) else _exactly(token) for token in added])
    backend.add_tokens([AddedToken(token, normalized=True) for token in plain])
    level = processors.ByteLevel(trim_offsets=False)
    backend.post_processor = level if single == "$A" else processors.Sequence([level, _template(backend, single)])
    if post is not None:
        backend.post_processor = post(backend)
    return _wrapped(backend, **names)


def _unigram(single: str, specials: Sequence[str], extra: Sequence[str], **names: Any) -> Any:
    """A SentencePiece Unigram, as in T5 and mBART: spaces are folded and words begin with ▁."""
    backend = Tokenizer(models.Unigram())
    backend.normalizer = normalizers.NFKC()
    metaspace = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace])
    backend.decoder = decoders.Metaspace(prepend_scheme="always", split=True)
    # Enough letters that single words are spelled, too.
    trainer = trainers.UnigramTrainer(
        vocab_size=300, special_tokens=[*specials], unk_token="<unk>", show_progress=False, initial_alphabet=[*LETTERS]
    )
    backend.train_from_iterator(TEXT.splitlines(), trainer)
    backend.add_special_tokens([AddedToken(token, normalized=False) for token in extra])
    backend.post_processor = _template(backend, single)
    return _wrapped(backend, unk_token="<unk>", **names)


LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;!?'\"()[]<>|/-_"


def _prepended() -> Any:
    return normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])


def _first() -> Any:
    return pre_tokenizers.Metaspace(prepend_scheme="first", split=False)


def _word_piece() -> Any:
    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer, backend.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=special, show_progress=False)
    backend.train_from_iterator(TEXT.splitlines(), trainer)
    backend.post_processor = _template(backend, "[CLS] $A [SEP]")
    return _wrapped(backend, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")


def _phi3() -> Any:
    # A token that strips takes the space and the line break after it: they are part of it.
    stripping = ["</s>", "<|assistant|>", "<|system|>", "<|end|>", "<|user|>"]
    return _pieces(
        "$A",
        normalizer=_prepended(),
        added=["<|endoftext|>", *(AddedToken(token, rstrip=True, normalized=False) for token in stripping)],
        bos_token="<s>",
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
    )


def _roberta_processor(backend: Tokenizer) -> Any:
    ids: dict[str, int] = backend.get_vocab()
    end, begin = ("</s>", ids["</s>"]), ("<s>", ids["<s>"])
    return processors.RobertaProcessing(end, begin, trim_offsets=True, add_prefix_space=False)


ENDS: dict[str, Any] = {"bos_token": "<s>", "eos_token": "</s>"}
GPT2: dict[str, Any] = {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}
DEEPSEEK: dict[str, Any] = {"bos_token": "<｜begin▁of▁sentence｜>", "eos_token": "<｜end▁of▁sentence｜>"}
GEMMA = ["<pad>", "<eos>", "<bos>", "<unk>"]

KINDS: dict[str, Callable[[], Any]] = {
    # SentencePiece BPE, with a space before each text or without.
    "llama2": lambda: _pieces("<s> $A", normalizer=_prepended(), **ENDS),
    "llama2-first": lambda: _pieces("<s> $A", pre_tokenizer=_first(), **ENDS),
    "llama2-ends": lambda: _pieces("<s> $A </s>", normalizer=_prepended(), **ENDS),
    "mistral-v0.3": lambda: _pieces("<s> $A", pre_tokenizer=_first(), added=["[INST]", "[/INST]"], **ENDS),
    "phi3": _phi3,
    "gemma": lambda: _pieces(
        "<bos> $A",
        normalizer=normalizers.Replace(" ", "▁"),
        pre_tokenizer=pre_tokenizers.Split(" ", behavior="merged_with_previous"),
        strip=False,
        specials=GEMMA,
        added=["<start_of_turn>", "<end_of_turn>"],
        plain=["\n", "\n\n"],
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
    ),
    "no-dummy-prefix": lambda: _pieces("$A", normalizer=normalizers.Replace(" ", "▁"), strip=False, **ENDS),
    # BPE over bytes.
    "gpt2": lambda: _bytes(added=["<|endoftext|>"], **GPT2),
    "gpt2-prefix": lambda: _bytes(added=["<|endoftext|>"], prefix=True, **GPT2),
    "gpt2-endless": _bytes,
    "opt": lambda: _bytes(added=["</s>"], single="</s> $A", bos_token="</s>", eos_token="</s>", pad_token="</s>"),
    "gpt-neox": lambda: _bytes(
        added=["<|endoftext|>", "<|padding|>"],
        normalizer=normalizers.NFC(),
        plain=["    ", "   ", "  "],
        pad_token="<|padding|>",
        **GPT2,
    ),
    "llama3": lambda: _bytes(
        single="<|begin_of_text|> $A",
        split=LLAMA3_SPLIT,
        added=["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
        bos_token="<|begin_of_text|>",
        eos_token="<|end_of_text|>",
    ),
    "qwen": lambda: _bytes(
        split=QWEN_SPLIT,
        normalizer=normalizers.NFC(),
        added=["<|endoftext|>", *CHATML],
        plain=["<think>", "</think>"],
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
    ),
    "smollm2": lambda: _bytes(
        digits=True,
        added=["<|endoftext|>", *CHATML],
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
    ),
    "deepseek": lambda: _bytes(
        single="<｜begin▁of▁sentence｜> $A",
        split=QWEN_SPLIT,
        added=[*DEEPSEEK.values(), "<｜User｜>", "<｜Assistant｜>"],
        plain=["<think>", "</think>"],
        **DEEPSEEK,
    ),
    "gpt-oss": lambda: _bytes(
        split=LLAMA3_SPLIT,
        added=["<|startoftext|>", "<|endoftext|>", "<|return|>", "<|channel|>", "<|start|>", "<|end|>", "<|message|>"],
        bos_token="<|startoftext|>",
        eos_token="<|return|>",
        pad_token="<|endoftext|>",
    ),
    "bart": lambda: _bytes(
        added=["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True)],
        post=_roberta_processor,
        pad_token="<pad>",
        unk_token="<unk>",
        cls_token="<s>",
        sep_token="</s>",
        mask_token=AddedToken("<mask>", lstrip=True),
        **ENDS,
    ),
    # Unigram, WordPiece, bytes.
    "t5": lambda: _unigram(
        "$A </s>",
        ["<pad>", "</s>", "<unk>"],
        [f"<extra_id_{i}>" for i in range(3)],
        pad_token="<pad>",
        eos_token="</s>",
    ),
    "mbart": lambda: _unigram(
        "$A </s> en_XX", ["<s>", "<pad>", "</s>", "<unk>"], ["ar_AR", "en_XX"], pad_token="<pad>", **ENDS
    ),
    "mbart50": lambda: _unigram(
        "en_XX $A </s>", ["<s>", "<pad>", "</s>", "<unk>"], ["ar_AR", "en_XX"], pad_token="<pad>", **ENDS
    ),
    "bert": _word_piece,
    "byt5": ByT5Tokenizer,
}


@cache
def build(kind: str) -> Any:
    """A tokenizer of that kind: always the same object, not to be changed."""
    return KINDS[kind]()
