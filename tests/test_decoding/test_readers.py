"""Answers that are read while several are generated together: each reader gets its own, and ends no other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from jsarag.decoding import DECODERS, Direct
from jsarag.models import (
    GREEDY,
    Generated,
    GeneratorConfig,
    LanguageModel,
    Mixture,
    Pair,
    Reader,
    Search,
    load_generator,
)
from jsarag.models.precision import Precision
from jsarag.models.prefix_cache import PrefixCache
from jsarag.models.reader import Pieces
from jsarag.models.search import Sample
from jsarag.types import Passage, Retrieved

CPU = torch.device("cpu")
ROOM = 12
XS = ["where is the red lamp ?", "when ?", "who did the blue boat in the tower ?", "what is the key ?"]
HS = [
    [
        Retrieved(Passage(f"{x}{i}", "boat", f"the boat is at {i} in the tower " * (1 + i)), 1.0 - i, 0.7 - 0.4 * i)
        for i in range(2)
    ]
    for x in range(len(XS))
]


class Noted(Reader):
    """Keeps what it is told; goes away after so many pieces."""

    def __init__(self, longest: int | None = None, stop: Sequence[str] = (), leaves: int = 10**9) -> None:
        self.longest, self.stop, self.leaves = longest, stop, leaves
        self.pieces: list[str] = []
        self.ends: list[tuple[int, bool]] = []

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def piece(self, text: str) -> None:
        assert text
        assert not self.ends
        self.pieces.append(text)
        self.gone = len(self.pieces) >= self.leaves

    def end(self, tokens: int, *, finished: bool) -> None:
        self.ends.append((tokens, finished))


@pytest.fixture(scope="module", params=["causal", "seq2seq", "causal, prefixes kept"])
def generator(request: pytest.FixtureRequest) -> LanguageModel:
    name, _, kept = request.param.partition(",")
    model = request.getfixturevalue(f"{name}_model")
    loaded = load_generator(GeneratorConfig(str(model), lora=None, precision="fp32", max_new_tokens=ROOM), CPU)
    loaded.kept = PrefixCache(1 << 20) if kept else None
    return loaded


def direct(mode: str) -> Direct:
    decoder = DECODERS[mode]
    assert isinstance(decoder, Direct)
    return decoder


@pytest.mark.parametrize("search", [GREEDY, Sample(1.5, seed=3)], ids=["greedy", "sample"])
@pytest.mark.parametrize("mode", ["top-1", "rag-token", "concat"])
def test_each_reader_gets_its_answer(generator: LanguageModel, mode: str, search: Search) -> None:
    readers = [Noted() for _ in XS]
    found = direct(mode).follow_all(generator, XS, HS, search, readers)
    for x, hs, reader, answer in zip(XS, HS, readers, found, strict=True):
        (alone,) = direct(mode)(generator, [x], [hs], search)
        assert reader.text == answer.text == alone.text
        assert answer.log_probability == pytest.approx(alone.log_probability, abs=1e-4)
        ((tokens, finished),) = reader.ends
        assert finished == (tokens < ROOM) or tokens == ROOM


def test_an_answer_ends_where_its_reader_wants_and_the_others_go_on(generator: LanguageModel) -> None:
    whole = [Noted() for _ in XS]
    decoder = direct("top-1")
    decoder.follow_all(generator, XS, HS, GREEDY, whole)
    words = [reader.text.split() for reader in whole]
    stop = words[1][-1]
    readers = [Noted(longest=3), Noted(stop=["never there", stop]), Noted(leaves=2), Noted()]
    found = decoder.follow_all(generator, XS, HS, GREEDY, readers)
    assert readers[0].text == " ".join(words[0][:3])
    assert readers[0].ends == [(3, False)]
    assert readers[1].text == whole[1].text.partition(stop)[0].rstrip()
    assert readers[1].ends[0][1]
    assert len(readers[2].pieces) == 2
    assert not readers[2].ends[0][1]
    assert readers[3].pieces == whole[3].pieces
    assert [answer.text for answer in found] == [reader.text for reader in readers]
    # What an answer was cut at is no end: its probability is that of all answers that begin so.
    with torch.no_grad():
        scored = generator.token_log_likelihood([Pair(XS[0], (HS[0][0].passage,), readers[0].text)])
    assert found[0].log_probability == pytest.approx(float(scored[0, :3].sum()), abs=1e-3)


def test_a_text_that_may_end_the_answer_is_held_back_until_it_is_known(causal_model: Path) -> None:
    generator = load_generator(str(causal_model), CPU)
    tokens = generator.tokenizer("the red lamp is in the blue tower", add_special_tokens=False).input_ids
    told: list[str] = []
    pieces = Pieces(generator.tokenizer, told.append, before=["lamp is at", "blue tower"])
    for token in tokens:
        pieces(token)
    assert told == ["the", " red", " lamp is in", " the"]
    assert (pieces.finish(), pieces.stopped) == ("the red lamp is in the", True)
    assert "".join(told) == "the red lamp is in the"


def test_nothing_is_told_twice_where_memory_runs_out(generator: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [Noted() for _ in XS]
    decoder = direct("top-1")
    decoder.follow_all(generator, XS, HS, GREEDY, whole)
    inner, calls = generator._decode, 0

    def fails(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        found = inner(*args)
        if calls == 1:
            raise torch.OutOfMemoryError("out of memory")
        return found

    monkeypatch.setattr(generator, "_decode", fails)
    monkeypatch.setattr(generator, "thrift", type(generator.thrift)())
    readers = [Noted() for _ in XS]
    decoder.follow_all(generator, XS, HS, GREEDY, readers)
    assert calls > 1
    assert [reader.text for reader in readers] == [reader.text for reader in whole]
    assert [len(reader.ends) for reader in readers] == [1] * len(XS)


class Plain:
    """A generator of one's own, which follows one answer at a time."""

    def follow(self, mixture: Mixture, search: Search, tell: Any) -> Generated:
        for piece in ("it", " is", f" {mixture.x}"):
            tell(piece)
        return Generated(f"it is {mixture.x}", -1.0, True)

    def answer_tokens(self, ys: Sequence[str]) -> torch.Tensor:
        return torch.tensor([len(y.split()) for y in ys])


