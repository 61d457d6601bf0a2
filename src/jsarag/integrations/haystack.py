"""A run in Haystack: a retriever component for its pipelines."""

from __future__ import annotations

from typing import Any

from jsarag.api import Run
from jsarag.types import InputError, Retrieved

try:
    from haystack import Document, component, default_from_dict, default_to_dict
except ImportError as error:
    raise ImportError('jsarag.integrations.haystack: pip install "jsarag[haystack]"') from error


@component
class JsaragRetriever:
    """The trained retriever of a run.

    A pipeline that holds it can be written to a file. To read such a file, name this module among the
    ``allowed_modules`` of ``Pipeline.load``.

    Example:
        >>> retriever = JsaragRetriever("runs/mine", top_k=3)
        >>> retriever.run("How do I get my deposit back?")["documents"][0].score
        0.87
    """

    def __init__(self, run: Run | str, top_k: int | None = None) -> None:
        """Take a run.

        Args:
            run: What `jsarag.Run.load` gives, or what it takes.
            top_k: Passages for a question; None: as many as the run answers with.
        """
        self._run = run if isinstance(run, Run) else Run.load(run)
        self.top_k = top_k

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, top_k: int | None = None, filters: dict[str, Any] | None = None
    ) -> dict[str, list[Document]]:
        """The passages for a question, best first.

        Args:
            query: The question.
            top_k: How many, in the place of the component's own.
            filters: Expected None or empty: a run has no filters.

        Raises:
            InputError: filters, an empty question, or more passages than there are.
        """
        if filters:
            raise InputError(f"filters: expected none, for a run searches all of its passages; got {filters}")
        return {"documents": [_document(h) for h in self._run.retrieve(query, k=top_k or self.top_k)]}

    def to_dict(self) -> dict[str, Any]:
        """What `from_dict` reads."""
        written: dict[str, Any] = default_to_dict(self, run=str(self._run.folder), top_k=self.top_k)
        return written

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> JsaragRetriever:
        """The component that `to_dict` wrote; its run is loaded."""
        found: JsaragRetriever = default_from_dict(cls, data)
        return found


def _document(h: Retrieved) -> Document:
    record = h.passage.record()
    text, name = str(record.pop("text")), str(record.pop("id"))
    return Document(id=name, content=text, meta={**record, "inner_product": h.score}, score=h.probability)
