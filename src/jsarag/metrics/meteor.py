"""METEOR 1.5 (Denkowski and Lavie 2014), its authors' Java program with its English paraphrases.

It comes with the package pycocoevalcap (110 MB), an extra of this project, and needs `java`; the scorers of DSTC and of
COCO captions call the same program.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Sequence

from jsarag.metrics.checks import check_references


def meteor_is_there() -> bool:
    """Whether the program and a `java` to run it are installed."""
    return importlib.util.find_spec("pycocoevalcap") is not None and shutil.which("java") is not None


def meteor_scores(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """``[examples]`` METEOR of each response, 0 to 1; the best reference counts. 0 for an empty response.

    Their mean is not the program's figure for a corpus, which sums counts over all responses first.

    Args:
        predictions: ``[examples]`` responses, which may be empty.
        references: ``[examples, any]`` accepted responses, at least one an example.

    Raises:
        ValueError: lengths differ, or an example has no reference.
    """
    from pycocoevalcap.meteor.meteor import Meteor

    check_references(predictions, references)
    scores = [0.0] * len(predictions)
    # A text is a line of the program's input, and bars stand between texts.
    responses = {i: [_line(text)] for i, text in enumerate(predictions) if _line(text)}
    accepted = {i: [_line(text) for text in references[i]] for i in responses}
    if responses:
        _, found = Meteor().compute_score(accepted, responses)
        for i, score in zip(responses, found, strict=True):
            scores[i] = float(score)
    return scores


def _line(text: str) -> str:
    return " ".join(text.replace("|||", " ").split())
