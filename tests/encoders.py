"""Tiny encoders of many families, as sentence-transformers saves them: random weights, own tokenizers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as T
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import (
    Dense,
    Normalize,
    Pooling,
    Router,
    StaticEmbedding,
    Transformer,
)
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from tests.tiny import WORDS

CORPUS = [
    WORDS,
    WORDS.replace(" ", ""),
    "unbelievably lamplighters keep harbours 1939-1945",
    "question: answer: Abfrage",
]
PROMPTS = {"query": "question : ", "document": "answer : "}
WIDTH = 16
POSITIONS = 48


def wordpiece(folder: Path) -> Any:
    """As BERT's: [CLS] text [SEP], lower case."""
    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    backend.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=160, special_tokens=special))
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return _saved(folder, backend, pad="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")


def byte_level(folder: Path, ends: str = "<s> $A </s>", **options: Any) -> Any:
    """As RoBERTa's, or with other ``ends`` as that of Qwen's embedding models."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=340, special_tokens=["<s>", "<pad>", "</s>"], initial_alphabet=alphabet)
    backend.train_from_iterator(CORPUS, trainer)
    backend.post_processor = processors.TemplateProcessing(single=ends, special_tokens=[("<s>", 0), ("</s>", 2)])
    return _saved(folder, backend, pad="<pad>", eos_token="</s>", **options)


def unigram(folder: Path, ends: str = "<s> $A </s>") -> Any:
    """As XLM-RoBERTa's, or with other ``ends`` as T5's: SentencePiece with a space before each text."""
    backend = Tokenizer(models.Unigram())
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=150, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False
    )
    backend.train_from_iterator(CORPUS * 3, trainer)
    backend.post_processor = processors.TemplateProcessing(single=ends, special_tokens=[("<s>", 0), ("</s>", 2)])
    return _saved(folder, backend, pad="<pad>", unk_token="<unk>", eos_token="</s>")


def _saved(folder: Path, backend: Tokenizer, pad: str, **options: Any) -> Any:
    fast: Any = T.PreTrainedTokenizerFast(tokenizer_object=backend, pad_token=pad, **options)  # type: ignore[no-untyped-call]
    fast.save_pretrained(folder)
    return fast


def _config(kind: Any, tokens: int, pad: int, **options: Any) -> Any:
    return kind(
        vocab_size=tokens,
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=32,
        max_position_embeddings=POSITIONS,
        pad_token_id=pad,
        initializer_range=0.3,
        **options,
    )


def _bert(folder: Path) -> None:
    T.BertModel(_config(T.BertConfig, len(wordpiece(folder)), 0)).save_pretrained(folder)


def _electra(folder: Path) -> None:
    T.ElectraModel(_config(T.ElectraConfig, len(wordpiece(folder)), 0, embedding_size=WIDTH)).save_pretrained(folder)


def _albert(folder: Path) -> None:
    T.AlbertModel(_config(T.AlbertConfig, len(wordpiece(folder)), 0, embedding_size=8)).save_pretrained(folder)


def _distilbert(folder: Path) -> None:
    size = len(wordpiece(folder))
    T.DistilBertModel(
        T.DistilBertConfig(
            vocab_size=size, dim=WIDTH, n_layers=2, n_heads=4, hidden_dim=32, max_position_embeddings=POSITIONS
        )
    ).save_pretrained(folder)


def _roberta(folder: Path) -> None:
    T.RobertaModel(_config(T.RobertaConfig, len(byte_level(folder)), 1)).save_pretrained(folder)


def _xlmr(folder: Path) -> None:
    T.XLMRobertaModel(_config(T.XLMRobertaConfig, len(unigram(folder)), 1)).save_pretrained(folder)


def _mpnet(folder: Path) -> None:
    T.MPNetModel(_config(T.MPNetConfig, len(byte_level(folder)), 1)).save_pretrained(folder)


def _modernbert(folder: Path) -> None:
    size = len(wordpiece(folder))
    T.ModernBertModel(
        _config(
            T.ModernBertConfig,
            size,
            0,
            cls_token_id=2,
            sep_token_id=3,
            bos_token_id=2,
            eos_token_id=3,
            local_attention=8,
        )
    ).save_pretrained(folder)


def _deberta(folder: Path) -> None:
    T.DebertaV2Model(
        _config(
            T.DebertaV2Config,
            len(unigram(folder)),
            1,
            relative_attention=True,
            position_biased_input=False,
            pos_att_type=["p2c", "c2p"],
        )
    ).save_pretrained(folder)


def _qwen(folder: Path) -> None:
    size = len(byte_level(folder, "$A </s>", padding_side="left"))
    T.Qwen3Model(_config(T.Qwen3Config, size, 1, num_key_value_heads=2, head_dim=4)).save_pretrained(folder)


def _gpt2(folder: Path) -> None:
    size = len(byte_level(folder, "$A"))
    T.GPT2Model(
        T.GPT2Config(vocab_size=size, n_embd=WIDTH, n_layer=2, n_head=4, n_positions=POSITIONS, initializer_range=0.3)
    ).save_pretrained(folder)


def _t5(folder: Path) -> None:
    size = len(unigram(folder, "$A </s>"))
    T.T5EncoderModel(
        T.T5Config(vocab_size=size, d_model=WIDTH, d_kv=4, d_ff=32, num_layers=2, num_heads=4, pad_token_id=1)
    ).save_pretrained(folder)


def _byt5(folder: Path) -> None:
    # Its tokenizer is written in Python: it knows no characters' places.
    fast = T.ByT5Tokenizer()
    fast.save_pretrained(folder)
    config = T.T5Config(vocab_size=len(fast), d_model=WIDTH, d_kv=4, d_ff=32, num_layers=2, num_heads=4, pad_token_id=0)
    T.T5EncoderModel(config).save_pretrained(folder)


def _chat(folder: Path) -> None:
    _qwen(folder)
    fast: Any = T.AutoTokenizer.from_pretrained(folder)
    fast.chat_template = "{% for m in messages %}<s>{{ m['role'] }} : {{ m['content'] }}</s>{% endfor %}answer :"
    fast.save_pretrained(folder)


BACKBONES: dict[str, Callable[[Path], None]] = {
    "bert": _bert,
    "electra": _electra,
    "albert": _albert,
    "distilbert": _distilbert,
    "roberta": _roberta,
    "xlm-roberta": _xlmr,
    "mpnet": _mpnet,
    "modernbert": _modernbert,
    "deberta-v2": _deberta,
    "qwen3": _qwen,
    "gpt2": _gpt2,
    "t5": _t5,
    "byt5": _byt5,
    "chat": _chat,
}


def backbone(name: str, folder: Path) -> Transformer:
    """The transformer of a family as sentence-transformers loads it; its files, made if need be, lie in ``folder``."""
    if not folder.exists():
        folder.mkdir(parents=True)
        torch.manual_seed(len(name))
        BACKBONES[name](folder)
    made: Transformer = Transformer(str(folder))
    return made


def static(folder: Path) -> StaticEmbedding:
    """Word vectors without a transformer."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    return StaticEmbedding(wordpiece(folder), embedding_dim=WIDTH)


