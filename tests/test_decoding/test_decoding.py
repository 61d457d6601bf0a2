"""Every mode and search against the enumeration of all answers of a small model."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from jsarag.decoding import DECODERS, Direct
from jsarag.models import GREEDY, LanguageModel, Mixture, Search
from jsarag.models.decode import Batch, decode, text_of
from jsarag.models.search import Beam, Greedy, Sample
from jsarag.pipeline import DecodingConfig
from jsarag.types import InputError, Passage, Retrieved
from tests import tiny
from tests.test_decoding.enumeration import EOS, HS, ROOM, WORDS, X, answers, likelihood, load, next_token, texts

EVERY = Beam(1000)
"""More beams than there are answers: all are found."""
DIRECT = [name for name, decoder in DECODERS.items() if isinstance(decoder, Direct)]
SEARCHES: list[Search] = [Greedy(), Beam(3), Sample(temperature=0.8, top_p=0.9, seed=3)]


@pytest.fixture(scope="module", params=["causal", "bart"])
def generator(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    folder: Path = tmp_path_factory.mktemp(request.param)
    made = tiny.causal(folder, words=WORDS) if request.param == "causal" else tiny.bart(folder, words=WORDS)
    return load(made)


def mixture(mode: str, hs: Sequence[Retrieved] = HS) -> Mixture:
    decoder = DECODERS[mode]
    assert isinstance(decoder, Direct)
    return decoder.mixture(X, hs)


def marginal(generator: LanguageModel, y: str) -> float:
    return math.log(sum(h.probability * math.exp(likelihood(generator, (h.passage,), y)) for h in HS))


@pytest.mark.parametrize("mode", DIRECT)
def test_all_beams_are_all_answers_with_their_probabilities(generator: LanguageModel, mode: str) -> None:
    truth = answers(generator, mixture(mode))
    (found,) = generator.candidates([mixture(mode)], EVERY)
    assert len(found) == len(truth)
    assert sum(math.exp(g.log_probability) for g in found) == pytest.approx(1, abs=1e-4)
    expected = sorted(((text_of(generator.tokenizer, t), p) for t, p in truth.items()), key=lambda pair: -pair[1])
    assert [g.log_probability for g in found] == pytest.approx([p for _, p in expected], abs=1e-4)
    (answer,) = DECODERS[mode](generator, [X], [HS], EVERY)
    assert answer.text == expected[0][0]
    assert answer.log_probability == pytest.approx(expected[0][1], abs=1e-4)
    assert list(answer.passages) == HS


def test_the_direct_modes_are_three_distributions(generator: LanguageModel) -> None:
    top1, token, concat = (answers(generator, mixture(mode)) for mode in ("top-1", "rag-token", "concat"))
    alone = [answers(generator, Mixture(X, ((h.passage,),), (0.0,))) for h in HS]
    assert top1 == alone[0] != concat
    # RAG-Token is not RAG-Sequence, but agrees with it on answers of one token.
    pairs = [
        (token[y], math.log(sum(h.probability * math.exp(a[y]) for h, a in zip(HS, alone, strict=True)))) for y in token
    ]
    assert token[(EOS,)] == pytest.approx(
        math.log(sum(h.probability * math.exp(a[(EOS,)]) for h, a in zip(HS, alone, strict=True)))
    )
    assert max(abs(a - b) for a, b in pairs) > 0.01


@pytest.mark.parametrize("mode", DIRECT)
def test_greedy_takes_the_likeliest_token_of_the_mixture(generator: LanguageModel, mode: str) -> None:
    chosen, total, m = list[int](), 0.0, mixture(mode)
    contexts = [generator.prompt.context(X, h, room=ROOM) for h in m.parts]
    while len(chosen) < ROOM and EOS not in chosen:
        each = torch.stack([next_token(generator, context, chosen) for context in contexts])
        log_p = (torch.tensor(m.log_weights)[:, None] + each).logsumexp(0)
        chosen.append(int(log_p.argmax()))
        total += float(log_p.max())
    (answer,) = DECODERS[mode](generator, [X], [HS])
    assert answer.text == text_of(generator.tokenizer, chosen)
    assert answer.log_probability == pytest.approx(total, abs=1e-4)


def test_thorough_is_the_argmax_of_the_marginal_over_all_candidates(generator: LanguageModel) -> None:
    ys = {g.text for h in HS for g in generator.candidates([Mixture(X, ((h.passage,),), (0.0,))], EVERY)[0]}
    exact = {y: marginal(generator, y) for y in sorted(ys) if len(y.split()) <= 1}
    best = max(exact, key=lambda y: exact[y])
    (answer,) = DECODERS["rag-sequence-thorough"](generator, [X], [HS], EVERY)
    # Rescored answers have their end, so that those of one word are likelier than any beginning of a longer one.
    assert answer.log_probability == pytest.approx(marginal(generator, answer.text), abs=1e-4)
    assert answer.log_probability >= exact[best] - 1e-4


@pytest.mark.parametrize("search", [Greedy(), Beam(2), EVERY])
def test_rag_sequence_judges_the_candidates_of_each_passage(generator: LanguageModel, search: Search) -> None:
    found = [generator.candidates([Mixture(X, ((h.passage,),), (0.0,))], search)[0] for h in HS]
    assert all(len(set(f)) == len(f) <= search.width for f in found)
    fast: dict[tuple[bool, str], float] = {}
    for h, candidates in zip(HS, found, strict=True):
        for text, log_p, finished in candidates:
            fast[finished, text] = fast.get((finished, text), 0.0) + h.probability * math.exp(log_p)
    (answer,) = DECODERS["rag-sequence-fast"](generator, [X], [HS], search)
    ended = any(finished for finished, _ in fast)
    best = max(p for (finished, _), p in fast.items() if finished == ended)
    assert fast[ended, answer.text] == pytest.approx(best, rel=1e-4)
    assert answer.log_probability == pytest.approx(math.log(best), abs=1e-4)
    if search is not EVERY:
        thorough = {y: marginal(generator, y) for _, y in fast}
        (answer,) = DECODERS["rag-sequence-thorough"](generator, [X], [HS], search)
        assert thorough[answer.text] == pytest.approx(max(thorough.values()), abs=1e-4)
        assert answer.log_probability == pytest.approx(max(thorough.values()), abs=1e-4)


def test_all_candidates_of_all_passages_are_the_whole_marginal(generator: LanguageModel) -> None:
    every = [answers(generator, Mixture(X, ((h.passage,),), (0.0,))) for h in HS]
    ended = [{tokens: p for tokens, p in found.items() if EOS in tokens} for found in every]
    exact = [texts(generator, found) for found in ended]
    total = {y: sum(h.probability * math.exp(e[y]) for h, e in zip(HS, exact, strict=True)) for y in exact[0]}
    (answer,) = DECODERS["rag-sequence-fast"](generator, [X], [HS], EVERY)
    assert answer.log_probability == pytest.approx(math.log(max(total.values())), abs=1e-4)
    assert total[answer.text] == pytest.approx(max(total.values()), rel=1e-4)


@pytest.mark.parametrize("mode", DECODERS)
def test_log_likelihood_is_that_of_the_mode(generator: LanguageModel, mode: str) -> None:
    decoder, ys = DECODERS[mode], ["a", "", "b c"]
    found = decoder.log_likelihood(generator, [X] * 3, ys, [HS, HS[:2], HS])
    if isinstance(decoder, Direct):
        exact = answers(generator, mixture(mode))
        for i in (0, 2):
            assert float(found[i].detach()) == pytest.approx(exact[tuple(generator.prompt.answer(ys[i]))], abs=1e-4)
    else:
        assert float(found[0].detach()) == pytest.approx(marginal(generator, "a"), abs=1e-4)
    alone = [decoder.log_likelihood(generator, [X], [y], [hs]) for y, hs in zip(ys, [HS, HS[:2], HS], strict=True)]
    torch.testing.assert_close(found, torch.cat(alone), atol=1e-4, rtol=0)


@pytest.mark.parametrize("search", SEARCHES, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("mode", DECODERS)
def test_company_and_padding_change_nothing(generator: LanguageModel, mode: str, search: Search) -> None:
    xs = [X, "c", "a b b a c", X]
    rows = [HS, HS[:1], [HS[2], HS[0]], HS[1:]]
    together = DECODERS[mode](generator, xs, rows, search)
    for x, hs, answer in zip(xs, rows, together, strict=True):
        (alone,) = DECODERS[mode](generator, [x], [hs], search)
        assert answer.text == alone.text
        assert answer.log_probability == pytest.approx(alone.log_probability, abs=1e-4)


@pytest.mark.parametrize("mode", DECODERS)
def test_passages_of_no_probability_do_no_harm(generator: LanguageModel, mode: str) -> None:
    sure = Retrieved(HS[0].passage, 0.0, 1.0)
    hs = [sure, Retrieved(HS[1].passage, 0.0, 0.0)]
    (answer,) = DECODERS[mode](generator, [X], [hs])
    assert math.isfinite(answer.log_probability)
    # Concatenation reads it all the same, and to thorough decoding it may give the better candidate.
    if mode not in ("concat", "rag-sequence-thorough"):
        (alone,) = DECODERS[mode](generator, [X], [[sure]])
        assert answer.text == alone.text
        assert answer.log_probability == pytest.approx(alone.log_probability, abs=1e-4)


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.5, 1.0), (1.0, 0.6)])
def test_sampled_answers_have_the_frequencies_of_the_mixture(
    generator: LanguageModel, temperature: float, top_p: float
) -> None:
    m, n = mixture("rag-token"), 4000
    contexts = [generator.prompt.context(X, h, room=ROOM) for h in m.parts]
    # The question is what noise depends on: as many questions with the same prompts.
    batch = Batch([str(i) for i in range(n)], [contexts] * n, torch.tensor([m.log_weights] * n))
    with torch.inference_mode():
        found, _ = decode(
            generator.model,
            generator.tokenizer,
            batch,
            Sample(temperature, top_p),
            ROOM,
            stops=generator.prompt.stops,
        )
    firsts = torch.stack([next_token(generator, context, []) for context in contexts])
    log_p = (torch.tensor(m.log_weights)[:, None] + firsts).logsumexp(0) / temperature
    p = log_p.softmax(-1)
    order = p.argsort(descending=True)
    kept = order[: int((p[order].cumsum(0) < top_p).sum()) + 1]
    p = torch.zeros_like(p).index_put((kept,), p[kept] / p[kept].sum())
    empty = Counter(round(g[0].log_probability, 3) for g in found)  # those that end at once are alike in this
    end = round(float((torch.tensor(m.log_weights)[:, None] + firsts).logsumexp(0)[EOS]), 3)
    assert sum(v for k, v in empty.items() if abs(k - end) < 0.0015) / n == pytest.approx(float(p[EOS]), abs=0.03)
    exact = answers(generator, m)
    if (temperature, top_p) == (1.0, 1.0):
        drawn = Counter(g[0].text for g in found)
        for y, log_total in texts(generator, exact).items():
            assert drawn[y] / n == pytest.approx(math.exp(log_total), abs=0.03)
    # What is reported is the model's own log-probability, whatever the temperature.
    known = torch.tensor(sorted(exact.values()))
    for (g,) in found[:50]:
        assert float((known - g.log_probability).abs().min()) < 1e-3


@pytest.mark.parametrize("room", [1, ROOM])
def test_an_answer_is_finished_where_its_end_was_chosen(generator: LanguageModel, room: int) -> None:
    shorter = load(Path(generator.config.model), room=room)
    (found,) = shorter.candidates([mixture("top-1")], EVERY)
    exact = answers(generator, mixture("top-1"))
    for g in found:
        if room == ROOM:
            alike = [t for t, p in exact.items() if math.isclose(p, g.log_probability, abs_tol=1e-4)]
            assert g.finished in {EOS in tokens for tokens in alike}
        else:
            # Of the answers of one token only the empty one is at its end.
            assert g.finished == math.isclose(exact[(EOS,)], g.log_probability, abs_tol=1e-4)


def test_fast_takes_a_cut_answer_only_where_none_is_finished(generator: LanguageModel) -> None:
    sure = [Retrieved(HS[0].passage, 0.0, 1.0)]
    (found,) = generator.candidates([mixture("top-1")], EVERY)
    best = max((g for g in found if g.finished), key=lambda g: g.log_probability)
    (answer,) = DECODERS["rag-sequence-fast"](generator, [X], [sure], EVERY)
    assert answer.text == best.text
    assert answer.log_probability >= best.log_probability - 1e-4
    greedy = next(g for g in generator.candidates([mixture("top-1")], GREEDY)[0])
    (only,) = DECODERS["rag-sequence-fast"](generator, [X], [sure], GREEDY)
    assert only.text == greedy.text
    assert only.log_probability == pytest.approx(greedy.log_probability, abs=1e-4)


def test_a_sampled_passage_is_drawn_by_its_weight() -> None:
    weights = torch.tensor([h.log_probability for h in HS])
    drawn = Counter(i for n in range(4000) for i in Sample().passages(str(n), weights))
    assert [drawn[i] / 4000 for i in range(3)] == pytest.approx([h.probability for h in HS], abs=0.03)


@pytest.mark.parametrize("mode", ["rag-sequence-fast", "rag-sequence-thorough"])
def test_a_sampled_answer_of_rag_sequence_is_one_of_the_drawn_passage(generator: LanguageModel, mode: str) -> None:
    search = Sample(seed=5)
    (i,) = search.passages(X, torch.tensor([h.log_probability for h in HS]))
    (only,) = generator.candidates([Mixture(X, ((HS[i].passage,),), (0.0,))], search)
    (answer,) = DECODERS[mode](generator, [X], [HS], search)
    assert answer.text == only[0].text
    thorough, fast = marginal(generator, answer.text), HS[i].log_probability + only[0].log_probability
    assert answer.log_probability == pytest.approx(thorough if mode.endswith("thorough") else fast, abs=1e-4)


def test_a_seed_repeats_a_draw_and_leaves_global_randomness_alone(generator: LanguageModel) -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    draws = [DECODERS["top-1"](generator, [X], [HS], Sample(3.0, seed=seed))[0] for seed in [*range(8), *range(8)]]
    assert draws[:8] == draws[8:]
    assert len({d.log_probability for d in draws}) > 1
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("search", [Greedy(), Sample(seed=1)], ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("mode", DIRECT)
def test_the_pieces_of_a_stream_are_the_answer(generator: LanguageModel, mode: str, search: Search) -> None:
    decoder, pieces = DECODERS[mode], list[str]()
    assert isinstance(decoder, Direct)
    longer = load(Path(generator.config.model), room=12)
    answer = decoder.follow(longer, X, HS, search, pieces.append)
    assert "".join(pieces) == answer.text
    assert "" not in pieces
    (whole,) = decoder(longer, [X], [HS], search)
    assert answer.text == whole.text
    assert answer.log_probability == pytest.approx(whole.log_probability, abs=1e-4)


@pytest.mark.parametrize("search", SEARCHES, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("mode", DECODERS)
def test_progress_adds_up(generator: LanguageModel, mode: str, search: Search) -> None:
    told: list[int] = []
    DECODERS[mode](generator, [X, "c"], [HS, HS], search, told.append)
    assert sum(told) == 2 * DECODERS[mode].generations(len(HS), search)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"beams": 2}, "decoding.beams: expected null with decoding.search greedy"),
        ({"search": "beam", "temperature": 0.5}, "decoding.temperature: expected null with decoding.search beam"),
        ({"search": "sample", "beams": 2}, "decoding.beams: expected null with decoding.search sample"),
        ({"search": "greedy", "seed": 0}, "decoding.seed"),
        ({"search": "beam", "beams": 1}, "decoding.beams: expected 2 or more"),
        ({"search": "sample", "top_p": 0.0}, "decoding.top_p"),
        ({"search": "sample", "temperature": 0.0}, "decoding.temperature"),
        ({"search": "wide"}, "decoding.search: expected one of beam, greedy, sample"),
        ({"mode": "rag"}, "decoding.mode: expected one of top-1"),
    ],
)
def test_settings_that_a_search_ignores_are_refused(settings: dict[str, object], named: str) -> None:
    with pytest.raises(InputError, match=named):
        DecodingConfig(**settings)  # type: ignore[arg-type]


def test_a_question_without_passages_is_answered_too(generator: LanguageModel) -> None:
    (found,) = generator.generate([(X, ())], GREEDY)
    (context,) = [generator.prompt.context(X, (), room=ROOM)]
    assert context == generator.prompt.context(X, tuple[Passage, ...](), room=ROOM)
    first = next_token(generator, context, [])
    assert found.log_probability <= float(first.max()) + 1e-5
