"""A run in a Haystack pipeline."""

from __future__ import annotations

import os

import pytest

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"  # read when the package is imported

from haystack import Pipeline
from haystack.components.builders import PromptBuilder

from jsarag import Run
from jsarag.integrations.haystack import JsaragRetriever
from jsarag.types import InputError

QUESTION = "where is the red lamp ?"


def test_the_retriever_in_a_pipeline_that_was_written_and_read(run: Run) -> None:
    pipeline = Pipeline()
    pipeline.add_component("retriever", JsaragRetriever(run, top_k=3))
    pipeline.add_component("prompt", PromptBuilder("{% for d in documents %}{{ d.content }}\n{% endfor %}"))
    pipeline.connect("retriever.documents", "prompt.documents")
    expected = run.retrieve(QUESTION, k=3)
    for made in (pipeline, Pipeline.loads(pipeline.dumps(), allowed_modules=[JsaragRetriever.__module__])):
        found = made.run({"retriever": {"query": QUESTION}}, include_outputs_from={"retriever"})
        documents = found["retriever"]["documents"]
        assert [d.id for d in documents] == [h.passage.id for h in expected]
        assert [d.score for d in documents] == pytest.approx([h.probability for h in expected])
        assert found["prompt"]["prompt"].splitlines()[0] == expected[0].passage.text


def test_filters_are_refused(run: Run) -> None:
    with pytest.raises(InputError, match="filters: expected none"):
        JsaragRetriever(run).run(QUESTION, filters={"field": "meta.title", "operator": "==", "value": "lamp"})
