"""Whole runs with encoders of many kinds: trained, kept and loaded, they search as sentence-transformers does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

import jsarag
from jsarag.models import SentenceEncoder
from tests import encoders, world
from tests.test_training.test_run import configured

QUESTIONS = ["where is the red lamp ?", "who did the blue stove ?"]


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("router", "frozen"),
        ("router", "shared"),
        ("static router", "shared"),
        ("prompt not pooled", "own"),
        ("t5", "own"),
    ],
)
def test_a_trained_run_is_loaded_as_it_was(
    name: str, read: str, data: Path, causal_model: Path, tmp_path: Path
) -> None:
    model = encoders.save(name, tmp_path / "encoder")
    options = world.options(data, model, causal_model, tmp_path / "run")
    few = ("--loop.steps", "2", "--loop.eval_every", "0", "--evaluation.answers", "false", "--passages.encoder", read)
    learns = () if read == "frozen" else ("--passages.rebuild_every", "1", "--optim.lr_passages", "1e-3")
    if name == "t5":
        learns = (*learns, "--passages.background", "true")
    jsarag.train(configured(options, *few, *learns))
    untrained, trained = (jsarag.Run.load(tmp_path / "run", weights=w) for w in ("untrained", "last"))
    prior = trained.pipeline.prior
    kb = trained.pipeline.kb
    moved = {n for n, w in prior.trained().items() if not torch.equal(w, untrained.pipeline.prior.trained()[n])}
    assert moved
    assert moved <= (prior.trained() if read == "shared" else prior.trained("query")).keys()
    # `own` is a third encoder, which is not kept beside the index that it made.
    if read != "own":
        assert isinstance(prior, SentenceEncoder)
        texts = [prior.config.passage.format(title=h.title, text=h.text) for h in kb.passages]
        expected = prior.model.similarity(prior.model.encode_query(QUESTIONS), prior.model.encode_document(texts))
        for row, found in zip(expected, trained.pipeline.retrieve(QUESTIONS, 3), strict=True):
            best, at = row.topk(3)
            assert [kb.passages[i] for i in at.tolist()] == [f.passage for f in found]
            assert_close(torch.tensor([f.score for f in found]), best, atol=1e-5, rtol=1e-5)
