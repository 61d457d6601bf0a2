"""Likelihoods and decoding against the plain forward pass of the wrapped model, one row at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from jsarag.models import GeneratorConfig, LanguageModel, LoraConfig, Pair, PromptConfig, load_generator
from jsarag.types import InputError, Passage

CPU = torch.device("cpu")
PASSAGES = [
    Passage("1", "tower", "the keeper of the tower is Ada , with a red lamp and nine tallies"),
    Passage("2", "boat", "the boat Tib"),
]
PAIRS = [
    Pair("who is the keeper ?", (PASSAGES[0],), "Ada"),
    Pair("who is the keeper of the red lamp on the boat ?", (PASSAGES[1],), "Tib Glimmer seven"),
    Pair("what is blue ?", (), "the boat"),
]


def load(path: Path, **options: object) -> LanguageModel:
    config = GeneratorConfig(model=str(path), precision="fp32", **options)  # type: ignore[arg-type]
    return load_generator(config, CPU)


def plain_causal(generator: LanguageModel, pair: Pair) -> torch.Tensor:
    """One row, no padding, full logits."""
    answer = generator.prompt.answer(pair.y)
    context = generator.prompt.context(pair.x, pair.passages, room=len(answer))
    logits = generator.model(input_ids=torch.tensor([context + answer])).logits[0]
    rows = logits.log_softmax(-1)[len(context) - 1 : -1]
    found: torch.Tensor = rows[range(len(answer)), answer]
    return found


def plain_seq2seq(generator: LanguageModel, pair: Pair) -> torch.Tensor:
    answer = generator.prompt.answer(pair.y)
    context = generator.prompt.context(pair.x, pair.passages, room=len(answer))
    logits = generator.model(input_ids=torch.tensor([context]), labels=torch.tensor([answer])).logits[0]
    found: torch.Tensor = logits.log_softmax(-1)[range(len(answer)), answer]
    return found


@pytest.mark.parametrize("lora", [None, LoraConfig(rank=4)])
@pytest.mark.parametrize("budget", [1, 10_000])
def test_batched_causal_likelihood_equals_row_by_row(causal_model: Path, lora: LoraConfig | None, budget: int) -> None:
    generator = load(causal_model, lora=lora, batch_tokens=budget)
    expected = torch.stack([plain_causal(generator, pair).sum() for pair in PAIRS])
    assert_close(generator.log_likelihood(PAIRS), expected)


def test_likelihood_with_merged_adapters_equals_that_with_gradient(
    causal_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = load(causal_model, lora=LoraConfig(rank=4))
    for weight in generator.trained().values():
        weight.data.normal_(generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr("jsarag.models.generator.language_model.MERGING_PAYS", 0)
    expected = generator.log_likelihood(PAIRS)
    with torch.no_grad():
        assert_close(generator.log_likelihood(PAIRS), expected.detach())
    expected.sum().backward()  # type: ignore[no-untyped-call]
    assert all(weight.grad is not None and weight.grad.any() for weight in generator.trained().values())


def test_batched_seq2seq_likelihood_equals_row_by_row(seq2seq_model: Path) -> None:
    generator = load(seq2seq_model, lora=None)
    expected = torch.stack([plain_seq2seq(generator, pair).sum() for pair in PAIRS])
    assert_close(generator.log_likelihood(PAIRS), expected)


def test_mean_likelihood_divides_by_answer_tokens(causal_model: Path) -> None:
    total, mean = (load(causal_model, likelihood=kind).log_likelihood(PAIRS) for kind in ("sum", "mean"))
    assert_close(mean, total / torch.tensor([2.0, 4.0, 3.0]))  # the end token counts


def test_gradient_equals_that_of_the_plain_forward(causal_model: Path) -> None:
    generator = load(causal_model, lora=LoraConfig(rank=4))
    weights = list(generator.trained().values())
    found = torch.autograd.grad(generator.log_likelihood(PAIRS).sum(), weights)
    expected = torch.autograd.grad(sum((plain_causal(generator, p).sum() for p in PAIRS), torch.zeros(())), weights)
    for a, b in zip(found, expected, strict=True):
        assert_close(a, b, atol=1e-4, rtol=1e-3)


def test_only_adapters_are_trained_with_lora_and_everything_without(causal_model: Path) -> None:
    assert all("lora_" in name for name in load(causal_model).trained())
    full = load(causal_model, lora=None)
    assert len(full.trained()) == len(list(full.model.parameters()))


@pytest.mark.parametrize("fixture", ["causal_model", "chat_model", "seq2seq_model"])
def test_greedy_answers_equal_one_by_one_and_carry_their_likelihood(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    generator = load(request.getfixturevalue(fixture), lora=None, max_new_tokens=6)
    prompts = [(pair.x, pair.passages) for pair in PAIRS]
    together = generator.generate(prompts)
    for prompt, found in zip(prompts, together, strict=True):
        (alone,) = generator.generate([prompt])
        assert found.text == alone.text
        assert found.log_probability == pytest.approx(alone.log_probability, abs=1e-3)


def test_generated_log_probability_is_that_of_its_tokens(causal_model: Path) -> None:
    generator = load(causal_model, lora=None, max_new_tokens=4)
    pair = PAIRS[0]
    context = generator.prompt.context(pair.x, pair.passages, room=4)
    tokens, total = list(context), 0.0
    for _ in range(4):
        log_probs = generator.model(input_ids=torch.tensor([tokens])).logits[0, -1].log_softmax(-1)
        best = int(log_probs.argmax())
        total += log_probs[best].item()
        tokens.append(best)
        if best == generator.tokenizer.eos_token_id:
            break
    (found,) = generator.generate([(pair.x, pair.passages)])
    assert found.log_probability == pytest.approx(total, abs=1e-4)
    assert found.text == generator.tokenizer.decode(tokens[len(context) :], skip_special_tokens=True).strip()


def test_long_passage_is_cut_and_question_and_answer_are_not(causal_model: Path) -> None:
    prompt = PromptConfig(max_length=32)
    generator = load(causal_model, prompt=prompt)
    long = Passage("3", "tower", "the red lamp " * 50)
    answer = generator.prompt.answer("Ada")
    tokens = generator.prompt.context("who is the keeper ?", (long,), room=len(answer))
    assert len(tokens) + len(answer) == 32
    text = generator.tokenizer.decode(tokens)
    assert "who is the keeper ?" in text
    assert text.count("lamp") < 50


def test_question_that_does_not_fit_is_refused(causal_model: Path) -> None:
    generator = load(causal_model, prompt=PromptConfig(max_length=16))
    with pytest.raises(InputError, match=r"generator.prompt.max_length.*who who"):
        generator.log_likelihood([Pair("who " * 30, (PASSAGES[1],), "Ada")])


def test_chat_template_wraps_the_prompt(chat_model: Path, causal_model: Path) -> None:
    wrapped = load(chat_model).prompt.context("who ?", (PASSAGES[1],), room=1)
    text = load(chat_model).tokenizer.decode(wrapped)
    assert text.startswith("<s>")
    assert text.endswith("answer :")
    assert "the boat Tib" in text
    with pytest.raises(InputError, match=r"generator.prompt.chat"):
        load(causal_model, prompt=PromptConfig(chat=True))


def test_templates_without_their_fields_are_refused() -> None:
    with pytest.raises(InputError, match=r"generator.prompt.template.*\{passage\}"):
        PromptConfig(template="Question: {input}")


def test_tokens_are_counted_without_padding(causal_model: Path) -> None:
    generator = load(causal_model)
    lengths = [
        len(a) + len(generator.prompt.context(p.x, p.passages, room=len(a)))
        for p in PAIRS
        for a in [generator.prompt.answer(p.y)]
    ]
    with torch.no_grad():
        generator.log_likelihood(PAIRS)
    generator.log_likelihood(PAIRS[:1])
    assert (generator.tokens_scored, generator.tokens_trained) == (sum(lengths), lengths[0])


def test_a_model_that_is_not_there_is_one_line() -> None:
    for name in ("/no/such/folder", "none/such", "no.gguf"):
        with pytest.raises(InputError, match=r"generator\.model") as caught:
            load_generator(GeneratorConfig(model=name), CPU)
        assert "\n" not in str(caught.value)


def test_empty_batch_gives_no_scores(causal_model: Path) -> None:
    assert load(causal_model).log_likelihood([]).shape == (0,)


@pytest.mark.parametrize("template", ["{input} : {passage} answer :", "answer {passage} question : {input}"])
@pytest.mark.parametrize("lora", [None, LoraConfig(rank=4)])
@pytest.mark.parametrize("budget", [1, 10_000])
def test_what_prompts_share_is_read_once_and_changes_nothing(
    causal_model: Path, template: str, lora: LoraConfig | None, budget: int
) -> None:
    prompt = PromptConfig(template=template, no_passage="answer {input}", chat=False)
    generator = load(causal_model, lora=lora, batch_tokens=budget, prompt=prompt)
    questions = ["who is the keeper of the red lamp on the boat ?", "what is blue ?"]
    pairs = [Pair(x, (h,), y) for x in questions for h in PASSAGES for y in ("Ada", "the boat Tib")]
    pairs.append(Pair("where is the bell ?", (PASSAGES[0],), "on the tower"))
    expected = torch.stack([plain_causal(generator, pair).sum() for pair in pairs])
    with torch.no_grad():
        found = generator.log_likelihood(pairs)
    assert_close(found, expected.detach())
    assert_close(generator.log_likelihood(pairs), expected)
    # With gradient nothing is shared; an input that comes first saves what it is read again for.
    assert (generator.tokens_scored < 0.8 * generator.tokens_trained) == template.startswith("{input}")


def test_a_prompt_keeps_the_order_of_its_template_and_cuts_the_passage(causal_model: Path) -> None:
    for template in ("{input} : {passage} answer :", "answer {passage} question : {input}"):
        generator = load(causal_model, prompt=PromptConfig(template=template, passage="{text}", chat=False))
        words = generator.tokenizer.decode(generator.prompt.context("who ?", (PASSAGES[1],), room=4))
        assert words.removeprefix("<s> ") == template.format(input="who ?", passage=PASSAGES[1].text)
        short = PromptConfig(template=template, passage="{text}", chat=False, max_length=14)
        cut = load(causal_model, prompt=short).prompt.context("who ?", (PASSAGES[0],), room=4)
        assert len(cut) == 10
        words = generator.tokenizer.decode(cut).removeprefix("<s> ")
        assert words.startswith(template.split("{passage}")[0].format(input="who ?") + "the keeper")
        assert words.endswith(template.split("{passage}")[1].format(input="who ?"))


@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
def test_checkpointing_computes_layers_again_and_changes_no_gradient(
    kind: str, causal_model: Path, seq2seq_model: Path
) -> None:
    path = causal_model if kind == "causal" else seq2seq_model
    gradients, calls = [], []
    for checkpointing in (False, True):
        generator = load(path, lora=None, checkpointing=checkpointing)
        count = [0]
        named = "0.self_attn" if kind == "causal" else "0.SelfAttention"
        inner = next(module for name, module in generator.model.named_modules() if name.endswith(named))
        inner.register_forward_hook(lambda *_, count=count: count.__setitem__(0, count[0] + 1))
        torch.autograd.backward(generator.log_likelihood(PAIRS).sum())
        gradients.append({name: weight.grad for name, weight in generator.trained().items()})
        calls.append(count[0])
        with torch.no_grad():
            generator.log_likelihood(PAIRS)
            assert count[0] == calls[-1] + calls[0]
        assert generator.generate([("who ?", ())])
    assert calls[1] == 2 * calls[0]
    plain, again = gradients
    for name, gradient in plain.items():
        if gradient is not None:
            assert_close(again[name], gradient, msg=name)


def test_the_null_passage_reads_as_no_passage(causal_model: Path) -> None:
    generator, null = load(causal_model), Passage("null", "", "")
    for passages, without in (
        ((null,), ()),
        ((null, PASSAGES[0]), (PASSAGES[0],)),
        ((PASSAGES[1], null), (PASSAGES[1],)),
    ):
        found = generator.prompt.context("who ?", passages, room=4)
        assert found == generator.prompt.context("who ?", without, room=4)
    pairs = [Pair("who ?", (null,), "Ada"), Pair("who ?", (), "Ada"), Pair("who ?", (PASSAGES[0],), "Ada")]
    scores = generator.log_likelihood(pairs).tolist()
    assert scores[0] == pytest.approx(scores[1])
    assert scores[0] != pytest.approx(scores[2])
