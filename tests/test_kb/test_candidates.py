"""BM25 as a source of candidates: its scores, what it finds, and what C is in a training step."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import jsarag
from jsarag.data import load_passages
from jsarag.files import read_json
from jsarag.kb import CandidateConfig, KnowledgeBase, knowledge_base
from jsarag.kb.sources import BM25, SOURCES, best
from jsarag.models import Encoder, EncoderConfig, GeneratorConfig, LoraConfig, Pair, load_encoder, load_generator
from jsarag.objectives import JSA, Objective, RagSequence
from jsarag.pipeline import Pipeline
from jsarag.retriever import NONE, Retriever
from jsarag.training import step as module
from jsarag.training.models import Models
from jsarag.training.reading import BatchReader
from jsarag.training.step import Outcome, TrainingCase, step
from jsarag.types import InputError, Passage
from tests.test_training.test_run import configured

CASES = [
    TrainingCase("where is the red lamp ?", "seven stoves"),
    TrainingCase("what is the blue boat ?", "nine tallies", exclude=(4,)),
    TrainingCase("zzz", "Ada", exclude=(0, 1)),
]


@pytest.fixture(scope="module")
def models(encoder_model: Path, causal_model: Path) -> Models:
    encoder = load_encoder(EncoderConfig(model=str(encoder_model), precision="fp32", scale=0.5))
    config = GeneratorConfig(model=str(causal_model), precision="fp32", lora=LoraConfig(rank=4))
    return Models.of(encoder, load_generator(config))


@pytest.fixture(scope="module")
def kb(models: Models, data: Path) -> KnowledgeBase:
    return KnowledgeBase.build(load_passages(data / "passages.jsonl"), models.prior)


def taken(models: Models, kb: KnowledgeBase, objective: Objective, more: CandidateConfig = NONE) -> Outcome:
    torch.manual_seed(0)
    start = torch.tensor([-1, 11, -1])
    return step(models, kb, objective, CASES, start, torch.Generator().manual_seed(0), more=more)


def test_the_scores_are_those_of_bm25s_and_the_null_passage_has_none(data: Path) -> None:
    passages = [*load_passages(data / "passages.jsonl"), Passage("null", "", ""), Passage("z", "", "red red boat")]
    source, read = BM25(passages), [i for i in range(14) if i != 12]
    other = bm25s.BM25()
    other.index([f"{passages[i].title} {passages[i].text}".lower().split() for i in read], show_progress=False)
    for text, words in (("Where is the RED lamp?", ["is", "the", "red", "lamp"]), ("red, red boat zzz", 2 * ["red"])):
        wanted = other.get_scores([*words, "boat"] if "boat" in text else words)
        assert_close(source.scores(text)[read], np.asarray(wanted, dtype=np.float32))
        assert source.scores(text)[12] == 0
    assert not source.scores("zzz").any()
    assert not source.scores("").any()


def test_the_best_are_those_of_a_plain_sort() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        scores = rng.integers(0, 5, size=rng.integers(1, 12)).astype(np.float32)
        exclude, k = rng.choice(12, size=rng.integers(0, 4), replace=False).tolist(), int(rng.integers(1, 14))
        order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
        assert best(scores, k, exclude) == [i for i in order if scores[i] > 0 and i not in exclude][:k]


@pytest.mark.parametrize("reads", ["x", "y", "xy"])
def test_the_candidates_are_the_union_in_ascending_order_without_doubles(
    models: Models, kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch, reads: Any
) -> None:
    seen: list[Tensor] = []

    def reader(*parts: Any) -> BatchReader:
        seen.append(parts[3])
        return BatchReader(*parts)

    monkeypatch.setattr(module, "BatchReader", reader)
    taken(models, kb, JSA(k=2, m=3), more=CandidateConfig("bm25", 4, reads))
    source = BM25(kb.passages)
    for case, row, start in zip(CASES, seen[0].tolist(), ([], [11], []), strict=True):
        text = {"x": case.x, "y": case.y, "xy": f"{case.x} {case.y}"}[reads]
        scores = source.scores(text)
        found = [h for h in sorted(range(12), key=lambda h: -scores[h]) if scores[h] > 0 and h not in case.exclude][:4]
        dense = set()
        for e in (models.prior.embed_queries([case.x])[0], models.posterior.embed_pairs([case.x], [case.y])[0]):
            order = (kb.vectors @ e).argsort(descending=True).tolist()
            dense |= set([h for h in order if h not in case.exclude][:2])
        wanted = sorted(dense | set(found) | set(start))
        assert row == wanted + [-1] * (len(row) - len(wanted))
    assert bool((seen[0][2] >= 0).sum() > 2) == (reads != "x")  # BM25 knows no word of "zzz"


def test_the_objectives_over_this_c_are_those_of_enumeration(models: Models, kb: KnowledgeBase) -> None:
    more = CandidateConfig("bm25", 3, "xy")
    exact, marginal = [], []
    for case, start in zip(CASES, ([], [11], []), strict=True):
        x, xy = models.prior.embed_queries([case.x])[0], models.posterior.embed_pairs([case.x], [case.y])[0]
        log_p, log_q = 0.5 * kb.vectors @ x, 0.5 * kb.vectors @ xy
        log_lik = torch.cat([models.generator.log_likelihood([Pair(case.x, (h,), case.y)]) for h in kb.passages])
        tops = [[h for h in s.argsort(descending=True).tolist() if h not in case.exclude][:2] for s in (log_p, log_q)]
        lexical = best(kb.source("bm25").scores(f"{case.x} {case.y}"), 3, case.exclude)
        c = sorted({*tops[0], *tops[1], *lexical, *start})
        p, q = log_p[c].log_softmax(-1), log_q[c].log_softmax(-1)
        weights = (p + log_lik[c]).softmax(-1).detach()
        exact.append(-(weights * (p + q + log_lik[c])).sum())
        c = sorted({*tops[0], *lexical, *start})
        marginal.append(-(log_p[c].log_softmax(-1) + log_lik[c]).logsumexp(-1))
    for objective, wanted in ((JSA(k=2, exact=True, states=None), exact), (RagSequence(k=2), marginal)):
        assert_close(taken(models, kb, objective, more=more).loss, torch.stack(wanted).mean(), atol=1e-4, rtol=1e-4)


def test_without_a_source_nothing_changes(models: Models, kb: KnowledgeBase) -> None:
    for objective in (JSA(k=2, m=3), RagSequence(k=2)):
        plain, off = taken(models, kb, objective), taken(models, kb, objective, more=CandidateConfig())
        assert (plain.loss.item(), plain.diagnostics) == (off.loss.item(), off.diagnostics)
        assert plain.loss.item() != taken(models, kb, objective, more=CandidateConfig("bm25", 4, "y")).loss.item()


def test_a_source_is_kept_while_the_vectors_are_made_anew(models: Models, kb: KnowledgeBase) -> None:
    assert kb.source("bm25") is kb.source("bm25")
    assert kb.rebuilt(models.prior).source("bm25") is kb.source("bm25")


def test_bad_settings_are_named() -> None:
    for values, message in (
        ({"source": "bm52"}, r"^candidates.source: expected one of bm25, got 'bm52'; did you mean bm25\?"),
        ({"source": "bm25", "k": -1}, "^candidates.k: expected a number of 0 or more, got -1"),
        ({"source": "bm25", "weight": -1}, "^candidates.weight: expected a number of 0 or more, got -1"),
        ({"weight": 0.5}, "^candidates.weight: expected 0.0 where candidates.source is null, got 0.5"),
        ({"k": 3}, "^candidates.k: expected null where candidates.source is null, got 3"),
        ({"reads": "x"}, "^candidates.reads: expected y where candidates.source is null, got 'x'"),
        ({"source": "bm25", "reads": "z"}, "^candidates.reads: expected one of x, xy, y, got 'z'"),
    ):
        with pytest.raises(InputError, match=message):
            CandidateConfig(**values)


def test_a_source_of_another_package(models: Models, kb: KnowledgeBase) -> None:
    class Last:
        """Finds the passages at the end."""

        def __init__(self, passages: Sequence[Passage]) -> None:
            self.found = np.arange(len(passages), dtype=np.float32)

        def scores(self, text: str) -> Any:
            return self.found

    SOURCES.register("last", Last)
    try:
        (found,) = CandidateConfig("last").propose(kb, ["x"], ["y"], 2, [(11,)])
        assert found.tolist() == [[10, 9]]
    finally:
        SOURCES.unregister("last")


def sums(encoder: Encoder, kb: KnowledgeBase, x: str, weight: float) -> Tensor:
    """``[passages]`` inner product and weighted BM25 of every passage, added by hand."""
    e = kb.comparable(encoder.embed_queries([x]))[0]
    return kb.vectors @ e + weight * torch.from_numpy(BM25(kb.passages).scores(x))


@torch.inference_mode()
@pytest.mark.parametrize("pool", [100, 3])
def test_a_source_with_a_weight_is_added_to_the_inner_products(
    models: Models, kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch, pool: int
) -> None:
    monkeypatch.setattr(knowledge_base, "POOL", pool)
    xs, orders = [case.x for case in CASES], []
    pipeline = Pipeline(models.prior, kb, models.generator, candidates=CandidateConfig("bm25", weight=0.7))
    for x, row in zip(xs, pipeline.retrieve(xs, 3), strict=True):
        added, plain = sums(models.prior, kb, x, 0.7), sums(models.prior, kb, x, 0.0)
        here = {*plain.topk(min(pool, 12)).indices.tolist(), *best(BM25(kb.passages).scores(x), pool)}
        order = sorted(here, key=lambda h: -float(added[h]))[:3]
        assert [h.passage for h in row] == [kb.passages[h] for h in order]
        assert_close(torch.tensor([h.score for h in row]), added[order])
        assert_close(torch.tensor([h.probability for h in row]), (0.5 * added[order]).softmax(-1))
        orders.append(order != plain.topk(3).indices.tolist())
    assert any(orders)  # BM25 did have a say
    # The first of few are those of many, as long as the pool holds them all.
    deep = pipeline.retrieve(xs, 12)
    assert pool < 12 or [row[:3] for row in map(ids, deep)] == [ids(row) for row in pipeline.retrieve(xs, 3)]


def ids(row: Sequence[jsarag.Retrieved]) -> list[str]:
    return [h.passage.id for h in row]


@torch.inference_mode()
def test_the_null_passage_stays_a_candidate_and_excluded_ones_none(models: Models, data: Path) -> None:
    passages = [*load_passages(data / "passages.jsonl"), Passage("null", "", "")]
    kb = KnowledgeBase.build(passages, models.prior)
    prior = Retriever(models.prior, kb, candidates=CandidateConfig("bm25", weight=50.0))
    x = "the red lamp"
    e, relevance = prior.embed([x]), list(prior.relevance([x]) or ())
    order = [h for h in sums(models.prior, kb, x, 50.0).argsort(descending=True).tolist() if h != 12]
    assert prior.search(e, 3, relevance=relevance).tolist() == [[*order[:2], 12]]
    assert prior.search(e, 3, [(order[0], order[2])], relevance).tolist() == [[order[1], order[3], 12]]


def test_a_step_with_a_weight_is_that_of_enumeration(models: Models, kb: KnowledgeBase) -> None:
    losses = []
    for case, start in zip(CASES, ([], [11], []), strict=True):
        log_p = 0.5 * sums(models.prior, kb, case.x, 0.7)
        log_lik = torch.cat([models.generator.log_likelihood([Pair(case.x, (h,), case.y)]) for h in kb.passages])
        top = [h for h in log_p.argsort(descending=True).tolist() if h not in case.exclude][:2]
        c = sorted({*top, *start})
        losses.append(-(log_p[c].log_softmax(-1) + log_lik[c]).logsumexp(-1))
    more = CandidateConfig("bm25", 0, weight=0.7)
    assert_close(taken(models, kb, RagSequence(k=2), more=more).loss, torch.stack(losses).mean(), atol=1e-4, rtol=1e-4)


def test_a_run_that_was_stopped_goes_on_with_the_same_bits(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = ("--candidates.source", "bm25", "--candidates.weight", "0.5", "--candidates.reads", "y")
    quick = ("--objective.cache", "true", "--loop.steps", "4", "--evaluation.before", "false")
    none = ("--evaluation.answers", "false", "--evaluation.closed_book", "false")
    config = configured(options, *more, *quick, *none)
    whole = jsarag.train(config)
    assert whole is not None
    original, calls = CandidateConfig.propose, 0

    def stopping(self: CandidateConfig, *given: Any) -> tuple[Tensor, ...]:
        nonlocal calls
        calls += 1
        if calls == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return original(self, *given)

    monkeypatch.setattr(CandidateConfig, "propose", stopping)
    assert jsarag.train(replace(config, out=tmp_path / "broken")) is None
    found = jsarag.resume(tmp_path / "broken")
    assert found is not None
    assert calls == 4
    assert found["after"] == whole["after"]
    states = [read_json(tmp_path / run / "summary.json")["cost"]["tokens_scored"] for run in ("run", "broken")]
    assert states[0] == states[1]
    one, two = (jsarag.Run.load(tmp_path / run).pipeline.prior.trained() for run in ("run", "broken"))
    assert all(torch.equal(weight, two[name]) for name, weight in one.items())

    # The run answers with the source, and so do an export of it and the run with other passages.
    loaded = jsarag.Run.load(tmp_path / "run")
    prior, question = loaded.pipeline.prior, "where is the blue key ?"
    wanted = [loaded.pipeline.kb.passages[h].id for h in sums(prior, loaded.pipeline.kb, question, 0.5).topk(5).indices]
    assert ids(loaded.retrieve(question)) == wanted
    assert ids(loaded.ask(question).passages) == wanted
    assert ids(jsarag.Run.load(jsarag.export(tmp_path / "run", tmp_path / "exported")).retrieve(question)) == wanted
    moved = loaded.with_passages([{"id": f"n{i}", "text": f"blue key {i}"} for i in range(6)])
    top = sums(prior, moved.pipeline.kb, question, 0.5).topk(5).indices
    assert ids(moved.retrieve(question)) == [f"n{i}" for i in top]
