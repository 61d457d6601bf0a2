"""The knowledge base in vectors against plain matrix products, and its folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from jsarag.data import load_passages
from jsarag.kb import KnowledgeBase
from jsarag.models import Encoder, EncoderConfig, load_encoder
from jsarag.types import InputError, Passage


@pytest.fixture(scope="module")
def encoder(encoder_model: Path) -> Encoder:
    return load_encoder(EncoderConfig(model=str(encoder_model), precision="fp32"), torch.device("cpu"))


@pytest.fixture(scope="module")
def kb(encoder: Encoder, data: Path) -> KnowledgeBase:
    return KnowledgeBase.build(load_passages(data / "passages.jsonl"), encoder)


def test_search_is_the_top_of_all_inner_products(kb: KnowledgeBase, encoder: Encoder) -> None:
    queries = encoder.embed_queries(["the red lamp", "who is Ada ?"])
    truth = (queries @ kb.vectors.T).topk(5)
    scores, positions = kb.search(queries, 5)
    assert positions.tolist() == truth.indices.tolist()
    assert_close(scores, truth.values.detach(), atol=1e-4, rtol=1e-4)
    assert not scores.requires_grad


def test_the_null_passage_is_always_found_with_its_own_score(encoder: Encoder, data: Path) -> None:
    passages = load_passages(data / "passages.jsonl")
    kb = KnowledgeBase.build([*passages[:5], Passage("null", "", ""), *passages[5:]], encoder)
    assert kb.null == 5
    asked, null = encoder.embed_queries(["the red lamp", "who is Ada ?"]).detach(), kb.vectors[5:6]
    queries = torch.cat([asked, null, -null])  # the last but one finds it by itself, the last would never
    truth, forced_ever = queries @ kb.vectors.T, False
    for k in (1, 2, 4, len(kb)):
        scores, positions = kb.search(queries, k)
        best = truth.topk(k).indices
        for row, right in zip(positions.tolist(), best.tolist(), strict=True):
            forced = k > 1 and 5 not in right
            forced_ever |= forced
            assert row == ([*right[:-1], 5] if forced else right)
        assert_close(scores, truth.gather(1, positions), atol=1e-4, rtol=1e-4)
        assert (scores.diff() <= 1e-4).all()  # still best first
    assert forced_ever


def test_probabilities_are_the_softmax_over_what_is_returned(kb: KnowledgeBase, encoder: Encoder) -> None:
    queries = encoder.embed_queries(["the red lamp"])
    (found,) = kb.retrieve(queries, 3, scale=0.1)
    truth = (0.1 * (queries @ kb.vectors.T)[0].topk(3).values).softmax(-1).tolist()
    assert [h.probability for h in found] == pytest.approx(truth, abs=1e-5)


def test_vectors_are_those_of_the_encoder_in_the_order_of_passages(kb: KnowledgeBase, encoder: Encoder) -> None:
    assert_close(kb.vectors[3:4], encoder.embed_passages([kb.passages[3]]).detach(), atol=1e-5, rtol=1e-5)
    assert kb.position[kb.passages[3].id] == 3


def test_folder_gives_back_the_same_knowledge_base(kb: KnowledgeBase, encoder: Encoder, tmp_path: Path) -> None:
    kb.save(tmp_path / "kb")
    again = KnowledgeBase.load(tmp_path / "kb")
    again.check_encoder(encoder, "kb")
    assert again.passages == kb.passages
    assert torch.equal(again.vectors, kb.vectors)
    queries = encoder.embed_queries(["the red lamp"])
    assert again.search(queries, 4)[1].tolist() == kb.search(queries, 4)[1].tolist()
    kb.save(tmp_path / "kb")  # over the old one
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kb"]  # nothing temporary is left


def test_what_does_not_belong_together_is_refused(
    kb: KnowledgeBase, encoder: Encoder, encoder_model: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="at most the 12 passages"):
        kb.search(encoder.embed_queries(["x"]), 13)
    with pytest.raises(InputError, match=r"not an index folder .* \(no manifest.json\)"):
        KnowledgeBase.load(tmp_path)
    other = load_encoder(
        EncoderConfig(model=str(encoder_model), precision="fp32", passage="{text}"), torch.device("cpu")
    )
    with pytest.raises(InputError, match="run `jsarag index` again"):
        kb.check_encoder(other, "kb")
    kb.save(tmp_path / "kb")
    (tmp_path / "kb" / "passages.jsonl").write_text(json.dumps({"id": "a", "title": "", "text": "b"}) + "\n")
    with pytest.raises(InputError, match=r"kb/passages.jsonl: damaged or exchanged .*; put it back from a copy"):
        KnowledgeBase.load(tmp_path / "kb")
    (tmp_path / "kb" / "checksums.json").unlink()
    with pytest.raises(InputError, match=r"kb/checksums.json: missing"):
        KnowledgeBase.load(tmp_path / "kb")
    manifest = json.loads((tmp_path / "kb" / "manifest.json").read_text())  # of an earlier version
    (tmp_path / "kb" / "manifest.json").write_text(json.dumps(manifest | {"format": 2}))
    with pytest.raises(InputError, match="1 passages, 12 vectors"):
        KnowledgeBase.load(tmp_path / "kb")
