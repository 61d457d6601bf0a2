"""The kinds of tokenizers and chat templates themselves: they load like published ones and do what they are for."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.families import causal, chat, tokenizers
from tests.families.reference import plain

TEXT = "Answer with a few words.\nQuestion:  where's Ada in 1939?\n\nAnswer:"
FOLDING = {"t5", "mbart", "mbart50", "bert"}  # Those of kinds that keep neither spaces nor line breaks.

# Tokens of " Ada" and "Ada" as such a tokenizer writes them.
BEGINNINGS = {
    "llama2": (["<s>", "▁", "▁Ada"], ["<s>", "▁Ada"]),
    "llama2-first": (["<s>", "▁Ada"], ["<s>", "▁Ada"]),
    "llama2-ends": (["<s>", "▁", "▁Ada", "</s>"], ["<s>", "▁Ada", "</s>"]),
    "mistral-v0.3": (["<s>", "▁Ada"], ["<s>", "▁Ada"]),
    "phi3": (["▁", "▁Ada"], ["▁Ada"]),
    "gemma": (["<bos>", "▁Ada"], ["<bos>", "A", "da"]),
    "no-dummy-prefix": (["▁Ada"], ["A", "da"]),
    "gpt2": (["ĠAda"], ["A", "da"]),
    "gpt2-prefix": (["ĠAda"], ["ĠAda"]),
    "gpt2-endless": (["ĠAda"], ["A", "da"]),
    "opt": (["</s>", "ĠAda"], ["</s>", "A", "da"]),
    "gpt-neox": (["ĠAda"], ["A", "da"]),
    "llama3": (["<|begin_of_text|>", "ĠAda"], ["<|begin_of_text|>", "A", "da"]),
    "qwen": (["ĠAda"], ["A", "da"]),
    "smollm2": (["ĠAda"], ["A", "da"]),
    "deepseek": (["<｜begin▁of▁sentence｜>", "ĠAda"], ["<｜begin▁of▁sentence｜>", "A", "da"]),
    "gpt-oss": (["ĠAda"], ["A", "da"]),
    "bart": (["<s>", "ĠAda", "</s>"], ["<s>", "A", "da", "</s>"]),
    "t5": (["▁Ada", "</s>"], ["▁Ada", "</s>"]),
    "mbart": (["▁Ada", "</s>", "en_XX"], ["▁Ada", "</s>", "en_XX"]),
    "mbart50": (["en_XX", "▁Ada", "</s>"], ["en_XX", "▁Ada", "</s>"]),
    "bert": (["[CLS]", "ada", "[SEP]"], ["[CLS]", "ada", "[SEP]"]),
    "byt5": ([" ", "A", "d", "a", "</s>"], ["A", "d", "a", "</s>"]),
}

# A question and its answer, " Who? " and " Ada ", as each template writes them; the prompt ends at the bar.
RENDERED = {
    "llama2": "<s>[INST] Who? [/INST]| Ada </s>",
    "llama2-first": "<s>[INST] Who? [/INST]| Ada </s>",
    "mistral-v0.1": "<s>[INST]  Who?  [/INST]| Ada </s> ",
    "mistral-v0.3": "<s>[INST]  Who? [/INST]| Ada</s>",
    "zephyr": "<|user|>\n Who? </s>\n<|assistant|>\n| Ada </s>\n",
    "llama3": "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nWho?<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n|Ada<|eot_id|>",
    "llama3.1": "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n"
    "Cutting Knowledge Date: December 2023\n\n<|eot_id|>"
    "<|start_header_id|>user<|end_header_id|>\n\nWho?<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n|Ada<|eot_id|>",
    "qwen2.5": "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    "<|im_start|>user\n Who? <|im_end|>\n<|im_start|>assistant\n| Ada <|im_end|>\n",
    "qwen3": "<|im_start|>user\n Who? <|im_end|>\n<|im_start|>assistant\n|<think>\n\n</think>\n\n Ada <|im_end|>\n",
    "gemma2": "<bos><start_of_turn>user\nWho?<end_of_turn>\n<start_of_turn>model\n|Ada<end_of_turn>\n",
    "phi3": "<|user|>\n Who? <|end|>\n<|assistant|>\n| Ada <|end|>\n<|endoftext|>",
    "smollm2": "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    "<|im_start|>user\n Who? <|im_end|>\n<|im_start|>assistant\n| Ada <|im_end|>\n",
    "gpt-oss": "<|start|>system<|message|>You are ChatGPT.\n\nReasoning: medium<|end|>"
    "<|start|>user<|message|> Who? <|end|><|start|>assistant|<|channel|>final<|message|> Ada <|return|>",
}


@pytest.mark.parametrize("kind", tokenizers.KINDS)
def test_a_kind_loads_again_and_keeps_a_text(kind: str, tmp_path: Path) -> None:
    tokenizer = tokenizers.build(kind)
    tokenizer.save_pretrained(tmp_path)
    ids = tokenizer(TEXT).input_ids
    assert AutoTokenizer.from_pretrained(tmp_path)(TEXT).input_ids == ids
    assert tokenizer.unk_token_id not in ids
    text = tokenizer.decode(tokenizer(TEXT, add_special_tokens=False).input_ids)
    if kind in FOLDING:
        assert "".join(text.split()).lower() == "".join(TEXT.split()).lower()
    else:
        assert text == (" " if kind == "gpt2-prefix" else "") + TEXT


@pytest.mark.parametrize("kind", tokenizers.KINDS)
def test_a_kind_begins_and_ends_a_text_as_it_should(kind: str) -> None:
    tokenizer = tokenizers.build(kind)
    found = [tokenizer.convert_ids_to_tokens(tokenizer(text).input_ids) for text in (" Ada", "Ada")]
    assert tuple(found) == BEGINNINGS[kind]


@pytest.mark.parametrize("name", chat.CHAT_TEMPLATES)
def test_a_template_ends_the_turn_with_a_token_of_its_own(name: str) -> None:
    tokenizer, end = chat.build(name), chat.CHAT_TEMPLATES[name].end
    assert tokenizer.convert_ids_to_tokens(tokenizer(end, add_special_tokens=False).input_ids)[-1] == end
    turns = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Ada"}]
    assert tokenizer.apply_chat_template(turns, tokenize=False).partition("Ada")[2].strip().startswith(end)


@pytest.mark.parametrize("name", RENDERED)
def test_a_template_writes_its_format(name: str) -> None:
    turns = [{"role": "user", "content": " Who? "}, {"role": "assistant", "content": " Ada "}]
    prompt = chat.build(name).apply_chat_template(turns[:1], tokenize=False, add_generation_prompt=True)
    answered = chat.build(name).apply_chat_template(turns, tokenize=False)
    bar = RENDERED[name].index("|", len(prompt))
    assert prompt == RENDERED[name][:bar]
    assert answered == RENDERED[name][:bar] + RENDERED[name][bar + 1 :]


def test_templates_that_think_open_a_thought_or_close_an_empty_one() -> None:
    turn = [{"role": "user", "content": "Who?"}]
    settings = {"tokenize": False, "add_generation_prompt": True}
    quick = chat.build("qwen3").apply_chat_template(turn, enable_thinking=False, **settings)
    assert quick.endswith("<|im_start|>assistant\n<think>\n\n</think>\n\n")
    slow = chat.build("deepseek-r1").apply_chat_template(turn, **settings)
    assert slow == "<｜begin▁of▁sentence｜><｜User｜>Who?<｜Assistant｜><think>\n"


def test_a_family_takes_another_tokenizer(tmp_path: Path) -> None:
    tokenizer = chat.build("gemma2")
    causal.FAMILIES["llama"](tmp_path, tokenizer=tokenizer)
    model = AutoModelForCausalLM.from_pretrained(tmp_path).eval()  # type: ignore[no-untyped-call]
    assert model.config.eos_token_id == tokenizer.eos_token_id
    assert AutoTokenizer.from_pretrained(tmp_path).chat_template == tokenizer.chat_template
    assert plain(model, tokenizer(TEXT).input_ids, [tokenizer.eos_token_id]) < 0
