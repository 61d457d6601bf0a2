"""Encoders of many kinds as models of sentence-transformers, with templates around the input."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from jsarag.exporting.retriever import sentence_transformer, written
from jsarag.models import EncoderConfig, load_encoder
from jsarag.types import Passage
from tests import encoders

QUERY, PASSAGE = "who asks : {input}", "of {title} : {text}"
QUESTIONS = ["where is the red lamp ?", "who is Ada"]
PASSAGES = [
    Passage("1", "lamp", "the red lamp is in the tower"),
    Passage("2", "boat", "a boat"),
    Passage("3", "", "key"),
]
FOLDED = {"bert", "cosine", "truncated", "router", "last token, padded left", "default prompt"}
"""Models whose prompts are read as the start of a text is."""
LEFT = {"prompt not pooled", "static", "chat"}
"""Models with which a prefix must stay in the text."""


@pytest.mark.parametrize("name", sorted(FOLDED | LEFT))
def test_vectors_are_those_of_the_run(name: str, tmp_path: Path) -> None:
    config = EncoderConfig(str(encoders.save(name, tmp_path)), passage=PASSAGE, query=QUERY, precision="fp32")
    prior = load_encoder(config, "cpu")
    documents = prior.copy()
    with torch.no_grad():
        for weight in prior.trained("query").values():
            weight.add_(0.05)
    question, passage = written(prior, "query"), written(documents, "document")
    assert (question.template == "{input}") == (name in FOLDED)
    model = sentence_transformer(prior, documents)
    texts = [(passage.template if h.title else passage.untitled).format(title=h.title, text=h.text) for h in PASSAGES]
    found = torch.tensor(model.encode_query([question.template.format(input=x) for x in QUESTIONS]))
    read = torch.tensor(model.encode_document(texts))
    with torch.no_grad():
        assert_close(found, prior.embed_queries(QUESTIONS), atol=1e-5, rtol=1e-5)
        assert_close(read, documents.embed_passages(PASSAGES), atol=1e-5, rtol=1e-5)
        assert (prior.embed_queries(QUESTIONS) - documents.embed_queries(QUESTIONS)).abs().max() > 1e-3
