"""Keys and values of prompts' beginnings: found where they should be, within their bytes, and no answer changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from jsarag.decoding import DECODERS
from jsarag.models import GREEDY, GeneratorConfig, Search, load_generator
from jsarag.models.prefix_cache import Layers, PrefixCache, common
from jsarag.models.search import Beam, Sample
from jsarag.types import Passage, Retrieved

TOKENS = st.lists(st.integers(0, 2), min_size=1, max_size=8)
ROOM = 12
HS = [Retrieved(Passage(str(i), "boat", f"the boat is at {i} in the tower " * (1 + i)), 1.0 - i, 0.0) for i in range(3)]
XS = ["where is the red lamp ?", "when ?", "who did the blue boat in the tower ?", "what is the key ?"]


def layers(tokens: list[int]) -> Layers:
    """Eight bytes a token, that tell it."""
    both = torch.tensor(tokens, dtype=torch.float32)[None, :, None]
    return [(both, -both)]


@given(st.lists(TOKENS, max_size=8), TOKENS)
def test_the_longest_beginning_is_found(known: list[list[int]], prompt: list[int]) -> None:
    cache = PrefixCache(1 << 20)
    for tokens in known:
        cache.keep(tokens, layers(tokens))
    length, found = cache.longest(prompt)
    assert length == max((common(tokens, prompt[:-1]) for tokens in known), default=0)
    if length:
        assert found[0][0][0, :length, 0].tolist() == prompt[:length]
    assert (cache.asked, cache.found) == (len(prompt), length)


@given(st.lists(TOKENS, max_size=12), st.integers(0, 80))
def test_it_holds_no_more_than_its_bytes(known: list[list[int]], room: int) -> None:
    cache = PrefixCache(room)
    for tokens in known:
        cache.keep(tokens, layers(tokens))
        assert cache.held == sum(k.nbytes + v.nbytes for layer in cache._layers.values() for k, v in layer) <= room
        assert sorted(cache._layers) == cache._sorted
    cache.halve()
    assert cache.held <= cache.room == room // 2


def test_what_was_not_asked_for_longest_goes_first() -> None:
    cache = PrefixCache(3 * 2 * 8)
    for first in (1, 2, 3):
        cache.keep([first, 0], layers([first, 0]))
    assert cache.longest([1, 0, 5])[0] == 2
    cache.keep([4, 0], layers([4, 0]))
    assert [cache.longest([first, 0, 5])[0] for first in (1, 2, 3, 4)] == [2, 0, 2, 2]


@pytest.mark.parametrize("search", [GREEDY, Sample(1.5, seed=3), Beam(2)], ids=["greedy", "sample", "beam"])
@pytest.mark.parametrize("mode", ["top-1", "rag-token", "concat", "rag-sequence-fast"])
def test_answers_are_the_same_with_it_and_without(mode: str, search: Search, causal_model: Path) -> None:
    generator = load_generator(GeneratorConfig(str(causal_model), precision="fp32", max_new_tokens=ROOM), "cpu")
    decoder = DECODERS[mode]
    cases = [[replace(h, probability=p) for h, p in zip(HS[i % 2 :], (0.7, 0.3), strict=False)] for i in range(len(XS))]
    expected = decoder(generator, XS, cases, search)
    with generator.prepared(room=40_000):
        for some in (slice(0, 1), slice(0, 4), slice(1, 4)):
            for a, b in zip(decoder(generator, XS[some], cases[some], search), expected[some], strict=True):
                assert a.text == b.text
                assert a.log_probability == pytest.approx(b.log_probability, abs=1e-4)
        assert generator.kept
        assert generator.kept.held <= 40_000
        assert (generator.kept.found > generator.kept.asked / 3) == (search.width == 1)
    assert generator.kept is None


def test_tokens_that_were_known_are_not_read(causal_model: Path) -> None:
    generator = load_generator(GeneratorConfig(str(causal_model), precision="fp32", max_new_tokens=1), "cpu")
    spent = []
    with generator.prepared(room=1 << 20):
        for x in XS[:2]:
            before = generator.tokens_scored
            generator.generate([(x, (HS[2].passage,))])
            spent.append(generator.tokens_scored - before)
    prompts = [generator.prompt.context(x, (HS[2].passage,), room=1) for x in XS[:2]]
    assert spent == [len(prompts[0]) + 1, len(prompts[1]) - common(*prompts) + 1]


def test_where_memory_runs_out_it_gives_up_half(causal_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = load_generator(GeneratorConfig(str(causal_model), precision="fp32", max_new_tokens=ROOM), "cpu")
    prompts = [(x, (HS[0].passage,)) for x in XS]
    expected = generator.generate(prompts)
    with generator.prepared(room=1 << 20):
        inner, failed = generator._decode, list[bool]()

        def fails(*args: object) -> object:
            if not failed:
                failed.append(True)
                raise torch.OutOfMemoryError("out of memory")
            return inner(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(generator, "_decode", fails)
        assert [one.text for one in generator.generate(prompts)] == [one.text for one in expected]
        assert generator.kept
        assert generator.kept.room == 1 << 19