def test_a_generator_of_one_s_own_is_read_one_answer_at_a_time() -> None:
    readers = [Noted(), Noted()]
    found = direct("top-1").follow_all(Plain(), ["a", "b c"], HS[:2], GREEDY, readers)  # type: ignore[arg-type]
    assert [reader.text for reader in readers] == [answer.text for answer in found] == ["it is a", "it is b c"]
    assert [reader.ends for reader in readers] == [[(3, True)], [(4, True)]]


def test_prepared_weights_give_the_same_answers(causal_model: Path) -> None:
    precisions: tuple[Precision, ...] = ("fp32", "bf16")
    for precision in precisions:
        config = GeneratorConfig(str(causal_model), precision=precision, max_new_tokens=4)
        generator = load_generator(config, CPU)
        torch.manual_seed(0)
        with torch.no_grad():
            for weight in generator.trained().values():
                weight.add_(torch.randn_like(weight), alpha=0.1)
        prompts = [(x, (hs[0].passage,)) for x, hs in zip(XS, HS, strict=True)]
        expected = generator.generate(prompts)
        with generator.prepared():
            found = generator.generate(prompts)
            assert [one.text for one in generator.generate(prompts)] == [one.text for one in expected]
        assert [one.text for one in found] == [one.text for one in expected]
        assert [one.log_probability for one in found] == pytest.approx(
            [one.log_probability for one in expected], abs=1e-3
        )
        # Afterwards it can be trained again.
        generator.log_likelihood([Pair(XS[0], (HS[0][0].passage,), "red")]).sum().backward()  # type: ignore[no-untyped-call]
        assert any(weight.grad is not None for weight in generator.trained().values())
