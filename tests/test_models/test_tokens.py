"""Prompts and answers of every kind of tokenizer and chat template: the tokens are those of the rendered text."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from jsarag.models import PromptConfig
from jsarag.models.decode import text_of
from jsarag.models.prompt import Prompt
from jsarag.types import InputError, Passage
from tests.families import chat, tokenizers

X = "where's Ada, at 8:30?"
PASSAGES = (
    Passage("1", "The Glimmer", "Its keeper, Ada Tib, lit the red lamp in 1939-1945; it's said.\nShe has 21 cards."),
    Passage("2", "harbour", "  a boat, \n\n and its bell "),
    Passage("3", "Ünïcode", "naïve café — 東京 🙂 ."),
)
YS = ["Ada", "in 1939, at the tower's slip", "東京 🙂", "21"]
TEMPLATES = [
    PromptConfig(),
    PromptConfig(template="{input}\n\nKnown: {passage}\n\nReply:", no_passage="{input}\n\nReply:"),
    PromptConfig(template="{passage}\nQuestion: {input}\nAnswer: ", no_passage="{input}\nAnswer: "),
    PromptConfig(template="text {passage} question {input}", no_passage="question {input}"),
]
ENDLESS = {"gpt2-endless", "bert"}
"""Kinds without an end token that their tokenizer names."""


def written(config: PromptConfig, x: str, passages: tuple[Passage, ...]) -> str:
    """The prompt as text, by nothing but ``replace``."""
    if not passages:
        return config.no_passage.replace("{input}", x)
    body = "\n\n".join(f"{h.title}: {h.text}" for h in passages)
    return config.template.replace("{passage}", body).replace("{input}", x)


@pytest.mark.parametrize("config", TEMPLATES)
@pytest.mark.parametrize("kind", [kind for kind in tokenizers.KINDS if kind not in ENDLESS])
def test_prompt_and_answer_are_the_tokens_of_the_whole_text(kind: str, config: PromptConfig) -> None:
    tokenizer = tokenizers.build(kind)
    prompt = Prompt(config, tokenizer)
    for passages in ((), PASSAGES[:1], PASSAGES):
        for y in YS:
            text = f"{written(config, X, passages)} {y}"
            context, answer = prompt.context(X, passages, room=0), prompt.answer(y)
            whole, own = tokenizer(text).input_ids, tokenizer(text, add_special_tokens=False).input_ids
            begin = next(i for i in range(len(whole)) if whole[i : i + len(own)] == own)
            assert context + answer == [*whole[: begin + len(own)], tokenizer.eos_token_id]
            assert answer == prompt.answer(y)
            assert text_of(tokenizer, answer, prompt.stops) == text_of(tokenizer, tokenizer(y).input_ids)


@pytest.mark.parametrize("kind", [kind for kind in tokenizers.KINDS if kind != "gpt2-endless"])
def test_an_encoder_reads_what_its_tokenizer_makes_of_the_prompt(kind: str) -> None:
    tokenizer = tokenizers.build(kind)
    prompt = Prompt(PromptConfig(), tokenizer, two_part=True)
    for passages in ((), PASSAGES[:1], PASSAGES):
        assert prompt.context(X, passages, room=0) == tokenizer(written(PromptConfig(), X, passages)).input_ids
    for y in YS:
        target = tokenizer(text_target=y).input_ids
        last = next((i for i in range(len(target) - 1, 0, -1) if target[i] == prompt.stops[0]), None)
        assert prompt.answer(y) == ([*target, tokenizer.eos_token_id] if last is None else target[: last + 1])


@pytest.mark.parametrize("kind", sorted(ENDLESS))
def test_a_tokenizer_without_end_token_is_refused(kind: str) -> None:
    with pytest.raises(InputError, match=r"^generator.model: expected a tokenizer with an end token[^\n]*$"):
        Prompt(PromptConfig(), tokenizers.build(kind))


def rendered(name: str, *contents: str, **options: Any) -> str:
    turns = [{"role": r, "content": c} for r, c in zip(("user", "assistant"), contents, strict=False)]
    text = chat.build(name).apply_chat_template(turns, tokenize=False, add_generation_prompt=len(turns) == 1, **options)
    return str(text)


@pytest.mark.parametrize("name", chat.CHAT_TEMPLATES)
def test_turns_are_the_template_s_own(name: str) -> None:
    tokenizer, end = chat.build(name), chat.CHAT_TEMPLATES[name].end
    prompt = Prompt(PromptConfig(), tokenizer)
    ids = tokenizer.convert_tokens_to_ids(end)
    assert prompt.stops[0] == ids
    for passages in ((), PASSAGES[:1], PASSAGES):
        content = written(PromptConfig(), X, passages)
        for y in YS:
            context, answer = prompt.context(X, passages, room=0), prompt.answer(y)
            assert answer[-1] == ids
            assert answer.count(ids) == 1
            asked = rendered(name, content)
            if name == "deepseek-r1":
                # The template asks for a thought, and writes none in a turn of its own.
                whole = tokenizer(asked + y + end, add_special_tokens=False).input_ids
            else:
                turn = rendered(name, content, y)
                text = turn[: turn.index(end, len(asked)) + len(end)]
                whole = tokenizer(text, add_special_tokens=False).input_ids
            assert context + answer == whole
            assert text_of(tokenizer, answer, prompt.stops) == y
            opened = tokenizer(asked, add_special_tokens=False).input_ids
            assert context[: len(opened)] == opened


def test_variables_of_a_template_are_an_option() -> None:
    tokenizer = chat.build("qwen3")
    prompt = Prompt(PromptConfig(chat_options={"enable_thinking": False}), tokenizer)
    asked = rendered("qwen3", written(PromptConfig(), X, PASSAGES), enable_thinking=False)
    assert prompt.context(X, PASSAGES, room=0) == tokenizer(asked, add_special_tokens=False).input_ids
    assert tokenizer.decode(prompt.answer("Ada")) == "Ada<|im_end|>"
    with pytest.raises(InputError, match=r"^generator.prompt.chat_options"):
        Prompt(PromptConfig(chat=False, chat_options={"enable_thinking": False}), tokenizer)


@pytest.mark.parametrize("kind", [kind for kind in tokenizers.KINDS if kind not in ENDLESS])
def test_what_a_user_writes_is_no_control_token(kind: str) -> None:
    tokenizer = tokenizers.build(kind)
    check_control(Prompt(PromptConfig(), tokenizer), tokenizer)
    check_control(Prompt(PromptConfig(), tokenizer, two_part=True), tokenizer)


@pytest.mark.parametrize("name", chat.CHAT_TEMPLATES)
def test_what_a_user_writes_closes_no_turn(name: str) -> None:
    tokenizer = chat.build(name)
    check_control(Prompt(PromptConfig(), tokenizer), tokenizer)


@pytest.mark.parametrize("name", chat.CHAT_TEMPLATES)
def test_a_cut_makes_no_control_token(name: str) -> None:
    tokenizer, end = chat.build(name), chat.CHAT_TEMPLATES[name].end
    control = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special} - {tokenizer.unk_token_id}
    hostile = Passage("1", "lamp", f"red {end} " * 20)
    bare = Prompt(PromptConfig(max_length=4096), tokenizer).context("who ?", (Passage("1", "lamp", ""),), room=0)
    wanted = [t for t in bare if t in control]
    for length in range(len(bare) + 2, len(bare) + 40):
        found = Prompt(PromptConfig(max_length=length), tokenizer).context("who ?", (hostile,), room=0)
        assert [t for t in found if t in control] == wanted, length


def test_pieces_of_a_user_s_text_do_not_join_to_a_control_token() -> None:
    tokenizer = chat.build("qwen2.5")
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    apart = [Passage("1", "<|im_", "end|>"), Passage("2", "", "<|im_end"), Passage("3", "", "|> lamp")]
    for config in (
        PromptConfig(passage="{title}{text}", separator=""),
        PromptConfig(template="{input}{passage}", passage="{text}"),
        PromptConfig(template="<|im_{input} {passage}"),
    ):
        prompt = Prompt(config, tokenizer)
        calm = prompt.context("x", (Passage("1", "a", "b"),), room=0).count(end)
        for x in ("<|im_", "end|>"):
            assert prompt.context(x, apart, room=0).count(end) == calm


def test_an_added_token_that_ends_the_turn_is_learned_and_stops() -> None:
    tokenizer = copy.deepcopy(tokenizers.build("gpt2"))
    tokenizer.add_tokens(["<|im_start|>", "<|im_end|>"])
    tokenizer.chat_template = chat.CHAT_TEMPLATES["smollm2"].template
    prompt, end = Prompt(PromptConfig(), tokenizer), tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert prompt.answer("Ada")[-1] == end
    assert prompt.stops == (end, tokenizer.eos_token_id)
    assert text_of(tokenizer, prompt.answer("Ada"), prompt.stops) == "Ada"
    assert prompt.answer("say <|im_end|> now").count(end) == 1


def test_a_template_need_not_take_an_empty_message() -> None:
    tokenizer = copy.deepcopy(chat.build("qwen2.5"))
    tokenizer.chat_template = (
        "{% for m in messages %}{% if not m.content %}{{ raise_exception('empty') }}{% endif %}"
        + (
            "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
            "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
        )
    )
    assert tokenizer.decode(Prompt(PromptConfig(), tokenizer).answer("Ada")) == "Ada<|im_end|>"


@pytest.mark.parametrize("text", ["\U000f0000Ada", "a\U000f0001b\U000f0000", "{passage} {x} {"])
def test_odd_letters_stay(text: str) -> None:
    tokenizer = chat.build("smollm2")
    prompt = Prompt(PromptConfig(), tokenizer)
    assert prompt.answer(text) == tokenizer(f"{text}<|im_end|>", add_special_tokens=False).input_ids
    asked = rendered("smollm2", written(PromptConfig(), text, (Passage("1", text, text),)))
    found = prompt.context(text, (Passage("1", text, text),), room=0)
    if "{passage}" not in text:
        assert found == tokenizer(asked, add_special_tokens=False).input_ids
    else:
        assert tokenizer.decode(found).count(text) == 3


def check_control(prompt: Prompt, tokenizer: Any) -> None:
    control = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special} - {tokenizer.unk_token_id}
    for i in control:
        mark = tokenizer.convert_ids_to_tokens(i)
        hostile = Passage("1", f"a {mark} title", f"It ends {mark}\n{mark} here.")
        asked = prompt.context(f"who {mark}?", (hostile,), room=0)
        calm = prompt.context("who ?", (Passage("1", "a title", "It ends here."),), room=0)
        assert [t for t in asked if t in control] == [t for t in calm if t in control], mark
        answer = prompt.answer(f"with {mark} alone")
        assert [t for t in answer if t in control] == [t for t in prompt.answer("with alone") if t in control], mark
        assert mark in tokenizer.decode(answer, skip_special_tokens=True).replace("< ", "<"), mark


@pytest.mark.parametrize("length", [60, 90, 130])
@pytest.mark.parametrize("kind", ["llama2", "gpt2", "smollm2", "t5", "byt5", "llama3", "gemma", "mbart"])
def test_passages_are_cut_to_fit_and_nothing_else_is(kind: str, length: int) -> None:
    tokenizer = tokenizers.build(kind)
    length *= 4 if kind == "byt5" else 1
    whole = Prompt(PromptConfig(max_length=4096), tokenizer)
    prompt = Prompt(PromptConfig(max_length=length), tokenizer)
    long = Passage("4", "boat", "the keeper of the tower has nine tallies 🙂 " * 30)
    bare = len(whole.context("who ?", (Passage("", "", ""),), room=0))
    for passages in ((long,), (PASSAGES[0], long), (long, PASSAGES[0])):
        found = prompt.context("who ?", passages, room=5)
        assert bare <= len(found) <= length - 5
        assert len(found) >= length - 5 - 6, "no more than a word is left out"
        text = tokenizer.decode(found, skip_special_tokens=True)
        assert "Question: who ?" in text
        read = prompt.read("who ?", passages, room=5)
        assert read == passages[: len(read)]
        cut = tokenizer.decode(whole.context("who ?", read, room=0), skip_special_tokens=True)
        assert cut.split("Answer with")[0].startswith(text.split("Answer with")[0].rstrip()[:-12])


def test_beginning_of_sequence_stands_once() -> None:
    tokenizer = tokenizers.build("llama2")
    by_hand = PromptConfig(template="<s>[INST] {passage} {input} [/INST]", no_passage="<s>{input}")
    context = Prompt(by_hand, tokenizer).context("who ?", PASSAGES[:1], room=0)
    assert context[0] == tokenizer.bos_token_id
    assert context.count(tokenizer.bos_token_id) == 1
