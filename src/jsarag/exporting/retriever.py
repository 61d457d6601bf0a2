"""The retriever as a model of sentence-transformers: question and passage by ``encode_query`` and ``encode_document``.

A template is a text around the input; sentence-transformers knows a prompt before it. What stands before the input
goes into the prompt where that changes no vector; the rest of the template is left to whoever writes the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsarag.models import SentenceEncoder, sentence
from jsarag.models.encoder.encoder import Task
from jsarag.models.encoder.sentence_encoder import TITLE


@dataclass(frozen=True)
class Written:
    """What is left of a template.

    Attributes:
        prompt: What sentence-transformers puts before a text by itself.
        template: How a text has to be written.
    """

    prompt: str
    template: str

    @property
    def untitled(self) -> str:
        """How a passage without a title has to be written."""
        return TITLE.sub("", self.template, count=1)


def written(encoder: SentenceEncoder, task: Task) -> Written:
    """How sentence-transformers has to be given the texts of a task, so that it reads what the run's encoder reads."""
    template = encoder.config.query if task == "query" else encoder.config.passage
    prompt, held = encoder.prompt(task, template)
    template = template[held:]
    start = re.split(r"[{}]", template, maxsplit=1)[0]
    if not start or not _alike(encoder, task):
        return Written(prompt, template)
    return Written(prompt + start, template[len(start) :])


def _alike(encoder: SentenceEncoder, task: Task) -> bool:
    """Whether a model reads the end of a prompt as it reads the start of a text."""
    modules = list(sentence.route(encoder.model, task))
    return sentence.is_plain(modules[0]) and all(getattr(module, "include_prompt", True) for module in modules)


def query_limit(prior: SentenceEncoder) -> int | None:
    """Tokens after which a question is cut, None where nothing is."""
    return sentence.limit(sentence.reader(prior.model, "query"), "query")


def sentence_transformer(prior: SentenceEncoder, documents: SentenceEncoder) -> Any:
    """The ``SentenceTransformer`` of both encoders; it shares their weights."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Router

    modules = list(prior.model)
    if documents is not prior:
        queries, passages = sentence.route(prior.model, "query"), sentence.route(documents.model, "document")
        modules = [Router.for_query_document(list(queries), list(passages))]
    return SentenceTransformer(
        modules=modules,
        prompts={"query": written(prior, "query").prompt, "document": written(documents, "document").prompt},
        similarity_fn_name=prior.similarity,
        truncate_dim=prior.model.truncate_dim,
        device=str(prior.device),
    )


def write(prior: SentenceEncoder, documents: SentenceEncoder, folder: Path) -> None:
    """Write the model into a new folder."""
    documents.to(prior.device)
    sentence_transformer(prior, documents).save(str(folder), create_model_card=False)


def settings(prior: SentenceEncoder, documents: SentenceEncoder) -> dict[str, Any]:
    """The settings with which `jsarag.load_encoder` makes the run's vectors from the written model."""
    return {
        "query": written(prior, "query").template,
        "passage": written(documents, "document").template,
        "similarity": prior.similarity,
        "scale": prior.scale,
    }