def _pooled(name: str, pooling: Any = "mean", *more: torch.nn.Module, prompt: bool = True, **options: Any) -> Any:
    """How to make a model: a family, its pooling, layers on top, and what the model's files say."""

    def make(folder: Path) -> SentenceTransformer:
        pool = Pooling(WIDTH, pooling, include_prompt=prompt)
        return SentenceTransformer(modules=[backbone(name, folder / name), pool, *more], device="cpu", **options)

    return make


def _dense(out: int) -> Dense:
    torch.manual_seed(2)
    return Dense(WIDTH, out)


def _router(folder: Path) -> SentenceTransformer:
    way = Router.for_query_document(
        query_modules=[backbone("bert", folder / "bert"), Pooling(WIDTH, "cls")],
        document_modules=[backbone("roberta", folder / "roberta"), Pooling(WIDTH, "mean", include_prompt=False)],
    )
    return SentenceTransformer(modules=[way, Normalize()], prompts=PROMPTS, device="cpu")


def _static_router(folder: Path) -> SentenceTransformer:
    way = Router.for_query_document(
        query_modules=[static(folder / "static")],
        document_modules=[backbone("bert", folder / "bert"), Pooling(WIDTH, "mean")],
    )
    return SentenceTransformer(modules=[way], device="cpu", similarity_fn_name="dot")


def _shared_router(folder: Path) -> SentenceTransformer:
    shared = backbone("bert", folder / "bert")
    way = Router(
        {"a": [shared, Pooling(WIDTH, "cls")], "b": [shared, Pooling(WIDTH, "mean"), _dense(WIDTH)]},
        route_mappings={("query", "text"): "b", ("document", None): "a"},
    )
    return SentenceTransformer(modules=[way], device="cpu")


def _half(folder: Path) -> SentenceTransformer:
    # The file holds float16, which float32 reads without loss.
    return SentenceTransformer(modules=[static(folder / "static").half()], prompts=PROMPTS, device="cpu")


MADE: dict[str, Callable[[Path], SentenceTransformer]] = {
    **{name: _pooled(name, prompts=PROMPTS) for name in BACKBONES},
    "last token, padded left": _pooled("qwen3", "lasttoken", Normalize(), prompts={"query": "Instruct: find\nQuery:"}),
    "first token": _pooled("bert", "cls", Normalize()),
    "maximum": _pooled("xlm-roberta", "max", similarity_fn_name="dot"),
    "several poolings": _pooled("distilbert", ("mean", "weightedmean", "max")),
    "prompt not pooled": _pooled("bert", prompt=False, prompts=PROMPTS),
    "prompt not pooled, padded left": _pooled("qwen3", "weightedmean", prompt=False, prompts=PROMPTS),
    "prompt not pooled, no first token": _pooled("t5", prompt=False, prompts=PROMPTS),
    "default prompt": _pooled("bert", prompts={"other": "who is "}, default_prompt_name="other"),
    "prompt for passages": _pooled("roberta", prompts={"passage": "text : ", "query": "what ? "}),
    "inner product": _pooled("bert", similarity_fn_name="dot"),
    "cosine": _pooled("mpnet", similarity_fn_name="cosine"),
    "truncated": _pooled("bert", "mean", Normalize(), truncate_dim=5),
    "truncated, inner product": _pooled("modernbert", truncate_dim=7, similarity_fn_name="dot"),
    "dense": _pooled("bert", "mean", _dense(12), Normalize()),
    "static": lambda folder: SentenceTransformer(modules=[static(folder / "static")], device="cpu"),
    "static, half": _half,
    "router": _router,
    "static router": _static_router,
    "shared router": _shared_router,
}
"""Every model by what is special about it."""


def save(name: str, folder: Path) -> Path:
    """Make and save one of `MADE`."""
    out = folder / "model"
    MADE[name](folder).save(str(out), create_model_card=False)
    return out
