"""METEOR, the program itself: what is handed to it, and that its scores come back to their examples."""

from __future__ import annotations

import pytest

from jsarag.metrics.meteor import meteor_is_there, meteor_scores

pytestmark = pytest.mark.skipif(not meteor_is_there(), reason="needs java and jsarag[meteor]")


def test_scores_stand_at_their_examples_and_the_best_reference_counts() -> None:
    responses = ["the room is clean", "", "red", "breakfast served daily"]
    references = [["a dark cellar", "the room is clean"], ["x"], ["blue"], ["breakfast is served", "it is closed"]]
    same, empty, other, near = meteor_scores(responses, references)
    assert same == pytest.approx(1.0)
    assert empty == 0.0
    assert other == 0.0
    assert 0.1 < near < 0.9
    assert meteor_scores(["breakfast served daily"], [["breakfast is served"]]) == pytest.approx([near])


def test_stems_synonyms_and_paraphrases_count_less_than_the_word_itself() -> None:
    reference = "the guests liked the big room"
    texts = ["the guests liked the big room", "the guests like the large room", "the guests xx the yy room"]
    scores = meteor_scores(texts, [[reference]] * 3)
    assert scores[0] > scores[1] > scores[2] > 0


def test_bars_and_line_ends_in_a_text_are_blanks() -> None:
    plain, barred, broken = meteor_scores(["a b c d"] * 3, [["a b x d"], ["a ||| b x d"], ["a b\nx d"]])
    assert plain == barred == broken > 0
    assert meteor_scores(["a ||| b\nc d", "||| \n"], [["a b x d"], ["a"]]) == [plain, 0.0]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="expected as many predictions"):
        meteor_scores(["a"], [])
    assert meteor_scores([], []) == []
