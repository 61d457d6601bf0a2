"""BM25: passages by the words that they share with a text."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from jsarag.kb.sources.source import Relevance
from jsarag.metrics.words import spaced
from jsarag.types import Passage


class BM25:
    """BM25 over the words of title and text (Lucene's form, k1 = 1.5, b = 0.75), without stemming or stop words.

    Words are runs of letters and digits in lower case; letters of scripts without blanks stand alone. The null passage
    is left out: its score is 0.
    """

    def __init__(self, passages: Sequence[Passage]) -> None:
        """Count the words of the passages."""
        import bm25s

        read = [i for i, passage in enumerate(passages) if not passage.null]
        self._read, self._passages = np.array(read), len(passages)
        # Without numba, which bm25s takes where it finds it: scores do not depend on what else is installed.
        self.index = bm25s.BM25(backend="numpy", csc_backend="numpy")
        self.index.index([_words(f"{passages[i].title} {passages[i].text}") for i in read], show_progress=False)

    def scores(self, text: str) -> Relevance:
        """``[passages]`` the sum over the words of the text, each as often as it stands there."""
        found = np.zeros(self._passages, dtype=np.float32)
        known = [word for word in _words(text) if word in self.index.vocab_dict]
        if known:
            found[self._read] = self.index.get_scores(known)
        return found


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", spaced(text.lower()))
