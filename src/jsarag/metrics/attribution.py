"""Where an answer comes from: the passages that were read, or the generator's memory."""

from __future__ import annotations

from collections.abc import Sequence

from jsarag.metrics.checks import check_references
from jsarag.metrics.words import overlap, passage_words, stands, words_of
from jsarag.types import Passage


def attribution_scores(
    answers: Sequence[str],
    references: Sequence[Sequence[str]],
    passages: Sequence[Sequence[Passage]],
    closed_book: Sequence[str] | None = None,
) -> dict[str, list[float]]:
    """Say of each answer what it has to do with the passages it was made from.

    Words are those of SQuAD (lower case, no punctuation, no a, an, the), but a dash parts words and a hyphen parts two
    numbers, so that 1939 stands in 1939–1945; letters of Chinese and the like are words (`passage_words`). A text
    *stands in* a passage where its words, at least one, follow one another in the title or in the text. That is strict:
    an answer in other words, yes, no and most responses of a dialog stand nowhere; ``support`` is the figure for them.

    Args:
        answers: ``[examples]`` answers, which may be empty.
        references: ``[examples, any]`` accepted answers, at least one an example.
        passages: ``[examples, any]`` the passages the answer was made from, best first, at least one an example; as
            they stand in the knowledge base, also where a prompt cuts their end.
        closed_book: ``[examples]`` answers of the same generator without passages, if known.

    Returns:
        ``[examples]`` values, 0 or 1 but for support:
        ``reference_in_passages`` an accepted answer stands in one of the passages: the answer could be read off;
        ``reference_in_first`` it stands in the first;
        ``answer_in_passages`` the answer stands in one of the passages; ``answer_in_first`` it stands in the first;
        ``support`` share of the answer's words that a passage holds, each as often as there, of the passage that
        holds most; 0 for an answer without words (K-Precision of arXiv 2307.16877, of each passage by itself);
        ``against`` an accepted answer stands in one of the passages, but the answer, of at least one word, stands in
        none and has not the words of an accepted one;
        ``by_heart`` only with ``closed_book``: the answer has the words of the closed-book answer, at least one, and
        stands in none of the passages (a memorised answer in the sense of arXiv 2109.05052).

    Raises:
        ValueError: lengths differ, or an example has no reference or no passage.
    """
    check_references(answers, references)
    if not len(answers) == len(passages) == len(answers if closed_book is None else closed_book):
        raise ValueError(f"expected passages and closed-book answers of {len(answers)} examples")
    names = [
        "reference_in_passages",
        "reference_in_first",
        "answer_in_passages",
        "answer_in_first",
        "support",
        "against",
    ]
    if closed_book is not None:
        names.append("by_heart")
    scores: dict[str, list[float]] = {name: [] for name in names}
    for i, (answer, accepted, hs) in enumerate(zip(answers, references, passages, strict=True)):
        if not hs:
            raise ValueError(f"example {i} has no passage")
        said, right, read = passage_words(answer), [passage_words(y) for y in accepted], [words_of(h) for h in hs]
        readable = [any(stands(y, words) for y in right) for words in read]
        found = [stands(said, words) for words in read]
        support = max(overlap(said, words) for words in read) / len(said) if said else 0.0
        against = any(readable) and not any(found) and bool(said) and said not in right
        values = [any(readable), readable[0], any(found), found[0], support, against]
        if closed_book is not None:
            values.append(bool(said) and said == passage_words(closed_book[i]) and not any(found))
        for name, value in zip(names, values, strict=True):
            scores[name].append(float(value))
    return scores
