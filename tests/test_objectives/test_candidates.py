"""Candidate sets against Python's own sets."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jsarag.objectives.candidates import PADDING, locate, rectangle, union

ROWS = st.lists(st.lists(st.integers(0, 6), max_size=4), min_size=1, max_size=4)


@given(ROWS, ROWS)
@settings(max_examples=100, deadline=None)
def test_union_is_the_union_of_sets(first: list[list[int]], second: list[list[int]]) -> None:
    rows = min(len(first), len(second))
    found = union(rectangle(first[:rows]), rectangle(second[:rows])).tolist()
    for row, a, b in zip(found, first, second, strict=False):
        real = [i for i in row if i != PADDING]
        assert real == sorted(set(a) | set(b))
        assert row == real + [PADDING] * (len(row) - len(real))  # padding stands at the end
    assert len(found[0]) == max(1, *(len(set(a) | set(b)) for a, b in zip(first, second, strict=False)))


def test_locate_finds_columns_and_never_padding() -> None:
    candidates = torch.tensor([[2, 5, PADDING], [1, PADDING, PADDING], [0, 3, 4]])
    assert locate(candidates, torch.tensor([5, PADDING, 9])).tolist() == [1, -1, -1]
