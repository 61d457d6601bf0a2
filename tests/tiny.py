"""Tiny models with random weights, made from configurations: a tokenizer, an encoder, both kinds of generator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

WORDS = (
    "the a of in on at who what where when how many does did is was lamp boat key red blue green seven nine tally "
    "tallies harbour keeper slip tower stove stores bell card asks answers question answer with few words from text "
    "above : . , ? ! 0 1 2 3 4 5 6 7 8 9 user system Ada Tib Glimmer"
)


def tokenizer(folder: Path, *, chat: bool = False, words: str = WORDS) -> Any:
    """A word-level tokenizer over ``words``, saved into ``folder``; unknown words become [UNK]."""
    backend = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "<s>", "</s>"]
    trainer = trainers.WordLevelTrainer(special_tokens=special)
    backend.train_from_iterator([words], trainer)
    fast: Any = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend,
        pad_token="[PAD]",
        unk_token="[UNK]",
        bos_token="<s>",
        eos_token="</s>",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )
    if chat:
        fast.chat_template = "{% for m in messages %}<s> {{ m['content'] }} </s>{% endfor %} answer :"
    fast.save_pretrained(folder)
    return fast


def causal(folder: Path, *, chat: bool = False, seed: int = 0, words: str = WORDS, layers: int = 2) -> Path:
    """A small Llama."""
    size = len(tokenizer(folder, chat=chat, words=words))
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=size,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        bos_token_id=4,
        eos_token_id=5,
        pad_token_id=0,
        initializer_range=0.3,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def seq2seq(folder: Path, seed: int = 0) -> Path:
    """A T5 of two layers."""
    size = len(tokenizer(folder))
    torch.manual_seed(seed)
    config = T5Config(
        vocab_size=size,
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        pad_token_id=0,
        eos_token_id=5,
        dropout_rate=0.1,
    )
    config.decoder_start_token_id = 0
    T5ForConditionalGeneration(config).save_pretrained(folder)
    return folder


def bart(folder: Path, seed: int = 0, words: str = WORDS, end: float = 0.0, spread: float = 0.3) -> Path:
    """A BART of one layer, which counts positions from the left; the larger ``end``, the shorter its answers."""
    size = len(tokenizer(folder, words=words))
    torch.manual_seed(seed)
    config = BartConfig(
        vocab_size=size,
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=64,
        pad_token_id=0,
        bos_token_id=4,
        eos_token_id=5,
        decoder_start_token_id=5,
        forced_eos_token_id=None,
        init_std=spread,
    )
    model = BartForConditionalGeneration(config)
    bias = torch.tensor([[-20.0] * 5 + [end] + [0.0] * (size - 6)])
    model.final_logits_bias.copy_(bias)
    model.save_pretrained(folder)
    return folder


def encoder(folder: Path, seed: int = 0, *, layers: int = 2) -> Path:
    """A small BERT without sentence-transformers files: mean pooling, no normalisation."""
    fast = tokenizer(folder)
    fast.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast.save_pretrained(folder)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(fast),
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    return folder
