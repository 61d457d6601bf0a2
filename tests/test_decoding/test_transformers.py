"""RAG-Token and RAG-Sequence against what transformers' own RAG models generate, on the same BART and passages."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import DPRConfig, DPRQuestionEncoder, RagConfig
from transformers.models.rag.modeling_rag import RagSequenceForGeneration, RagTokenForGeneration

from jsarag.decoding import DECODERS
from jsarag.models import LanguageModel, Search
from jsarag.models.decode import text_of
from jsarag.models.search import Beam, Greedy
from jsarag.types import Passage, Retrieved
from tests import tiny
from tests.test_decoding.enumeration import EOS, load

WORDS = "a b c d e f g"
ROOM = 12
XS = ["a b", "c d", "e a"]
TEXTS = [["a b c", "d e f", "g a g"], ["c c a", "b f e", "d d d"], ["a g b", "f f c", "e b a"]]
"""Of one length: transformers' RAG-Sequence reads padding."""


SEARCHES: list[Search] = [Greedy(), Beam(2), Beam(4)]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("search", SEARCHES, ids=lambda s: str(s.width))
def test_rag_token_answers_as_transformers(search: Search, seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("bart")
    generator = load(tiny.bart(folder, seed=seed, words=WORDS, end=1.0, spread=0.8), room=ROOM)
    ours, theirs = both("rag-token", RagTokenForGeneration, generator, search, seed)
    assert ours == [text_of(generator.tokenizer, row) for row in theirs]
    assert len(set(ours)) > 1


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("search", SEARCHES, ids=lambda s: str(s.width))
def test_rag_sequence_answers_as_transformers(
    search: Search, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # Their score of an answer of one token lacks the document's, that of an answer that was cut short its end: here
    # every answer has two words or more, and soon an end.
    generator = load(tiny.bart(tmp_path_factory.mktemp("bart"), seed=seed, words=WORDS, end=3.0), room=ROOM)
    generator.model.generation_config.min_new_tokens = 2
    ours, theirs = both("rag-sequence-thorough", RagSequenceForGeneration, generator, search, seed)
    assert all(EOS in row[1:] for row in theirs)
    assert ours == [text_of(generator.tokenizer, row) for row in theirs]


def both(
    mode: str, kind: Any, generator: LanguageModel, search: Search, seed: int
) -> tuple[list[str], list[list[int]]]:
    """Our answers, and the tokens of theirs, which begin with the decoder's start token."""
    rng = torch.Generator().manual_seed(seed)
    documents = torch.randn(len(XS), 3, generator=rng)
    retrieved = [
        [Retrieved(Passage(str(i), "", text), 0.0, p) for i, (text, p) in enumerate(zip(row, ps, strict=True))]
        for row, ps in zip(TEXTS, documents.softmax(-1).tolist(), strict=True)
    ]
    ours = [answer.text for answer in DECODERS[mode](generator, XS, retrieved, search)]

    contexts = [
        generator.prompt.context(x, (h.passage,), room=ROOM) for x, hs in zip(XS, retrieved, strict=True) for h in hs
    ]
    encoder = DPRConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    config = RagConfig.from_question_encoder_generator_configs(encoder, generator.model.config, n_docs=3)
    theirs = kind(config=config, question_encoder=DPRQuestionEncoder(encoder), generator=generator.model).eval()
    theirs.generation_config = generator.model.generation_config
    ids = torch.tensor(contexts)
    with torch.inference_mode():
        found = theirs.generate(
            context_input_ids=ids,
            context_attention_mask=torch.ones_like(ids),
            doc_scores=documents,
            n_docs=3,
            num_beams=search.width,
            length_penalty=0.0,
            max_length=ROOM + 1,
            pad_token_id=0,
            eos_token_id=5,
            bos_token_id=4,
        )
    return ours, found.tolist()
