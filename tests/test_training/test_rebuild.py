"""Rebuilding the index: staleness against closed forms, whole runs, a second process, interruptions."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

import jsarag
from jsarag.data import load_passages
from jsarag.display import Silent
from jsarag.files import read_json
from jsarag.kb import KnowledgeBase
from jsarag.models import Encoder, EncoderConfig, load_encoder
from jsarag.training import checkpoint
from jsarag.training.config import PassageConfig
from jsarag.training.rebuild import Rebuilds, Rebuilt, freshness, overlap
from tests.test_training.test_run import configured, curve

OWN = ("--passages.encoder", "own", "--optim.lr_passages", "1e-3")
QUICK = ("--evaluation.answers", "false", "--evaluation.closed_book", "false")
PROBES = ["where is the red lamp ?", "what is the blue boat ?", "who is at the green key ?"]


@pytest.fixture(scope="module")
def encoder(encoder_model: Path) -> Encoder:
    return load_encoder(EncoderConfig(model=str(encoder_model), precision="fp32"), torch.device("cpu"))


@pytest.fixture(scope="module")
def moved(encoder: Encoder) -> Encoder:
    """The encoder after much training."""
    other = encoder.copy()
    with torch.no_grad():
        for weight in other.trained().values():
            weight.add_(0.3 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(3)))
    return other


@pytest.fixture
def kb(encoder: Encoder, data: Path, tmp_path: Path) -> KnowledgeBase:
    found = KnowledgeBase.build(load_passages(data / "passages.jsonl"), encoder)
    found.save(tmp_path / "index")
    return found


def test_overlap_is_the_mean_share_of_each_row() -> None:
    a = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]])
    b = torch.tensor([[4, 3, 9, 0], [8, 7, 6, 5]])
    assert overlap(a, b) == (0.5 + 1.0) / 2
    assert overlap(a, a) == 1.0


def test_freshness_on_a_small_kb_is_the_overlap_with_a_rebuilt_index(
    kb: KnowledgeBase, encoder: Encoder, moved: Encoder
) -> None:
    queries = encoder.embed_queries(PROBES).detach()
    fresh = kb.rebuilt(moved)
    for k in (1, 3, 5):
        wanted = overlap(fresh.search(queries, k)[1], kb.search(queries, k)[1])
        # 4k reaches all 12 passages from k = 3 on; with fewer the passages near some probe are looked at alone.
        found = freshness(kb, encoder, moved, PROBES, k)
        assert found == pytest.approx(wanted) if k >= 3 else found >= wanted
    assert freshness(kb, encoder, encoder, PROBES, 3) == 1.0


def test_a_run_rebuilds_keeps_what_it_needs_and_answers_with_the_trained_index(
    options: list[str], tmp_path: Path
) -> None:
    config = configured(options, *OWN, *QUICK, "--passages.rebuild_every", "3")
    summary = jsarag.train(config)
    assert summary is not None
    run = tmp_path / "run"
    rows = [row for row in curve(run) if row["kind"] == "index"]
    assert [row["step"] for row in rows] == [3, 6]
    assert all(0 <= row["overlap_of_old"] <= 1 for row in rows)
    drift = [row["drift"] for row in curve(run) if row["kind"] == "step"]
    assert drift[0] == pytest.approx(0, abs=1e-5)
    assert drift[3] < drift[2]  # the index was made anew in between
    # The checkpoint of step 8 was the last, that of step 4 the one before: the indexes they belong to are left.
    folder, _ = checkpoint.locate(run, "last")
    assert read_json(folder / "state.json")["state"]["index"] == "rebuilt/000006"
    assert sorted(path.name for path in (run / "rebuilt").iterdir()) == ["000003", "000006"]
    trained = KnowledgeBase.load(run / "trained-index")
    assert trained.fingerprint == summary["run"]["encoder_fingerprint"]
    first = KnowledgeBase.load(run / "index").fingerprint
    assert (trained.fingerprint == first) == (summary["run"]["checkpoint"]["step"] == 0)
    loaded = jsarag.Run.load(run)
    assert_close(loaded.pipeline.kb.vectors, trained.vectors)
    found = loaded.evaluate(config.data.test or "", config.evaluation).summary
    assert found["prior"] == summary["after"]["prior"]
    # Other weights than those the run ended with bring their own index; untrained ones the first.
    assert (
        jsarag.Run.load(run, weights="untrained").pipeline.kb.fingerprint
        == KnowledgeBase.load(run / "index").fingerprint
    )


@pytest.mark.parametrize("kind", ["own", "shared"])
@pytest.mark.parametrize("stop_after", [3, 4, 5])
def test_a_run_that_rebuilds_continues_as_if_nothing_had_happened(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, stop_after: int
) -> None:
    more = ("--passages.encoder", kind, "--optim.lr_passages", "1e-3", "--passages.rebuild_every", "2")
    whole = configured(options, *more, *QUICK, "--loop.share_candidates", "true", "--passages.overlap", "0.9")
    expected = jsarag.train(whole)
    broken = replace(whole, out=tmp_path / "broken")
    original, steps = Rebuilds.after, 0

    def stopped(self: Rebuilds, step: int, kb: KnowledgeBase, display: jsarag.display.Display):  # type: ignore[no-untyped-def]
        nonlocal steps
        steps += 1
        if steps == stop_after:
            os.kill(os.getpid(), signal.SIGINT)
        return original(self, step, kb, display)

    monkeypatch.setattr(Rebuilds, "after", stopped)
    assert jsarag.train(broken) is None
    found = jsarag.resume(broken.out)
    assert found is not None
    assert expected is not None
    assert found["after"] == expected["after"]
    assert curve(Path(broken.out)) == curve(Path(whole.out))


def test_an_overlap_below_the_limit_rebuilds(options: list[str], tmp_path: Path) -> None:
    fast = ("--optim.lr_passages", "0.1", "--optim.clip", "0", "--passages.check_every", "2", "--passages.overlap", "1")
    jsarag.train(configured(options, *OWN, *fast, *QUICK))
    rows = [row for row in curve(tmp_path / "run") if row["kind"] == "index"]
    assert [row["step"] for row in rows] == [2, 4, 6, 8]
    assert any(row["overlap"] < 1 for row in rows)
    assert all(("overlap_of_old" in row) == (row["overlap"] < 1) for row in rows)


def encoded(rebuilds: Rebuilds, step: int, kb: KnowledgeBase) -> Rebuilt:
    """The index of the process under way, once that is over: it is ready after the next step."""
    assert rebuilds._process is not None and rebuilds._process._process is not None
    rebuilds._process._process.wait(120)
    ready, _ = rebuilds.after(step, kb, Silent())
    assert ready is not None
    return ready


def test_a_second_process_makes_the_same_index(
    kb: KnowledgeBase, encoder: Encoder, moved: Encoder, tmp_path: Path
) -> None:
    rebuilds = Rebuilds(PassageConfig("own", rebuild_every=7, background=True), tmp_path, encoder, moved, PROBES, 3)
    assert rebuilds.after(6, kb, Silent()) == (None, {})
    assert rebuilds.after(7, kb, Silent()) == (None, {})
    ready = encoded(rebuilds, 8, kb)
    assert (ready.from_step, ready.folder) == (7, "rebuilt/000007")
    assert_close(ready.kb.vectors, kb.rebuilt(moved).vectors, atol=1e-5, rtol=1e-5)
    assert ready.kb.fingerprint == moved.fingerprint()
    assert [path.name for path in (tmp_path / "rebuilt").iterdir()] == ["000007"]


def test_a_second_process_that_fails_says_why_and_one_that_is_stopped_leaves_nothing(
    kb: KnowledgeBase, encoder: Encoder, moved: Encoder, tmp_path: Path
) -> None:
    config = PassageConfig("own", rebuild_every=1, background=True)
    rebuilds = Rebuilds(config, tmp_path, encoder, moved, PROBES, 3)
    rebuilds.after(1, kb, Silent())
    rebuilds.close()
    assert list((tmp_path / "rebuilt").iterdir()) == []
    (tmp_path / "index" / "vectors.safetensors").unlink()
    rebuilds.after(2, kb, Silent())
    with pytest.raises(jsarag.InputError, match=r"passages.background: encoding failed \(.*vectors.safetensors"):
        encoded(rebuilds, 3, kb)


def test_settings_that_nothing_would_read_are_refused(options: list[str]) -> None:
    with pytest.raises(jsarag.InputError, match=r"passages.overlap: expected null where passages.encoder is frozen"):
        configured(options, "--passages.overlap", "0.5")
    with pytest.raises(jsarag.InputError, match=r"passages.encoder: expected frozen with objective frozen"):
        m = options.index("--objective.m")
        configured([*options[:m], *options[m + 2 :]], "--objective.name", "frozen", *OWN)
